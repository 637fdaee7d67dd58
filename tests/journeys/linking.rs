//! Who may finish what was begun: forced linking in every direction (T07 to T10).

use reqwest::Method;
use url::Url;

use crate::state::{JUNK, come_back, query_value, state_of, ticket_in};
use crate::support::*;

/// T07: Mallory sends TikTok's link to somebody else, who consents. Nobody can finish it, Mallory afterwards included.
#[tokio::test]
async fn t07_nobody_finishes_what_another_began() {
    let world = TestWorld::start().await;
    let account = world.lapsed(11).await;
    let mallory = Person { sub: "mallory", ..ANA };
    let peggy = Person { sub: "peggy", ..ANA };
    let victor = Person { sub: "victor-of-b", ..BO };

    for stranger in [None, Some(victor), Some(peggy)] {
        let started = world.as_(&mallory).activate(&account, Value::Null).await;
        let ticket = world.walk_consent(started.text("authorization_url"), Consent::by("carlos")).await.ticket();
        let pk = format!("ACTIVATION#{}", started.text("activation_id"));
        let Some(stranger) = stranger else {
            let body = json!({ "ticket": ticket }).to_string();
            let answer = world.send(Method::POST, "/activations/complete", &[], body).await;
            assert_eq!(answer.expect(401)["message"], "Unauthorized");
            assert_eq!(world.row(&pk, "ACTIVATION").unwrap()["state"], "waiting");
            continue;
        };
        world.as_(&stranger).complete(&ticket).await.problem("not_your_activation");

        let activation = world.row(&pk, "ACTIVATION").unwrap();
        assert_eq!(activation["state"], "closed");
        assert_eq!(activation["started_by"], "mallory");
        assert_eq!(activation["outcome"]["outcome"], "not_theirs");
        assert_eq!(activation["outcome"]["presented_by"], stranger.sub);
        assert_eq!(activation["outcome"]["presented_in"], stranger.org_id);

        let hers = world.as_(&mallory).complete(&ticket).await;
        assert_eq!(hers.expect(200)["outcome"], "refused");
        assert_eq!(hers.body["cause"], "link_expired");
        world.as_(&stranger).complete(&ticket).await.problem("not_your_activation");
    }
    assert_eq!(world.tiktok().exchanges(), 0);
    assert_eq!(world.account_row(&account)["status"], "needs_connecting");
    assert_eq!(world.candidates(), 0);
    world.finish().await;
}

/// T08: nothing that a link or an image can call sets a cookie, goes to TikTok, or changes anything.
#[tokio::test]
async fn t08_no_get_begins_anything() {
    let world = TestWorld::start().await;
    let account = world.lapsed(11).await;
    let foreign = Account::of_borealis(12);
    world.all_active(&[&foreign]).await;
    let started = world.as_(&ANA).activate(&account, Value::Null).await;
    let (rows, tiktok) = (world.rows(), Url::parse(started.text("authorization_url")).unwrap());
    let state = state_of(&started);

    for route in local::gateway::routes::Routes::from_openapi(local::gateway::routes::OPENAPI).unwrap().all() {
        for id in [account.id.as_str(), &foreign.id, "7199999999999999999", "x"] {
            let activation = if id == account.id { started.text("activation_id") } else { id };
            let path = route.template.replace("{advertiser_id}", id).replace("{activation_id}", activation);
            let path = format!("{path}?state={state}&auth_code={JUNK}");
            for method in [Method::GET, Method::HEAD] {
                for answer in [
                    world.as_(&ANA).send(method.clone(), &path, &[], String::new()).await,
                    world.send(method.clone(), &path, &[], String::new()).await,
                ] {
                    assert_eq!(answer.header("set-cookie"), "", "{answer:?}");
                    let location = answer.header("location");
                    assert!(!location.contains(&tiktok.authority().to_owned()), "{answer:?}");
                    assert!(location.is_empty() || route.template == "/oauth/tiktok/callback", "{answer:?}");
                }
            }
        }
    }
    assert_eq!(world.rows(), rows);
    assert_eq!(world.tiktok().exchanges(), 0);
    world.finish().await;
}

/// T09: the victim's browser is led to the attacker's redirect: neither's account moves, the victim's own flow goes on.
#[tokio::test]
async fn t09_anothers_redirect_changes_nothing_of_mine() {
    let world = TestWorld::start().await;
    let (theirs, mine) = (Account::new(11), Account::new(12));
    world.all_active(&[&theirs, &mine]).await;
    world.lapse(&theirs).await;
    world.as_(&ANA).validate(&mine).await.expect(200);
    let attacker = Person { sub: "mallory", ..ANA };

    let my_ticket = world.ticket_for(&mine, &CARLA, Value::Null, Consent::by("carlos")).await;
    let ticket = world.ticket_for(&theirs, &attacker, Value::Null, Consent::by("marc")).await;
    world.as_(&CARLA).complete(&ticket).await.problem("not_your_activation");
    for account in [&theirs, &mine] {
        assert_eq!(world.account_row(account)["status"], "needs_connecting");
    }
    assert_eq!(world.tiktok().exchanges(), 0);

    let receipt = world.as_(&CARLA).complete(&my_ticket).await;
    assert_eq!(receipt.expect(200)["authorized_by"], "Carlos Vega");
    assert_eq!(world.account_row(&theirs)["status"], "needs_connecting");
    world.finish().await;
}

/// T10: a stolen code is worth what it was given for, and what it brought is named.
#[tokio::test]
async fn t10_a_stolen_code_brings_no_foreign_business_center() {
    let world = TestWorld::start().await;
    let account = world.lapsed(11).await;
    let elsewhere = Account { center: AGENCY, login: "walt", ..Account::new(12) };
    world.at_tiktok(&elsewhere);
    world.import(&[&elsewhere], None).await;
    let grant = world.grant_of(&account);
    let code_of = async |login: &str, account: &Account| {
        let started = world.as_(&CARLA).activate(account, Value::Null).await;
        let consented = world.tiktok().consent(started.text("authorization_url"), Consent::by(login)).unwrap();
        query_value(consented.redirect.expect("confirmed").as_str(), "auth_code")
    };

    let stolen = code_of("walt", &elsewhere).await;
    let state = state_of(&world.as_(&ANA).activate(&account, Value::Null).await);
    let ticket = ticket_in(&come_back(&world, &state, &stolen).await);
    let refused = world.as_(&ANA).complete(&ticket).await;
    assert_eq!(refused.expect(200)["outcome"], "refused");
    assert_eq!(refused.body["cause"], "wrong_business_center");
    assert_eq!(world.candidates(), 0);
    assert_eq!(world.grant_of(&account), grant, "a refusal touched the stored grant");
    assert_eq!(world.account_row(&account)["status"], "needs_connecting");

    // Of the same Business Center it works, and whose consent it was stands in the receipt and with the grant.
    let stolen = code_of("carlos", &account).await;
    let state = state_of(&world.as_(&ANA).activate(&account, Value::Null).await);
    let ticket = ticket_in(&come_back(&world, &state, &stolen).await);
    let receipt = world.as_(&ANA).complete(&ticket).await;
    assert_eq!(receipt.expect(200)["authorized_by"], "Carlos Vega");
    let details = world.as_(&ANA).details(&account).await;
    assert_eq!(details.expect(200)["grant"]["authorized_by"], "Carlos Vega");
    world.finish().await;
}

/// T14: one person, two tabs, two accounts. What was begun second comes back first, and each finds its own account.
#[tokio::test]
async fn t14_two_tabs_that_come_back_in_the_other_order_both_connect() {
    let world = TestWorld::start().await;
    let (one, two) = (world.lapsed(11).await, world.lapsed(12).await);
    let first = world.as_(&ANA).activate(&one, Value::Null).await;
    let second = world.as_(&ANA).activate(&two, Value::Null).await;
    let ids = [first.text("activation_id").to_owned(), second.text("activation_id").to_owned()];
    assert_ne!(ids[0], ids[1]);

    let of_the_second = world.walk_consent(second.text("authorization_url"), Consent::by("ana")).await.ticket();
    let of_the_first = world.walk_consent(first.text("authorization_url"), Consent::by("ana")).await.ticket();
    for (ticket, account, id) in [(of_the_second, &two, &ids[1]), (of_the_first, &one, &ids[0])] {
        let receipt = world.as_(&ANA).complete(&ticket).await;
        let body = receipt.expect(200);
        assert_eq!((&body["outcome"], &body["activation_id"]), (&json!("reconnected"), &json!(id)));
        assert_eq!(body["accounts"][0]["advertiser_id"], account.id.as_str());
    }

    for account in [&one, &two] {
        assert_eq!(world.as_(&ANA).details(account).await.expect(200)["status"], "active");
    }
    world.finish().await;
}
