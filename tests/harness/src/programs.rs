//! Finding our own programs: where `TOMBOLO_BIN` and `TOMBOLO_FILER_BIN` say, or what cargo builds into the directory from which this
//! program itself was started.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use anyhow::{Context as _, Result, bail};

/// One of our programs.
struct Program {
    name: &'static str,
    /// Says where it is.
    variable: &'static str,
    /// A test of its package: a run of all tests builds the program for it, with the features that everything has there.
    test: &'static str,
}

/// The controller, built if need be. Cargo is asked once per process.
pub(crate) fn controller() -> Result<PathBuf> {
    static PROGRAM: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    let tombolo = Program {
        name: "tombolo",
        variable: "TOMBOLO_BIN",
        test: "repo",
    };
    once(&PROGRAM, &tombolo)
}

/// What runs on a storage host, likewise.
pub(crate) fn filer() -> Result<PathBuf> {
    static PROGRAM: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    let filer = Program {
        name: "tombolo-filer",
        variable: "TOMBOLO_FILER_BIN",
        test: "filer",
    };
    once(&PROGRAM, &filer)
}

fn once(found: &OnceLock<Result<PathBuf, String>>, program: &Program) -> Result<PathBuf> {
    found
        .get_or_init(|| find(program).map_err(|error| format!("{error:#}")))
        .clone()
        .map_err(anyhow::Error::msg)
}

fn find(program: &Program) -> Result<PathBuf> {
    let Program { name, variable, test } = program;
    if let Some(given) = std::env::var_os(variable).filter(|value| !value.is_empty()) {
        let given = std::path::absolute(given)?;
        if !given.is_file() {
            bail!("{variable} is {}, which is no file", given.display());
        }
        return Ok(given);
    }
    let this = std::env::current_exe().context("finding this program")?;
    let (target, profile) =
        place(&this).with_context(|| format!("{} was not built by cargo: set {variable}", this.display()))?;
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    // With the packages, and so with the features, that this program itself was built with: nothing is compiled twice.
    if this.parent().is_some_and(|parent| parent.ends_with("deps")) {
        cargo.args(["test", "--quiet", "--no-run", "--workspace", "--test", test]);
    } else {
        cargo.args(["build", "--package", "tombolo", "--package", "tombolo-filer", "--bins"]);
    }
    cargo
        .arg("--target-dir")
        .arg(target)
        .args(["--profile", profile])
        .current_dir(crate::directories::repository()?)
        // What is printed on standard output is the test runner's, or for the shell.
        .stdout(std::io::stderr());
    let status = cargo.status().context("running cargo")?;
    let directory = if profile == "dev" { "debug" } else { profile };
    let program = target.join(directory).join(name);
    if !status.success() || !program.is_file() {
        bail!("cargo could not build {name} ({status})");
    }
    Ok(program)
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
