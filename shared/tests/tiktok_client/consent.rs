//! The authorization URL, the exchange and the revocation.

use std::time::Duration;

use domain::checks::Refusal;
use shared::sealing::{AuthCode, RawState};
use shared::tiktok::{ExchangeFailed, Exchanged};
use tiktok_stand_in::{Consent, Fault, FaultKind, Switches};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpSocket;

use super::support::HANGS_AFTER;
use super::support::{APP_ID, REDIRECT_URI, SCOPES, SECRET, World, app, client, soon, within};

const EXCHANGE: &str = "/oauth2/access_token/";

fn code(text: &str) -> AuthCode {
    text.to_owned().try_into().unwrap()
}

/// Ana clicks through the consent page that our URL leads to.
fn consent(world: &World) -> String {
    let url = world.tiktok.authorization_url(APP_ID, &RawState::from_bytes(&[7; 32]), REDIRECT_URI);
    let outcome = world.at_tiktok().consent(url.as_str(), Consent::by("ana")).unwrap();
    let redirect = outcome.redirect.unwrap();
    redirect.query_pairs().find(|(name, _)| name == "auth_code").unwrap().1.into_owned()
}

async fn refused(world: &World, secret: &str, auth_code: &str) -> Box<ExchangeFailed> {
    world.tiktok.exchange(&app(secret), code(auth_code), soon()).await.unwrap_err()
}

#[tokio::test]
async fn the_authorization_url_has_three_parameters_and_no_more() {
    let state = RawState::from_bytes(&[7; 32]);
    let url =
        client("https://business-api.example.com").authorization_url(APP_ID, &state, "https://a.example/b?c=d&e=f");
    assert_eq!(url.as_str().split('?').next(), Some("https://business-api.example.com/portal/auth"));
    let pairs: Vec<_> = url.query_pairs().into_owned().collect();
    let expected = [("app_id", APP_ID), ("state", state.expose()), ("redirect_uri", "https://a.example/b?c=d&e=f")];
    assert_eq!(pairs, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
}

#[tokio::test]
async fn a_code_becomes_a_token_with_its_scopes() {
    let world = World::new().await;
    let auth_code = consent(&world);
    let Exchanged { token, scopes, evidence } =
        world.tiktok.exchange(&world.app, code(&auth_code), soon()).await.unwrap();
    assert_eq!(scopes.ids().collect::<Vec<_>>(), SCOPES);
    assert_eq!(evidence.code, Some(0));
    assert_eq!(evidence.request_id.map(|id| id.len()), Some(34));
    assert!(world.tiktok.person(&token, soon()).await.answer.is_ok());
}

#[tokio::test]
async fn a_code_works_once() {
    let world = World::new().await;
    let auth_code = consent(&world);
    world.tiktok.exchange(&world.app, code(&auth_code), soon()).await.unwrap();
    let failed = refused(&world, SECRET, &auth_code).await;
    assert_eq!(
        (failed.refusal, failed.evidence.code, failed.suspect_secret),
        (Refusal::CodeRejected, Some(40110), false)
    );
}

/// T73: a wrong secret is never blamed on the person.
#[tokio::test]
async fn t73_a_rotated_secret_is_our_fault_and_casts_doubt_on_the_cached_one() {
    let world = World::new().await;
    let failed = refused(&world, "0123456789012345678901234567890123456789", &consent(&world)).await;
    assert_eq!((failed.refusal, failed.suspect_secret), (Refusal::AppMisconfigured, true));
    world.at_tiktok().world().set_app_blocked(APP_ID, true).unwrap();
    let failed = refused(&world, SECRET, "0123456789012345678901234567890123456789").await;
    assert_eq!(
        (failed.refusal, failed.evidence.code, failed.suspect_secret),
        (Refusal::AppMisconfigured, Some(40113), true)
    );
}

#[tokio::test]
async fn a_code_that_never_was_one_is_rejected_whatever_code_tiktok_has_for_it() {
    for malformed_code in [40110, 40101, 40002, 40115] {
        let world = World::with(Switches { malformed_code, ..Switches::default() }).await;
        let failed = refused(&world, SECRET, "not-a-code").await;
        assert_eq!((failed.refusal, failed.evidence.code), (Refusal::CodeRejected, Some(malformed_code)));
    }
}

/// T58: TikTok spent the code and the answer was lost. It is not asked a second time.
#[tokio::test]
async fn t58_an_exchange_whose_answer_is_lost_is_not_repeated() {
    for kind in [
        FaultKind::Reset,
        FaultKind::TruncatedBody,
        FaultKind::BadGatewayHtml,
        FaultKind::TooManyRequests,
        FaultKind::Status { status: 503 },
        FaultKind::Code { code: 40100, message: None },
        FaultKind::Code { code: 50002, message: None },
        FaultKind::DataNull,
        FaultKind::CodeAsString,
    ] {
        let world = World::new().await;
        let auth_code = consent(&world);
        world.at_tiktok().add_fault(Fault::new(kind.clone()).on(EXCHANGE).after_processing()).unwrap();
        let failed = refused(&world, SECRET, &auth_code).await;
        assert!(failed.refusal.is_passing(), "{kind:?}: {:?}", failed.refusal);
        assert_eq!(world.at_tiktok().exchanges(), 1, "{kind:?}");
    }
}

#[tokio::test]
async fn t58_an_exchange_that_hangs_ends_with_the_deadline_and_is_not_repeated() {
    let world = World::new().await;
    let auth_code = consent(&world);
    world.at_tiktok().add_fault(Fault::new(FaultKind::Hang).on(EXCHANGE)).unwrap();
    let asked = world.tiktok.exchange(&world.app, code(&auth_code), within(400));
    let failed = tokio::time::timeout(HANGS_AFTER, asked).await.expect("ends").unwrap_err();
    assert_eq!((failed.refusal, failed.evidence.code), (Refusal::Unavailable, None));
    assert_eq!(world.at_tiktok().exchanges(), 1);
}

#[tokio::test]
async fn an_exchange_without_time_left_is_not_begun() {
    let world = World::new().await;
    let auth_code = consent(&world);
    world.tiktok.person(&world.token, soon()).await.answer.expect("leaves an open connection behind");
    let failed = world.tiktok.exchange(&world.app, code(&auth_code), within(0)).await.unwrap_err();
    assert_eq!(failed.refusal, Refusal::Unavailable);
    // Whatever was sent is there before this.
    world.tiktok.person(&world.token, soon()).await.answer.expect("the connection is still good");
    assert_eq!(world.at_tiktok().exchanges(), 0);
}

/// A port of our own that refuses connections until somebody listens to it.
fn deaf_port() -> (TcpSocket, String) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(([127, 0, 0, 1], 0).into()).unwrap();
    let url = format!("http://{}", socket.local_addr().unwrap());
    (socket, url)
}

/// Nobody listened, so the code is unspent: trying again is safe.
#[tokio::test]
async fn an_exchange_is_repeated_while_no_connection_comes_about() {
    let (socket, url) = deaf_port();
    let tiktok = client(&url);
    let exchange = tokio::spawn(async move { tiktok.exchange(&app(SECRET), code("0ne-c0de"), soon()).await });
    tokio::time::sleep(Duration::from_millis(100)).await;
    let listener = socket.listen(1).unwrap();
    let (mut connection, _) = listener.accept().await.unwrap();
    let mut request = vec![0; 4096];
    let length = connection.read(&mut request).await.unwrap();
    let request = String::from_utf8_lossy(&request[..length]);
    assert!(request.starts_with("POST /open_api/v1.3/oauth2/access_token/ HTTP/1.1\r\n"), "{request}");
    let answer = r#"{"code":40110,"message":"The auth_code is canceled.","data":{}}"#;
    let head = format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n", answer.len());
    connection.write_all((head + answer).as_bytes()).await.unwrap();
    assert_eq!(exchange.await.unwrap().unwrap_err().refusal, Refusal::CodeRejected);
}

#[tokio::test]
async fn an_exchange_with_nobody_there_ends() {
    let (_socket, url) = deaf_port();
    let failed = client(&url).exchange(&app(SECRET), code("x"), soon()).await.unwrap_err();
    assert_eq!((failed.refusal, failed.evidence.code), (Refusal::Unavailable, None));
}

#[tokio::test]
async fn a_revoked_token_is_dead_everywhere() {
    let world = World::new().await;
    let revoked = world.tiktok.revoke(&world.app, &world.token, soon()).await;
    assert_eq!((revoked.answer, revoked.evidence.code), (Ok(()), Some(0)));
    let again = world.tiktok.revoke(&world.app, &world.token, soon()).await;
    assert_eq!(again.refusal(), Some(Refusal::TokenDead));
    let authorized = world.tiktok.authorized(&world.app, &world.token, soon()).await;
    assert_eq!((authorized.refusal(), authorized.evidence.code), (Some(Refusal::TokenDead), Some(40105)));
    assert_eq!(world.at_tiktok().calls("/oauth2/advertiser/get/"), 1, "a dead token is not asked about twice");
}
