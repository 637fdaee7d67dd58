//! Pages for people: signing in, the consent, and who and what exists. Nothing comes from elsewhere, and every page says
//! that it is a stand-in's.
//!
//! `routes` answers what a browser asks and sends; `login`, `consent` and `landing` are what it shows, `frame` what all pages
//! have around them, and `session` who is signed in.

mod consent;
mod form;
mod frame;
mod landing;
mod login;
mod permissions;
mod routes;
mod session;

pub(crate) use self::{
    frame::{Page, table},
    landing::landing,
    routes::router,
};
