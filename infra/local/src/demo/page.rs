//! The page *Ad Accounts* at `/`: static files of `infra/local/page`, read anew for every request, so that a change shows
//! with the next reload. What the page does is the API's; this only hands it out, under the headers that the web app
//! should have too.

use std::path::{Path, PathBuf};

use axum::Router;
use axum::extract::Path as UrlPath;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use http::{HeaderName, StatusCode, header};

use crate::paths;

/// Scripts and styles of our own and nothing else; no frame, no form, no other host.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const HEADERS: [(HeaderName, &str); 5] = [
    (header::CONTENT_SECURITY_POLICY, POLICY),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (header::CACHE_CONTROL, "no-cache"),
];

pub fn router() -> Router {
    Router::new()
        .route("/", get(|| file(PathBuf::from("index.html"))))
        .route("/page/{*path}", get(|UrlPath(path): UrlPath<PathBuf>| file(path)))
}

/// Where the files are.
pub fn folder() -> PathBuf {
    paths::workspace().join("infra/local/page")
}

async fn file(path: PathBuf) -> Response {
    let found = match content_type(&path) {
        Some(content_type) => tokio::fs::read(folder().join(path)).await.ok().map(|content| (content_type, content)),
        None => None,
    };
    match found {
        Some((content_type, content)) => (HEADERS, [(header::CONTENT_TYPE, content_type)], content).into_response(),
        None => (StatusCode::NOT_FOUND, "404 page not found\n").into_response(),
    }
}

/// The type of a file that may be handed out: it lies in the folder, and is of a kind that pages are made of.
fn content_type(path: &Path) -> Option<&'static str> {
    let is_inside = path.components().all(|part| matches!(part, std::path::Component::Normal(_)));
    match path.extension()?.to_str()? {
        _ if !is_inside => None,
        "html" => Some("text/html; charset=utf-8"),
        "js" => Some("text/javascript; charset=utf-8"),
        "css" => Some("text/css; charset=utf-8"),
        "svg" => Some("image/svg+xml"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_files_of_the_page_are_handed_out() {
        for inside in ["index.html", "app.js", "vendor/preact.js", "style.css"] {
            assert!(content_type(Path::new(inside)).is_some(), "{inside}");
        }
        for outside in ["../src/page.js", "/etc/app.js", "vendor/../../x.js", "vendor/LICENSE", "README.md", ""] {
            assert_eq!(content_type(Path::new(outside)), None, "{outside}");
        }
    }
}
