//! What is there for people: the page *Ad Accounts*, who can sign in, and data to begin with.
//!
//! [`cast`] and [`people`] say who and what exists, [`seed`] makes it so in an empty world, [`landing`] and [`page`] are
//! served by the gateway.

pub mod cast;
pub mod landing;
pub mod page;
pub mod people;
pub mod seed;
