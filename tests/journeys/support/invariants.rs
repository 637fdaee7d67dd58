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
    let rows = world.rows();
    let table = Rows { all: &rows };
    table.active_accounts_are_proven();
    table.events_tell_of_transitions();
    table.counts_are_right();
    table.grants_are_held();
    table.activations_are_whole();
    exchanges_are_single(world, &table);
    assert_eq!(world.dynamodb.count("Scan"), 0, "no operation reads the whole table");
    canaries::check(world);
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
        assert_eq!(told, self.of("EVENT#").count(), "I3: an event of no account");
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
