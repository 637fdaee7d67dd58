//! One check of a whole grant: how many questions it takes, and that it comes to the same verdicts as asking about each
//! ad account by itself.

use std::collections::BTreeSet;

use domain::business_center::Member;
use domain::causes::CauseCode;
use domain::checks::{Endpoint, Evidence, Gathered, Refusal};
use domain::diagnosis::{Diagnosis, Verdict, diagnose};
use domain::examine::{Occasion, Subject};
use domain::grant_evidence::{CenterEvidence, CheckEvidence};
use domain::ids::{AdvertiserId, BusinessCenterId};
use domain::scopes::Scopes;
use shared::judging::judge;
use shared::sealing::AccessToken;
use shared::tiktok::{Inquiry, Pace, suspects_secret};
use tiktok_stand_in::{
    AccountStatus, AdAccount, AdAccounts, BcRole, Fault, FaultKind, Owner, RelationStatus, Switches,
    switches::ForeignId,
};

use super::support::{
    ACCOUNTS, APP_ID, OTHER, SECRET, SHOP, World, access_token, account, add_accounts, app, member, now, shop, soon,
    within,
};

const INFO: &str = "/advertiser/info/";
const REPORT: &str = "/report/integrated/get/";

/// Ad accounts, each with its original Business Center.
type Connected = Vec<(AdvertiserId, BusinessCenterId)>;

fn of_the_shop(accounts: impl IntoIterator<Item = AdvertiserId>) -> Connected {
    accounts.into_iter().map(|account| (account, shop())).collect()
}

fn the_three() -> Connected {
    of_the_shop(ACCOUNTS.map(account))
}

impl World {
    async fn sweep(&self, token: &AccessToken, accounts: &Connected, sample: usize) -> CheckEvidence {
        self.sweep_with_struck(token, accounts, sample, &[]).await
    }

    async fn sweep_with_struck(
        &self,
        token: &AccessToken,
        accounts: &Connected,
        sample: usize,
        struck: &[AdvertiserId],
    ) -> CheckEvidence {
        let struck = struck.iter().cloned().collect();
        let inquiry = Inquiry { accounts, sample, struck: &struck, with_person: false };
        self.tiktok.clone().without_retries().check_evidence(&self.app, token, inquiry, soon()).await
    }

    /// The three accounts, asked about with Ana's token.
    async fn sweep_three(&self) -> CheckEvidence {
        self.sweep(&self.token, &the_three(), 0).await
    }
}

/// What the exchange said.
struct Exchanged {
    scopes: Scopes,
    evidence: Evidence,
}

impl Exchanged {
    fn with(scopes: &[u64]) -> Self {
        let evidence = Evidence { endpoint: Endpoint::Exchange, code: Some(0), request_id: None, asked_at: now() };
        Self { scopes: Scopes::new(scopes.iter().copied()), evidence }
    }

    fn subject<'a>(&'a self, advertiser_id: &'a AdvertiserId, original: &'a BusinessCenterId) -> Subject<'a> {
        Subject {
            advertiser_id,
            original,
            scopes: &self.scopes,
            scope_evidence: &self.evidence,
            occasion: Occasion::Check,
        }
    }

    fn diagnoses(&self, evidence: &CheckEvidence) -> Vec<(AdvertiserId, Diagnosis)> {
        let mut all = Vec::new();
        for CenterEvidence { business_center_id, grant, accounts, .. } in &evidence.centers {
            for (id, account) in accounts {
                let diagnosis = diagnose(self.subject(id, business_center_id), Gathered { grant, account });
                all.push((id.clone(), diagnosis));
            }
        }
        all
    }
}

/// Verdict and causes of each account, in words.
fn verdicts(evidence: &CheckEvidence) -> Vec<(&'static str, Vec<CauseCode>)> {
    Exchanged::with(&[1, 4]).diagnoses(evidence).iter().map(|(_, diagnosis)| in_words(&diagnosis.verdict)).collect()
}

fn in_words(verdict: &Verdict) -> (&'static str, Vec<CauseCode>) {
    (verdict.name(), verdict.causes().iter().map(|cause| cause.cause).collect())
}

#[tokio::test]
async fn calls_grow_with_pages_and_not_with_accounts() {
    for (count, calls) in [(1_usize, 6), (49, 6), (50, 7), (51, 8), (500, 25)] {
        let world = World::new().await;
        let added = add_accounts(&world, count.max(3) as u64 - 3);
        let token = world.token_of("ana", [1, 4]);
        let accounts = of_the_shop(ACCOUNTS.map(account).into_iter().chain(added).take(count));
        assert_eq!(accounts.len(), count);
        for (with_person, calls) in [(false, calls), (true, calls + 1)] {
            world.at_tiktok().clear_log();
            let inquiry = Inquiry { accounts: &accounts, sample: 7, struck: &BTreeSet::new(), with_person };
            let evidence = world.tiktok.check_evidence(&world.app, &token, inquiry, soon()).await;
            assert_eq!(world.at_tiktok().total_calls(), calls, "{count} accounts, person: {with_person}");
            let person = &evidence.centers[0].grant.person;
            assert_eq!(person.refusal(), (!with_person).then_some(Refusal::NotAsked));
            let verdicts = verdicts(&evidence);
            assert_eq!(verdicts.len(), count);
            assert!(verdicts.iter().all(|verdict| *verdict == ("connected", vec![])));
        }
    }
}

#[tokio::test]
async fn each_business_center_is_asked_about_once() {
    let world = World::new().await;
    {
        let mut there = world.at_tiktok().world();
        there.set_membership(OTHER, member("ana", BcRole::Admin, RelationStatus::Bound)).unwrap();
        for id in ["7123456789012345690", "7123456789012345691"] {
            there.add_ad_account(AdAccount::new(id, "Theirs", Owner::business_center(OTHER))).unwrap();
        }
    }
    let other: BusinessCenterId = OTHER.parse().unwrap();
    let token = world.token_of("ana", [1, 4]);
    let mut accounts = the_three();
    accounts.insert(1, (account("7123456789012345690"), other.clone()));
    accounts.push((account("7123456789012345691"), other.clone()));
    let evidence = world.sweep(&token, &accounts, 0).await;
    assert_eq!(world.at_tiktok().total_calls(), 6 + 2);
    assert!(verdicts(&evidence).iter().all(|verdict| verdict.0 == "connected"));
    let shape = evidence.centers.iter().map(|center| (center.business_center_id.clone(), center.accounts.len()));
    assert_eq!(shape.collect::<Vec<_>>(), [(shop(), 3), (other, 2)]);
    let someone = |name: &str| Some(vec![Member { display_name: Some(name.to_owned()), is_admin: true }]);
    assert_eq!(evidence.centers[0].admins, someone("ana"), "ben is no Admin");
    assert_eq!(evidence.centers[1].admins.as_ref().map(Vec::len), Some(2));
}

#[tokio::test]
async fn a_dead_token_is_said_twice_and_nothing_else_is_asked() {
    let world = World::new().await;
    world.at_tiktok().world().revoke_token(world.token.expose()).unwrap();
    let evidence = world.sweep_three().await;
    assert_eq!(world.at_tiktok().total_calls(), 2);
    assert!(evidence.refused(Refusal::TokenDead) && !evidence.refused(Refusal::NotAsked));
    for (_, diagnosis) in Exchanged::with(&[1, 4]).diagnoses(&evidence) {
        let Verdict::Lapsed { corroborated, .. } = &diagnosis.verdict else { panic!("{diagnosis:?}") };
        assert!(*corroborated);
        assert_eq!(in_words(&diagnosis.verdict).1, [CauseCode::AuthorizationRevoked]);
        let shown = diagnosis.findings.iter().flat_map(|finding| &finding.evidence).map(|one| one.endpoint);
        let asked = [Endpoint::AuthorizedAdAccounts, Endpoint::BusinessCenters, Endpoint::Exchange];
        assert!(shown.into_iter().all(|endpoint| asked.contains(&endpoint)), "{diagnosis:?}");
    }
}

/// T86: whatever is wrong with TikTok or with our app, it costs one call and nobody a connection.
#[tokio::test]
async fn t86_an_outage_is_one_call() {
    for (kind, refusal, cause) in [
        (FaultKind::Status { status: 500 }, Refusal::Unavailable, CauseCode::TiktokUnavailable),
        (FaultKind::Reset, Refusal::Unavailable, CauseCode::TiktokUnavailable),
        (FaultKind::GarbageJson, Refusal::Unavailable, CauseCode::TiktokUnavailable),
        (FaultKind::PartialList, Refusal::Unavailable, CauseCode::TiktokUnavailable),
        (FaultKind::TooManyRequests, Refusal::Throttled, CauseCode::TiktokUnavailable),
        (FaultKind::Code { code: 40100, message: None }, Refusal::Throttled, CauseCode::TiktokUnavailable),
        (FaultKind::Code { code: 40113, message: None }, Refusal::AppMisconfigured, CauseCode::AppMisconfigured),
        (FaultKind::Code { code: 49999, message: None }, Refusal::Unrecognised, CauseCode::Unrecognised),
        (FaultKind::Code { code: 40001, message: None }, Refusal::NotPermitted, CauseCode::Unrecognised),
    ] {
        let world = World::new().await;
        world.at_tiktok().add_fault(Fault::new(kind.clone())).unwrap();
        let evidence = world.sweep_three().await;
        assert_eq!(world.at_tiktok().total_calls(), 1, "{kind:?}");
        assert_eq!(evidence.probe.refusal(), Some(refusal), "{kind:?}");
        assert!(evidence.refused(refusal) && !evidence.refused(Refusal::NotAsked));
        assert_eq!(verdicts(&evidence), vec![("undecided", vec![cause]); 3], "{kind:?}");
    }
}

#[tokio::test]
async fn an_old_app_secret_is_suspected() {
    let mut world = World::new().await;
    assert!(!suspects_secret(&world.sweep_three().await.probe.evidence));
    world.app = app(&SECRET.replace('5', "6"));
    let evidence = world.sweep_three().await;
    assert!(suspects_secret(&evidence.probe.evidence) && evidence.refused(Refusal::AppMisconfigured));
}

/// Whatever happened to an account, the sweep says of it what a check of this account alone would say.
#[tokio::test]
async fn a_sweep_says_what_a_check_of_each_account_says() {
    type Happening = (&'static str, &'static [u64], fn(&World));
    let happenings: [Happening; 13] = [
        ("nothing", &[1, 4], |_| {}),
        ("deleted", &[1, 4], |world| world.at_tiktok().world().delete_account(ACCOUNTS[1]).unwrap()),
        ("moved", &[1, 4], |world| {
            world.at_tiktok().world().move_account(ACCOUNTS[1], Owner::business_center(OTHER)).unwrap();
        }),
        ("moved, and shared back", &[1, 4], |world| {
            let mut there = world.at_tiktok().world();
            there.move_account(ACCOUNTS[1], Owner::business_center(OTHER)).unwrap();
            there.share(ACCOUNTS[1], SHOP, RelationStatus::Bound).unwrap();
        }),
        ("disabled", &[1, 4], |world| {
            world.at_tiktok().world().set_account_status(ACCOUNTS[2], AccountStatus::Disable).unwrap();
        }),
        ("out of reach", &[1, 4], |world| {
            world.at_tiktok().world().remove_member(SHOP, "ana").unwrap();
        }),
        ("no Admin", &[1, 4], |world| {
            let standard = member("ana", BcRole::Standard, RelationStatus::Bound);
            world.at_tiktok().world().set_membership(SHOP, standard).unwrap();
        }),
        ("revoked", &[1, 4], |world| world.at_tiktok().world().revoke_token(world.token.expose()).unwrap()),
        ("without Reporting", &[1], |_| {}),
        ("without Ad Account Management", &[4], |_| {}),
        ("members are down", &[1, 4], |world| {
            world.at_tiktok().add_fault(Fault::new(FaultKind::Status { status: 500 }).on("/bc/member/get/")).unwrap();
        }),
        ("details are down", &[1, 4], |world| {
            world.at_tiktok().add_fault(Fault::new(FaultKind::Status { status: 500 }).on(INFO)).unwrap();
        }),
        ("reports are throttled", &[1, 4], |world| {
            world.at_tiktok().add_fault(Fault::code(40100).on(REPORT)).unwrap();
        }),
    ];
    for (what, scopes, happen) in happenings {
        let mut world = World::new().await;
        let only = AdAccounts::only(ACCOUNTS);
        let token = world.at_tiktok().authorize("ana", APP_ID, scopes, only).unwrap();
        world.token = access_token(token.access_token);
        world.tiktok = world.tiktok.without_retries();
        happen(&world);
        let swept = world.sweep_three().await;
        let mut lapsed = 0;
        let exchanged = Exchanged::with(scopes);
        for (id, diagnosis) in exchanged.diagnoses(&swept) {
            let original = shop();
            let subject = exchanged.subject(&id, &original);
            let alone = judge(&world.tiktok, &world.app, &world.token, subject, soon()).await.diagnosis;
            assert_eq!(in_words(&diagnosis.verdict), in_words(&alone.verdict), "{what}: {id}");
            lapsed += usize::from(diagnosis.verdict.name() == "lapsed");
        }
        let expected = match what {
            "nothing" | "disabled" | "members are down" | "details are down" | "reports are throttled" => 0,
            "deleted" | "moved" | "moved, and shared back" => 1,
            _ => 3,
        };
        assert_eq!(lapsed, expected, "{what}");
    }
}

/// What one ad account does not grant says nothing about another. What the token lacks, all lack.
#[tokio::test]
async fn one_refused_report_is_held_against_one_account() {
    let world = World::new().await;
    let says =
        |message: &str| Fault::new(FaultKind::Code { code: 40001, message: Some(message.to_owned()) }).on(REPORT);
    let not_here = || says("advertiser does not grant you /report/integrated/get/:GET permission");
    for refused in [1, 2_u64] {
        for sample in 0..4 {
            world.at_tiktok().clear_log();
            world.at_tiktok().add_fault(not_here().times(refused)).unwrap();
            let verdicts = verdicts(&world.sweep(&world.token, &the_three(), sample).await);
            assert_eq!(world.at_tiktok().calls(REPORT), refused + 1);
            for (place, verdict) in verdicts.into_iter().enumerate() {
                let nth = (place as u64 + 3 - sample as u64 % 3) % 3;
                let expected =
                    if nth < refused { ("lapsed", vec![CauseCode::ReportingMissing]) } else { ("connected", vec![]) };
                assert_eq!(verdict, expected, "{refused} of {sample}");
            }
        }
    }
    world.at_tiktok().clear_log();
    world.at_tiktok().add_fault(says("The access token lacks the required scope").times(1)).unwrap();
    let verdicts = verdicts(&world.sweep_three().await);
    assert_eq!(verdicts, vec![("lapsed", vec![CauseCode::ReportingMissing]); 3]);
    assert_eq!(world.at_tiktok().calls(REPORT), 1);
}

/// The report of an account that is gone says nothing about the permission, and neither do two of them.
#[tokio::test]
async fn a_report_that_is_refused_for_the_account_is_asked_of_another() {
    let world = World::new().await;
    let gone = || Fault::code(40300).on(REPORT);
    world.at_tiktok().add_fault(gone().times(2)).unwrap();
    let answers = |evidence: &CheckEvidence| {
        evidence.centers[0].accounts.iter().map(|(_, account)| account.report.refusal()).collect::<Vec<_>>()
    };
    let evidence = world.sweep_three().await;
    assert_eq!(answers(&evidence), [Some(Refusal::AdAccountGone), Some(Refusal::AdAccountGone), None]);
    let accounts = of_the_shop(ACCOUNTS.map(account).into_iter().chain(add_accounts(&world, 2)));
    let token = world.token_of("ana", [1, 4]);
    world.at_tiktok().add_fault(gone()).unwrap();
    world.at_tiktok().clear_log();
    let evidence = world.sweep(&token, &accounts, 0).await;
    assert_eq!(world.at_tiktok().calls(REPORT), 3);
    assert_eq!(answers(&evidence).iter().filter(|one| **one == Some(Refusal::NotAsked)).count(), 2);
}

/// Another ad account's report takes nothing back from one that is struck: it is asked for its own. With many of them, a
/// few are, and the others share an answer as before.
#[tokio::test]
async fn what_is_struck_answers_for_itself() {
    let world = World::new().await;
    let [first, ..] = ACCOUNTS.map(account);
    let no = FaultKind::Code { code: 40001, message: Some("advertiser does not grant you this permission".to_owned()) };
    world.at_tiktok().add_fault(Fault::new(no).on(REPORT).for_ad_account(first.as_str())).unwrap();
    for (struck, refused, calls) in
        [(vec![], None, 1), (vec![first], Some(Refusal::PermissionNotGrantedForAdAccount), 2)]
    {
        world.at_tiktok().clear_log();
        let evidence = world.sweep_with_struck(&world.token, &the_three(), 1, &struck).await;
        let answers = evidence.centers[0].accounts.iter().map(|(_, account)| account.report.refusal());
        assert_eq!(answers.collect::<Vec<_>>(), [refused, None, None]);
        assert_eq!(world.at_tiktok().calls(REPORT), calls);
    }
    let many = add_accounts(&world, 30);
    let token = world.token_of("ana", [1]);
    world.at_tiktok().clear_log();
    let evidence = world.sweep_with_struck(&token, &of_the_shop(many.clone()), 0, &many).await;
    let refused = |report: &domain::checks::Asked<()>| report.refusal() == Some(Refusal::PermissionNotGranted);
    assert!(evidence.centers[0].accounts.iter().all(|(_, account)| refused(&account.report)));
    assert_eq!(world.at_tiktok().calls(REPORT), 20 + 1);
}

/// T88: an agency unticks hundreds of accounts. All of them are lost, and few of them are asked about one by one.
#[tokio::test]
async fn t88_accounts_that_the_token_no_longer_covers_are_not_asked_about_one_by_one() {
    let world = World::new().await;
    let added = add_accounts(&world, 300);
    world.at_tiktok().world().delete_account(added[299].as_str()).unwrap();
    let accounts = of_the_shop(ACCOUNTS.map(account).into_iter().chain(added));
    let evidence = world.sweep(&world.token, &accounts, 0).await;
    assert_eq!(world.at_tiktok().calls(INFO), 1 + 20);
    let mut verdicts = verdicts(&evidence);
    assert_eq!(verdicts.remove(0).0, "connected");
    assert_eq!(verdicts.drain(..2).map(|verdict| verdict.0).collect::<Vec<_>>(), ["connected"; 2]);
    assert_eq!(verdicts.pop(), Some(("lapsed", vec![CauseCode::AdAccountNotFound])), "asked about first");
    assert_eq!(verdicts, vec![("lapsed", vec![CauseCode::AdAccountNotGranted]); 299]);
}

/// However many accounts of a batch are refused, finding out is bounded, and nobody is blamed for another.
#[tokio::test]
async fn refused_batches_cost_a_bounded_number_of_questions() {
    for foreign_id in [ForeignId::WholeCallFails, ForeignId::LeftOut] {
        let world = World::with(Switches { foreign_id, ..Switches::default() }).await;
        let added = add_accounts(&world, 500);
        let token = world.token_of("ana", [1, 4]);
        for id in added.iter().step_by(4) {
            world.at_tiktok().world().delete_account(id.as_str()).unwrap();
        }
        let answers = world.tiktok.infos(&token, &added, soon()).await;
        assert!((60..=70).contains(&world.at_tiktok().calls(INFO)), "{}", world.at_tiktok().calls(INFO));
        assert_eq!(answers.len(), 500);
        for (place, (id, info)) in answers.iter().enumerate() {
            assert_eq!(*id, added[place]);
            let gone = info.refusal() == Some(Refusal::AdAccountGone);
            assert!(if place % 4 == 0 { info.answer.is_err() } else { !gone }, "{place}: {:?}", info.answer);
        }
    }
}

/// A token without Ad Account Management: each batch says so, for all in it.
#[tokio::test]
async fn a_permission_that_the_token_lacks_is_not_looked_for_in_each_account() {
    let world = World::new().await;
    let added = add_accounts(&world, 500);
    let token = world.token_of("ana", [4]);
    let answers = world.tiktok.infos(&token, &added, soon()).await;
    assert_eq!(world.at_tiktok().calls(INFO), 10);
    assert!(answers.iter().all(|(_, info)| info.refusal() == Some(Refusal::PermissionNotGranted)));
}

/// T91, T92: a question whose turn does not come in time is not sent.
#[tokio::test]
async fn t91_without_a_turn_nothing_is_sent() {
    let mut world = World::new().await;
    world.tiktok = world.tiktok.paced(Pace::share(1, 2));
    let inquiry = Inquiry { accounts: &the_three(), sample: 0, struck: &BTreeSet::new(), with_person: false };
    let evidence = world.tiktok.check_evidence(&world.app, &world.token, inquiry, within(100)).await;
    assert_eq!((evidence.probe.refusal(), world.at_tiktok().total_calls()), (Some(Refusal::Unavailable), 0));
}

/// T92: the sweep keeps to its share, whatever else it could ask, and nobody's retries add to it.
#[tokio::test]
async fn t92_a_paced_sweep_keeps_to_its_share() {
    let mut world = World::new().await;
    let added = add_accounts(&world, 700);
    let token = world.token_of("ana", [1, 4]);
    // Half of four fifths of a call a second: a turn every two and a half seconds, for fifteen pages.
    world.tiktok = world.tiktok.paced(Pace::share(1, 2));
    let accounts = of_the_shop(added);
    let inquiry = Inquiry { accounts: &accounts, sample: 0, struck: &BTreeSet::new(), with_person: false };
    world.tiktok.check_evidence(&world.app, &token, inquiry, within(9_000)).await;
    assert!(world.at_tiktok().calls("/bc/asset/admin/get/") <= 3, "as many turns as there were");
    world.tiktok = world.tiktok.paced(Pace::share(10, 2));
    world.at_tiktok().add_fault(Fault::code(40100).on(INFO)).unwrap();
    world.at_tiktok().clear_log();
    let evidence = world.sweep(&token, &the_three(), 0).await;
    assert!(evidence.refused(Refusal::Throttled));
    assert_eq!(world.at_tiktok().calls(INFO), 1);
}
