//! What every page has: the notice that this is a stand-in, the bar on top, style, and the headers of a login page that
//! means it.

use axum::{
    http::{StatusCode, header},
    response::{Html, IntoResponse, Response},
};
use maud::{DOCTYPE, Markup, html};

/// Everything from here, and in nobody's frame.
const POLICY: &str =
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; base-uri 'none'; frame-ancestors 'none'";

pub(crate) struct Page {
    status: StatusCode,
    title: String,
    corner: Option<Markup>,
    content: Markup,
    script: bool,
    form_action: &'static str,
}

impl Page {
    pub fn new(title: impl Into<String>, content: Markup) -> Self {
        Self {
            status: StatusCode::OK,
            title: title.into(),
            corner: None,
            content,
            script: false,
            form_action: "; form-action 'self'",
        }
    }

    pub fn status(mut self, status: StatusCode) -> Self {
        self.status = status;
        self
    }

    /// What stands at the end of the bar, at the top right.
    pub fn corner(mut self, corner: Markup) -> Self {
        self.corner = Some(corner);
        self
    }

    pub fn with_script(mut self) -> Self {
        self.script = true;
        self
    }

    /// One of the page's forms is answered with a way to another site.
    ///
    /// Chromium holds `form-action` against every hop that follows a form. The first is the app's redirect URI, but where
    /// the app sends people from there is the app's affair: no list could be right, so there is none.
    pub fn leading_elsewhere(mut self) -> Self {
        self.form_action = "";
        self
    }
}

impl IntoResponse for Page {
    fn into_response(self) -> Response {
        let page = html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="color-scheme" content="light dark";
                    title { (self.title) " · TikTok stand-in" }
                    link rel="icon" type="image/svg+xml" href="/portal/icon.svg";
                    link rel="stylesheet" href="/portal/style.css";
                    @if self.script { script src="/portal/script.js" defer {} }
                }
                body {
                    header {
                        p.notice { strong { "Stand-in" } " This is not TikTok. Everyone and everything here is invented." }
                        div.bar {
                            a.place href="/" { "TikTok for Business" span { "stand-in" } }
                            @if let Some(corner) = self.corner { div.corner { (corner) } }
                        }
                    }
                    main { (self.content) }
                }
            }
        };
        let headers = [
            (header::CONTENT_SECURITY_POLICY, format!("{POLICY}{}", self.form_action)),
            (header::CACHE_CONTROL, "no-store".to_owned()),
            (header::X_CONTENT_TYPE_OPTIONS, "nosniff".to_owned()),
            // What browsers do unasked. TikTok's own policy is not known, and an app must be safe under any.
            (header::REFERRER_POLICY, "strict-origin-when-cross-origin".to_owned()),
        ];
        (self.status, headers, Html(page.into_string())).into_response()
    }
}

/// A heading with a table under it that scrolls by itself, by keyboard too.
pub(crate) fn table(title: &str, columns: &[&str], rows: &Markup) -> Markup {
    html! {
        h2 { (title) }
        div.scroll role="region" tabindex="0" aria-label=(title) {
            table {
                thead { tr { @for column in columns { th scope="col" { (column) } } } }
                tbody { (rows) }
            }
        }
    }
}
