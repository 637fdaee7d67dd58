//! The page *Ad Accounts*: how it is handed out, and that its words are the service's.

use anyhow::Result;
use domain::causes::{CauseCode, ConsentHelps, FixableBy};
use local::demo::page;
use local::demo::people::PEOPLE;
use local::world::{World, WorldOptions};
use serde_json::Value;

use crate::support::request;

#[tokio::test]
async fn it_is_handed_out_under_a_strict_policy() -> Result<()> {
    let world = World::start(WorldOptions::default()).await?;
    let files = [
        ("/", "text/html; charset=utf-8"),
        ("/page/ticket.js", "text/javascript; charset=utf-8"),
        ("/page/app.js", "text/javascript; charset=utf-8"),
        ("/page/vendor/preact.js", "text/javascript; charset=utf-8"),
        ("/page/style.css", "text/css; charset=utf-8"),
        ("/page/icon.svg", "image/svg+xml"),
    ];
    for (path, content_type) in files {
        let response = request(&world, "GET", path)?.send().await?;

        assert_eq!(response.status(), 200, "{path}");
        assert_eq!(response.headers()["content-type"], content_type, "{path}");
        assert_eq!(response.headers()["referrer-policy"], "no-referrer");
        let policy = response.headers()["content-security-policy"].to_str()?.to_owned();
        assert!(policy.starts_with("default-src 'none';") && !policy.contains("unsafe"), "{policy}");
        assert!(!response.text().await?.is_empty());
    }
    for path in ["/page/", "/page/nothing.js", "/page/vendor/LICENSE", "/page/..%2F..%2Fopenapi.yaml"] {
        assert_eq!(request(&world, "GET", path)?.send().await?.status(), 404, "{path}");
    }
    Ok(())
}

/// Before anything else is loaded: what follows must not see the ticket in the address.
#[test]
fn the_ticket_is_taken_out_of_the_address_first() -> Result<()> {
    let html = std::fs::read_to_string(page::folder().join("index.html"))?;
    let first = html.find("<script src=\"/page/ticket.js\"></script>").expect("the script is there");
    for later in ["<link", "type=\"module\""] {
        assert!(html.find(later).is_some_and(|place| place > first), "{later}");
    }
    assert!(!html.contains("http://") && !html.contains("https://"), "nothing comes from elsewhere");
    Ok(())
}

#[tokio::test]
async fn everybody_who_may_sign_in_is_offered() -> Result<()> {
    let world = World::start(WorldOptions::default()).await?;
    let people: Value = request(&world, "GET", "/local/people")?.send().await?.json().await?;

    let names: Vec<&str> = people.as_array().unwrap().iter().map(|person| person["name"].as_str().unwrap()).collect();
    assert_eq!(names, PEOPLE.map(|person| person.name));
    Ok(())
}

/// The list has only the code of a cause, so the page has titles of its own: the catalogue's.
#[test]
fn its_words_for_causes_are_those_of_the_catalogue() -> Result<()> {
    let words = std::fs::read_to_string(page::folder().join("words.js"))?;
    for cause in CauseCode::ALL {
        let about = cause.words();
        let next = match (about.fixable_by, about.consent_helps) {
            (FixableBy::Us, _) => "wait",
            (FixableBy::Support, _) => "support",
            (_, ConsentHelps::Yes) => "again",
            (_, ConsentHelps::No | ConsentHelps::Unknown) => "ask",
        };
        let line = format!(r#"  {}: ["{}", "{next}"],"#, cause.name(), about.title);
        assert!(words.lines().any(|it| it == line), "words.js lacks the line {line}");
    }
    Ok(())
}
