//! Secrets at rest and in passing: what they are, and how they are sealed.
//!
//! * [`confidential`] has the types of everything that must never be shown: an [`AccessToken`], an [`AuthCode`], a
//!   [`RawState`], a [`FinishTicket`], the [`AppSecret`].
//! * A [`Keyring`] seals bytes with AES-256-GCM: one key writes, several read, and the sealed bytes name their key.
//! * [`TokenVault`] seals access tokens for the table, with the token keyring.
//! * [`WebSeal`] seals what passes through a browser, with the web keyring: cursors, tickets, remembered answers.
//!
//! What is sealed for one place opens in no other: organisation, grant, token version, purpose and key are bound to the
//! sealed bytes, and each purpose and organisation has a key of its own, derived with HKDF (RFC 5869). Something that
//! does not open is an incident of ours (`credential_unreadable`), never a lapse.

pub mod confidential;
mod keyring;
mod tokens;
mod web;

pub use confidential::{
    AccessToken, AppSecret, AuthCode, FinishTicket, Misshapen, RawState, activation_id_of, random_bits,
};
#[cfg(test)]
pub(crate) use keyring::tests as keyring_tests;
pub use keyring::{KeyId, Keyring, MalformedKeyring, Unsealable, key_id_of};
pub use tokens::{Purpose, TokenBinding, TokenVault};
pub use web::{Opened, WebPurpose, WebSeal};
