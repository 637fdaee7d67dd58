//! The table of endpoints.

use super::{Answer, Call, advertisers, assets, business_centers, members, oauth, report};
use crate::world::World;

/// The prefix of every endpoint.
pub(crate) const PREFIX: &str = "/open_api/v1.3";

pub(crate) struct Endpoint {
    /// Below [`PREFIX`].
    pub path: &'static str,
    pub methods: &'static [&'static str],
    pub access: Access,
    /// A success puts `data`'s members beside `code`, as the standard-named token endpoint does.
    pub flat: bool,
    pub answer: fn(&mut World, &Call<'_>) -> Answer,
}

#[derive(Clone, Copy)]
pub(crate) enum Access {
    /// App id and secret in the body.
    App,
    /// A token, whatever it may do.
    Token,
    /// A token that holds this scope or one above it.
    Scope(u64),
}

const GET: &[&str] = &["GET"];
const POST: &[&str] = &["POST"];

const fn endpoint(
    methods: &'static [&'static str],
    path: &'static str,
    access: Access,
    answer: fn(&mut World, &Call<'_>) -> Answer,
) -> Endpoint {
    Endpoint { path, methods, access, flat: false, answer }
}

pub(crate) static ENDPOINTS: &[Endpoint] = &[
    endpoint(POST, "/oauth2/access_token/", Access::App, oauth::access_token),
    Endpoint { flat: true, ..endpoint(POST, "/oauth/token/", Access::App, oauth::token) },
    endpoint(POST, "/oauth2/revoke_token/", Access::App, oauth::revoke_token),
    endpoint(GET, "/oauth2/advertiser/get/", Access::Scope(100), advertisers::authorized),
    endpoint(GET, "/advertiser/info/", Access::Scope(100), advertisers::info),
    endpoint(&["GET", "POST"], "/user/info/", Access::Token, advertisers::user),
    endpoint(GET, "/bc/get/", Access::Scope(150), business_centers::get),
    endpoint(GET, "/bc/asset/get/", Access::Scope(153), assets::reachable),
    endpoint(GET, "/bc/asset/admin/get/", Access::Scope(153), assets::all),
    endpoint(GET, "/bc/asset/member/get/", Access::Scope(153), members::of_asset),
    endpoint(GET, "/bc/asset/partner/get/", Access::Scope(153), members::partners_of_asset),
    endpoint(GET, "/bc/member/get/", Access::Scope(156), members::of_center),
    endpoint(GET, "/bc/partner/get/", Access::Scope(155), members::partners),
    endpoint(GET, "/bc/partner/asset/get/", Access::Scope(155), assets::exchanged_with_partner),
    endpoint(GET, "/report/integrated/get/", Access::Scope(44), report::integrated),
];

/// Finds an endpoint by its path below [`PREFIX`]. The slash at the end is needed, but for the one route that is known to
/// do without.
pub(crate) fn find(path: &str) -> Option<&'static Endpoint> {
    let path = if path == "/user/info" { "/user/info/" } else { path };
    ENDPOINTS.iter().find(|endpoint| endpoint.path == path)
}
