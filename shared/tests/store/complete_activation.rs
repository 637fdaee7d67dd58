//! Activations that go on without the person: everything that `check-grant` does with them, against a table and a TikTok.

use std::cell::Cell;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use domain::access::{Belonging, Reach};
use domain::account::AdAccount;
use domain::activation::{Activation, LineOutcome, PENDING_LIFE, Shown, State, VERIFY_LEASE};
use domain::causes::CauseCode;
use domain::checks::{Endpoint, Evidence};
use domain::scopes::Scopes;
use jiff::{SignedDuration, Timestamp};
use secrecy::SecretString;
use shared::finishing::{Budget, FinishError, Finisher};
use shared::sealing::{AccessToken, Purpose};
use shared::secrets::{FetchError, SecretSource, TikTokApp, TokenKeys};
use shared::store::complete_activation::{Candidate, Record};
use shared::store::live::LiveActivations;
use shared::tiktok::TikTok;
use shared::tls::{ExtraRoots, tiktok_client};
use tiktok_stand_in::{AdAccounts, App, BcRole, BusinessCenter, Fault, Membership, Options, Owner, Person, StandIn};

use crate::world::{World, advertiser_id, an_account, lapsed, now, org};

const APP_ID: &str = "7300000000000000031";
const SECRET: &str = "5ec2e70123456789012345678901234567890123";
const RING: &str = r#"{"writer": "k1", "keys": {"k1": "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE="}}"#;
const CENTER: &str = "7200000000000000021";
const SCOPES: [u64; 2] = [1, 4];
const INFO: &str = "/advertiser/info/";

thread_local! {
    /// Each test has a thread of its own, and so a time of its own.
    static TIME: Cell<Timestamp> = Cell::new(now());
}

/// The app's credentials and the token keyring, unless Secrets Manager is down.
#[derive(Default)]
struct Secrets {
    is_down: AtomicBool,
}

impl SecretSource for Secrets {
    fn fetch<'a>(&'a self, id: &'a str) -> Pin<Box<dyn Future<Output = Result<SecretString, FetchError>> + Send + 'a>> {
        let text =
            if id == "ring" { RING.to_owned() } else { format!(r#"{{"app_id": "{APP_ID}", "secret": "{SECRET}"}}"#) };
        let is_down = self.is_down.load(Ordering::Relaxed);
        Box::pin(async move { if is_down { Err("down".into()) } else { Ok(text.into()) } })
    }
}

/// Three lapsed accounts of one Business Center, two in Germany and one in France; Ana consents for all.
struct Scene {
    world: World,
    tiktok: StandIn,
    secrets: Arc<Secrets>,
    finisher: Finisher,
    activation: Activation,
}

fn account(number: usize, market: &str) -> AdAccount {
    let belonging = Belonging { market: Some(market.parse().unwrap()), ..Belonging::default() };
    AdAccount { belonging, standing: lapsed(), ..an_account(number) }
}

impl Scene {
    async fn new(also_business_center: bool) -> Self {
        let world = World::start().await;
        world.with(&[account(1, "de"), account(2, "de"), account(3, "fr")]).await;
        let tiktok = StandIn::start(([127, 0, 0, 1], 0).into(), Options::default()).await.unwrap();
        {
            let mut there = tiktok.handle().world();
            there.add_app(App::new(APP_ID, SECRET, ["https://api.example/callback"], SCOPES)).unwrap();
            there.add_person(Person::new("ana")).unwrap();
            there.add_business_center(BusinessCenter::new(CENTER, "Shop Group")).unwrap();
            there.set_membership(CENTER, Membership::joined("ana", BcRole::Admin)).unwrap();
            for number in 1..=3 {
                let id = advertiser_id(number).to_string();
                let owned = tiktok_stand_in::AdAccount::new(&*id, "Shop", Owner::business_center(CENTER));
                there.add_ad_account(owned).unwrap();
            }
        }
        let secrets = Arc::new(Secrets::default());
        let base: url::Url = tiktok.base_url().parse().unwrap();
        let finisher = Finisher {
            table: world.table.clone(),
            tiktok: TikTok::new(tiktok_client(&ExtraRoots::default()).unwrap(), base.clone(), base, || TIME.get()),
            app: TikTokApp::new(secrets.clone(), "app".to_owned()),
            tokens: TokenKeys::new(secrets.clone(), "ring".to_owned()),
            check_interval: SignedDuration::from_hours(6),
            clock: || TIME.get(),
        };
        let activation = Activation {
            activation_id: format!("act_{}", "a".repeat(43)).parse().unwrap(),
            org_id: org(),
            advertiser_id: advertiser_id(1),
            started_by: "mira".parse().unwrap(),
            started_by_display: None,
            started_at: now(),
            expires_at: now() + SignedDuration::from_mins(15),
            also_business_center,
            reach: Reach::parse("market:de").unwrap(),
            grant_at_start: None,
            state: State::Waiting,
        };
        world.table.start(&activation, &LiveActivations::default(), None, now()).await.unwrap();
        let scene = Self { world, tiktok, secrets, finisher, activation };
        let waiting = scene.record().await.stored;
        let claimed = waiting.activation.clone().claim(now()).unwrap();
        scene.world.table.move_on(&waiting, claimed, "w1").await.unwrap();
        scene
    }

    /// The process died as soon as the candidate was stored.
    async fn left_pending(also_business_center: bool) -> Self {
        let scene = Self::new(also_business_center).await;
        let made = scene.tiktok.handle().authorize("ana", APP_ID, SCOPES, AdAccounts::All).unwrap();
        let token = AccessToken::try_from(made.access_token).unwrap();
        let grant_id = scene.finisher.fresh_grant_id();
        let vault = scene.finisher.vault().await.unwrap();
        let candidate = Candidate {
            token_fingerprint: token.fingerprint(),
            scopes: Scopes::new(SCOPES),
            exchange: Evidence { endpoint: Endpoint::Exchange, code: Some(0), request_id: None, asked_at: now() },
            sealed_token: vault.seal(&token, &scene.finisher.binding(&org(), &grant_id, Purpose::Candidate)),
            grant_id,
        };
        let exchanging = scene.record().await.stored;
        let kept = exchanging.activation.clone().exchanged(now()).unwrap();
        scene.world.table.keep_candidate(&exchanging, kept, &candidate).await.unwrap();
        scene
    }

    async fn record(&self) -> Record {
        self.world.table.activation(&self.activation.activation_id).await.unwrap().unwrap()
    }

    async fn account(&self, number: usize) -> AdAccount {
        self.world.table.account_and_grant(&org(), &advertiser_id(number), None).await.unwrap().0.unwrap()
    }

    async fn active(&self) -> [bool; 3] {
        [self.account(1).await.is_active(), self.account(2).await.is_active(), self.account(3).await.is_active()]
    }

    fn tiktok_is_down(&self) {
        self.tiktok.handle().add_fault(Fault::code(50_000).on(INFO)).unwrap();
    }

    fn tiktok_is_back(&self) {
        self.tiktok.handle().clear_faults();
    }

    /// Somebody goes on with it at that time.
    async fn go_on_at(&self, time: Timestamp) -> Record {
        TIME.set(time);
        self.finisher.go_on(&self.activation.activation_id, Budget::new(None)).await.unwrap();
        self.record().await
    }

    /// As often as it is due, for as long as it is. Gives the seconds since the exchange.
    async fn go_on_to_the_end(&self) -> (Record, Vec<i64>) {
        let (mut record, mut times) = (self.record().await, Vec::new());
        while let Some(due_at) = record.stored.activation.due_at() {
            assert!(due_at >= TIME.get(), "it is due again at once: {record:?}");
            times.push(due_at.duration_since(now()).as_secs());
            record = self.go_on_at(due_at).await;
        }
        (record, times)
    }
}

fn shown(record: &Record) -> Shown {
    record.stored.activation.shown(TIME.get())
}

/// The cause in the line of an account that was not reconnected.
fn cause_of(record: &Record, number: usize) -> Option<CauseCode> {
    let line = record.lines.iter().find(|line| line.advertiser_id == advertiser_id(number))?;
    match &line.outcome {
        LineOutcome::Reconnected { .. } => None,
        LineOutcome::NotReconnected { cause } => Some(cause.cause),
    }
}

#[tokio::test]
async fn tiktok_is_slow_to_heal_and_nobody_comes_back() {
    let scene = Scene::left_pending(false).await;
    let busy = scene.go_on_at(now() + VERIFY_LEASE - SignedDuration::from_secs(1)).await;
    assert_eq!((busy.stored.step, scene.tiktok.handle().total_calls()), (2, 0), "somebody may still be at it");

    scene.tiktok_is_down();
    let pending = scene.go_on_at(now() + VERIFY_LEASE).await;
    assert_eq!((shown(&pending), pending.candidate.is_some()), (Shown::Pending, true));
    let due_at = pending.stored.activation.due_at().unwrap();
    assert_eq!(due_at, now() + SignedDuration::from_secs(65));

    scene.tiktok_is_back();
    let done = scene.go_on_at(due_at).await;
    assert_eq!((shown(&done), done.candidate.is_none(), done.lines.len()), (Shown::Reconnected, true, 1));
    assert_eq!(scene.active().await, [true, false, false]);
    let (version, calls) = (scene.account(1).await.version, scene.tiktok.handle().total_calls());
    let again = scene.go_on_at(due_at + SignedDuration::from_secs(1)).await;
    assert_eq!((again.stored.step, scene.account(1).await.version), (done.stored.step, version));
    assert_eq!(scene.tiktok.handle().total_calls(), calls, "what is done needs no question");
}

/// I7, T69: a candidate does not outlive a quarter of an hour, even if each look comes a minute late.
#[tokio::test]
async fn tiktok_does_not_heal_and_it_is_given_up_in_time() {
    let scene = Scene::left_pending(false).await;
    scene.tiktok_is_down();
    let (given_up, times) = scene.go_on_to_the_end().await;
    assert_eq!(shown(&given_up), Shown::GaveUp { cause: CauseCode::TiktokUnavailable.into() });
    assert_eq!((given_up.candidate.is_none(), cause_of(&given_up, 1)), (true, Some(CauseCode::TiktokUnavailable)));
    let last = *times.last().unwrap();
    assert!((12 * 60..=14 * 60).contains(&last) && (8..20).contains(&times.len()), "{times:?}");
    assert_eq!(scene.active().await, [false; 3]);
}

#[tokio::test]
async fn what_nobody_could_look_at_for_too_long_is_given_up_unasked() {
    let scene = Scene::left_pending(false).await;
    let late = scene.go_on_at(now() + PENDING_LIFE).await;
    assert_eq!(shown(&late), Shown::GaveUp { cause: CauseCode::TiktokUnavailable.into() });
    assert_eq!((late.candidate.is_none(), scene.tiktok.handle().total_calls()), (true, 0));
}

#[tokio::test]
async fn a_lost_exchange_ends_without_a_second_one() {
    let scene = Scene::new(false).await;
    let (ended, times) = scene.go_on_to_the_end().await;
    assert_eq!(times, [60]);
    assert_eq!(shown(&ended), Shown::GaveUp { cause: CauseCode::TiktokUnavailable.into() });
    assert_eq!(scene.tiktok.handle().total_calls(), 0);
}

/// T37: nobody is there whose reach could be asked for, and it is kept to all the same.
#[tokio::test]
async fn siblings_follow_within_the_reach_of_whoever_started() {
    let scene = Scene::left_pending(true).await;
    // The account that was asked for is judged, and then TikTok has enough.
    scene.tiktok.handle().add_fault(Fault::code(50_000).on(INFO).skip(1)).unwrap();
    let first = scene.go_on_at(now() + VERIFY_LEASE).await;
    assert_eq!(scene.active().await, [true, false, false]);
    assert_eq!(shown(&first), Shown::Pending);

    scene.tiktok_is_back();
    let (done, times) = scene.go_on_to_the_end().await;
    assert_eq!(times, [70]);
    assert_eq!((shown(&done), done.lines.len()), (Shown::Reconnected, 2));
    assert_eq!(scene.active().await, [true, true, false], "France is not theirs");
    assert_eq!(scene.account(1).await.grant_id, scene.account(2).await.grant_id);
}

#[tokio::test]
async fn siblings_that_tiktok_never_judges_stay_as_they_are() {
    let scene = Scene::left_pending(true).await;
    scene.tiktok.handle().add_fault(Fault::code(50_000).on(INFO).skip(1)).unwrap();
    let (ended, times) = scene.go_on_to_the_end().await;
    assert_eq!(shown(&ended), Shown::Reconnected);
    assert_eq!((cause_of(&ended, 1), cause_of(&ended, 2)), (None, Some(CauseCode::TiktokUnavailable)));
    assert_eq!(scene.active().await, [true, false, false]);
    assert!(times.len() > 5 && *times.last().unwrap() <= 14 * 60, "{times:?}");
}

/// The sweep sends a message twice, and the person comes back at the same moment.
#[tokio::test]
async fn two_at_a_time_reconnect_once() {
    let scene = Scene::left_pending(true).await;
    TIME.set(now() + VERIFY_LEASE);
    let go_on = || scene.finisher.go_on(&scene.activation.activation_id, Budget::new(None));
    let (one, other) = tokio::join!(go_on(), go_on());
    one.unwrap();
    other.unwrap();
    let (done, _) = scene.go_on_to_the_end().await;
    assert_eq!((shown(&done), done.lines.len()), (Shown::Reconnected, 2));
    assert_eq!(scene.active().await, [true, true, false]);
    let grant_id = scene.account(1).await.grant_id.unwrap();
    let (_, grant) = scene.world.table.account_and_grant(&org(), &advertiser_id(1), Some(&grant_id)).await.unwrap();
    assert_eq!(grant.unwrap().grant.ad_accounts, 2);
    assert_eq!(scene.account(1).await.version, 1, "one event");
}

#[tokio::test]
async fn without_its_account_it_ends() {
    let scene = Scene::left_pending(false).await;
    let key = serde_dynamo::to_item(serde_json::json!({
        "pk": format!("ORG#{}", org()), "sk": format!("ACCOUNT#{}", advertiser_id(1))
    }));
    let table = scene.world.table.name();
    scene.world.client.delete_item().table_name(table).set_key(Some(key.unwrap())).send().await.unwrap();
    let (ended, times) = scene.go_on_to_the_end().await;
    assert_eq!((times.len(), ended.candidate.is_none()), (1, true));
    assert_eq!(shown(&ended), Shown::GaveUp { cause: CauseCode::AdAccountNotFound.into() });
}

/// T74: the message is tried again, and nothing was lost.
#[tokio::test]
async fn an_outage_of_ours_is_an_error_and_changes_nothing() {
    let mut scene = Scene::left_pending(false).await;
    let secrets: Arc<dyn SecretSource> = scene.secrets.clone();
    scene.finisher.tokens = TokenKeys::new(secrets, "ring".to_owned());
    scene.secrets.is_down.store(true, Ordering::Relaxed);
    TIME.set(now() + VERIFY_LEASE);
    let before = scene.record().await;
    let failed = scene.finisher.go_on(&scene.activation.activation_id, Budget::new(None)).await;
    assert!(matches!(failed, Err(FinishError::Unready(_))), "{failed:?}");
    assert_eq!(scene.record().await.stored.step, before.stored.step);

    scene.secrets.is_down.store(false, Ordering::Relaxed);
    assert_eq!(shown(&scene.go_on_at(TIME.get()).await), Shown::Reconnected);
}

#[tokio::test]
async fn one_that_does_not_exist_is_no_error() {
    let scene = Scene::new(false).await;
    let unknown = format!("act_{}", "b".repeat(43)).parse().unwrap();
    scene.finisher.go_on(&unknown, Budget::new(None)).await.unwrap();
}
