//! The pages, clicked the way a browser would.

use reqwest::{Response, header};
use serde_json::json;
use tiktok_stand_in::switches::DeniedConsent;
use url::{Url, form_urlencoded};

use crate::support::{APP, CALLBACK, DANS, EU, FR, SHOP, Town, US, parameter};

/// Posts a form, with a session cookie if there is one.
async fn submit(town: &Town, path: &str, fields: &[(&str, &str)], cookie: Option<&str>) -> Response {
    let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
    let url = format!("{}{path}", town.tiktok.base_url());
    let request = town.http.post(url).header("Content-Type", "application/x-www-form-urlencoded").body(body);
    request.header("Cookie", cookie.unwrap_or_default()).send().await.unwrap()
}

/// Signs in with one click and returns the cookie.
async fn sign_in(town: &Town, login: &str) -> String {
    let response =
        submit(town, "/portal/login", &[("query", &query(town)), ("login", login), ("one_click", "yes")], None).await;
    assert_eq!(response.status(), 303);
    session(&response)
}

fn session(response: &Response) -> String {
    let cookie = response.headers()[header::SET_COOKIE].to_str().unwrap();
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Lax"), "{cookie}");
    cookie.split(';').next().unwrap().to_owned()
}

fn query(town: &Town) -> String {
    Url::parse(&town.link()).unwrap().query().unwrap().to_owned()
}

async fn page(town: &Town, url: &str, cookie: &str) -> String {
    town.http.get(url).header("Cookie", cookie).send().await.unwrap().text().await.unwrap()
}

#[tokio::test]
async fn a_person_signs_in_ticks_and_confirms() {
    let town = Town::new().await;
    let login = page(&town, &town.link(), "").await;
    assert!(login.contains("not TikTok") && login.contains("name=\"password\"") && login.contains("Ana M"));

    let fields = [("query", query(&town)), ("login", "ana".into()), ("password", "password".into())];
    let fields = fields.each_ref().map(|(name, value)| (*name, value.as_str()));
    let response = submit(&town, "/portal/login", &fields, None).await;
    let location = response.headers()[header::LOCATION].to_str().unwrap();
    let consent_url = Url::parse(&town.tiktok.base_url()).unwrap().join(location).unwrap();
    assert_eq!(parameter(&consent_url, "state").as_deref(), Some("the-state"));
    let cookie = session(&response);

    let consent = page(&town, consent_url.as_str(), &cookie).await;
    for text in ["Ad Account Management", "Reporting", "Shop Group", EU, US, FR, "Confirm", "Cancel"] {
        assert!(consent.contains(text), "{text}");
    }
    assert!(!consent.contains(DANS));

    let query = query(&town);
    let fields = [
        ("query", query.as_str()),
        ("business_center", SHOP),
        ("permission", "1"),
        ("permission", "4"),
        ("ad_account", EU),
        ("ad_account", FR),
        ("action", "confirm"),
    ];
    let response = submit(&town, "/portal/consent", &fields, Some(&cookie)).await;
    assert_eq!(response.status(), 303);
    let back = Url::parse(response.headers()[header::LOCATION].to_str().unwrap()).unwrap();
    assert!(back.as_str().starts_with(CALLBACK));
    let answer = town.exchange(&parameter(&back, "auth_code").unwrap()).await;
    assert_eq!(answer["data"]["advertiser_ids"], json!([EU, FR]));
}

#[tokio::test]
async fn cancel_closes_the_window_or_goes_back_as_switched() {
    let town = Town::new().await;
    let cookie = sign_in(&town, "ana").await;
    let query = query(&town);
    let fields = [("query", query.as_str()), ("business_center", SHOP), ("action", "cancel")];
    let response = submit(&town, "/portal/consent", &fields, Some(&cookie)).await;
    assert_eq!(response.status(), 200);
    assert!(response.text().await.unwrap().contains("You may close this window"));
    town.tiktok.handle().world().switches.denied_consent = DeniedConsent::AccessDenied;
    let response = submit(&town, "/portal/consent", &fields, Some(&cookie)).await;
    assert_eq!(response.headers()[header::LOCATION], format!("{CALLBACK}?error=access_denied&state=the-state"));
}

#[tokio::test]
async fn the_business_center_switch_and_the_login_switch_change_the_page() {
    let town = Town::new().await;
    town.tiktok.handle().world().move_account(US, tiktok_stand_in::Owner::person("ana")).unwrap();
    let cookie = sign_in(&town, "ana").await;
    let own = page(&town, &format!("{}&business_center=personal", town.link()), &cookie).await;
    assert!(own.contains(US) && !own.contains(EU));
    let response = submit(&town, "/portal/logout", &[("query", &query(&town))], Some(&cookie)).await;
    assert_eq!(response.status(), 303);
    assert!(page(&town, &town.link(), &cookie).await.contains("Sign in"));
    let dan = sign_in(&town, "dan").await;
    assert!(page(&town, &town.link(), &dan).await.contains(DANS));
}

#[tokio::test]
async fn wrong_passwords_foreign_accounts_and_missing_sessions_are_refused() {
    let town = Town::new().await;
    let query = query(&town);
    let wrong = [("query", query.as_str()), ("login", "ana"), ("password", "wrong")];
    let response = submit(&town, "/portal/login", &wrong, None).await;
    assert_eq!(response.status(), 401);
    assert!(response.headers().get(header::SET_COOKIE).is_none());
    let fields = [("query", query.as_str()), ("business_center", SHOP), ("ad_account", DANS), ("action", "confirm")];
    assert_eq!(submit(&town, "/portal/consent", &fields, None).await.status(), 401);
    let cookie = sign_in(&town, "ana").await;
    assert_eq!(submit(&town, "/portal/consent", &fields, Some(&cookie)).await.status(), 400);
}

#[tokio::test]
async fn bad_links_are_explained_and_never_followed() {
    let town = Town::new().await;
    let evil = town.tiktok.authorization_url(APP, "https://evil.example/<script>", "s");
    let response = town.http.get(evil).send().await.unwrap();
    assert_eq!(response.status(), 400);
    assert!(response.headers().get(header::LOCATION).is_none());
    assert!(!response.text().await.unwrap().contains("<script>"), "escaped");
}

#[tokio::test]
async fn the_landing_page_shows_who_and_what_exists() {
    let town = Town::new().await;
    let landing = page(&town, &town.tiktok.base_url(), "").await;
    for text in ["not TikTok", "ana", "password", SHOP, EU, "/control/", APP] {
        assert!(landing.contains(text), "{text}");
    }
    assert!(!landing.contains("<script") && !landing.contains("https://"), "nothing from elsewhere");
}
