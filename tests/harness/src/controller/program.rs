//! Finding the program: `TOMBOLO_BIN`, or what cargo builds into the directory from which this program itself was started.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use anyhow::{Context as _, Result, bail};

/// The program, built if need be. Cargo is asked once per process.
pub(super) fn ensure() -> Result<PathBuf> {
    static PROGRAM: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    PROGRAM
        .get_or_init(|| find().map_err(|error| format!("{error:#}")))
        .clone()
        .map_err(anyhow::Error::msg)
}

fn find() -> Result<PathBuf> {
    if let Some(given) = std::env::var_os("TOMBOLO_BIN").filter(|value| !value.is_empty()) {
        let given = std::path::absolute(given)?;
        if !given.is_file() {
            bail!("TOMBOLO_BIN is {}, which is no file", given.display());
        }
        return Ok(given);
    }
    let this = std::env::current_exe().context("finding this program")?;
    let (target, profile) =
        place(&this).with_context(|| format!("{} was not built by cargo: set TOMBOLO_BIN", this.display()))?;
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo
        .args(["build", "--package", "tombolo", "--bin", "tombolo"])
        .arg("--target-dir")
        .arg(target)
        .args(["--profile", profile])
        .current_dir(crate::directories::repository()?);
    let status = cargo.status().context("running cargo, to build tombolo")?;
    if !status.success() {
        bail!("cargo could not build tombolo ({status})");
    }
    let directory = if profile == "dev" { "debug" } else { profile };
    Ok(target.join(directory).join("tombolo"))
}

/// Cargo's target directory and the profile of a program in it: `<target>/<profile>/x`, or `<target>/<profile>/deps/x` for a test.
fn place(program: &Path) -> Option<(&Path, &str)> {
    let parent = program.parent()?;
    let directory = if parent.ends_with("deps") {
        parent.parent()?
    } else {
        parent
    };
    let profile = match directory.file_name()?.to_str()? {
        "debug" => "dev",
        named => named,
    };
    // Cargo marks its directory, so that archivers leave it out.
    let target = directory.parent()?;
    target.join("CACHEDIR.TAG").exists().then_some((target, profile))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_test_is_in_a_target_directory() {
        let this = std::env::current_exe().unwrap();
        let (target, _) = place(&this).unwrap();
        assert!(this.starts_with(target));
    }

    #[test]
    fn the_profile_is_the_directory_but_for_debug() {
        let root = tempfile::tempdir().unwrap();
        assert_eq!(place(&root.path().join("debug/demo")), None);
        std::fs::write(root.path().join("CACHEDIR.TAG"), "").unwrap();
        assert_eq!(place(&root.path().join("debug/demo")), Some((root.path(), "dev")));
        assert_eq!(
            place(&root.path().join("release/deps/e2e-1")),
            Some((root.path(), "release"))
        );
    }
}
