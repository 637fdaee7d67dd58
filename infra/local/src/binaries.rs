//! The functions' binaries: where they are, and building them with cargo.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context as _, bail};
use tokio::process::Command;
use tokio::sync::OnceCell;

use crate::paths;

/// Builds all binaries of the workspace, in the profile of the running program and into the same target folder.
///
/// One build of everything, because a build of single packages would resolve other features and compile the SDK again.
pub async fn build() -> anyhow::Result<()> {
    let binaries = paths::binaries()?;
    let mut cargo = Command::new("cargo");
    cargo.args(["build", "--bins"]).current_dir(paths::workspace()).stdin(Stdio::null()).kill_on_drop(true);
    // Cargo tells a test about the test's own package. Build scripts that look at it, such as ring's, would see a change
    // each time, and most dependencies would be compiled again.
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(|name| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_")) {
            cargo.env_remove(name);
        }
    }
    match binaries.file_name().and_then(|profile| profile.to_str()) {
        None | Some("debug") => {}
        Some(profile) => {
            cargo.args(["--profile", profile]);
        }
    }
    if let Some(target) = binaries.parent() {
        cargo.arg("--target-dir").arg(target);
    }
    let output = cargo.output().await.context("running cargo")?;
    if !output.status.success() {
        bail!("cargo build --bins failed:\n{}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(())
}

/// [`build`], but only the first time in this program: for tests, which all need it.
pub async fn build_once() -> anyhow::Result<()> {
    static BUILT: OnceCell<()> = OnceCell::const_new();
    BUILT.get_or_try_init(build).await.copied()
}

/// The functions of the workspace and where their binaries are: each folder in `functions/` is one.
pub fn functions(binaries: &Path) -> anyhow::Result<Vec<(String, PathBuf)>> {
    let folder = paths::workspace().join("functions");
    let mut functions = Vec::new();
    for entry in std::fs::read_dir(&folder).with_context(|| format!("reading {}", folder.display()))? {
        let entry = entry?;
        if let (true, Ok(name)) = (entry.path().join("Cargo.toml").exists(), entry.file_name().into_string()) {
            functions.push((name.clone(), binaries.join(name)));
        }
    }
    Ok(functions)
}
