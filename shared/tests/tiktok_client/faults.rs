//! TikTok is down, slow, lying or hostile: nothing of it may look like a fact about a user.

use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use domain::checks::{Asked, Refusal};
use tiktok_stand_in::{Fault, FaultKind};
use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;
use tokio::time::{Instant, timeout};
use tracing_subscriber::fmt::MakeWriter;

use super::support::HANGS_AFTER;
use super::support::{ACCOUNTS, SECRET, World, access_token, account, add_accounts, app, client, shop, soon, within};

const READS: [&str; 8] = [
    "/oauth2/advertiser/get/",
    "/advertiser/info/",
    "/user/info/",
    "/bc/get/",
    "/bc/asset/get/",
    "/bc/asset/admin/get/",
    "/bc/member/get/",
    "/report/integrated/get/",
];

/// Asks one of [`READS`] and returns what went wrong, if anything.
async fn ask(world: &World, endpoint: &str, deadline: Instant) -> Option<Refusal> {
    fn refusal<T>(asked: &Asked<T>) -> Option<Refusal> {
        asked.refusal()
    }
    let (tiktok, token, id) = (&world.tiktok, &world.token, account(ACCOUNTS[0]));
    match endpoint {
        "/oauth2/advertiser/get/" => refusal(&tiktok.authorized(&world.app, token, deadline).await),
        "/advertiser/info/" => refusal(&tiktok.info(token, &id, deadline).await),
        "/user/info/" => refusal(&tiktok.person(token, deadline).await),
        "/bc/get/" => refusal(&tiktok.business_centers(token, deadline).await),
        "/bc/asset/get/" => refusal(&tiktok.reachable(token, &shop(), deadline).await),
        "/bc/asset/admin/get/" => refusal(&tiktok.owned(token, &shop(), None, deadline).await),
        "/bc/member/get/" => refusal(&tiktok.members(token, &shop(), deadline).await),
        _ => refusal(&tiktok.report(token, &id, deadline).await),
    }
}

fn body(body: &str) -> FaultKind {
    FaultKind::Body {
        status: 200,
        content_type: "application/json".to_owned(),
        headers: [].into(),
        body: body.to_owned(),
    }
}

/// T53, T57, T61: every bad shape at every read is "unavailable" or "throttled".
#[tokio::test]
async fn t57_no_fault_at_any_read_looks_like_an_answer() {
    let world = World::new().await.that_asks_once();
    let gzip = FaultKind::Body {
        status: 200,
        content_type: "application/json".to_owned(),
        headers: [("content-encoding".to_owned(), "gzip".to_owned())].into(),
        body: "\u{1f}\u{8b}\u{8}".to_owned(),
    };
    let faults = [
        FaultKind::Status { status: 500 },
        FaultKind::Status { status: 403 },
        FaultKind::BadGatewayHtml,
        FaultKind::Reset,
        FaultKind::TruncatedBody,
        FaultKind::GarbageJson,
        FaultKind::HugeBody { bytes: 17 << 20 },
        FaultKind::HugeBody { bytes: 1 << 40 },
        FaultKind::DeepNesting { depth: 200_000 },
        FaultKind::DataNull,
        FaultKind::CodeAsString,
        FaultKind::PartialList,
        FaultKind::WrongContentType { content_type: "text/html".to_owned() },
        FaultKind::WrongContentType { content_type: "application/json; charset=gb18030".to_owned() },
        FaultKind::Remove { pointer: "/data".to_owned() },
        FaultKind::Remove { pointer: "/code".to_owned() },
        FaultKind::Redirect { status: 302, location: "/".to_owned() },
        FaultKind::Code { code: 20001, message: None },
        FaultKind::Code { code: 51008, message: Some("Service error:".to_owned()) },
        body(""),
        body("null"),
        gzip,
    ];
    for kind in faults {
        for endpoint in READS {
            world.at_tiktok().clear_log();
            world.at_tiktok().clear_faults();
            world.at_tiktok().add_fault(Fault::new(kind.clone()).on(endpoint)).unwrap();
            let refusal = ask(&world, endpoint, soon()).await;
            assert_eq!(refusal, Some(Refusal::Unavailable), "{kind:?} {endpoint}");
        }
    }
    for kind in [
        FaultKind::TooManyRequests,
        FaultKind::Code { code: 40100, message: None },
        FaultKind::Code { code: 40132, message: None },
    ] {
        for endpoint in READS {
            world.at_tiktok().clear_faults();
            world.at_tiktok().add_fault(Fault::new(kind.clone()).on(endpoint)).unwrap();
            assert_eq!(ask(&world, endpoint, soon()).await, Some(Refusal::Throttled), "{kind:?} {endpoint}");
        }
    }
    world.at_tiktok().clear_faults();
    for endpoint in READS {
        assert_eq!(ask(&world, endpoint, soon()).await, None, "{endpoint}");
    }
}

#[tokio::test]
async fn t57_a_read_is_tried_three_times_and_no_more() {
    for kind in [FaultKind::Status { status: 502 }, FaultKind::Code { code: 40100, message: None }, FaultKind::Reset] {
        let world = World::new().await;
        world.at_tiktok().add_fault(Fault::new(kind.clone()).on("/user/info/").times(2)).unwrap();
        assert_eq!(ask(&world, "/user/info/", soon()).await, None, "{kind:?}");
        assert_eq!(world.at_tiktok().calls("/user/info/"), 3);
        world.at_tiktok().add_fault(Fault::new(kind).on("/user/info/")).unwrap();
        assert!(ask(&world, "/user/info/", soon()).await.is_some());
        assert_eq!(world.at_tiktok().calls("/user/info/"), 6);
    }
}

#[tokio::test]
async fn a_definitive_refusal_is_not_asked_about_again() {
    for code in [40001, 40105, 40113, 40300, 49999] {
        let world = World::new().await;
        world.at_tiktok().add_fault(Fault::code(code).on("/user/info/")).unwrap();
        assert!(ask(&world, "/user/info/", soon()).await.is_some());
        assert_eq!(world.at_tiktok().calls("/user/info/"), 1, "{code}");
    }
}

/// T59: codes about our app are our fault at every endpoint.
#[tokio::test]
async fn t59_app_level_codes_are_our_fault_everywhere() {
    let world = World::new().await;
    for code in [40006, 40051, 40101, 40104, 40113, 40124, 40125, 40400, 41000, 41001, 41002] {
        world.at_tiktok().clear_faults();
        world.at_tiktok().add_fault(Fault::code(code)).unwrap();
        for endpoint in READS {
            assert_eq!(ask(&world, endpoint, soon()).await, Some(Refusal::AppMisconfigured), "{code} {endpoint}");
        }
    }
}

/// Only one list has no pages. It may be long, and take TikTok as long as there is time: thousands of ad accounts at a large
/// agency. Everything else is given up in time for another try.
#[tokio::test]
async fn the_list_without_pages_may_be_slow() {
    let world = World::new().await;
    world.at_tiktok().add_fault(Fault::new(FaultKind::Latency { milliseconds: 6_500 })).unwrap();
    let slow = ask(&world, "/oauth2/advertiser/get/", within(12_000));
    let other = ask(&world, "/user/info/", within(12_000));
    assert_eq!(futures::join!(slow, other), (None, Some(Refusal::Unavailable)));
    assert_eq!((world.at_tiktok().calls("/oauth2/advertiser/get/"), world.at_tiktok().calls("/user/info/")), (1, 2));
}

#[tokio::test]
async fn the_list_without_pages_may_be_long() {
    let world = World::new().await.that_asks_once();
    let added = add_accounts(&world, 30_000);
    let token = world.token_of("ana", [1, 4]);
    let asked = world.tiktok.authorized(&world.app, &token, soon()).await;
    assert_eq!(asked.value().map(std::collections::BTreeSet::len), Some(30_000 + ACCOUNTS.len()));
    assert!(added.iter().all(|id| asked.value().unwrap().contains(id)));
    // A megabyte is too much for every other answer.
    for endpoint in READS {
        world.at_tiktok().clear_faults();
        world.at_tiktok().add_fault(Fault::new(FaultKind::HugeBody { bytes: 3 << 20 }).on(endpoint)).unwrap();
        let is_long = endpoint == "/oauth2/advertiser/get/";
        assert_eq!(ask(&world, endpoint, soon()).await, (!is_long).then_some(Refusal::Unavailable), "{endpoint}");
    }
}

/// T67: nothing that TikTok does holds an answer beyond the deadline.
#[tokio::test]
async fn t67_a_deadline_is_kept_whatever_hangs() {
    let world = World::new().await;
    for kind in [
        FaultKind::Hang,
        FaultKind::Latency { milliseconds: 60_000 },
        FaultKind::SlowBody { chunk_bytes: 1, milliseconds: 50 },
    ] {
        world.at_tiktok().clear_faults();
        world.at_tiktok().add_fault(Fault::new(kind.clone())).unwrap();
        let shop = shop();
        let asked = world.tiktok.grant_evidence(&world.app, &world.token, &shop, within(500));
        let grant = timeout(HANGS_AFTER, asked).await.unwrap_or_else(|_| panic!("{kind:?} holds it up"));
        assert_eq!(grant.authorized.refusal(), Some(Refusal::Unavailable));
        assert_eq!(grant.owned.refusal(), Some(Refusal::Unavailable));
        assert_eq!(grant.authorized.evidence.code, None);
    }
}

/// T44: whoever stops waiting stops asking.
#[tokio::test]
async fn t44_dropping_a_question_closes_its_connection() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let tiktok = client(&format!("http://{}", listener.local_addr().unwrap()));
    let question = tokio::spawn(async move { tiktok.person(&access_token("token"), soon()).await });
    let (mut connection, _) = listener.accept().await.unwrap();
    let mut request = vec![0; 4096];
    assert_ne!(connection.read(&mut request).await.unwrap(), 0);
    question.abort();
    let mut rest = Vec::new();
    timeout(Duration::from_secs(5), connection.read_to_end(&mut rest)).await.expect("closed").ok();
}

/// T60: a redirect does not carry our secret, a code or a token anywhere.
#[tokio::test]
async fn t60_redirects_are_not_followed() {
    let world = World::new().await.that_asks_once();
    let elsewhere = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let location = format!("http://{}/", elsewhere.local_addr().unwrap());
    for status in [301, 302, 303, 307, 308] {
        world.at_tiktok().clear_faults();
        let redirect = FaultKind::Redirect { status, location: location.clone() };
        world.at_tiktok().add_fault(Fault::new(redirect)).unwrap();
        assert_eq!(ask(&world, "/oauth2/advertiser/get/", soon()).await, Some(Refusal::Unavailable), "{status}");
        let code = "0123456789012345678901234567890123456789".to_owned().try_into().unwrap();
        let failed = world.tiktok.exchange(&world.app, code, soon()).await.unwrap_err();
        assert_eq!(failed.refusal, Refusal::Unavailable, "{status}");
    }
    assert!(timeout(Duration::from_millis(200), elsewhere.accept()).await.is_err(), "somebody came");
}

#[derive(Clone, Default)]
struct Captured(Arc<Mutex<Vec<u8>>>);

impl Write for Captured {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Captured {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

/// T78, I4: nothing secret, and no text of TikTok's, is in a log at the most verbose level or in what is returned.
#[tokio::test]
async fn t78_nothing_leaks_when_everything_fails() {
    let captured = Captured::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::level_filters::LevelFilter::TRACE)
        .with_writer(captured.clone())
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let world = World::new().await;
    let code = "c4n4ryc0de";
    let mut returned = Vec::new();
    for kind in [
        FaultKind::Code { code: 40001, message: Some("c4n4ry-upstream".to_owned()) },
        body(
            r#"{"code":50000,"message":"c4n4ry-upstream","request_id":"c4n4ry-upstream <","data":{"access_token":"c4n4ry-upstream"}}"#,
        ),
        body(r#"{"code":0,"data":{"access_token":["c4n4ry-upstream"]}}"#),
        FaultKind::Status { status: 500 },
        FaultKind::Reset,
        FaultKind::Hang,
    ] {
        world.at_tiktok().clear_faults();
        world.at_tiktok().add_fault(Fault::new(kind)).unwrap();
        let grant = world.tiktok.grant_evidence(&world.app, &world.token, &shop(), within(150)).await;
        let failed = world.tiktok.exchange(&world.app, code.to_owned().try_into().unwrap(), within(150)).await;
        let shown = failed.as_ref().map_err(ToString::to_string);
        returned.push(format!("{grant:?} {failed:?} {shown:?} {:?}", world.app));
    }
    let nobody = client("http://127.0.0.1:1");
    returned.push(format!("{:?}", nobody.authorized(&app(SECRET), &world.token, within(150)).await));
    let returned = returned.join("\n");
    let logs = String::from_utf8(captured.0.lock().unwrap().clone()).unwrap();
    assert!(logs.contains("TikTok"), "the log was captured: {logs}");
    for secret in [SECRET, world.token.expose(), code, "c4n4ry-upstream"] {
        assert!(!logs.contains(secret), "{secret} was logged: {logs}");
        assert!(!returned.contains(secret), "{secret} was returned: {returned}");
    }
}
