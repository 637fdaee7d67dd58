//! The help page's job, from end to end.

use jiff::{SignedDuration, ToSpan as _};

use crate::support::*;

/// Somebody at a brand sees that data has stopped, finds the account, and brings it back.
#[tokio::test]
async fn a_lapsed_account_becomes_active_again() {
    let world = TestWorld::start().await;
    let (account, healthy) = (Account::new(11), Account { login: "carlos", ..Account::new(12) });
    world.all_active(&[&account]).await;
    world.all_active(&[&healthy]).await;
    assert_eq!(world.as_(&ANA).validate(&account).await.expect(200)["status"], "active");
    let three_days_ago = local::clock::now() - SignedDuration::from_hours(72);
    world.proven_last_at(&account, three_days_ago);
    world.lapse(&account).await;
    let ana = world.as_(&ANA);

    // Ad Accounts, tab Needs Connecting.
    let list = ana.list("status=needs_connecting").await;
    let row = &list.expect(200)["accounts"][0];
    assert_eq!(list.body["accounts"].as_array().unwrap().len(), 1);
    assert_eq!(list.body["counts"], json!({ "active": 1, "needs_connecting": 1 }));
    assert_eq!(row["advertiser_id"], account.id.as_str());
    assert_eq!((&row["status"], &row["cause"]), (&json!("needs_connecting"), &json!("authorization_revoked")));
    assert_eq!((&row["platform"], &row["business_center_id"]), (&json!("tiktok"), &json!(MEDIA)));

    // Search by Account ID, whole and in part.
    for search in [account.id.as_str(), &account.id[..19]] {
        let found = ana.list(&format!("search={search}")).await;
        assert_eq!(found.expect(200)["accounts"][0]["advertiser_id"], account.id.as_str());
    }

    // Why it lapsed, and what to do.
    let details = ana.details(&account).await;
    // TikTok may still have corrected three days before.
    let today = reporting_day(local::clock::now()).to_string();
    let since = (reporting_day(three_days_ago) - 3.days()).to_string();
    assert_eq!(details.expect(200)["business_center"], json!({ "id": MEDIA, "name": "Northwind Media" }));
    assert_eq!(details.body["causes"][0]["cause"], "authorization_revoked");
    assert_eq!(details.body["causes"][0]["consent_helps"], "yes");
    assert_eq!(details.body["gap"]["from"], since.as_str());
    assert_eq!(details.body["gap"]["to"], today.as_str());
    assert_eq!(details.body["support"], "support@creativex.com");

    // ⋮ → Activate.
    let started = ana.activate(&account, Value::Null).await;
    started.expect(201);
    let url = url::Url::parse(started.text("authorization_url")).unwrap();
    let parameters: Vec<String> = url.query_pairs().map(|(name, _)| name.into_owned()).collect();
    assert_eq!(parameters, ["app_id", "state", "redirect_uri"]);
    let waiting = ana.activation(started.text("activation_id")).await;
    assert_eq!(waiting.expect(200)["outcome"], "waiting");
    assert_eq!(waiting.body["expires_at"], started.body["expires_at"]);

    // Sign in to TikTok, leave the switches on, Confirm; the callback sends her back to the app.
    let ticket = world.walk_consent(url.as_str(), Consent::by("ana")).await.ticket();
    let waiting = ana.activation(started.text("activation_id")).await;
    assert_eq!(waiting.expect(200)["outcome"], "waiting", "the callback decides nothing");

    // The receipt, and the same receipt again.
    let receipt = ana.complete(&ticket).await;
    let gap = json!({ "from": since, "to": today });
    assert_eq!(
        receipt.expect(200),
        &json!({
            "activation_id": started.body["activation_id"], "advertiser_id": account.id, "outcome": "reconnected",
            "authorized_by": "Ana Moreau",
            "accounts": [{ "advertiser_id": account.id, "name": account.name, "outcome": "reconnected", "gap": gap }],
        })
    );
    let (again, looked_up) = (ana.complete(&ticket).await, ana.activation(started.text("activation_id")).await);
    assert_eq!((again.expect(200), looked_up.expect(200)), (&receipt.body, &receipt.body));
    assert_eq!(world.tiktok().exchanges(), 1);

    // It is in tab Active.
    let active = ana.list("status=active").await;
    assert_eq!(active.expect(200)["counts"], json!({ "active": 2, "needs_connecting": 0 }));
    assert_eq!(active.body["accounts"][0]["advertiser_id"], account.id.as_str());
    let details = ana.details(&account).await;
    assert_eq!(details.expect(200)["gap"], Value::Null);
    assert_eq!(details.body["grant"]["authorized_by"], "Ana Moreau");
    assert_eq!(details.body["grant"]["ad_accounts"], 1);
    assert_eq!(details.body["connected_by"], ANA.email);
    assert!(details.body["findings"].as_array().unwrap().iter().all(|finding| finding["answer"] == "passed"));

    // And data collection learns from which day to go on, without names.
    assert_eq!(world.kinds_of(&account), ["AdAccountLapsed", "AdAccountReconnected"]);
    let event = world.events_of(&account).pop().unwrap();
    assert_eq!((&event["gap"], &event["version"]), (&gap, &json!(2)));
    let history = ana.history(&account).await;
    let newest = &history.expect(200)["history"][0];
    assert_eq!(
        (&newest["kind"], &newest["gap"], &newest["by"]),
        (&json!("AdAccountReconnected"), &gap, &json!(ANA.email))
    );
    assert_eq!(history.body["history"][1]["cause"], "authorization_revoked");
    world.finish().await;
}

#[tokio::test]
async fn an_account_that_was_never_connected_is_activated() {
    let world = TestWorld::start().await;
    let account = world.unconnected(11).await;

    let started = world.as_(&ANA).activate(&account, json!({})).await;
    assert_eq!(started.expect(201)["preflight"]["verdict"], "unknown", "there is no grant to ask with");
    let landed = world.walk_consent(started.text("authorization_url"), Consent::by("ana")).await;
    let receipt = world.as_(&ANA).complete(&landed.ticket()).await;

    assert_eq!(receipt.expect(200)["outcome"], "reconnected");
    assert_eq!(world.as_(&VICTOR).details(&account).await.expect(200)["status"], "active");
    world.finish().await;
}

#[tokio::test]
async fn preflight_tells_that_consent_will_help_and_who_can_give_it() {
    let world = TestWorld::start().await;
    let (account, sibling) = (Account::new(11), Account { login: "carlos", ..Account::new(12) });
    world.all_active(&[&account]).await;
    world.all_active(&[&sibling]).await;
    // A grant of the same Business Center that is proven to be an Admin's.
    world
        .reconnect(&sibling, &ANA, Consent::by("carlos").ad_accounts(AdAccounts::only([&sibling.id])))
        .await
        .expect(200);
    world.lapse(&account).await;

    let started = world.as_(&ANA).activate(&account, json!({})).await;

    let preflight = &started.expect(201)["preflight"];
    assert_eq!(preflight["verdict"], "consent_will_help", "{started:?}");
    assert_eq!(preflight["business_center"], json!({ "id": MEDIA, "name": "Northwind Media" }));
    let fixers = preflight["fixers"].as_array().unwrap();
    assert!(fixers.contains(&json!("Ana Moreau")) && !fixers.contains(&json!("Sven Falk")), "{fixers:?}");
    let owned = preflight["checklist"].as_array().unwrap().iter().find(|line| line["check"] == "ad_account_owned");
    assert_eq!(owned.unwrap()["answer"], "passed");
    world.finish().await;
}
