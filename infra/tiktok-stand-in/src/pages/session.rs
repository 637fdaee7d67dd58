//! Who is signed in: a cookie that names a session of the world's.

use axum::http::{HeaderMap, header};

use crate::{
    ids,
    world::{Person, World},
};

/// Not `session`: cookies of one host are shared by all its ports.
const COOKIE: &str = "tiktok_stand_in_session";

/// Signs somebody in and returns the cookie to set.
pub(super) fn begin(world: &mut World, login: &str) -> String {
    let session = ids::session();
    world.sessions.insert(session.clone(), login.to_owned());
    format!("{COOKIE}={session}; Path=/portal; HttpOnly; SameSite=Lax")
}

/// Signs out whoever this is and returns the cookie to set.
pub(super) fn end(world: &mut World, headers: &HeaderMap) -> String {
    if let Some(session) = cookie(headers) {
        world.sessions.remove(session);
    }
    format!("{COOKIE}=; Path=/portal; HttpOnly; SameSite=Lax; Max-Age=0")
}

/// The person that this browser is signed in as, if they still exist.
pub(super) fn signed_in<'a>(world: &'a World, headers: &HeaderMap) -> Option<&'a Person> {
    world.people.get(world.sessions.get(cookie(headers)?)?)
}

fn cookie(headers: &HeaderMap) -> Option<&str> {
    let cookies = headers.get_all(header::COOKIE).into_iter().filter_map(|value| value.to_str().ok());
    let mut pairs = cookies.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(name, _)| *name == COOKIE).map(|(_, value)| value)
}
