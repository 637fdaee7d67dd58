//! Scratch; removed before anything is committed.
#![allow(warnings)]
#[path = "../journeys/support/mod.rs"]
mod support;
use support::*;

async fn futures_join(world: &TestWorld, account: &Account, n: usize, key: Option<&str>) -> Vec<Answer> {
    let mut set = Vec::new();
    for _ in 0..n {
        set.push(async move {
            let ana = world.as_(&ANA);
            match key {
                Some(k) => ana.activate_with_key(account, json!({}), k).await,
                None => ana.activate(account, Value::Null).await,
            }
        });
    }
    join_all(set).await
}

async fn join_all<F: std::future::Future>(futures: Vec<F>) -> Vec<F::Output> {
    let mut pinned: Vec<_> = futures.into_iter().map(|f| Box::pin(f)).collect();
    let mut done: Vec<Option<F::Output>> = (0..pinned.len()).map(|_| None).collect();
    std::future::poll_fn(move |cx| {
        let mut all = true;
        for (i, f) in pinned.iter_mut().enumerate() {
            if done[i].is_none() {
                match f.as_mut().poll(cx) {
                    std::task::Poll::Ready(v) => done[i] = Some(v),
                    _ => all = false,
                }
            }
        }
        if all {
            std::task::Poll::Ready(done.iter_mut().map(|d| d.take().unwrap()).collect())
        } else {
            std::task::Poll::Pending
        }
    })
    .await
}


use tiktok_stand_in::{Owner, RelationStatus, Membership, BcRole};
use support::proxy::{Break, Mode};

fn brief(a: &Answer) -> String {
    let p = &a.body["preflight"];
    if a.status == 201 {
        let list: Vec<String> = p["checklist"].as_array().unwrap().iter().map(|l| format!("{}={}", l["check"].as_str().unwrap(), l["answer"].as_str().unwrap())).collect();
        format!("201 {} {} {} {}", p["verdict"], p["fixers"], p["business_center"], list.join(" "))
    } else { format!("{} {} {} | {}", a.status, a.body["type"], a.body["cause"], a.body["remedy"]) }
}

#[tokio::test]
async fn preflight_flows() {
    let world = TestWorld::start().await;
    let ana = world.as_(&ANA);
    // lapsed account with a healthy other grant in the same BC
    let a = Account { login: "carlos", ..Account::new(21) };
    world.all_active(&[&a]).await;
    let b = world.active(22).await; // ana's
    ana.validate(&a).await.expect(200);
    ana.validate(&b).await.expect(200);
    world.lapse(&b).await; // ana revoked
    let t = std::time::Instant::now();
    world.dynamodb.forget();
    println!("other grant: {} {:?} {:?}", brief(&ana.activate(&b, Value::Null).await), t.elapsed(), world.dynamodb.calls());
    // moved
    world.tiktok().world().move_account(&b.id, Owner::business_center(RETAIL)).unwrap();
    println!("moved: {}", brief(&ana.activate(&b, Value::Null).await));
    println!("moved forced: {}", brief(&ana.activate(&b, json!({"force": true})).await));
    let c = Account { login: "carlos", ..Account::new(23) };
    world.at_tiktok(&c);
    world.import(&[&c], None).await;
    println!("unconnected: {}", brief(&ana.activate(&c, Value::Null).await));
    world.tiktok().world().delete_account(&c.id).unwrap();
    println!("deleted: {}", brief(&ana.activate(&c, Value::Null).await));
    // slow
    let d = world.unconnected(24).await;
    let f = world.tiktok().add_fault(Fault::new(FaultKind::Hang)).unwrap();
    let t = std::time::Instant::now();
    println!("hang: {} {:?}", brief(&ana.activate(&d, Value::Null).await), t.elapsed());
    world.tiktok().clear_faults();
    world.dynamodb.strike(Break::nth("BatchGetItem", 2), Mode::Hang);
    let t = std::time::Instant::now();
    println!("table hang: {} {:?}", brief(&ana.activate(&d, Value::Null).await), t.elapsed());
    for code in [40113, 50000, 40100, 40999] {
        world.tiktok().add_fault(Fault::new(FaultKind::Code{code, message: None})).unwrap();
        println!("{code}: {}", brief(&ana.activate(&d, Value::Null).await));
        println!("  validate {code}: {}", ana.validate(&a).await.expect(200)["causes"]);
        world.tiktok().clear_faults();
    }
    println!("{:?} {:?}", world.kinds_of(&a), world.kinds_of(&b));
    world.finish().await;
}

#[tokio::test]
async fn t18() {
    let world = TestWorld::start().await;
    let account = world.active(31).await;
    let ana = world.as_(&ANA);
    world.tiktok().world().revoke_authorization("ana", world.local.tiktok.app_id()).unwrap();
    // Hold the validation's answers.
    let f = world.tiktok().add_fault(Fault::new(FaultKind::Hold).on("/oauth2/advertiser/get/").times(1)).unwrap();
    let (v, r) = futures_join2(
        ana.validate(&account),
        async {
            tokio::time::sleep(std::time::Duration::from_millis(300)).await;
            let r = world.reconnect(&account, &ANA, Consent::by("ana")).await;
            world.tiktok().clear_faults();
            r
        },
    ).await;
    println!("reconnect {} {}", r.status, r.body["outcome"]);
    println!("validate {} {} {}", v.status, v.body["verdict"], v.body["status"]);
    println!("{:?}", world.kinds_of(&account));
    world.finish().await;
}

async fn futures_join2<A: std::future::Future, B: std::future::Future>(a: A, b: B) -> (A::Output, B::Output) { tokio::join!(a, b) }

#[tokio::test]
async fn secrets_down() {
    let world = TestWorld::start().await;
    let account = world.lapsed(41).await;
    let healthy = world.active(42).await;
    let ana = world.as_(&ANA);
    let ring = world.local.secrets.current("reconnect/token-keyring").unwrap();
    world.local.secrets.put("reconnect/token-keyring", r#"{"writer":"k9","keys":{"k9":"AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE="}}"#);
    for f in ["start-activation", "validate-permissions"] { world.local.functions.kill(f).await.unwrap(); }
    world.tiktok().clear_log();
    let v = ana.validate(&healthy).await;
    println!("{} {} {} {}", v.body["verdict"], v.body["status"], v.body["causes"][0]["cause"], v.body["findings"][0]);
    println!("{}", brief(&ana.activate(&account, Value::Null).await));
    println!("tiktok calls {}", world.tiktok().total_calls());
    world.local.secrets.put("reconnect/token-keyring", &ring);
    world.local.secrets.set_outage(local::secrets_manager::Outage::default());
    world.finish().await;
}
