//! Where the next page of a list begins: sealed, good for an hour, and only for the list that gave it out.

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::problem::{Code, Problem};
use crate::sealing::{WebPurpose, WebSeal};
use domain::ids::OrgId;

const LIFE: SignedDuration = SignedDuration::from_hours(1);

/// The list that a cursor belongs to.
#[derive(Clone, Copy, Debug)]
pub struct List<'a> {
    pub org_id: &'a OrgId,
    /// The route key.
    pub route: &'a str,
    /// Everything that shapes the list, in one spelling: for another filter the cursor is refused.
    pub filter: &'a str,
}

/// Seals the position after the page that is being answered.
pub fn seal<T: Serialize>(seal: &WebSeal, list: List<'_>, position: &T, now: Timestamp) -> String {
    seal.seal(WebPurpose::Cursor, &list.place(), position, now + LIFE)
}

/// Opens a cursor that came back; `cursor_invalid` when it is altered, expired, or of another list.
pub fn open<T: DeserializeOwned>(seal: &WebSeal, list: List<'_>, cursor: &str, now: Timestamp) -> Result<T, Problem> {
    let opened = seal.open(WebPurpose::Cursor, &list.place(), cursor).ok();
    opened.and_then(|opened| opened.unexpired(now)).ok_or_else(|| Code::CursorInvalid.into())
}

impl<'a> List<'a> {
    fn place(&self) -> [&'a str; 3] {
        [self.org_id.as_str(), self.route, self.filter]
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::sealing::keyring_tests::ring;

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    fn web_seal() -> WebSeal {
        WebSeal::new(Arc::new(ring("k1", &[("k1", 1)])))
    }

    /// T43: another tenant, another filter, another route, too late or altered: refused, and all in the same words.
    #[test]
    fn a_cursor_is_good_for_its_list_only() {
        let (org, other_org) = ("org-1".parse().unwrap(), "org-2".parse().unwrap());
        let list = List { org_id: &org, route: "GET /ad-accounts", filter: "status=active" };
        let cursor = seal(&web_seal(), list, &("7100000000000000011", 3), NOW);
        let opened: (String, u8) = open(&web_seal(), list, &cursor, NOW + SignedDuration::from_mins(59)).unwrap();
        assert_eq!(opened, ("7100000000000000011".to_owned(), 3));

        let refused =
            |list: List<'_>, cursor: &str, now| open::<(String, u8)>(&web_seal(), list, cursor, now).unwrap_err();
        for problem in [
            refused(List { org_id: &other_org, ..list }, &cursor, NOW),
            refused(List { route: "GET /ad-accounts/{advertiser_id}/history", ..list }, &cursor, NOW),
            refused(List { filter: "status=needs_connecting", ..list }, &cursor, NOW),
            refused(list, &cursor, NOW + LIFE),
            refused(list, &cursor[1..], NOW),
            refused(list, "", NOW),
        ] {
            assert_eq!(problem, Problem::from(Code::CursorInvalid));
        }
    }
}
