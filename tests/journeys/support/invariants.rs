//! What holds at the end of every journey, whatever happened on the way.
//!
//! * I1: an Active account has a living grant with a sealed token, and evidence, unless it was imported as connected.
//! * I2: no code is brought for exchange more than once.
//! * I3: one event for each transition, none without; ids follow from account, version and kind; versions have no holes.
//! * I4: nothing confidential lies open, see [`canaries`](super::canaries).
//! * I8: what is closed has no candidate left; counts, grants and token holders agree with the accounts.
//! * No operation reads the whole table.

use std::collections::{BTreeMap, BTreeSet};

use ring::digest::{SHA256, digest};

use super::{TestWorld, Value, canaries};

const REQUIRED: [&str; 7] = [
    "authorization_alive",
    "ad_account_granted",
    "ad_account_management_granted",
    "reporting_granted",
    "business_center_matches",
    "business_center_admin",
    "ad_account_owned",
];

pub fn check(world: &TestWorld) {
    world.check_rows();
    canaries::check(world);
}

fn check_rows(world: &TestWorld) {
    let rows = world.rows();
    let table = Rows { all: &rows };
    table.active_accounts_are_proven();
    table.events_tell_of_transitions();
    table.counts_are_right();
    table.grants_are_held();
    table.activations_are_whole();
    exchanges_are_single(world, &table);
    events_say_what_they_may(world);
    assert_eq!(world.dynamodb.count("Scan"), 0, "no operation reads the whole table");
}

impl TestWorld {
    /// All invariants but I4, whose search takes its time.
    pub fn check_rows(&self) {
        check_rows(self);
    }

    /// I3, once the relay has had its turn: nothing waits any more, and the bus has every event that was committed, some
    /// perhaps several times, and no other.
    pub fn the_bus_has_all(&self) {
        self.the_bus_has(|_| true, 0, "at the end");
    }

    /// As [`TestWorld::the_bus_has_all`], for the events with these ids and what came to the bus behind the first `before`.
    pub fn the_bus_has(&self, which: impl Fn(&str) -> bool, before: usize, case: &str) {
        let mut committed = BTreeMap::new();
        for row in self.outbox().into_iter().filter(|row| which(text(row, "event_id"))) {
            assert!(row["due_pk"].is_null() && row["delivered_at"].is_string(), "I3: it waits: {row} {case}");
            committed.insert(text(&row, "event_id").to_owned(), text(&row, "kind").to_owned());
        }
        let mut told: BTreeMap<String, Value> = BTreeMap::new();
        for event in self.local.bus.delivered().split_off(before) {
            if event["source"] != "creativex.ad-accounts" {
                continue;
            }
            let detail = &event["detail"];
            let first = told.entry(text(detail, "event_id").to_owned()).or_insert_with(|| event.clone());
            assert_eq!(
                (&first["detail"], &first["detail-type"]),
                (detail, &event["detail-type"]),
                "I3: copies: {case}"
            );
        }
        let told = told.into_iter().map(|(id, event)| (id, text(&event, "detail-type").to_owned())).collect();
        assert_eq!(committed, told, "I3: committed and told differ: {case}");
    }
}

struct Rows<'a> {
    all: &'a [Value],
}

fn text<'a>(row: &'a Value, field: &str) -> &'a str {
    row[field].as_str().unwrap_or_default()
}

impl Rows<'_> {
    fn of(&self, prefix: &str) -> impl Iterator<Item = &Value> {
        self.all.iter().filter(move |row| text(row, "sk").starts_with(prefix))
    }

    fn accounts(&self) -> impl Iterator<Item = &Value> {
        self.of("ACCOUNT#")
    }

    fn grant(&self, account: &Value) -> Option<&Value> {
        let sk = format!("GRANT#{}", account["grant_id"].as_str()?);
        self.all.iter().find(|row| row["pk"] == account["pk"] && row["sk"] == sk.as_str())
    }

    fn events(&self, account: &Value) -> Vec<&Value> {
        let pk = format!("{}#{}", text(account, "pk"), text(account, "sk"));
        let mut events: Vec<&Value> = self.of("EVENT#").filter(|row| row["pk"] == pk.as_str()).collect();
        events.sort_by_key(|row| text(row, "sk"));
        events
    }

    /// I1
    fn active_accounts_are_proven(&self) {
        for account in self.accounts().filter(|account| account["status"] == "active") {
            let grant = self.grant(account).unwrap_or_else(|| panic!("I1: Active without a grant: {account}"));
            assert!(grant["retired_at"].is_null(), "I1: Active on a retired grant: {account} {grant}");
            assert!(!text(grant, "sealed_token").is_empty(), "I1: Active without a token: {account} {grant}");
            let newest = self.events(account).pop().map(|event| text(event, "kind"));
            if matches!(newest, Some("AdAccountReconnected" | "AdAccountRecovered")) {
                let findings = account["findings"].as_array().map_or(&[][..], Vec::as_slice);
                for check in REQUIRED {
                    let finding = findings.iter().find(|finding| finding["check"] == check);
                    let is_proven = |finding: &Value| {
                        finding["answer"] == "passed"
                            && finding["evidence"].as_array().is_some_and(|all| !all.is_empty())
                    };
                    assert!(finding.is_some_and(is_proven), "I1: no evidence for {check}: {account}");
                }
                assert!(!grant["last_proven_at"].is_null(), "I1: never proven: {grant}");
            }
        }
    }

    /// I3
    fn events_tell_of_transitions(&self) {
        let mut ids = BTreeSet::new();
        let mut told = 0;
        for account in self.accounts() {
            let (org_id, advertiser_id) = (text(account, "org_id"), text(account, "advertiser_id"));
            let events = self.events(account);
            told += events.len();
            let newest = account["version"].as_u64().expect("a version");
            let first = newest + 1 - events.len() as u64;
            let mut status = None;
            for (event, version) in events.iter().zip(first..) {
                assert_eq!(event["version"], version, "I3: versions have a hole: {events:?}");
                let kind = text(event, "kind");
                let text = format!("event/v1|{org_id}|{advertiser_id}|{version}|{kind}");
                let hash = digest(&SHA256, text.as_bytes());
                let id = hash.as_ref()[..16].iter().fold(String::from("evt_"), |id, byte| id + &format!("{byte:02x}"));
                assert_eq!(event["event_id"], id.as_str(), "I3: an id that does not follow from its change");
                assert!(ids.insert(id), "I3: an id twice");
                match kind {
                    "AdAccountLapsed" => {
                        assert_ne!(status, Some("needs_connecting"), "I3: lapsed twice: {events:?}");
                        status = Some("needs_connecting");
                    }
                    "AdAccountRecovered" => {
                        assert_ne!(status, Some("active"), "I3: recovered while Active: {events:?}");
                        status = Some("active");
                    }
                    "AdAccountReconnected" => status = Some("active"),
                    _ => {}
                }
            }
            if let Some(status) = status {
                assert_eq!(account["status"], status, "I3: the events tell another story: {account} {events:?}");
            }
        }
        // The guard's own concern no account.
        let others = self.of("EVENT#").filter(|row| text(row, "pk") != "SWEEP");
        assert_eq!(told, others.count(), "I3: an event of no account");
    }

    fn counts_are_right(&self) {
        let mut counted: BTreeMap<(String, String), i64> = BTreeMap::new();
        for account in self.accounts() {
            let labels = ["status", "brand", "market", "partner"].map(|field| text(account, field)).join("|");
            *counted.entry((text(account, "pk").to_owned(), labels)).or_default() += 1;
        }
        let mut stored = BTreeMap::new();
        for row in self.all.iter().filter(|row| row["sk"] == "COUNTS") {
            for (name, value) in row.as_object().into_iter().flatten() {
                if name.contains('|') && value != 0 {
                    stored.insert((text(row, "pk").to_owned(), name.clone()), value.as_i64().expect("a whole number"));
                }
            }
        }
        assert_eq!(stored, counted, "the counts row differs from the accounts");
        for status in ["active", "needs_connecting"] {
            let accounts = self.accounts().filter(|account| account["status"] == status).count();
            let of_all = self.all.iter().filter(|row| row["pk"] == "COUNTS");
            let of_all: i64 = of_all.filter_map(|row| row[status].as_i64()).sum();
            assert_eq!(i64::try_from(accounts).ok(), Some(of_all), "the counts of all organisations: {status}");
        }
    }

    /// I8: a grant lives while accounts point to it, and its token's holders are known.
    fn grants_are_held(&self) {
        let mut holders = BTreeSet::new();
        for grant in self.of("GRANT#") {
            let pointing = self.accounts().filter(|account| self.grant(account) == Some(grant));
            let accounts = grant["ad_accounts"].as_u64().expect("a number of accounts");
            assert_eq!(pointing.count() as u64, accounts, "a grant counts its accounts wrongly: {grant}");
            assert_eq!(grant["retired_at"].is_null(), accounts > 0, "retired is who has no account: {grant}");
            assert_eq!(grant["sealed_token"].is_null(), accounts == 0, "a retired grant keeps no token: {grant}");
            assert_eq!(grant["due_pk"].is_null(), accounts == 0, "who lives is due some time: {grant}");
            if accounts > 0 {
                let pk = format!("TOKEN#{}", text(grant, "token_fingerprint"));
                holders.insert((pk, format!("{}#{}", text(grant, "pk"), text(grant, "sk"))));
            }
        }
        let known = self.all.iter().filter(|row| text(row, "pk").starts_with("TOKEN#"));
        let known = known.map(|row| (text(row, "pk").to_owned(), text(row, "sk").to_owned())).collect();
        assert_eq!(holders, known, "who holds which token string");
    }

    /// I8: candidates belong to activations that are still verifying.
    fn activations_are_whole(&self) {
        for candidate in self.of("CANDIDATE") {
            let activation =
                self.of("ACTIVATION").find(|row| row["pk"] == candidate["pk"] && row["sk"] == "ACTIVATION");
            let state = activation.map(|row| text(row, "state")).unwrap_or_default();
            assert_eq!(state, "verifying", "a candidate token is left behind: {activation:?}");
        }
    }
}

/// I2: at most one exchange for each activation that somebody came back for.
fn exchanges_are_single(world: &TestWorld, table: &Rows<'_>) {
    let activations = table.all.iter().filter(|row| row["sk"] == "ACTIVATION");
    let claimed = activations.filter(|row| row["state"] != "waiting" && row["outcome"]["outcome"] != "not_theirs");
    let (exchanges, claimed) = (world.tiktok().exchanges(), claimed.count() as u64);
    assert!(exchanges <= claimed, "I2: {exchanges} exchanges for {claimed} activations");
}

/// T70: what is on the bus is named here, field by field, and has the shape of an id, a number, a word or a time.
fn events_say_what_they_may(world: &TestWorld) {
    let is_word = |text: &str, marks: &str| {
        (1..=64).contains(&text.len()) && text.chars().all(|c| c.is_ascii_alphanumeric() || marks.contains(c))
    };
    for event in world.local.bus.delivered().iter().filter(|event| event["source"] == "creativex.ad-accounts") {
        let detail = event["detail"].as_object().expect("a detail");
        let required: &[&str] = match text(event, "detail-type") {
            "AdAccountLapsed" => &["event_id", "org_id", "advertiser_id", "version", "occurred_at", "cause"],
            "AdAccountReconnected" | "AdAccountRecovered" | "AdAccountAtRisk" | "ReconnectRefused" => {
                &["event_id", "org_id", "advertiser_id", "version", "occurred_at"]
            }
            "SweepHeld" | "SweepReleased" => &["event_id", "version", "occurred_at", "reason"],
            other => panic!("T70: an event of no kind we know: {other}"),
        };
        assert!(required.iter().all(|name| detail.contains_key(*name)), "T70: something is missing: {event}");
        for (name, value) in detail {
            let words = value.as_str().unwrap_or_default();
            let is_right = match name.as_str() {
                "event_id" => words.starts_with("evt_") && is_word(words, "_"),
                "org_id" => is_word(words, "-_"),
                "advertiser_id" => words.bytes().all(|byte| byte.is_ascii_digit()) && !words.is_empty(),
                "version" => value.is_u64(),
                "occurred_at" => words.parse::<jiff::Timestamp>().is_ok(),
                "cause" | "reason" => is_word(words, "_"),
                "gap" => value.as_object().is_some_and(|gap| {
                    let is_day = |day: &Value| day.as_str().is_some_and(|day| day.parse::<jiff::civil::Date>().is_ok());
                    let known = |name: &String| ["from", "to", "unrecoverable_before"].contains(&name.as_str());
                    gap.len() >= 2 && gap.keys().all(known) && gap.values().all(is_day)
                }),
                _ => false,
            };
            assert!(is_right, "T70: {name} in {event}");
        }
    }
}
