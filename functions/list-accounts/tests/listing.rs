//! The whole function against DynamoDB's and Secrets Manager's wire protocols, with the example events.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, Result};
use domain::access::Belonging;
use domain::account::{AdAccount, RiskFact, Standing};
use domain::causes::{Cause, CauseCode, NamedBusinessCenter};
use domain::checks::{Answer, Check, Endpoint, Evidence, Finding, Person};
use domain::gap::{LastGood, Opening};
use domain::grant::Grant;
use domain::scopes::Scopes;
use domain::transition;
use jiff::{SignedDuration, Timestamp};
use list_accounts::{Clients, handle};
use local::aws::names::{TOKEN_KEYRING_SECRET, WEB_KEYRING_SECRET};
use local::aws::secrets::Outage;
use local::world::{World, WorldOptions};
use serde_json::{Value, json};
use shared::aws::{Aws, AwsSettings};
use shared::config::Environment;
use shared::http::{Request, answer};
use shared::store::Table;
use shared::store::import_accounts::{Change, GrantChange, grant_id_of};
use shared::store::rows::StoredGrant;
use shared::tls::ExtraRoots;

const LAPSED: &str = "7318204956617320411";
const ACTIVE: &str = "7318204956617320412";
const IN_FRANCE: &str = "7318204956617320414";
const OF_BOREALIS: &str = "7318204956617320415";

struct Scene {
    world: World,
    clients: Clients,
    table: Table,
}

struct Answered {
    status: u16,
    body: Value,
    text: String,
}

impl Scene {
    /// The accounts that the example events speak of.
    async fn start() -> Result<Self> {
        let world = World::start(WorldOptions::default()).await?;
        let variables: Vec<_> =
            world.environment().iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let env = Environment::of(&variables);
        let started = Clients::new(&env);
        let clients = started.map_err(|failed| anyhow::anyhow!("{failed}"))?;
        let aws = Aws::new(AwsSettings::from_env(&env)?, &ExtraRoots::default());
        let scene = Self { table: Table::new(aws.dynamodb(), env.table_name()?), world, clients };
        let mut grant = grant()?;
        let id = &grant.grant.grant_id;
        let aurora = [
            AdAccount { standing: lapsed(), grant_id: Some(id.clone()), ..account("org-aurora", LAPSED, "de")? },
            AdAccount { grant_id: Some(id.clone()), ..account("org-aurora", ACTIVE, "de")? },
            AdAccount { grant_id: Some(id.clone()), ..account("org-aurora", IN_FRANCE, "fr")? },
        ];
        grant.grant.ad_accounts = 3;
        scene.put(&aurora, &[GrantChange::New(grant)]).await?;
        scene.put(&[account("org-borealis", OF_BOREALIS, "de")?], &[]).await?;
        Ok(scene)
    }

    async fn put(&self, accounts: &[AdAccount], grants: &[GrantChange]) -> Result<()> {
        let changes: Vec<_> = accounts.iter().map(|after| Change { before: None, after: after.clone() }).collect();
        Ok(self.table.import(&accounts[0].org_id, &changes, grants, now()).await?)
    }

    async fn send_at(&self, event: &Value, now: Timestamp) -> Result<Answered> {
        let request = Request::from_event(&event.to_string(), "invocation-1");
        let response = answer(&async |request| handle(&self.clients, &request, now).await, request, now).await;
        assert_eq!(response.headers()["cache-control"], "no-store", "T81");
        let text = response.body().clone();
        Ok(Answered { status: response.status().as_u16(), body: serde_json::from_str(&text)?, text })
    }

    async fn send(&self, event: &Value) -> Result<Answered> {
        self.send_at(event, now()).await
    }
}

fn now() -> Timestamp {
    Timestamp::from_second(1_795_435_200).expect("a time")
}

fn account(org_id: &str, advertiser_id: &str, market: &str) -> Result<AdAccount> {
    Ok(AdAccount {
        org_id: org_id.parse()?,
        advertiser_id: advertiser_id.parse()?,
        name: format!("Northwind Shop {market}"),
        business_center: NamedBusinessCenter {
            id: "7241906835517320466".parse()?,
            name: Some("Northwind Media".to_owned()),
        },
        belonging: Belonging {
            brand: "shop".parse().ok(),
            market: market.parse().ok(),
            partner: "agency-1".parse().ok(),
        },
        connected_by: Some("ana@aurora.example".to_owned()),
        last_data_on: None,
        time_zone: None,
        grant_id: None,
        standing: Standing::Active { since: now() },
        at_risk: BTreeSet::new(),
        findings: Vec::new(),
        version: 7,
        revision: 0,
    })
}

fn lapsed() -> Standing {
    let good = now() - SignedDuration::from_hours(72);
    Standing::NeedsConnecting {
        lapsed_since: good,
        gap_opening: Opening { last_good: LastGood::Read(good), late_settling_days: 0 },
        causes: vec![CauseCode::AuthorizationRevoked.into(), CauseCode::ReportingMissing.into()],
    }
}

fn grant() -> Result<StoredGrant> {
    let (org_id, token_fingerprint) = ("org-aurora".parse()?, "f1".to_owned());
    let grant = Grant {
        grant_id: grant_id_of(&org_id, &token_fingerprint),
        org_id,
        token_version: 1,
        token_fingerprint,
        authorized_by: Some(Person {
            core_user_id: "7400000000000000001".to_owned(),
            display_name: "Ana M".to_owned(),
        }),
        scopes: Scopes::new([1, 4]),
        business_centers: Vec::new(),
        granted_at: now() - SignedDuration::from_hours(240),
        last_proven_at: Some(now() - SignedDuration::from_hours(72)),
        ad_accounts: 1,
        retired_at: None,
    };
    Ok(StoredGrant { grant, sealed_token: Some(b"c4n4ry".to_vec()) })
}

fn example(case: &str) -> Result<Value> {
    let file = format!("{}/../../events/list-accounts/{case}.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(&file).context(file)?).context("an event")
}

/// Ana's request for the list, with this query.
fn list(query: &str) -> Result<Value> {
    let mut event = example("all")?;
    event["rawQueryString"] = json!(query);
    Ok(event)
}

fn claim(event: &mut Value, name: &str, value: &str) {
    event["requestContext"]["authorizer"]["jwt"]["claims"][name] = json!(value);
}

fn ids(answered: &Answered) -> Vec<&str> {
    let accounts = answered.body["accounts"].as_array().map(Vec::as_slice).unwrap_or_default();
    accounts.iter().filter_map(|account| account["advertiser_id"].as_str()).collect()
}

#[tokio::test]
async fn every_example_event_gets_its_answer() -> Result<()> {
    let scene = Scene::start().await?;
    let expected = BTreeMap::from([
        ("active", (200, "")),
        ("all", (200, "")),
        ("details", (200, "")),
        ("details_active", (200, "")),
        ("details_malformed_id", (400, "request_invalid")),
        ("details_other_organisation", (404, "account_not_found")),
        ("details_out_of_reach", (403, "account_out_of_reach")),
        ("details_unknown", (404, "account_not_found")),
        ("filtered", (200, "")),
        ("history", (200, "")),
        ("history_bad_cursor", (400, "cursor_invalid")),
        ("history_out_of_reach", (403, "account_out_of_reach")),
        ("history_unknown", (404, "account_not_found")),
        ("limit_too_high", (400, "request_invalid")),
        ("limited_access", (200, "")),
        ("needs_connecting", (200, "")),
        ("no_claims", (401, "not_authenticated")),
        ("no_organisation", (401, "not_authenticated")),
        ("no_scope", (401, "not_authenticated")),
        ("other_organisation", (200, "")),
        ("repeated_parameter", (400, "request_invalid")),
        ("search_by_id", (200, "")),
        ("search_by_id_prefix", (200, "")),
        ("search_by_name", (200, "")),
        ("second_page_bad_cursor", (400, "cursor_invalid")),
        ("unknown_parameter", (400, "request_invalid")),
        ("unknown_route", (404, "")),
        ("unknown_status", (400, "request_invalid")),
        ("viewer", (200, "")),
    ]);
    for file in std::fs::read_dir(format!("{}/../../events/list-accounts", env!("CARGO_MANIFEST_DIR")))? {
        let path = file?.path();
        let case = path.file_stem().and_then(|name| name.to_str()).context("a name")?;
        let (status, code) = expected.get(case).with_context(|| format!("{case} is not in this test"))?;
        let answered = scene.send(&example(case)?).await?;
        let kind = answered.body["type"].as_str().unwrap_or_default().trim_start_matches("/problems/");
        assert_eq!((answered.status, kind), (*status, *code), "{case}: {}", answered.text);
    }
    assert_eq!(scene.world.secrets.calls("GetSecretValue", TOKEN_KEYRING_SECRET), 0, "no event needs to open a token");
    Ok(())
}

#[tokio::test]
async fn lists_show_what_is_asked_for() -> Result<()> {
    let scene = Scene::start().await?;
    for (case, expected) in [
        ("all", vec![LAPSED, ACTIVE, IN_FRANCE]),
        ("needs_connecting", vec![LAPSED]),
        ("active", vec![ACTIVE, IN_FRANCE]),
        ("filtered", vec![LAPSED]),
        ("search_by_id", vec![LAPSED]),
        ("search_by_id_prefix", vec![LAPSED, ACTIVE, IN_FRANCE]),
        ("search_by_name", vec![LAPSED, ACTIVE, IN_FRANCE]),
        ("other_organisation", vec![]),
    ] {
        let answered = scene.send(&example(case)?).await?;
        assert_eq!(ids(&answered), expected, "{case}");
    }
    let everything = scene.send(&example("needs_connecting")?).await?;
    assert_eq!(everything.body["counts"], json!({"active": 2, "needs_connecting": 1}), "whatever the tab");
    let limited = scene.send(&example("limited_access")?).await?;
    assert_eq!(limited.body["counts"], json!({"active": 1, "needs_connecting": 1}), "what Mira reaches");
    assert_eq!(scene.world.secrets.total_calls(), 0, "a list that fits on a page needs no secret");
    Ok(())
}

#[tokio::test]
async fn a_row_shows_what_is_known_and_leaves_out_the_rest() -> Result<()> {
    let scene = Scene::start().await?;
    let bare = AdAccount {
        business_center: NamedBusinessCenter { id: "72".parse()?, name: None },
        belonging: Belonging::default(),
        connected_by: None,
        last_data_on: None,
        time_zone: None,
        at_risk: BTreeSet::from([RiskFact::SingleAdminLeft]),
        ..account("org-aurora", "9", "de")?
    };
    scene.put(&[bare], &[]).await?;
    let answered = scene.send(&list("search=9")?).await?;
    assert_eq!(
        answered.body["accounts"],
        json!([{"advertiser_id": "9", "name": "Northwind Shop de", "platform": "tiktok", "status": "active",
                "at_risk": ["single_admin_left"], "business_center_id": "72", "version": 7}])
    );
    assert!(!answered.body.as_object().context("an object")?.contains_key("next_cursor"));
    let answered = scene.send(&example("search_by_id")?).await?;
    assert_eq!(
        answered.body["accounts"],
        json!([{"advertiser_id": LAPSED, "name": "Northwind Shop de", "platform": "tiktok", "status": "needs_connecting",
                "cause": "authorization_revoked", "lapsed_since": "2026-11-20T12:00:00Z", "at_risk": [],
                "business_center_id": "7241906835517320466", "brand": "shop", "market": "de", "partner": "agency-1",
                "connected_by": "ana@aurora.example", "version": 7}])
    );
    Ok(())
}

#[tokio::test]
async fn details_tell_why_and_who_can_fix_it() -> Result<()> {
    let scene = Scene::start().await?;
    let details = scene.send(&example("details")?).await?.body;
    let shown = |cause: CauseCode| serde_json::to_value(Cause::from(cause).shown());
    let expected = json!({
        "advertiser_id": LAPSED, "name": "Northwind Shop de", "platform": "tiktok", "status": "needs_connecting",
        "cause": "authorization_revoked", "lapsed_since": "2026-11-20T12:00:00Z", "at_risk": [],
        "business_center_id": "7241906835517320466", "brand": "shop", "market": "de", "partner": "agency-1",
        "connected_by": "ana@aurora.example", "version": 7,
        "last_proven_at": "2026-11-20T12:00:00Z",
        "business_center": {"id": "7241906835517320466", "name": "Northwind Media"},
        "causes": [shown(CauseCode::AuthorizationRevoked)?, shown(CauseCode::ReportingMissing)?],
        "findings": [],
        "grant": {"authorized_by": "Ana M", "granted_at": "2026-11-13T12:00:00Z",
                  "permissions": Scopes::new([1, 4]).permissions(&[]), "ad_accounts": 3},
        // Its time zone is not known: a day more at each end.
        "gap": {"from": "2026-11-19", "to": "2026-11-24", "unrecoverable_before": "2025-11-22"},
        "support": "support@creativex.com",
    });
    assert_eq!(details, expected);

    let active = scene.send(&example("details_active")?).await?.body;
    assert_eq!((&active["gap"], &active["causes"]), (&Value::Null, &json!([])));
    assert!(!details.to_string().contains("f1") && !details.to_string().contains("c4n4ry"), "T76");
    Ok(())
}

#[tokio::test]
async fn details_show_the_findings_with_their_evidence() -> Result<()> {
    let scene = Scene::start().await?;
    let evidence =
        Evidence { endpoint: Endpoint::AuthorizedAdAccounts, code: Some(40105), request_id: None, asked_at: now() };
    let finding = Finding::new(Check::AuthorizationAlive, Answer::Failed, vec![evidence]);
    let without_grant = AdAccount {
        standing: lapsed(),
        findings: vec![finding],
        business_center: NamedBusinessCenter { id: "7241906835517320466".parse()?, name: None },
        ..account("org-aurora", "9", "de")?
    };
    scene.put(&[without_grant], &[]).await?;
    let mut event = example("details")?;
    event["pathParameters"]["advertiser_id"] = json!("9");
    let details = scene.send(&event).await?.body;
    assert_eq!(
        details["findings"],
        json!([{"check": "authorization_alive", "answer": "failed", "evidence":
                [{"endpoint": "/oauth2/advertiser/get/", "code": 40105, "asked_at": "2026-11-23T12:00:00Z"}]}])
    );
    assert_eq!(details["grant"], Value::Null);
    assert_eq!(details["business_center"]["name"], "Northwind Media", "as the organisation knows it");
    Ok(())
}

/// T37, I5: nobody learns from an answer that another organisation has the account.
#[tokio::test]
async fn another_organisations_account_is_as_good_as_none() -> Result<()> {
    let scene = Scene::start().await?;
    for case in ["details", "history"] {
        let mut answers = BTreeSet::new();
        for id in [OF_BOREALIS, "7399999999999999999", "1"] {
            let mut event = example(case)?;
            event["pathParameters"]["advertiser_id"] = json!(id);
            answers.insert(scene.send(&event).await?.text);
        }
        assert_eq!(answers.len(), 1, "{answers:?}");
    }
    Ok(())
}

#[tokio::test]
async fn history_tells_what_happened_newest_first() -> Result<()> {
    let scene = Scene::start().await?;
    let mut account = AdAccount { standing: lapsed(), ..account("org-aurora", "9", "de")? };
    scene.put(&[account.clone()], &[]).await?;
    for by in [Some("Ana M".to_owned()), None] {
        let refused = transition::refuse(&account, CauseCode::ConsentDenied, by, now());
        let mut transaction = scene.table.transaction();
        transaction.transition(&refused)?;
        transaction.commit().await?;
        account = refused.after;
    }
    let mut event = example("history")?;
    event["pathParameters"]["advertiser_id"] = json!("9");
    event["rawQueryString"] = json!("limit=1");
    let first = scene.send(&event).await?.body;
    assert_eq!(first["history"][0]["version"], 9);
    event["rawQueryString"] = json!(format!("limit=5&cursor={}", first["next_cursor"].as_str().context("a cursor")?));
    let second = scene.send(&event).await?;
    let mut entry = second.body["history"][0].clone();
    assert!(entry["event_id"].take().is_string());
    assert_eq!(
        entry,
        json!({"event_id": null, "kind": "ReconnectRefused", "version": 8, "occurred_at": "2026-11-23T12:00:00Z",
               "cause": "consent_denied", "by": "Ana M"})
    );
    assert_eq!(second.body["history"].as_array().map(Vec::len), Some(1));
    assert!(second.body.get("next_cursor").is_none());

    event["pathParameters"]["advertiser_id"] = json!(LAPSED);
    assert_eq!(scene.send(&event).await?.body["type"], "/problems/cursor_invalid", "another account's cursor");
    Ok(())
}

/// T43: a cursor goes on with its own list, for its own caller, for an hour.
#[tokio::test]
async fn a_cursor_goes_on_where_it_was_given_out() -> Result<()> {
    let scene = Scene::start().await?;
    let first = scene.send(&list("limit=1&brand=shop")?).await?;
    let cursor = first.body["next_cursor"].as_str().context("a cursor")?;
    let next = format!("limit=2&brand=shop&cursor={cursor}");
    assert_eq!(ids(&scene.send(&list(&next)?).await?), [ACTIVE, IN_FRANCE], "the page size may change");
    assert!(!cursor.contains(LAPSED));

    let mut others = vec![list(&format!("limit=2&cursor={cursor}"))?];
    others.push(list(&format!("limit=2&brand=shop&status=active&cursor={cursor}"))?);
    for (name, value) in [("org_id", "org-borealis"), ("account_access", "brand:shop")] {
        let mut event = list(&next)?;
        claim(&mut event, name, value);
        others.push(event);
    }
    for event in others {
        let refused = scene.send(&event).await?;
        assert_eq!((refused.status, &refused.body["type"]), (400, &json!("/problems/cursor_invalid")));
    }
    let late = scene.send_at(&list(&next)?, now() + SignedDuration::from_hours(1)).await?;
    assert_eq!(late.body["type"], "/problems/cursor_invalid");
    for position in 0..cursor.len() {
        let mut altered = cursor.as_bytes().to_vec();
        altered[position] = if altered[position] == b'A' { b'B' } else { b'A' };
        let altered = String::from_utf8(altered)?;
        let refused = scene.send(&list(&format!("limit=2&brand=shop&cursor={altered}"))?).await?;
        assert_eq!(refused.status, 400, "{altered}");
    }
    assert_eq!(scene.world.secrets.calls("GetSecretValue", TOKEN_KEYRING_SECRET), 0);
    Ok(())
}

/// T74: pages that need no cursor do not need Secrets Manager either.
#[tokio::test]
async fn an_outage_of_the_secrets_is_felt_only_between_pages() -> Result<()> {
    let scene = Scene::start().await?;
    scene.world.secrets.set_outage(Outage::Status(500));
    assert_eq!(scene.send(&list("")?).await?.status, 200);
    assert_eq!(scene.send(&example("details")?).await?.status, 200);
    assert_eq!(scene.world.secrets.total_calls(), 0);
    let failed = scene.send(&list("limit=1")?).await?;
    assert_eq!((failed.status, &failed.body["type"]), (503, &json!("/problems/try_again")));

    scene.world.secrets.set_outage(Outage::None);
    let later = now() + SignedDuration::from_secs(60);
    assert_eq!(scene.send_at(&list("limit=1")?, later).await?.status, 200);
    assert!(scene.world.secrets.calls("GetSecretValue", WEB_KEYRING_SECRET) > 0);
    Ok(())
}
