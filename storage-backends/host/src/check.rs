//! `check`: a list of named checks, each with how it ended, why, and how to mend it. Nothing is changed.

mod clock;
pub mod credentials;
#[cfg(feature = "filer")]
pub mod filer;
pub mod local;
mod places;

use crate::cli;
use crate::config::Config;
use std::process::ExitCode;

/// How a check ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// All is well; the text says what was found.
    Passed(String),
    /// It will not work, or not safely.
    Failed {
        /// What was found.
        why: String,
        /// What to do about it.
        mend: String,
    },
    /// It could not be looked at; why.
    Unknown(String),
}

impl Verdict {
    /// A failure.
    pub fn failed(why: impl Into<String>, mend: impl Into<String>) -> Self {
        Self::Failed {
            why: why.into(),
            mend: mend.into(),
        }
    }
}

/// Something that this host must have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// What is looked at.
    pub name: &'static str,
    /// How it ended.
    pub verdict: Verdict,
}

/// Looks at everything and prints it.
pub async fn check(config: &Config, how: &cli::Check) -> anyhow::Result<ExitCode> {
    let looked_at = config.clone();
    // Disks may hang; the runtime should not.
    let mut checks = tokio::task::spawn_blocking(move || of_everybody(&looked_at)).await?;
    checks.extend(config.backend.checks(how).await);
    let mut failed = false;
    for check in &checks {
        print(check);
        failed |= matches!(check.verdict, Verdict::Failed { .. });
    }
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn of_everybody(config: &Config) -> Vec<Check> {
    let mut checks = credentials::checks(config);
    checks.extend(places::checks(config));
    checks.push(clock::check());
    checks
}

#[expect(clippy::print_stdout, reason = "what the command is for")]
fn print(check: &Check) {
    match &check.verdict {
        Verdict::Passed(found) => println!("ok       {}: {found}", check.name),
        Verdict::Failed { why, mend } => println!("FAILED   {}: {why}\n         mend it: {mend}", check.name),
        Verdict::Unknown(why) => println!("unknown  {}: {why}", check.name),
    }
}
