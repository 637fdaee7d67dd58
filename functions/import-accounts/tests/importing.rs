//! The whole function against DynamoDB's and Secrets Manager's wire protocols, with the example events.

use std::sync::Arc;

use anyhow::Result;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use futures::future::join_all;
use import_accounts::{Clients, ImportError, Report, handle};
use jiff::Timestamp;
use local::aws::names::TOKEN_KEYRING_SECRET;
use local::aws::secrets::Outage;
use local::lambda::functions::InvokeError;
use local::world::{World, WorldOptions};
use serde_json::{Value, json};
use shared::config::Environment;
use shared::sealing::{Keyring, Purpose, TokenBinding, TokenVault};

const TABLE: &str = "reconnect";

struct Scene {
    world: World,
    clients: Clients,
}

impl Scene {
    async fn start() -> Result<Self> {
        let world = World::start(WorldOptions::default()).await?;
        let clients = clients(&world);
        Ok(Self { world, clients })
    }

    async fn import(&self, event: &Value) -> Result<Report, ImportError> {
        handle(&self.clients, &event.to_string(), now()).await
    }

    /// The counts of an organisation, added up: active and needing to be connected.
    fn counts(&self, org_id: &str) -> Result<(u64, u64)> {
        let rows = self.world.dynamodb.dump(TABLE)?;
        let counts = rows.iter().find(|row| row["pk"]["S"] == format!("ORG#{org_id}") && row["sk"]["S"] == "COUNTS");
        let mut added = (0, 0);
        for (name, value) in counts.and_then(Value::as_object).into_iter().flatten() {
            let number = || value["N"].as_str().and_then(|number| number.parse::<u64>().ok()).unwrap_or_default();
            match name.split('|').next() {
                Some("active") => added.0 += number(),
                Some("needs_connecting") => added.1 += number(),
                _ => {}
            }
        }
        Ok(added)
    }

    /// The rows whose sort key begins like this.
    fn rows(&self, prefix: &str) -> Result<Vec<Value>> {
        let mut rows = self.world.dynamodb.dump(TABLE)?;
        rows.retain(|row| row["sk"]["S"].as_str().is_some_and(|sk| sk.starts_with(prefix)));
        Ok(rows)
    }
}

fn clients(world: &World) -> Clients {
    let variables: Vec<_> = world.environment().iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    Clients::new(&Environment::of(&variables)).expect("the world's settings are complete")
}

fn now() -> Timestamp {
    Timestamp::from_second(1_795_435_200).expect("a time")
}

fn example(case: &str) -> Result<Value> {
    let file = format!("{}/../../events/import-accounts/{case}.json", env!("CARGO_MANIFEST_DIR"));
    Ok(serde_json::from_str(&std::fs::read_to_string(file)?)?)
}

fn report(imported: usize, updated: usize, unchanged: usize) -> Report {
    Report { imported, updated, unchanged, refused: Vec::new() }
}

fn row(number: usize, token: Option<String>) -> Value {
    let mut row = json!({
        "advertiser_id": format!("{}", 7_300_000_000_000_000_000 + number), "name": format!("Shop {number}"),
        "business_center_id": "7200000000000000021", "business_center_name": "Media", "brand": format!("brand-{}", number % 7),
    });
    if let Some(token) = token {
        row["connected"] = json!({"access_token": token, "scopes": [1, 4]});
    }
    row
}

fn batch(rows: impl IntoIterator<Item = Value>) -> Value {
    json!({"org_id": "org-a", "accounts": rows.into_iter().collect::<Vec<_>>()})
}

/// Everything that a batch may hold at once; sent again it changes no byte of the table.
#[tokio::test]
async fn a_thousand_rows_are_imported_once() -> Result<()> {
    let scene = Scene::start().await?;
    // Three tokens, spread over all transactions, and rows without one.
    let token = |number: usize| (number % 4 != 3).then(|| format!("c4n4ry-{}", number % 4));
    let event = batch((0..1_000).map(|number| row(number, token(number))));
    assert_eq!(scene.import(&event).await?, report(1_000, 0, 0));
    assert_eq!(scene.counts("org-a")?, (750, 250));
    assert_eq!(scene.rows("ACCOUNT#")?.len(), 1_000);
    let sizes: Vec<_> = scene.rows("GRANT#")?.into_iter().map(|grant| grant["ad_accounts"]["N"].clone()).collect();
    assert_eq!(sizes, ["250"; 3]);
    assert_eq!(scene.world.secrets.calls("GetSecretValue", TOKEN_KEYRING_SECRET), 1);
    assert_eq!(scene.world.secrets.total_calls(), 1, "of no other secret anything is known here");

    let before = scene.world.dynamodb.dump(TABLE)?;
    assert!(!serde_json::to_string(&before)?.contains("c4n4ry"), "T76: tokens are sealed");
    assert_eq!(scene.import(&event).await?, report(0, 0, 1_000));
    assert_eq!(scene.world.dynamodb.dump(TABLE)?, before);
    assert!(scene.rows("EVENT#")?.is_empty(), "an import is no news");
    Ok(())
}

/// I8: however many import the same at the same time, each account is there once and the counts are right.
#[tokio::test]
async fn imports_at_the_same_time_do_not_count_twice() -> Result<()> {
    let scene = Scene::start().await?;
    let event = batch((0..60).map(|number| row(number, Some("c4n4ry".to_owned()))));
    let reports = join_all((0..4).map(|_| scene.import(&event))).await;
    let reports = reports.into_iter().collect::<Result<Vec<_>, _>>()?;
    assert_eq!(reports.iter().map(|report| report.imported).sum::<usize>(), 60);
    assert_eq!(reports.iter().map(|report| report.unchanged).sum::<usize>(), 180);
    assert_eq!(scene.counts("org-a")?, (60, 0));
    let grants = scene.rows("GRANT#")?;
    assert_eq!((grants.len(), &grants[0]["ad_accounts"]["N"]), (1, &json!("60")));
    Ok(())
}

/// T71: what was sealed here opens in its own place, for whoever has the keyring.
#[tokio::test]
async fn an_imported_token_opens_where_it_belongs() -> Result<()> {
    let scene = Scene::start().await?;
    scene.import(&example("with_token")?).await?;
    let grants = scene.rows("GRANT#")?;
    let [grant] = grants.as_slice() else { anyhow::bail!("two rows with one token make one grant: {grants:?}") };
    assert_eq!(grant["ad_accounts"]["N"], "2");
    let sealed = BASE64_STANDARD.decode(grant["sealed_token"]["B"].as_str().expect("bytes"))?;

    let keyring = scene.world.secrets.current(TOKEN_KEYRING_SECRET).expect("the world has a keyring");
    let vault = TokenVault::new(Arc::new(Keyring::parse(&keyring)?));
    let (org, grant_id) = ("org-aurora".parse()?, grant["grant_id"]["S"].as_str().expect("an id").parse()?);
    let place =
        TokenBinding { table: TABLE, org_id: &org, grant_id: &grant_id, token_version: 1, purpose: Purpose::Grant };
    assert_eq!(vault.open(&sealed, &place)?.expose(), "0123456789abcdef0123456789abcdef01234567");
    let candidate = TokenBinding { purpose: Purpose::Candidate, ..place };
    assert!(vault.open(&sealed, &candidate).is_err());
    assert_eq!(scene.rows("ORG#org-aurora#GRANT#")?.len(), 1, "it is known who holds the token");
    Ok(())
}

/// T74: without the keyring no token can be sealed, and then nothing of those rows is written.
#[tokio::test]
async fn an_outage_of_the_secrets_holds_up_only_what_needs_them() -> Result<()> {
    let scene = Scene::start().await?;
    scene.world.secrets.set_outage(Outage::Status(500));
    let failed = scene.import(&batch([row(1, None), row(2, Some("c4n4ry".to_owned()))])).await;
    assert!(matches!(failed, Err(ImportError::Secret(_))), "{failed:?}");
    assert!(scene.world.dynamodb.dump(TABLE)?.is_empty());
    assert_eq!(scene.import(&batch([row(1, None)])).await?, report(1, 0, 0));

    scene.world.secrets.set_outage(Outage::None);
    assert_eq!(scene.import(&batch([row(1, None), row(2, Some("c4n4ry".to_owned()))])).await?, report(1, 0, 1));
    Ok(())
}

#[tokio::test]
async fn what_changes_about_an_account_moves_its_counts() -> Result<()> {
    let scene = Scene::start().await?;
    scene.import(&batch((0..7).map(|number| row(number, None)))).await?;
    let moved = |number: usize, token| {
        let mut row = row(number, token);
        row["brand"] = json!("moved");
        row
    };
    let event = batch([moved(1, None), moved(2, Some("c4n4ry".to_owned())), row(3, None)]);
    assert_eq!(scene.import(&event).await?, report(0, 2, 1));
    assert_eq!(scene.counts("org-a")?, (1, 6));
    let counts = scene.rows("COUNTS")?.remove(0);
    assert_eq!(counts["needs_connecting|moved||"]["N"], "1");
    assert_eq!(counts["active|moved||"]["N"], "1");
    assert_eq!(counts["needs_connecting|brand-1||"]["N"], "0");
    assert_eq!(scene.import(&event).await?, report(0, 0, 3));
    Ok(())
}

/// T45: organisations share nothing, not even a grant with the same token.
#[tokio::test]
async fn each_organisation_has_its_own() -> Result<()> {
    let scene = Scene::start().await?;
    let event = batch([row(1, Some("c4n4ry".to_owned()))]);
    let mut elsewhere = event.clone();
    elsewhere["org_id"] = json!("org-b");
    assert_eq!(scene.import(&event).await?, report(1, 0, 0));
    assert_eq!(scene.import(&elsewhere).await?, report(1, 0, 0));
    assert_eq!((scene.counts("org-a")?, scene.counts("org-b")?), ((1, 0), (1, 0)));
    let grants = scene.rows("GRANT#")?;
    assert_eq!(grants.len(), 2);
    assert_ne!(grants[0]["grant_id"], grants[1]["grant_id"]);
    assert_ne!(grants[0]["sealed_token"], grants[1]["sealed_token"]);
    Ok(())
}

#[tokio::test]
async fn every_example_event_does_what_its_name_says() -> Result<()> {
    for (case, imported, refused) in [
        ("direct", 3, vec![]),
        ("empty", 0, vec![]),
        ("with_token", 2, vec![]),
        ("without_permissions", 1, vec![]),
        ("eventbridge_registered", 1, vec![]),
        ("eventbridge_with_token", 0, vec![(0, "connected")]),
        ("advertiser_id_as_number", 0, vec![(0, "advertiser_id")]),
        ("unknown_field", 0, vec![(0, "status")]),
        ("invalid_row", 1, vec![(1, "advertiser_id"), (2, "market")]),
        ("repeated_row", 1, vec![(1, "advertiser_id")]),
    ] {
        let scene = Scene::start().await?;
        let report = scene.import(&example(case)?).await?;
        let fields: Vec<_> = report.refused.iter().map(|refusal| (refusal.index, refusal.field.as_str())).collect();
        assert_eq!((report.imported, fields), (imported, refused), "{case}");
        assert_eq!(scene.rows("ACCOUNT#")?.len(), imported, "{case}");
    }
    let scene = Scene::start().await?;
    for case in ["eventbridge_other_source", "no_organisation"] {
        let failed = scene.import(&example(case)?).await;
        assert!(matches!(failed, Err(ImportError::Event(_))), "{case}: {failed:?}");
    }
    assert!(scene.world.dynamodb.dump(TABLE)?.is_empty());
    Ok(())
}

/// The binary, as Lambda runs it: the report is the answer, and an event that cannot be taken is a function error.
#[tokio::test]
async fn the_binary_reports_and_fails_as_lambda_expects() -> Result<()> {
    let binary = env!("CARGO_BIN_EXE_import-accounts").into();
    let functions = [("import-accounts".to_owned(), binary)].into();
    let world = World::start(WorldOptions { functions, ..WorldOptions::default() }).await?;
    let answer = world.functions.invoke("import-accounts", example("invalid_row")?).await?;
    assert_eq!(
        answer,
        json!({"imported": 1, "updated": 0, "unchanged": 0, "refused": [
            {"index": 1, "field": "advertiser_id", "problem": "must be 1 to 20 digits, as text"},
            {"index": 2, "advertiser_id": "7418263905174420933", "field": "market",
             "problem": "must be 1 to 64 letters, digits, dots, dashes or underscores"}]})
    );
    let failed = world.functions.invoke("import-accounts", example("no_organisation")?).await;
    let Err(InvokeError::Failed { error, .. }) = failed else { anyhow::bail!("{failed:?}") };
    assert_eq!(error.error_type, "EventInvalid");
    assert!(error.error_message.starts_with("the event is not ours to read: it must be"), "{}", error.error_message);
    Ok(())
}
