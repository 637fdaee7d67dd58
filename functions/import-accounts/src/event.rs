//! The two events that this function takes, and the rows in them.
//!
//! ```json
//! {"org_id": "org-aurora", "accounts": [{"advertiser_id": "7318204956617320411", "…": "…"}]}
//! {"source": "creativex.registry", "detail-type": "AdAccountRegistered",
//!  "detail": {"org_id": "org-aurora", "account": {"advertiser_id": "7318204956617320411", "…": "…"}}}
//! ```
//!
//! Events on the bus are archived and may be replayed for years, so an account that comes that way must not bring a token.

use std::collections::{BTreeMap, BTreeSet};

use domain::ids::OrgId;
use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::value::RawValue;

use crate::row::{Refusal, Row, Wrong};

const LARGEST_BATCH: usize = 1_000;
const SOURCE: &str = "creativex.registry";
const DETAIL_TYPE: &str = "AdAccountRegistered";

/// The event as a whole cannot be taken. Names the place and repeats nothing of what was sent.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum EventError {
    #[error("it must be {{org_id, accounts: […]}} or an event AdAccountRegistered; it is not at `{at}`")]
    Malformed { at: String },
    #[error("it comes from another source than creativex.registry, or is no AdAccountRegistered")]
    NotForUs,
    #[error("it has {rows} rows, and at most 1,000 are taken at once")]
    TooManyRows { rows: usize },
}

/// What only the bus's events have.
#[derive(Deserialize)]
struct Envelope {
    #[serde(rename = "detail-type")]
    detail_type: Option<IgnoredAny>,
    source: Option<IgnoredAny>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Direct {
    org_id: OrgId,
    accounts: Vec<Box<RawValue>>,
}

/// EventBridge adds fields of its own.
#[derive(Deserialize)]
struct OnTheBus {
    #[serde(rename = "detail-type")]
    detail_type: String,
    source: String,
    detail: Box<RawValue>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Registered {
    org_id: OrgId,
    account: Box<RawValue>,
}

/// Rows of one organisation, no two of which speak of the same account.
#[derive(Debug)]
pub struct Batch {
    pub org_id: OrgId,
    pub rows: Vec<Row>,
    pub refused: Vec<Refusal>,
}

impl Batch {
    pub fn read(event: &str) -> Result<Self, EventError> {
        let Envelope { detail_type, source } = parse(event)?;
        if detail_type.is_none() && source.is_none() {
            let Direct { org_id, accounts } = parse(event)?;
            return Self::of(org_id, &accounts, |_| Ok(()));
        }
        let OnTheBus { detail_type, source, detail } = parse(event)?;
        if (source.as_str(), detail_type.as_str()) != (SOURCE, DETAIL_TYPE) {
            return Err(EventError::NotForUs);
        }
        let Registered { org_id, account } = parse(detail.get())?;
        Self::of(org_id, &[account], |row| match row.connected {
            None => Ok(()),
            Some(_) => Err(Wrong::new("connected", "must not travel on the event bus, where events are kept")),
        })
    }

    fn of(
        org_id: OrgId,
        accounts: &[Box<RawValue>],
        may_come: impl Fn(&Row) -> Result<(), Wrong>,
    ) -> Result<Self, EventError> {
        if accounts.len() > LARGEST_BATCH {
            return Err(EventError::TooManyRows { rows: accounts.len() });
        }
        let mut batch = Self { org_id, rows: Vec::new(), refused: Vec::new() };
        let mut met = BTreeSet::new();
        let mut scopes = BTreeMap::new();
        for (index, json) in accounts.iter().enumerate() {
            let row = match Row::read(index, json, &batch.org_id) {
                Ok(row) => row,
                Err(refusal) => {
                    batch.refused.push(refusal);
                    continue;
                }
            };
            let checked = may_come(&row).and_then(|()| {
                if met.contains(&row.advertiser_id) {
                    return Err(Wrong::new("advertiser_id", "is in the batch before"));
                }
                let Some(connected) = &row.connected else { return Ok(()) };
                match scopes.get(&connected.grant_id) {
                    Some(other) if *other != connected.scopes => {
                        Err(Wrong::new("connected.scopes", "must be the same in every row with this access token"))
                    }
                    _ => Ok(()),
                }
            });
            match checked {
                Ok(()) => {
                    met.insert(row.advertiser_id.clone());
                    scopes.extend(row.connected.as_ref().map(|its| (its.grant_id.clone(), its.scopes.clone())));
                    batch.rows.push(row);
                }
                Err(wrong) => batch.refused.push(Refusal::of(&row, wrong)),
            }
        }
        Ok(batch)
    }
}

fn parse<T: DeserializeOwned>(json: &str) -> Result<T, EventError> {
    let mut deserializer = serde_json::Deserializer::from_str(json);
    serde_path_to_error::deserialize(&mut deserializer)
        .map_err(|error| EventError::Malformed { at: shared::logging::loggable(&error.path().to_string()) })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn row(advertiser_id: &str) -> Value {
        json!({"advertiser_id": advertiser_id, "name": "Shop", "business_center_id": "72"})
    }

    fn connected(advertiser_id: &str, token: &str, scope: u64) -> Value {
        let mut row = row(advertiser_id);
        row["connected"] = json!({"access_token": token, "scopes": [scope]});
        row
    }

    fn read(event: &Value) -> Result<Batch, EventError> {
        Batch::read(&event.to_string())
    }

    fn on_the_bus(account: &Value) -> Value {
        json!({"version": "0", "id": "1", "source": SOURCE, "detail-type": DETAIL_TYPE,
               "detail": {"org_id": "org-a", "account": account}})
    }

    fn refused(batch: &Batch) -> Vec<(usize, &str)> {
        batch.refused.iter().map(|refusal| (refusal.index, refusal.field.as_str())).collect()
    }

    #[test]
    fn a_bad_row_holds_up_no_other() {
        let batch = read(&json!({"org_id": "org-a", "accounts": [row("71"), row("x"), 7, row("72")]})).unwrap();
        assert_eq!(batch.rows.iter().map(|row| row.index).collect::<Vec<_>>(), [0, 3]);
        assert_eq!(refused(&batch), [(1, "advertiser_id"), (2, "row")]);
    }

    #[test]
    fn a_row_that_speaks_of_an_account_again_is_refused() {
        let batch =
            read(&json!({"org_id": "org-a", "accounts": [row("71"), row("71"), row("72"), row("71")]})).unwrap();
        assert_eq!((batch.rows.len(), refused(&batch)), (2, vec![(1, "advertiser_id"), (3, "advertiser_id")]));
    }

    #[test]
    fn a_token_has_one_list_of_scopes() {
        let accounts =
            [connected("71", "t1", 1), connected("72", "t1", 4), connected("73", "t2", 4), connected("74", "t1", 1)];
        let batch = read(&json!({"org_id": "org-a", "accounts": accounts})).unwrap();
        assert_eq!((batch.rows.len(), refused(&batch)), (3, vec![(1, "connected.scopes")]));
    }

    #[test]
    fn an_event_of_the_bus_brings_one_account_and_no_token() {
        assert_eq!(read(&on_the_bus(&row("71"))).unwrap().rows.len(), 1);
        let batch = read(&on_the_bus(&connected("71", "t1", 1))).unwrap();
        assert_eq!((batch.rows.len(), refused(&batch)), (0, vec![(0, "connected")]));
    }

    #[test]
    fn other_events_are_not_for_us() {
        for (field, other) in [("source", "creativex.other"), ("detail-type", "AdAccountRemoved"), ("source", "")] {
            let mut event = on_the_bus(&row("71"));
            event[field] = json!(other);
            assert_eq!(read(&event).unwrap_err(), EventError::NotForUs);
        }
    }

    /// T35, T40: the organisation must be there, and what is malformed is named without being repeated.
    #[test]
    fn what_is_no_batch_is_an_error() {
        for (event, place) in [
            (json!({"accounts": []}), "."),
            (json!({"org_id": "c4n4ry c4n4ry", "accounts": []}), "org_id"),
            (json!({"org_id": ["org-a", "org-b"], "accounts": []}), "org_id"),
            (json!({"org_id": "org-a", "accounts": "c4n4ry"}), "accounts"),
            (json!({"org_id": "org-a", "accounts": [], "c4n4": 1}), "c4n4"),
            (json!({"source": SOURCE, "detail-type": DETAIL_TYPE}), "."),
            (json!({"source": SOURCE, "detail-type": DETAIL_TYPE, "detail": {"org_id": "org-a"}}), "."),
            (json!("c4n4ry"), "."),
            (json!({}), "."),
        ] {
            let error = read(&event).unwrap_err();
            assert_eq!(error, EventError::Malformed { at: place.to_owned() }, "{event}");
            assert!(!error.to_string().contains("c4n4ry"));
        }
        let too_many: Vec<_> = (0..1_001).map(|number| row(&number.to_string())).collect();
        let error = read(&json!({"org_id": "org-a", "accounts": too_many})).unwrap_err();
        assert_eq!(error, EventError::TooManyRows { rows: 1_001 });
    }
}
