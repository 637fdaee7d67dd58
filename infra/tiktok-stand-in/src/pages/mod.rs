//! Pages for people: plain HTML, no scripts, nothing from elsewhere.

mod consent;
mod landing;

use std::sync::Arc;

use axum::{
    Router,
    response::Html,
    routing::{get, post},
};
use maud::{DOCTYPE, Markup, PreEscaped, html};

pub(crate) use self::landing::landing;
use crate::state::Shared;

/// `/portal/…`: signing in and consenting.
pub(crate) fn router() -> Router<Arc<Shared>> {
    Router::new()
        .route("/auth", get(consent::show))
        .route("/login", post(consent::sign_in))
        .route("/logout", post(consent::sign_out))
        .route("/consent", post(consent::submit))
}

const STYLE: &str = "
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 60rem; margin: 0 auto; padding: 0 1rem 3rem; color: #16181d; }
.notice { background: #fff3c4; padding: .25rem .75rem; border-radius: .25rem; }
header { display: flex; flex-wrap: wrap; gap: 1rem; justify-content: space-between; align-items: center; }
table { border-collapse: collapse; width: 100%; } th, td { text-align: left; padding: .25rem .5rem; border-bottom: 1px solid #ddd; }
fieldset { border: 1px solid #ccc; border-radius: .25rem; margin: 1rem 0; } label { display: block; padding: .15rem 0; }
button { font: inherit; padding: .4rem 1rem; } code { background: #f2f3f5; padding: 0 .25rem; }
";

pub(crate) fn page(title: &str, content: &Markup) -> Html<String> {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (title) " · stand-in" }
                style { (PreEscaped(STYLE)) }
            }
            body {
                p.notice role="note" { "This is a local stand-in, not TikTok. Everyone and everything here is invented." }
                (content)
            }
        }
    };
    Html(page.into_string())
}
