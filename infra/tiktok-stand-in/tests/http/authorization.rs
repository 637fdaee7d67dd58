//! The consent decision, driven without a browser.

use serde_json::json;
use tiktok_stand_in::{
    AdAccounts, BcRole, Consent, Membership, PERSONAL, Permissions, StandInError,
    switches::{DeniedConsent, RedirectParameters},
};

use crate::support::{AGENCY, APP, CALLBACK, DANS, EU, FR, SHOP, Town, UNKNOWN_SCOPE, US, parameter};

#[tokio::test]
async fn the_redirect_carries_both_names_and_the_state_and_nothing_else() {
    let town = Town::new().await;
    let redirect = town.tiktok.handle().consent(&town.link(), Consent::by("ana")).unwrap().redirect.unwrap();
    assert!(redirect.as_str().starts_with(CALLBACK));
    let names: Vec<_> = redirect.query_pairs().map(|(name, _)| name.into_owned()).collect();
    assert_eq!(names, ["auth_code", "code", "state"]);
    assert_eq!(parameter(&redirect, "auth_code"), parameter(&redirect, "code"));
    assert_eq!(parameter(&redirect, "state").as_deref(), Some("the-state"));
    for (switch, present, absent) in
        [(RedirectParameters::AuthCodeOnly, "auth_code", "code"), (RedirectParameters::CodeOnly, "code", "auth_code")]
    {
        town.tiktok.handle().world().switches.redirect_parameters = switch;
        let redirect = town.tiktok.handle().consent(&town.link(), Consent::by("ana")).unwrap().redirect.unwrap();
        assert!(parameter(&redirect, present).is_some() && parameter(&redirect, absent).is_none());
    }
}

#[tokio::test]
async fn cancelling_leads_nowhere_unless_switched() {
    let town = Town::new().await;
    let cancel = || town.tiktok.handle().consent(&town.link(), Consent::by("ana").cancelled()).unwrap().redirect;
    assert_eq!(cancel(), None);
    town.tiktok.handle().world().switches.denied_consent = DeniedConsent::StateOnly;
    assert_eq!(cancel().unwrap().query(), Some("state=the-state"));
    town.tiktok.handle().world().switches.denied_consent = DeniedConsent::AccessDenied;
    assert_eq!(cancel().unwrap().query(), Some("error=access_denied&state=the-state"));
}

#[tokio::test]
async fn permissions_and_accounts_are_what_was_left_on() {
    let town = Town::new().await;
    let consent = Consent::by("ana").permissions(Permissions::Off(vec![4])).ad_accounts(AdAccounts::only([US, FR]));
    let answer = town.exchange(&town.consent(consent)).await;
    assert_eq!(answer["data"]["scope"], json!([1, UNKNOWN_SCOPE]));
    assert_eq!(answer["data"]["advertiser_ids"], json!([US, FR]));
}

#[tokio::test]
async fn the_business_center_switch_limits_what_is_offered() {
    let town = Town::new().await;
    town.tiktok.handle().world().set_membership(AGENCY, Membership::joined("ana", BcRole::Admin)).unwrap();
    let ids = async |consent| town.exchange(&town.consent(consent)).await["data"]["advertiser_ids"].clone();
    assert_eq!(ids(Consent::by("ana")).await, json!([EU, US, FR]), "the first Business Center");
    assert_eq!(ids(Consent::by("ana").in_business_center(AGENCY)).await, json!([FR]));
    assert_eq!(ids(Consent::by("dan")).await, json!([DANS]));
    assert_eq!(ids(Consent::by("dan").in_business_center(PERSONAL)).await, json!([DANS]));
    for consent in [
        Consent::by("ana").in_business_center(AGENCY).ad_accounts(AdAccounts::only([EU])),
        Consent::by("ben").in_business_center(AGENCY),
        Consent::by("ana").ad_accounts(AdAccounts::only([DANS])),
        Consent::by("nobody"),
    ] {
        assert!(town.tiktok.handle().consent(&town.link(), consent.clone()).is_err(), "{consent:?}");
    }
    assert_eq!(ids(Consent::by("ana").in_business_center(SHOP)).await, json!([EU, US, FR]));
}

#[tokio::test]
async fn a_scope_parameter_narrows_the_request_and_other_parameters_are_ignored() {
    let town = Town::new().await;
    let link = format!("{}&scope=%5B40%2C2%5D&rid=%F0%9F&unknown=1&response_type=code", town.link());
    let outcome = town.tiktok.handle().consent(&link, Consent::by("ana")).unwrap();
    let code = parameter(&outcome.redirect.unwrap(), "auth_code").unwrap();
    assert_eq!(town.exchange(&code).await["data"]["scope"], json!([40]), "only what the app may ask for");
}

#[tokio::test]
async fn a_link_must_name_a_known_app_and_a_registered_redirect_uri() {
    let town = Town::new().await;
    for (app, uri) in [
        (APP, "http://localhost:3000/elsewhere"),
        (APP, "http://localhost:3000/oauth/tiktok/callback/"),
        (APP, ""),
        ("7300000000000000099", CALLBACK),
    ] {
        let link = town.tiktok.authorization_url(app, uri, "s");
        assert!(town.tiktok.handle().consent(&link, Consent::by("ana")).is_err(), "{app} {uri}");
        assert_eq!(town.http.get(&link).send().await.unwrap().status(), 400);
    }
    let elsewhere = town.tiktok.handle().consent("http://127.0.0.1:9/other?app_id=1", Consent::by("ana"));
    assert!(matches!(elsewhere, Err(StandInError::Invalid(_))));
}
