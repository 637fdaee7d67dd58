//! What people see on the dashboard is what happened, and each thing once.

use std::collections::BTreeMap;

use jiff::SignedDuration;

use crate::support::proxy::{Break, Mode};
use crate::support::*;

const EXCHANGE: &str = "/oauth2/access_token/";
const DAY: u64 = 24 * 3_600;

fn healed<const N: usize>(expected: [(&str, u64); N]) -> Vec<(String, u64)> {
    expected.map(|(how, days)| (how.to_owned(), days)).into()
}

fn numbers<const N: usize>(expected: [(&str, u64); N]) -> BTreeMap<String, u64> {
    expected.into_iter().map(|(name, number)| (name.to_owned(), number)).collect()
}

impl TestWorld {
    /// How long accounts took to heal, in whole days, by what healed them; sorted.
    fn healed(&self) -> Vec<(String, u64)> {
        let lines = self.measured("TimeToHeal");
        let days = lines.iter().flat_map(|line| {
            let how = line["How"].as_str().expect("text");
            let values = line["TimeToHeal"].as_array().cloned().unwrap_or_else(|| vec![line["TimeToHeal"].clone()]);
            values.into_iter().map(move |value| (how.to_owned(), value.as_u64().expect("seconds") / DAY))
        });
        let mut days: Vec<_> = days.collect();
        days.sort();
        days
    }

    /// The account needs connecting for so many days already.
    fn lapsed_days_ago(&self, account: &Account, days: i64) {
        let since = local::clock::now() - SignedDuration::from_hours(24 * days) - SignedDuration::from_mins(1);
        let row = self.account_row(account);
        let key = |name: &str| row[name].as_str().expect("text");
        self.set_text(key("pk"), key("sk"), "lapsed_since", &since.to_string());
    }

    async fn lapsed_for(&self, number: u32, days: i64) -> Account {
        let account = self.lapsed(number).await;
        self.lapsed_days_ago(&account, days);
        account
    }
}

#[tokio::test]
async fn ad_accounts_are_counted_by_status_over_all_organisations() {
    let world = TestWorld::start().await;
    let theirs = [Account::of_borealis(31), Account::of_borealis(32)];
    world.run().await;
    assert_eq!(world.measured_by("AdAccounts"), numbers([("active", 0), ("needs_connecting", 0)]));

    world.all_active(&[&Account::new(11), &Account::new(12)]).await;
    world.all_active(&[&theirs[0], &theirs[1]]).await;
    world.unconnected(13).await;
    world.lapse(&theirs[0]).await;
    world.local.functions.logs().clear();
    world.run().await;

    assert_eq!(world.measured_by("AdAccounts"), numbers([("active", 3), ("needs_connecting", 2)]));
    assert_eq!(world.measured("AdAccounts").len(), 2, "a line each");
    let tabs = async |person: &Person| world.as_(person).list("limit=1").await.body["counts"].clone();
    assert_eq!(tabs(&ANA).await, json!({ "active": 2, "needs_connecting": 1 }));
    assert_eq!(tabs(&BO).await, json!({ "active": 1, "needs_connecting": 1 }));
    world.finish().await;
}

/// The sweep has done its work when the numbers cannot be read.
#[tokio::test]
async fn a_count_that_fails_fails_no_sweep() {
    let world = TestWorld::quick().start().await;
    world.fleet(&[1, 1]).await;
    world.dynamodb.forget();
    world.run().await;
    let last = world.dynamodb.count("Query");
    world.pass(SignedDuration::from_mins(1));
    world.local.functions.logs().clear();
    world.dynamodb.strike(Break::nth("Query", last).times(100), Mode::InternalError);

    let report = world.run().await;

    assert_eq!((&report["grants"], &report["completed"]), (&json!(2), &json!(true)));
    assert_eq!(world.measured("AdAccounts").len(), 0, "and none is made up");
    world.finish().await;
}

#[tokio::test]
async fn a_reconnection_is_healing_told_once_and_a_refusal_is_none() {
    let world = TestWorld::start().await;
    let account = world.lapsed_for(11, 3).await;
    let only = |login, account: &Account| Consent::by(login).ad_accounts(AdAccounts::only([&account.id]));
    let receipt = world.reconnect(&account, &ANA, only("ana", &account).permissions(Permissions::Off(vec![4]))).await;
    assert_eq!(receipt.expect(200)["outcome"], "refused");
    assert_eq!(world.healed(), []);

    let ticket = world.ticket_for(&account, &ANA, json!({}), only("carlos", &account)).await;
    for _ in 0..3 {
        assert_eq!(world.as_(&ANA).complete(&ticket).await.expect(200)["outcome"], "reconnected");
    }
    assert_eq!(world.healed(), healed([("reconnected", 3)]), "the receipt again is no news");

    let ticket = world.ticket_for(&account, &ANA, json!({ "force": true }), only("ana", &account)).await;
    assert_eq!(world.as_(&ANA).complete(&ticket).await.expect(200)["outcome"], "reconnected");
    let never = world.unconnected(12).await;
    assert_eq!(world.reconnect(&never, &ANA, only("rita", &never)).await.expect(200)["outcome"], "reconnected");
    assert_eq!(world.healed().len(), 1, "a renewal heals nobody, and neither does a first connection");
    world.finish().await;
}

#[tokio::test]
async fn siblings_heal_too_each_once() {
    let world = TestWorld::start().await;
    let accounts = [11, 12, 13].map(Account::new);
    world.all_active(&accounts.each_ref()).await;
    for (account, days) in accounts.iter().zip([1, 2, 3]) {
        world.lapse(account).await;
        world.lapsed_days_ago(account, days);
    }
    let also = json!({ "also": "business_center" });
    // The one that was asked for is not ticked: a sibling brings the grant.
    let consent = Consent::by("rita").ad_accounts(AdAccounts::only(accounts[1..].iter().map(|one| &one.id)));
    let ticket = world.ticket_for(&accounts[0], &ANA, also.clone(), consent).await;
    assert_eq!(world.as_(&ANA).complete(&ticket).await.expect(200)["outcome"], "refused");
    assert_eq!(world.healed(), healed([("reconnected", 2), ("reconnected", 3)]));

    let consent = Consent::by("rita").ad_accounts(AdAccounts::only([&accounts[0].id]));
    let ticket = world.ticket_for(&accounts[0], &ANA, also, consent).await;
    assert_eq!(world.as_(&ANA).complete(&ticket).await.expect(200)["outcome"], "reconnected");
    assert_eq!(world.healed(), healed([("reconnected", 1), ("reconnected", 2), ("reconnected", 3)]));
    let ended = numbers([("refused ad_account_not_granted", 1), ("reconnected none", 1)]);
    assert_eq!(world.measured_by("ActivationsEnded"), ended);
    world.finish().await;
}

/// One line for all that one transaction made Active.
#[tokio::test]
async fn what_comes_back_by_itself_is_told_by_who_found_out() {
    let world = TestWorld::start().await;
    let accounts = [11, 12, 13].map(Account::new);
    world.all_active(&accounts.each_ref()).await;
    let owned_by = |center: &str| {
        for account in &accounts {
            world.tiktok().world().move_account(&account.id, tiktok_stand_in::Owner::business_center(center)).unwrap();
        }
    };
    owned_by(RETAIL);
    world.sweep_twice().await;
    for (account, days) in accounts.iter().zip([1, 2, 3]) {
        assert_eq!(world.status(account), "needs_connecting");
        world.lapsed_days_ago(account, days);
    }
    assert_eq!(world.healed(), []);
    owned_by(MEDIA);
    assert_eq!(world.as_(&ANA).validate(&accounts[0]).await.expect(200)["status"], "active");
    assert_eq!(world.as_(&ANA).validate(&accounts[0]).await.expect(200)["status"], "active");
    assert_eq!(world.healed(), healed([("validated", 1)]));

    world.pass_an_interval();
    world.sweep().await;
    world.pass_an_interval();
    world.sweep().await;

    assert_eq!(world.healed(), healed([("recovered", 2), ("recovered", 3), ("validated", 1)]));
    assert_eq!(world.measured("TimeToHeal").len(), 2, "two accounts in one line");
    world.finish().await;
}

/// At most once: who dies right after the commit takes the number along, and who repeats it finds nothing left to heal.
#[tokio::test]
async fn nothing_is_told_twice_whatever_breaks_at_the_commit() {
    let world = TestWorld::start().await;
    let mut numbers = 11..;
    let mut flow = async || {
        let account = world.lapsed_for(numbers.next().unwrap(), 3).await;
        let consent = Consent::by("carlos").ad_accounts(AdAccounts::only([&account.id]));
        world.flow(&account, ANA, consent).await
    };
    let clean = flow().await;
    world.dynamodb.forget();
    world.complete(&clean).await.expect(200);
    let commit = world.dynamodb.count("TransactWriteItems");
    assert_eq!((world.healed().len(), world.measured("ActivationsEnded").len()), (1, 1));

    for (mode, told) in [
        (Mode::KillBefore("oauth-callback"), 1),
        (Mode::KillAfter("oauth-callback"), 0),
        (Mode::DropReply, 1),
        (Mode::TransactionConflict, 1),
    ] {
        let flow = flow().await;
        world.local.functions.logs().clear();
        world.dynamodb.strike(Break::nth("TransactWriteItems", commit), mode.clone());
        world.complete(&flow).await;
        world.dynamodb.heal();
        let receipt = world.complete_until_final(&flow).await;

        assert_eq!(receipt.body["outcome"], "reconnected", "{mode:?}");
        assert_eq!(world.healed(), vec![("reconnected".to_owned(), 3); told], "{mode:?}");
        assert_eq!(world.measured("ActivationsEnded").len(), told, "{mode:?}");
    }
    world.finish().await;
}

#[tokio::test]
async fn every_end_of_an_activation_is_counted_once() {
    let world = TestWorld::start().await;
    let account = world.lapsed(11).await;
    let ana = world.as_(&ANA);
    let ticket = || world.ticket_for(&account, &ANA, json!({}), Consent::by("ana"));
    let twice = async |ticket: &str| {
        for _ in 0..2 {
            ana.complete(ticket).await;
        }
    };
    world.tiktok().add_fault(Fault::code(40_110).on(EXCHANGE)).unwrap();
    twice(&ticket().await).await;
    world.tiktok().clear_faults();
    world.tiktok().add_fault(Fault::new(FaultKind::Reset).on(EXCHANGE)).unwrap();
    twice(&ticket().await).await;
    world.tiktok().clear_faults();
    let foreign = ticket().await;
    world.as_(&BO).complete(&foreign).await.problem("not_your_activation");
    world.as_(&BO).complete(&foreign).await.problem("not_your_activation");
    let (first, second) = (ticket().await, ticket().await);
    twice(&second).await;
    twice(&first).await;

    let ended = numbers([
        ("already_active none", 1),
        ("gave_up tiktok_unavailable", 1),
        ("not_theirs none", 1),
        ("reconnected none", 1),
        ("refused authorization_code_rejected", 1),
    ]);
    assert_eq!(world.measured_by("ActivationsEnded"), ended);
    world.finish().await;
}

/// What TikTok says that it answered is what was counted, retries and all.
#[tokio::test]
async fn tiktoks_answers_are_counted_by_endpoint_and_code() {
    let world = TestWorld::start().await;
    let account = world.lapsed(11).await;
    world.sweep().await;
    world.tiktok().add_fault(Fault::code(40_133).on("/bc/get/").times(1)).unwrap();
    world.tiktok().add_fault(Fault::code(48_123).on("/user/info/")).unwrap();
    world.tiktok().add_fault(Fault::code(50_002).on("/bc/member/get/").times(2)).unwrap();
    let consent = Consent::by("carlos").ad_accounts(AdAccounts::only([&account.id]));
    assert_eq!(world.reconnect(&account, &ANA, consent).await.expect(200)["outcome"], "reconnected");
    world.as_(&ANA).validate(&account).await.expect(200);

    let mut answered = BTreeMap::new();
    for call in world.tiktok().log() {
        let code = match call.code.expect("an answer") {
            50_002 => "5xxxx".to_owned(),
            48_123 => "other".to_owned(),
            code => code.to_string(),
        };
        *answered.entry(format!("{} {code}", call.endpoint)).or_default() += 1;
    }
    assert_eq!(world.measured_by("TikTokAnswers"), answered);
    for seen in ["/oauth2/access_token/ 0", "/bc/get/ 40133", "/bc/get/ 40105", "/user/info/ other"] {
        assert!(answered.contains_key(seen), "{seen}: {answered:?}");
    }
    assert_eq!(answered["/bc/member/get/ 5xxxx"], 2);
    world.finish().await;
}

#[tokio::test]
async fn what_is_no_answer_is_counted_too() {
    const CENTERS: &str = "/bc/get/";
    let world = TestWorld::quick().function_timeout(std::time::Duration::from_secs(12)).start().await;
    let account = world.active(11).await;
    let shapes = [
        (FaultKind::TooManyRequests, "http_429"),
        (FaultKind::Status { status: 404 }, "http_4xx"),
        (FaultKind::BadGatewayHtml, "http_5xx"),
        (FaultKind::WrongContentType { content_type: "text/html".to_owned() }, "no_json"),
        (FaultKind::GarbageJson, "unreadable"),
        (FaultKind::DataNull, "unreadable"),
        (FaultKind::Reset, "broken"),
        (FaultKind::Hang, "no_answer"),
    ];
    for (kind, told) in shapes {
        world.tiktok().add_fault(Fault::new(kind.clone()).on(CENTERS)).unwrap();
        world.local.functions.logs().clear();
        let asked = world.tiktok().calls(CENTERS);
        assert_eq!(world.as_(&ANA).validate(&account).await.expect(200)["verdict"], "undecided", "{kind:?}");
        let asked = world.tiktok().calls(CENTERS) - asked;
        let answers = world.measured_by("TikTokAnswers");
        let answers: Vec<_> = answers.iter().filter(|(answer, _)| answer.starts_with("/bc/get/ ")).collect();
        assert_eq!(answers, [(&format!("{CENTERS} {told}"), &asked)], "{kind:?}");
        world.tiktok().clear_faults();
    }
    world.finish().await;
}

/// A batch of checks writes a line for each combination, and not for each of its calls.
#[tokio::test]
async fn a_batch_of_checks_counts_its_answers_together() {
    let world = TestWorld::quick().start().await;
    world.fleet(&[1; 9]).await;
    world.run().await;
    world.tiktok().clear_log();

    let drained = world.checks().await;

    assert_eq!((drained.invocations, drained.deliveries, drained.failures), (1, 9, 0));
    let (calls, lines) = (world.tiktok().log().len(), world.measured("TikTokAnswers").len());
    assert_eq!((calls, lines), (9 * 7, 7));
    assert_eq!(world.measured_by("TikTokAnswers").values().sum::<u64>(), 9 * 7);
    assert_eq!(world.measured_by("GrantsChecked"), numbers([("connected", 9)]), "checks a minute");
    world.finish().await;
}

/// Between two looks at everything that is due, nobody says that nothing waits.
#[tokio::test]
async fn the_age_of_the_oldest_due_grant_is_not_forgotten_when_it_is_queued() {
    let world = TestWorld::quick().start().await;
    world.fleet(&[1, 1]).await;
    world.pass_half_an_hour();
    let ages = async || {
        world.local.functions.logs().clear();
        world.local.tick("lapse-sweep", local::clock::now()).await.expect("the sweep answers");
        let lines = world.measured("OldestDueGrantAge");
        lines.iter().map(|line| line["OldestDueGrantAge"].as_i64().expect("seconds") / 60).collect::<Vec<_>>()
    };
    assert_eq!(ages().await, [36], "they wait since their import");
    assert_eq!(ages().await, [0; 0], "they are queued, and this run does not see them");
    // Nobody works on the queue, and half an hour later everything is looked at again.
    world.pass_half_an_hour();
    assert_eq!(ages().await, [72]);
    world.checks().await;
    world.pass(SignedDuration::from_mins(1));
    assert_eq!(ages().await, [0]);
    world.finish().await;
}

/// What an alarm goes by: checks are made, and nothing comes of them.
#[tokio::test]
async fn grants_that_answered_lately_are_counted_and_forgotten() {
    let world = TestWorld::quick().start().await;
    let answered = async || {
        world.local.functions.logs().clear();
        let said = world.run().await["guard"]["answered"].clone();
        let told = world.measured("GrantsAnswered").pop().map(|line| line["GrantsAnswered"].clone());
        assert!(told.is_none() || told.as_ref() == Some(&said), "{told:?} {said}");
        told
    };
    assert_eq!(answered().await, None, "with nothing Active nobody has to answer");
    world.fleet(&[1, 2, 3]).await;
    assert_eq!(answered().await, Some(json!(0)), "nobody was asked yet");
    world.checks().await;
    assert_eq!(answered().await, Some(json!(3)));

    world.tiktok().add_fault(Fault::new(FaultKind::GarbageJson).on("/bc/get/")).unwrap();
    world.pass_an_interval();
    world.sweep().await;
    assert_eq!(answered().await, Some(json!(3)), "they had answered before");
    world.pass(SignedDuration::from_hours(2));
    world.sweep().await;
    assert_eq!(answered().await, Some(json!(0)));
    assert_eq!((world.how_many("active"), world.came_to("undecided")), (6, 6));
    world.finish().await;
}

/// The canary is asked every minute, so that it is often the first to hear that our app is refused.
#[tokio::test]
async fn a_canary_that_blames_our_app_raises_the_alarm_and_says_where() {
    let world = TestWorld::quick().start().await;
    let fleet = world.fleet(&[1]).await;
    world.sweep().await;
    let grant = world.grant_of(fleet[0].account());
    world.order(json!({ "canary": { "org_id": grant["org_id"], "grant_id": grant["grant_id"] } })).await;
    world.tiktok().add_fault(Fault::code(40_113)).unwrap();
    world.local.functions.logs().clear();

    world.checks().await;

    assert_eq!(world.measured("AppLevelCode").len(), 1);
    assert_eq!(world.measured_by("TikTokAnswers"), numbers([("/oauth2/advertiser/get/ 40113", 1)]));
    let call = world.tiktok().log().pop().expect("a call");
    let logs = world.local.functions.logs().of("check-grant");
    let mut lines = logs.iter().filter_map(|line| serde_json::from_str::<Value>(&line.text).ok());
    let line = lines.find(|line| line["message"] == "TikTok finds fault with our app or our request");
    let line = line.expect("a line in the log");
    assert_eq!((&line["endpoint"], &line["code"]), (&json!(call.endpoint), &json!(40_113)));
    assert_eq!(line["request_id"], json!(call.request_id.expect("a reference")));
    world.finish().await;
}
