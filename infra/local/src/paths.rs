//! Where things lie on disk: the workspace, its build output and what the local world keeps between two runs.

use std::path::{Path, PathBuf};

use anyhow::Context as _;

/// The top folder of the repository, fixed when this crate is compiled.
pub fn workspace() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).unwrap_or(here).to_path_buf()
}

/// Where cargo puts the binaries of the profile that this program was built with, such as `target/debug`.
///
/// Taken from the running program's own path, so that another target folder or profile is followed. A test binary lies
/// one folder deeper, in `deps`.
pub fn binaries() -> anyhow::Result<PathBuf> {
    let program = std::env::current_exe().context("finding out where this program lies")?;
    let folder = program.parent().context("this program lies in no folder")?;
    let folder = if folder.ends_with("deps") || folder.ends_with("examples") {
        folder.parent().unwrap_or(folder)
    } else {
        folder
    };
    Ok(folder.to_path_buf())
}

/// What survives a restart: database, secrets, the issuer's key. `target/local`, next to the profile folders.
pub fn state() -> anyhow::Result<PathBuf> {
    let binaries = binaries()?;
    Ok(binaries.parent().unwrap_or(&binaries).join("local"))
}
