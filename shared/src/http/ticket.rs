//! The ticket: TikTok's answer on its way from the callback, through the person's browser, to the completion.
//!
//! The callback cannot know whose browser it talks to, so it neither spends the code nor writes anything. It seals state
//! and code, and the app brings the ticket back together with the person's own sign-in.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::sealing::{AuthCode, FinishTicket, RawState, WebPurpose, WebSeal, activation_id_of};
use domain::ids::ActivationId;

/// What a ticket says.
#[derive(Debug)]
pub enum Ticket {
    /// In time: the code may be spent for this activation.
    Good { activation_id: ActivationId, code: AuthCode },
    /// Too late to begin, but an activation that was begun in time may still be resumed or its receipt shown.
    Expired { activation_id: ActivationId },
}

/// Altered, incomplete, or never ours (`ticket_invalid`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the ticket does not open")]
pub struct InvalidTicket;

#[derive(Serialize)]
struct ToSeal<'a> {
    state: &'a str,
    code: &'a str,
}

#[derive(Deserialize)]
struct Unsealed {
    state: Zeroizing<String>,
    code: Zeroizing<String>,
}

/// Seals what TikTok sent along.
pub fn seal(seal: &WebSeal, state: &RawState, code: &AuthCode, life: SignedDuration, now: Timestamp) -> FinishTicket {
    let content = ToSeal { state: state.expose(), code: code.expose() };
    seal.seal(WebPurpose::Ticket, &[], &content, now + life)
        .try_into()
        .expect("a state and a code fill half of the longest ticket")
}

/// Opens a ticket that came back.
pub fn open(seal: &WebSeal, ticket: &FinishTicket, now: Timestamp) -> Result<Ticket, InvalidTicket> {
    let opened = seal.open::<Unsealed>(WebPurpose::Ticket, &[], ticket.expose()).map_err(|_| InvalidTicket)?;
    let state = RawState::try_from(opened.value.state.to_string()).map_err(|_| InvalidTicket)?;
    let code = AuthCode::try_from(opened.value.code.to_string()).map_err(|_| InvalidTicket)?;
    let activation_id = activation_id_of(&state);
    Ok(if now < opened.expires_at { Ticket::Good { activation_id, code } } else { Ticket::Expired { activation_id } })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::sealing::keyring_tests::ring;

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;
    const LIFE: SignedDuration = SignedDuration::from_mins(5);

    fn web_seal() -> WebSeal {
        WebSeal::new(Arc::new(ring("k1", &[("k1", 1)])))
    }

    fn ticket(code: &str) -> FinishTicket {
        seal(&web_seal(), &RawState::from_bytes(&[7; 32]), &code.to_owned().try_into().unwrap(), LIFE, NOW)
    }

    #[test]
    fn a_ticket_carries_state_and_code() {
        let opened = open(&web_seal(), &ticket("c0de"), NOW + SignedDuration::from_secs(299)).unwrap();
        let Ticket::Good { activation_id, code } = opened else { panic!("{opened:?}") };
        assert_eq!(activation_id, activation_id_of(&RawState::from_bytes(&[7; 32])));
        assert_eq!(code.expose(), "c0de");
    }

    #[test]
    fn a_late_ticket_gives_no_code_away() {
        let opened = open(&web_seal(), &ticket("c0de"), NOW + LIFE).unwrap();
        assert!(
            matches!(opened, Ticket::Expired { activation_id } if activation_id == activation_id_of(&RawState::from_bytes(&[7; 32])))
        );
    }

    #[test]
    fn the_longest_code_fits() {
        assert!(ticket(&"\"".repeat(512)).expose().len() <= 2048);
    }

    /// T12: a cursor, a remembered answer or noise is no ticket, and nothing of the ticket can be read from outside.
    #[test]
    fn nothing_else_is_a_ticket() {
        let content = ToSeal { state: "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc", code: "c0de" };
        let forged = |purpose| FinishTicket::try_from(web_seal().seal(purpose, &[], &content, NOW + LIFE)).unwrap();
        assert!(open(&web_seal(), &forged(WebPurpose::Ticket), NOW).is_ok());
        for purpose in [WebPurpose::Cursor, WebPurpose::IdempotencyAnswer] {
            assert_eq!(open(&web_seal(), &forged(purpose), NOW).unwrap_err(), InvalidTicket);
        }
        let cut = FinishTicket::try_from(ticket("c0de").expose()[4..].to_owned()).unwrap();
        assert_eq!(open(&web_seal(), &cut, NOW).unwrap_err(), InvalidTicket);
        let other_ring = WebSeal::new(Arc::new(ring("k9", &[("k9", 9)])));
        assert_eq!(open(&other_ring, &ticket("c0de"), NOW).unwrap_err(), InvalidTicket);
    }
}
