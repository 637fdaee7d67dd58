//! The functions' binaries, built once for a whole run of the tests.

use std::fs::File;

use local::paths;

/// Builds all binaries. `cargo test` runs all tests in one program, so the first one builds; nextest runs each in a
/// program of its own, so the first of a run builds and leaves a note for the others.
pub async fn build_once() {
    let Some(run) = nextest_run() else {
        local::binaries::build_once().await.expect("the functions build");
        return;
    };
    let folder = paths::state().expect("a target folder");
    std::fs::create_dir_all(&folder).expect("a folder for the note");
    let lock = File::create(folder.join("build.lock")).expect("a lock file");
    lock.lock().expect("the lock");
    let note = folder.join("built-for-run");
    if std::fs::read_to_string(&note).is_ok_and(|built| built == run) {
        return;
    }
    local::binaries::build().await.expect("the functions build");
    std::fs::write(&note, run).expect("the note");
}

#[expect(clippy::disallowed_methods, reason = "the test runner speaks to its tests through variables")]
fn nextest_run() -> Option<String> {
    std::env::var("NEXTEST_RUN_ID").ok()
}
