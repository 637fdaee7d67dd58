//! An activation as people see it: how far it is, and the receipt once it has ended. `GET /activations/{activation_id}`
//! and `POST /activations/complete` show the same.

use jiff::Timestamp;
use serde::Serialize;

use crate::store::complete_activation::Record;
use domain::access::Caller;
use domain::activation::{Activation, LineOutcome, Outcome, ReceiptLine, Shown, State};
use domain::causes::{Cause, CauseCode};
use domain::checks::Finding;
use domain::gap::Gap;
use domain::ids::{ActivationId, AdvertiserId};

/// Schema `Activation` of the API description.
#[derive(Clone, Debug, Serialize)]
pub struct Receipt<'a> {
    pub activation_id: &'a ActivationId,
    pub advertiser_id: &'a AdvertiserId,
    /// `waiting`, `pending`, `reconnected`, `refused` or `gave_up`.
    pub outcome: &'static str,
    /// When the link runs out, while nobody has come back from TikTok.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// The TikTok person who consented, once it has ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authorized_by: Option<&'a str>,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
    #[serde(skip_serializing_if = "<[Finding]>::is_empty")]
    pub findings: &'a [Finding],
    pub accounts: Vec<Line<'a>>,
}

/// Why it ended without success. Only "somebody else was faster" has no cause of the catalogue.
#[derive(Clone, Debug, Serialize)]
pub struct Reason {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<CauseCode>,
    pub title: String,
    pub explanation: String,
    pub remedy: String,
}

/// One ad account that the activation touched.
#[derive(Clone, Debug, Serialize)]
pub struct Line<'a> {
    pub advertiser_id: &'a AdvertiserId,
    pub name: &'a str,
    /// `reconnected` or `not_reconnected`.
    pub outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gap: Option<Gap>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<CauseCode>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
}

/// What `viewer` may see of an activation of their organisation, as of `now`.
///
/// The asked-for account is in their reach, or they would not be here; the others that it touched need not be, so those
/// are shown to whoever started it and to callers who reach everything.
pub fn receipt<'a>(record: &'a Record, viewer: &Caller, now: Timestamp) -> Receipt<'a> {
    let activation = &record.stored.activation;
    let shown = activation.shown(now);
    let sees_all = viewer.user_id == activation.started_by || viewer.reach.is_everything();
    let is_visible = |line: &&ReceiptLine| sees_all || line.advertiser_id == activation.advertiser_id;
    let (authorized_by, findings) = if shown == Shown::Pending { (None, &[][..]) } else { proven(activation) };
    Receipt {
        activation_id: &activation.activation_id,
        advertiser_id: &activation.advertiser_id,
        outcome: shown.name(),
        expires_at: (shown == Shown::Waiting).then_some(activation.expires_at),
        authorized_by,
        findings,
        accounts: record.lines.iter().filter(is_visible).map(line).collect(),
        reason: reason(shown),
    }
}

fn proven(activation: &Activation) -> (Option<&str>, &[Finding]) {
    let (person, findings) = match &activation.state {
        State::Closed { outcome: Outcome::Reconnected { authorized_by, .. }, .. } => (authorized_by, &[][..]),
        State::Closed { outcome: Outcome::Refused { authorized_by, findings, .. }, .. } => {
            (authorized_by, &findings[..])
        }
        State::Closed {
            outcome: Outcome::NotTheirs { .. } | Outcome::AlreadyActive | Outcome::GaveUp { .. }, ..
        }
        | State::Waiting
        | State::Exchanging { .. }
        | State::Verifying { .. } => (&None, &[][..]),
    };
    (person.as_ref().map(|person| person.display_name.as_str()), findings)
}

fn reason(shown: Shown) -> Option<Reason> {
    match shown {
        Shown::Waiting | Shown::Pending | Shown::Reconnected => None,
        Shown::Refused { cause: Some(cause) } | Shown::GaveUp { cause } => Some(of_cause(&cause)),
        Shown::Refused { cause: None } => Some(Reason {
            cause: None,
            title: "The ad account is already connected".to_owned(),
            explanation: "While this activation was under way, the ad account was connected by another one, which stays as it is.".to_owned(),
            remedy: "You need not do anything.".to_owned(),
        }),
    }
}

fn of_cause(cause: &Cause) -> Reason {
    let shown = cause.shown();
    Reason { cause: Some(shown.cause), title: shown.title, explanation: shown.explanation, remedy: shown.remedy }
}

fn line(line: &ReceiptLine) -> Line<'_> {
    let (outcome, gap, cause) = match &line.outcome {
        LineOutcome::Reconnected { gap } => ("reconnected", *gap, None),
        LineOutcome::NotReconnected { cause } => ("not_reconnected", None, Some(cause)),
    };
    Line {
        advertiser_id: &line.advertiser_id,
        name: &line.name,
        outcome,
        gap,
        cause: cause.map(|cause| cause.cause),
        remedy: cause.map(Cause::remedy),
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;
    use serde_json::{Value, json};

    use super::*;
    use crate::store::rows::StoredActivation;
    use domain::access::Reach;
    use domain::checks::{Answer, Check, Endpoint, Evidence, Person};

    fn start() -> Timestamp {
        "2026-11-23T12:00:00Z".parse().unwrap()
    }

    fn record(state: State) -> Record {
        let activation = Activation {
            activation_id: format!("act_{}", "a".repeat(43)).parse().unwrap(),
            org_id: "org-1".parse().unwrap(),
            advertiser_id: "7100000000000000011".parse().unwrap(),
            started_by: "ana".parse().unwrap(),
            started_by_display: None,
            started_at: start(),
            expires_at: start() + SignedDuration::from_mins(15),
            also_business_center: true,
            reach: Reach::default(),
            grant_at_start: None,
            state,
        };
        Record { stored: StoredActivation { activation, step: 3 }, candidate: None, lines: Vec::new() }
    }

    fn closed(outcome: Outcome) -> Record {
        record(State::Closed { closed_at: start(), outcome, siblings: None })
    }

    fn ana_m() -> Person {
        Person { core_user_id: "7400000000000000001".to_owned(), display_name: "Ana M".to_owned() }
    }

    fn viewer(user: &str, access: Option<&str>) -> Caller {
        Caller {
            user_id: user.parse().unwrap(),
            org_id: "org-1".parse().unwrap(),
            may_read: true,
            may_manage: false,
            reach: access.map_or(Reach::default(), |claim| Reach::parse(claim).unwrap()),
            display: None,
        }
    }

    fn shown(record: &Record, viewer: &Caller) -> Value {
        serde_json::to_value(receipt(record, viewer, start())).unwrap()
    }

    #[test]
    fn a_waiting_one_says_until_when() {
        let body = shown(&record(State::Waiting), &viewer("ana", None));
        let expected = json!({
            "activation_id": format!("act_{}", "a".repeat(43)), "advertiser_id": "7100000000000000011",
            "outcome": "waiting", "expires_at": "2026-11-23T12:15:00Z", "accounts": []
        });
        assert_eq!(body, expected);
    }

    #[test]
    fn one_that_nobody_came_back_for_reads_as_refused() {
        let record = record(State::Waiting);
        let late = start() + SignedDuration::from_mins(15);
        let body = serde_json::to_value(receipt(&record, &viewer("ana", None), late)).unwrap();
        assert_eq!((&body["outcome"], &body["cause"]), (&json!("refused"), &json!("link_expired")));
        assert!(body.get("expires_at").is_none());
    }

    #[test]
    fn a_success_lists_what_it_touched() {
        let outcome = Outcome::Reconnected {
            authorized_by: Some(ana_m()),
            grant_id: "grt_aaaaaaaaaaaaaaaaaaaaaa".parse().unwrap(),
        };
        let mut record = closed(outcome);
        let gap =
            Gap { from: "2026-11-20".parse().unwrap(), to: "2026-11-23".parse().unwrap(), unrecoverable_before: None };
        let not_ticked = CauseCode::AdAccountNotGranted;
        record.lines = vec![
            ReceiptLine {
                advertiser_id: "7100000000000000011".parse().unwrap(),
                name: "Shop EU".to_owned(),
                outcome: LineOutcome::Reconnected { gap: Some(gap) },
            },
            ReceiptLine {
                advertiser_id: "7100000000000000033".parse().unwrap(),
                name: "Shop FR".to_owned(),
                outcome: LineOutcome::NotReconnected { cause: not_ticked.into() },
            },
        ];
        let asked_for = json!({
            "advertiser_id": "7100000000000000011", "name": "Shop EU", "outcome": "reconnected",
            "gap": {"from": "2026-11-20", "to": "2026-11-23"}
        });
        let sibling = json!({
            "advertiser_id": "7100000000000000033", "name": "Shop FR", "outcome": "not_reconnected",
            "cause": "ad_account_not_granted", "remedy": not_ticked.words().remedy
        });
        let both = json!([asked_for, sibling]);
        let body = shown(&record, &viewer("ana", Some("brand:shop")));
        assert_eq!(
            (&body["authorized_by"], &body["accounts"]),
            (&json!("Ana M"), &both),
            "whoever started it sees all"
        );
        assert_eq!(shown(&record, &viewer("ben", None))["accounts"], both);
        assert_eq!(shown(&record, &viewer("ben", Some("brand:shop")))["accounts"], json!([asked_for]), "T37");
    }

    #[test]
    fn a_refusal_says_why_and_what_to_do() {
        let evidence =
            Evidence { endpoint: Endpoint::BusinessCenters, code: Some(0), request_id: None, asked_at: start() };
        let refused = Outcome::Refused {
            cause: CauseCode::WrongBusinessCenter.into(),
            findings: vec![Finding::new(Check::BusinessCenterMatches, Answer::Failed, vec![evidence])],
            authorized_by: Some(ana_m()),
            grant_id: None,
        };
        let body = shown(&closed(refused), &viewer("ana", None));
        let words = CauseCode::WrongBusinessCenter.words();
        assert_eq!(body["outcome"], "refused");
        assert_eq!(body["cause"], "wrong_business_center");
        assert_eq!((&body["title"], &body["remedy"]), (&json!(words.title), &json!(words.remedy)));
        assert_eq!(body["findings"][0]["check"], "business_center_matches");
        assert_eq!(body["authorized_by"], "Ana M");
    }

    /// The other person's ids are for the audit, not for the screen.
    #[test]
    fn a_stolen_link_tells_nothing_of_who_came() {
        let stolen =
            Outcome::NotTheirs { presented_by: "mallory".parse().unwrap(), presented_in: "org-2".parse().unwrap() };
        let body = shown(&closed(stolen), &viewer("ana", None));
        assert_eq!(body["cause"], "link_expired");
        assert!(!body.to_string().contains("mallory") && !body.to_string().contains("org-2"));
    }

    #[test]
    fn somebody_faster_is_no_cause() {
        let body = shown(&closed(Outcome::AlreadyActive), &viewer("ana", None));
        assert_eq!(body["outcome"], "refused");
        assert!(body.get("cause").is_none() && body["remedy"].is_string());
    }
}
