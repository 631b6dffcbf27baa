//! Schemathesis in an environment of its own below the user's cache, made once for each list of requirements.

use sha2::{Digest, Sha256};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::process::Command;

const REQUIREMENTS: &str = include_str!("requirements.txt");
/// A download of some ten megabytes.
const LONGEST: Duration = Duration::from_secs(300);

/// The tool, ready to run.
pub struct Installed(PathBuf);

impl Installed {
    pub fn command(&self) -> Command {
        Command::new(self.0.join("bin/schemathesis"))
    }
}

/// Finds it, or installs it; the text is what is lacking.
pub async fn installed() -> Result<Installed, String> {
    let directory = directory()?;
    std::fs::create_dir_all(&directory).map_err(|e| format!("{}: {e}", directory.display()))?;
    let lock = File::create(directory.join("lock")).map_err(|e| e.to_string())?;
    // Another test may be installing it; it is waited for off the runtime's threads.
    let lock = tokio::task::spawn_blocking(move || lock.lock().map(|()| lock)).await;
    let _lock = lock.map_err(|e| e.to_string())?.map_err(|e| e.to_string())?;
    let environment = directory.join("environment");
    // Written last, so that it means that all of it is there.
    let complete = directory.join("complete");
    if !complete.exists() {
        let _ = std::fs::remove_dir_all(&environment);
        run(Command::new("python3").args(["-m", "venv"]).arg(&environment)).await?;
        let requirements = directory.join("requirements.txt");
        std::fs::write(&requirements, REQUIREMENTS).map_err(|e| e.to_string())?;
        let mut pip = Command::new(environment.join("bin/pip"));
        pip.args(["install", "--quiet", "--disable-pip-version-check", "--no-input", "-r"]);
        run(pip.arg(&requirements)).await?;
        std::fs::write(&complete, "").map_err(|e| e.to_string())?;
    }
    Ok(Installed(environment))
}

fn directory() -> Result<PathBuf, String> {
    let set = |name| {
        std::env::var_os(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    let cache = set("XDG_CACHE_HOME").or_else(|| set("HOME").map(|home| home.join(".cache")));
    let cache = cache.ok_or("neither XDG_CACHE_HOME nor HOME is set: there is no place for schemathesis")?;
    let digest = Sha256::digest(REQUIREMENTS);
    let key: String = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    Ok(Path::new(&cache).join("tombolo/schemathesis").join(key))
}

async fn run(command: &mut Command) -> Result<(), String> {
    let output = tokio::time::timeout(LONGEST, command.kill_on_drop(true).output()).await;
    let output = output.map_err(|_| "installing schemathesis takes too long".to_owned())?;
    let output = output.map_err(|e| format!("schemathesis cannot be installed: {e}"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    let last = said.lines().last().unwrap_or_default();
    output
        .status
        .success()
        .then_some(())
        .ok_or_else(|| format!("schemathesis cannot be installed: {last}"))
}
