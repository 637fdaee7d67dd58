//! What the browser tests need beside Rust, and what is said where it is missing.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Once;

use local::paths;

const BROWSER_MISSING: &str = "\
============ BROWSER TESTS SKIPPED ============
`chromium` and `chromedriver` are not both installed. On Debian or Ubuntu:
    apt-get install chromium chromium-driver
===============================================
";

const AXE_MISSING: &str = "\
========= ACCESSIBILITY NOT CHECKED ===========
`axe-core` is not installed:
    npm ci --prefix tests/journeys/browsing
===============================================
";

pub struct Programs {
    pub chromium: PathBuf,
    pub chromedriver: PathBuf,
}

/// Browser and driver; `None`, and loudly, where they are missing on somebody's own machine. In CI that is a failure.
pub fn programs() -> Option<Programs> {
    static SAID: Once = Once::new();
    let found = in_path("chromium").zip(in_path("chromedriver"));
    let programs = found.map(|(chromium, chromedriver)| Programs { chromium, chromedriver });
    if programs.is_none() {
        missing(&SAID, BROWSER_MISSING);
    }
    programs
}

/// The source text of axe-core; `None` as above.
pub fn axe() -> Option<String> {
    static SAID: Once = Once::new();
    let file = paths::workspace().join("tests/journeys/browsing/node_modules/axe-core/axe.min.js");
    let source = std::fs::read_to_string(file).ok();
    if source.is_none() {
        missing(&SAID, AXE_MISSING);
    }
    source
}

/// Whether the screenshots in `docs/screenshots` are to be made anew.
pub fn are_screenshots_wanted() -> bool {
    is_set("SCREENSHOTS")
}

fn missing(said: &Once, how: &str) {
    assert!(!is_set("CI"), "in CI nothing is skipped\n{how}");
    // Past the test runner, which keeps to itself what a test that passes has printed.
    said.call_once(|| drop(std::io::stderr().write_all(format!("\n{how}").as_bytes())));
}

fn is_set(variable: &str) -> bool {
    std::env::var_os(variable).is_some_and(|value| !value.is_empty() && value != "0" && value != "false")
}

fn in_path(program: &str) -> Option<PathBuf> {
    let folders = std::env::var_os("PATH")?;
    std::env::split_paths(&folders).map(|folder| folder.join(program)).find(|file| Path::is_file(file))
}
