//! The layout of this repository, guarded: what belongs where, and what every function must bring.

use std::path::{Path, PathBuf};
use std::process::Command;

use local::gateway::routes::{OPENAPI, Routes};
use local::paths;

fn text(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// All files that git keeps or would keep, relative to the top folder.
fn files() -> Vec<PathBuf> {
    let output = Command::new("git")
        .args(["ls-files", "--cached", "--others", "--exclude-standard"])
        .current_dir(paths::workspace())
        .output()
        .expect("git lists the files");
    assert!(output.status.success(), "git lists the files");
    let names = String::from_utf8(output.stdout).expect("file names are UTF-8");
    names.lines().map(PathBuf::from).filter(|file| paths::workspace().join(file).is_file()).collect()
}

fn functions() -> Vec<String> {
    let folders = std::fs::read_dir(paths::workspace().join("functions")).expect("there are functions");
    let mut names: Vec<String> = folders
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| paths::workspace().join("functions").join(name).join("Cargo.toml").exists())
        .collect();
    names.sort();
    names
}

/// The compiler keeps the domain's wall, since it is a crate: this is the list of what it may lean on.
#[test]
fn the_domain_is_pure() {
    let manifest = text(&paths::workspace().join("shared/domain/Cargo.toml"));
    let dependencies = manifest.split("[dependencies]").nth(1).and_then(|rest| rest.split("\n\n").next());
    let names: Vec<_> = dependencies.unwrap_or_default().lines().filter_map(|line| line.split('.').next()).collect();
    assert_eq!(names, ["", "base64", "jiff", "ring", "serde", "thiserror"]);
    for file in files().into_iter().filter(|file| file.starts_with("shared/domain/src")) {
        let code = text(&paths::workspace().join(&file));
        assert!(!code.contains("async fn") && !code.contains("Timestamp::now"), "{}", file.display());
    }
}

/// Functions that API Gateway does not call.
const WITHOUT_ROUTES: [&str; 4] = ["check-grant", "import-accounts", "lapse-sweep", "relay-events"];

#[test]
fn every_function_brings_what_a_function_needs() {
    let routes = Routes::from_openapi(OPENAPI).expect("the API description is understood");
    let readme = text(&paths::workspace().join("README.md"));
    let names = functions();
    assert!(names.len() >= 5, "{names:?}");
    for name in names {
        let folder = paths::workspace().join("functions").join(&name);
        let manifest = text(&folder.join("Cargo.toml"));
        assert!(
            manifest.contains(&format!("name = \"{name}\"")),
            "folder, package and binary of {name} are called alike"
        );
        let main = text(&folder.join("src/main.rs"));
        assert!(main.lines().count() <= 40, "{name}: main.rs is settings, clients, run");
        assert!(text(&folder.join("src/lib.rs")).starts_with("//!"), "{name}: lib.rs says what the function does");
        let events = std::fs::read_dir(paths::workspace().join("events").join(&name));
        assert!(events.is_ok_and(|mut events| events.next().is_some()), "{name} has no events to try it with");
        assert!(
            readme.lines().any(|line| line.starts_with(&format!("| `{name}` |"))),
            "{name} has no row in README.md"
        );
        let is_routed = routes.all().iter().any(|route| route.function == name);
        assert_eq!(is_routed, !WITHOUT_ROUTES.contains(&name.as_str()), "{name}: what infra/openapi.yaml says of it");
    }
    for route in routes.all() {
        assert!(functions().contains(&route.function), "{} leads to no function", route.key());
    }
}

#[test]
fn every_event_belongs_to_a_function_and_is_json() {
    let events = files().into_iter().filter(|file| file.starts_with("events") && !file.ends_with("answers.yaml"));
    for file in events {
        let function = file.iter().nth(1).and_then(|name| name.to_str()).unwrap_or_default().to_owned();
        assert!(functions().contains(&function), "{} is an event of no function", file.display());
        let parsed: Result<serde_json::Value, _> = serde_json::from_str(&text(&paths::workspace().join(&file)));
        assert!(parsed.is_ok(), "{} is not JSON", file.display());
    }
}

#[test]
fn files_stay_short() {
    for file in files() {
        let is_ours = file.extension().is_some_and(|ending| ending == "rs" || ending == "md");
        let lines = if is_ours { text(&paths::workspace().join(&file)).lines().count() } else { 0 };
        assert!(lines <= 500, "{} has {lines} lines", file.display());
    }
}

/// A fresh clone must work anywhere: no file knows the machine that it was written on.
#[test]
fn nothing_depends_on_where_it_was_written() {
    let home = ["/ho", "me/"].concat();
    let places =
        [paths::workspace().display().to_string() + "/", home, ["/Us", "ers/"].concat(), ["/ro", "ot/"].concat()];
    for file in files() {
        let Ok(text) = std::fs::read_to_string(paths::workspace().join(&file)) else { continue };
        for place in &places {
            assert!(!text.contains(place.as_str()), "{} mentions {place}", file.display());
        }
    }
}

/// One TLS stack, and no test-only path through a function.
#[test]
fn functions_do_not_know_the_local_world() {
    let is_deployed =
        |file: &PathBuf| file.starts_with("shared/src") || file.iter().nth(2).is_some_and(|it| it == "src");
    let sources = files().into_iter().filter(|file| file.starts_with("functions") || file.starts_with("shared"));
    for file in sources.filter(is_deployed).filter(|file| file.extension().is_some_and(|ending| ending == "rs")) {
        let text = text(&paths::workspace().join(&file));
        let code = text.split("#[cfg(test)]").next().unwrap_or_default();
        for tell_tale in ["tiktok_stand_in", "dynoxide", "use local::"] {
            assert!(!code.contains(tell_tale), "{} knows {tell_tale}", file.display());
        }
    }
}
