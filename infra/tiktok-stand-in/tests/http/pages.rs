//! The pages, clicked the way a browser would.

use std::collections::BTreeSet;

use reqwest::{Response, header};
use serde_json::json;
use tiktok_stand_in::{
    AdAccount, App, BcRole, BusinessCenter, Membership, Owner, Person, RelationStatus, switches::DeniedConsent,
};
use url::{Url, form_urlencoded};

use crate::support::{AGENCY, APP, CALLBACK, DANS, EU, FR, SECRET, SHOP, Town, UNKNOWN_SCOPE, US, parameter};

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

async fn get(town: &Town, url: &str, cookie: &str) -> Response {
    town.http.get(url).header("Cookie", cookie).send().await.unwrap()
}

async fn page(town: &Town, url: &str, cookie: &str) -> String {
    get(town, url, cookie).await.text().await.unwrap()
}

/// Confirms with both permissions and these ad accounts, and returns the code.
async fn confirm(town: &Town, cookie: &str, business_center: &str, ad_accounts: &[String]) -> String {
    let query = query(town);
    let mut fields = vec![("query", query.as_str()), ("business_center", business_center), ("action", "confirm")];
    fields.extend([("permission", "1"), ("permission", "4")]);
    fields.extend(ad_accounts.iter().map(|id| ("ad_account", id.as_str())));
    let response = submit(town, "/portal/consent", &fields, Some(cookie)).await;
    assert_eq!(response.status(), 303);
    let back = Url::parse(response.headers()[header::LOCATION].to_str().unwrap()).unwrap();
    parameter(&back, "auth_code").unwrap()
}

/// The tag that has `attribute`, from `<` to `>`.
fn tag<'a>(page: &'a str, attribute: &str) -> &'a str {
    let at = page.find(attribute).unwrap_or_else(|| panic!("no {attribute} in {page}"));
    let start = page[..at].rfind('<').unwrap();
    &page[start..=at + page[at..].find('>').unwrap()]
}

/// What follows each occurrence of `before`, up to the next quote.
fn quoted<'a>(page: &'a str, before: &str) -> Vec<&'a str> {
    page.split(before).skip(1).map(|rest| rest.split('"').next().unwrap()).collect()
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
async fn every_page_says_what_it_is_and_brings_everything_itself() {
    let town = Town::new().await;
    let cookie = sign_in(&town, "ana").await;
    let base = town.tiktok.base_url();
    let cancel = [("query", &*query(&town)), ("business_center", SHOP), ("action", "cancel")];
    let pages = [
        ("landing", get(&town, &base, "").await),
        ("control", get(&town, &format!("{base}/control/"), "").await),
        ("sign in", get(&town, &town.link(), "").await),
        ("consent", get(&town, &town.link(), &cookie).await),
        ("bad link", get(&town, &format!("{base}/portal/auth"), "").await),
        ("cancelled", submit(&town, "/portal/consent", &cancel, Some(&cookie)).await),
    ];
    let mut files = BTreeSet::new();
    for (name, response) in pages {
        let header = |name: &str| response.headers()[name].to_str().unwrap().to_owned();
        let policy = header("content-security-policy");
        assert!(policy.starts_with("default-src 'none'; style-src 'self'; script-src 'self';"), "{name}: {policy}");
        assert!(policy.contains("frame-ancestors 'none'") && !policy.contains("unsafe"), "{name}: {policy}");
        // Where the consent's redirect leads to in the end is not for the portal to know.
        assert_eq!(policy.contains("form-action 'self'"), name != "consent", "{name}: {policy}");
        assert_eq!(header("cache-control"), "no-store", "{name}");
        assert_eq!(header("x-content-type-options"), "nosniff", "{name}");
        assert_eq!(header("referrer-policy"), "strict-origin-when-cross-origin", "{name}");
        assert_eq!(header("content-type"), "text/html; charset=utf-8", "{name}");

        let page = response.text().await.unwrap();
        assert!(page.contains("This is not TikTok.") && page.contains("stand-in</title>"), "{name}");
        assert!(page.contains("<html lang=\"en\">") && page.matches("<h1>").count() == 1, "{name}");
        for inline in ["<style", " style=", " onclick=", " onchange=", "<script>", "src=\"http", "src=\"//"] {
            assert!(!page.contains(inline), "{name}: {inline} would be blocked");
        }
        let linked = [quoted(&page, " src=\""), quoted(&page, "<link rel=\"stylesheet\" href=\"")].concat();
        files.extend(linked.into_iter().chain(quoted(&page, "type=\"image/svg+xml\" href=\"")).map(str::to_owned));
    }
    assert_eq!(Vec::from_iter(&files), ["/portal/icon.svg", "/portal/script.js", "/portal/style.css"]);
    for (file, content_type) in files.iter().zip(["image/svg+xml", "text/javascript", "text/css"]) {
        let response = get(&town, &format!("{base}{file}"), "").await;
        assert_eq!(response.status(), 200, "{file}");
        assert!(response.headers()["content-type"].to_str().unwrap().starts_with(content_type), "{file}");
        assert_eq!(response.headers()["x-content-type-options"], "nosniff", "{file}");
        assert!(!response.text().await.unwrap().is_empty(), "{file}");
    }
}

#[tokio::test]
async fn the_login_page_labels_its_fields_and_shows_who_one_can_be() {
    let town = Town::new().await;
    town.tiktok.handle().world().set_membership(AGENCY, Membership::joined("ben", BcRole::Admin)).unwrap();
    let login = page(&town, &town.link(), "").await;
    assert!(login.contains("<h1>Sign in</h1>") && !login.contains("role=\"alert\"") && !login.contains("aria-invalid"));
    for (label, id, autocomplete) in [("Login", "login", "username"), ("Password", "password", "current-password")] {
        assert!(login.contains(&format!("<label for=\"{id}\">{label}</label>")), "{label}");
        let field = tag(&login, &format!("id=\"{id}\""));
        assert!(field.contains(&format!("name=\"{id}\"")) && field.contains("required"), "{field}");
        assert!(field.contains(&format!("autocomplete=\"{autocomplete}\"")), "{field}");
    }
    assert_eq!(quoted(&login, "type=\"hidden\" name=\"login\" value=\""), ["ana", "ben", "cara", "dan"]);
    for (name, places) in [
        ("Ana M", "<p>Admin in <bdi>Shop Group</bdi></p>"),
        ("ben", "<p>Standard member in <bdi>Shop Group</bdi></p><p>Admin in <bdi>Agency</bdi></p>"),
        ("dan", "<p>In no Business Center</p>"),
    ] {
        let (before, after) = login.split_once(&format!(">Continue as <bdi>{name}</bdi></button>")).unwrap();
        let button = &before[before.rfind("<button").unwrap()..];
        let described = quoted(button, "aria-describedby=\"")[0];
        let (_, description) = after.split_once(&format!("id=\"{described}\">")).unwrap();
        assert!(description.starts_with(places), "{name}: {description}");
    }
}

#[tokio::test]
async fn a_wrong_password_is_said_at_the_fields() {
    let town = Town::new().await;
    for login in ["ana", "<b>\"nobody"] {
        let fields = [("query", &*query(&town)), ("login", login), ("password", "wrong")];
        let response = submit(&town, "/portal/login", &fields, None).await;
        assert_eq!(response.status(), 401);
        let page = response.text().await.unwrap();
        assert!(page.contains("<title>Error: Sign in"));
        assert!(tag(&page, "role=\"alert\"").contains("id=\"problem\""));
        assert!(page.contains("This login and password do not fit together."), "the same, whoever it is");
        for id in ["id=\"login\"", "id=\"password\""] {
            let field = tag(&page, id);
            assert!(
                field.contains("aria-invalid=\"true\"") && field.contains("aria-describedby=\"problem\""),
                "{field}"
            );
        }
        let typed = login.replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;");
        assert!(tag(&page, "id=\"login\"").contains(&format!("value=\"{typed}\"")), "what was typed stays");
        assert!(tag(&page, "id=\"password\"").contains("autofocus") && !page.contains("wrong"));
        assert_eq!(quoted(&page, "name=\"query\" value=\"")[0], query(&town).replace('&', "&amp;"), "the way on stays");
    }
}

#[tokio::test]
async fn permissions_are_switches_and_one_left_off_is_not_granted() {
    let town = Town::new().await;
    let cookie = sign_in(&town, "ana").await;
    let consent = page(&town, &town.link(), &cookie).await;
    assert!(consent.contains("<h1><bdi>Reconnect (local)</bdi> asks for access</h1>"));
    assert!(consent.contains("<bdi>http://localhost:3000</bdi>"), "where one is sent back to");
    assert_eq!(consent.matches("role=\"switch\"").count(), 2, "an unknown id has none");
    for (id, name) in [(1, "Ad Account Management"), (4, "Reporting")] {
        assert!(consent.contains(&format!("<label for=\"permission-{id}\">{name}</label>")), "{name}");
        let switch = tag(&consent, &format!("id=\"permission-{id}\""));
        for part in ["<input", "type=\"checkbox\"", "role=\"switch\"", "name=\"permission\"", " checked"] {
            assert!(switch.contains(part), "{part} in {switch}");
        }
        let (_, explained) =
            consent.split_once(&format!("id=\"{}\">", quoted(switch, "aria-describedby=\"")[0])).unwrap();
        assert!(explained.find(".</p>").is_some_and(|end| end > 20), "{name} is explained");
    }

    let query = query(&town);
    let fields = [("query", query.as_str()), ("business_center", SHOP), ("permission", "1"), ("action", "confirm")];
    let response = submit(&town, "/portal/consent", &fields, Some(&cookie)).await;
    let back = Url::parse(response.headers()[header::LOCATION].to_str().unwrap()).unwrap();
    let answer = town.exchange(&parameter(&back, "auth_code").unwrap()).await;
    assert_eq!(answer["data"]["scope"], json!([1, UNKNOWN_SCOPE]));
    assert_eq!(answer["data"]["advertiser_ids"], json!([]));
}

#[tokio::test]
async fn the_business_center_switch_changes_the_ad_accounts_and_whose_they_are() {
    let town = Town::new().await;
    town.tiktok.handle().world().set_membership(AGENCY, Membership::joined("ana", BcRole::Admin)).unwrap();
    town.tiktok.handle().world().share(DANS, SHOP, RelationStatus::Bound).unwrap();
    let cookie = sign_in(&town, "ana").await;
    let row = |page: &str, id: &str| -> Option<String> {
        let (_, row) = page.split_once(&format!("name=\"ad_account\" value=\"{id}\" checked>"))?;
        Some(row.split_once("</label>")?.0.to_owned())
    };

    let shop = page(&town, &town.link(), &cookie).await;
    let owned = "<span>Owned by this Business Center</span>";
    let eu = format!("<bdi>Shop EU</bdi> <span>Account ID {EU}</span> {owned}");
    assert_eq!(row(&shop, EU).as_deref(), Some(eu.as_str()), "the name first, since it names the box");
    assert!(row(&shop, FR).unwrap().ends_with("<span>Shared by <bdi>Agency</bdi></span>"));
    assert!(row(&shop, DANS).unwrap().ends_with("<span>Shared by <bdi>dan</bdi></span>"));
    assert!(shop.contains("<label for=\"center\">Business Center</label><select id=\"center\""));
    assert!(
        tag(&shop, &format!("option value=\"{SHOP}\"")).contains("selected")
            && shop.contains("<button>Switch</button>")
    );

    // The switch is a form of its own, which asks for the same page in another Business Center.
    let (_, form) = shop.split_once("<form id=\"switch\"").unwrap();
    let kept = quoted(form.split_once("</form>").unwrap().0, "type=\"hidden\" name=\"");
    assert_eq!(kept, ["app_id", "state", "redirect_uri"]);
    let agency = page(&town, &format!("{}&business_center={AGENCY}", town.link()), &cookie).await;
    assert!(tag(&agency, &format!("option value=\"{AGENCY}\"")).contains("selected"));
    assert!(row(&agency, FR).unwrap().ends_with(owned) && row(&agency, EU).is_none() && row(&agency, DANS).is_none());
    assert_eq!(
        quoted(&agency, "type=\"hidden\" name=\"business_center\" value=\""),
        [AGENCY],
        "Confirm means this one"
    );

    let code = confirm(&town, &cookie, AGENCY, &[FR.to_owned()]).await;
    assert_eq!(town.exchange(&code).await["data"]["advertiser_ids"], json!([FR]));
    let query = query(&town);
    let foreign = [("query", query.as_str()), ("business_center", AGENCY), ("ad_account", EU), ("action", "confirm")];
    assert_eq!(submit(&town, "/portal/consent", &foreign, Some(&cookie)).await.status(), 400);
}

#[tokio::test]
async fn going_back_and_confirming_again_gives_another_code() {
    let town = Town::new().await;
    let cookie = sign_in(&town, "ana").await;
    let first = confirm(&town, &cookie, SHOP, &[EU.to_owned()]).await;
    assert!(page(&town, &town.link(), &cookie).await.contains("asks for access"), "the page is there again");
    let second = confirm(&town, &cookie, SHOP, &[EU.to_owned(), US.to_owned()]).await;
    assert_ne!(first, second);
    assert_eq!(town.exchange(&second).await["data"]["advertiser_ids"], json!([EU, US]));
    assert_eq!(town.exchange(&first).await["data"]["advertiser_ids"], json!([EU]));
    assert_eq!(town.exchange(&second).await["code"], 40110, "each is spent once");
}

#[tokio::test]
async fn names_are_text_whatever_is_in_them() {
    let town = Town::new().await;
    let (script, turned) = ("</bdi><script>alert(1)</script>", "Shop \u{202e}gpj");
    let app = "7300000000000000032";
    {
        let mut world = town.tiktok.handle().world();
        let mut named = App::new(app, SECRET, [CALLBACK], [1, 4]);
        named.name = script.to_owned();
        world.add_app(named).unwrap();
        world.add_person(Person::new("eve\"'>").name(script)).unwrap();
        let center = "7200000000000000023";
        world.add_business_center(BusinessCenter::new(center, turned)).unwrap();
        world.set_membership(center, Membership::joined("eve\"'>", BcRole::Admin)).unwrap();
        for (id, name) in [("7100000000000000055", script), ("7100000000000000066", turned)] {
            world.add_ad_account(AdAccount::new(id, name, Owner::business_center(center))).unwrap();
        }
    }
    let cookie = sign_in(&town, "eve\"'>").await;
    let link = town.tiktok.authorization_url(app, CALLBACK, "\"><script>alert(2)</script>");
    let consent = page(&town, &link, &cookie).await;
    let escaped = "<bdi>&lt;/bdi&gt;&lt;script&gt;alert(1)&lt;/script&gt;</bdi>";
    assert_eq!(consent.matches(escaped).count(), 3, "the app, the person and the ad account: {consent}");
    assert!(consent.contains(&format!("<bdi>{turned}</bdi> <span>Account ID")), "it turns nothing but itself");
    assert!(consent.contains(">\u{2068}Shop gpj\u{2069} (7200000000000000023)</option>"), "nor in the switch");
    for url in [&link, &town.tiktok.base_url()] {
        for cookie in ["", &cookie] {
            let page = page(&town, url, cookie).await;
            assert!(!page.contains("<script>") && !page.contains("eve\"'>"), "{page}");
        }
    }
}

#[tokio::test]
async fn five_thousand_ad_accounts_are_shown_ticked_and_granted() {
    let town = Town::new().await;
    let ids: Vec<String> = (0..5_000).map(|nth| (7_100_000_000_000_100_000_u64 + nth).to_string()).collect();
    {
        let mut world = town.tiktok.handle().world();
        for id in &ids {
            world.add_ad_account(AdAccount::new(id, format!("Shop {id}"), Owner::business_center(AGENCY))).unwrap();
        }
    }
    let cookie = sign_in(&town, "cara").await;
    let consent = page(&town, &town.link(), &cookie).await;
    let ticked: Vec<String> = quoted(&consent, "name=\"ad_account\" value=\"").into_iter().map(str::to_owned).collect();
    assert_eq!(ticked.len(), 5_001, "and the one that Agency had");
    assert!(consent.contains("5001 ad accounts</p>") && consent.contains("id=\"search\""));
    assert!(consent.len() < 5_001 * 300, "{} bytes", consent.len());
    let code = confirm(&town, &cookie, AGENCY, &ticked).await;
    assert_eq!(town.exchange(&code).await["data"]["advertiser_ids"].as_array().unwrap().len(), 5_001);
}

#[tokio::test]
async fn few_ad_accounts_need_no_search_and_none_no_tools() {
    let town = Town::new().await;
    let ana = page(&town, &town.link(), &sign_in(&town, "ana").await).await;
    assert!(ana.contains("3 ad accounts</p>") && ana.contains("Select all</button>") && !ana.contains("id=\"search\""));
    let dan = page(&town, &town.link(), &sign_in(&town, "dan").await).await;
    assert!(dan.contains("1 ad account</p>") && dan.contains("<span>Your own</span>") && !dan.contains("Select all"));
    let ben = page(&town, &town.link(), &sign_in(&town, "ben").await).await;
    assert!(ben.contains("0 ad accounts</p>") && ben.contains("no ad accounts here that you can reach"));
}

#[tokio::test]
async fn cancel_closes_the_window_or_goes_back_as_switched() {
    let town = Town::new().await;
    let cookie = sign_in(&town, "ana").await;
    let query = query(&town);
    let fields = [("query", query.as_str()), ("business_center", SHOP), ("action", "cancel")];
    let response = submit(&town, "/portal/consent", &fields, Some(&cookie)).await;
    assert_eq!(response.status(), 200);
    let cancelled = response.text().await.unwrap();
    assert!(cancelled.contains("Nothing was authorized") && cancelled.contains("You may close this window"));
    let again = quoted(&cancelled, "<a href=\"")[0].replace("&amp;", "&");
    let again = Url::parse(&town.tiktok.base_url()).unwrap().join(&again).unwrap();
    assert!(page(&town, again.as_str(), &cookie).await.contains("asks for access"));
    assert_eq!(parameter(&again, "state").as_deref(), Some("the-state"));
    let snapshot: serde_json::Value = serde_json::from_str(&town.tiktok.handle().snapshot()).unwrap();
    assert_eq!(snapshot["codes"], json!({}), "no code was made");
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
    let response = submit(&town, "/portal/consent", &fields, None).await;
    assert_eq!(response.status(), 401);
    assert!(response.text().await.unwrap().contains("Please sign in first."));
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
