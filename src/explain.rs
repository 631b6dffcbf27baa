//! `tombolo explain pvc`: every check with its outcome, by the very code that decides; and `explain storagebackend` ([`backend`]).
//!
//! Reads what the caller may read ([`reading`]), asks `plan` ([`story`]), and calls unknown what rests on something that the caller may
//! not read. Changes nothing.

mod backend;
mod checks;
mod copying;
mod reading;
mod sizing;
mod story;
#[cfg(test)]
mod tests;
mod volume;

use crate::api::storage_backend::StorageBackend;
use crate::cli::{Common, ExplainBackend, ExplainPvc, Output};
use crate::domain::ids::ClaimKey;
use anyhow::Context;
use checks::{Check, Outcome};
use kube::{Api, Client};
use serde::Serialize;

/// What is said of a claim.
#[derive(Debug, Serialize)]
struct Explanation {
    claim: String,
    phase: &'static str,
    /// The volume that it has, if that is ours and may be read.
    volume: Option<Volume>,
    checks: Vec<Check>,
    /// What the controller says of a claim that has its volume, as its events say it.
    notes: Vec<String>,
    verdict: String,
    next: Option<String>,
    /// What the caller may not read, and why.
    unseen: Vec<String>,
}

/// The volume of a claim.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Volume {
    name: String,
    /// In words: what the claim has of it.
    story: String,
    /// Whom its owner lets in; only on the owner's claim.
    shared_with: Vec<String>,
    /// Who has joined; only on the owner's claim.
    members: Vec<String>,
}

/// Explains a claim.
///
/// # Errors
/// If the claim cannot be read.
#[expect(clippy::print_stdout, reason = "what the command is for")]
pub async fn pvc(common: &Common, args: &ExplainPvc) -> anyhow::Result<()> {
    let config = common.kube_config().await?;
    let namespace = args
        .namespace
        .clone()
        .unwrap_or_else(|| config.default_namespace.clone());
    let key = ClaimKey::new(namespace, &args.name);
    let seen = reading::everything(Client::try_from(config)?, &key).await?;
    let explanation = story::tell(&seen);
    match args.output {
        Output::Json => println!("{}", serde_json::to_string_pretty(&explanation)?),
        Output::Text => println!("{}", explanation.to_text()),
    }
    Ok(())
}

/// Explains a backend.
///
/// # Errors
/// If it cannot be read.
#[expect(clippy::print_stdout, reason = "what the command is for")]
pub async fn storage_backend(common: &Common, args: &ExplainBackend) -> anyhow::Result<()> {
    let all: Api<StorageBackend> = Api::all(Client::try_from(common.kube_config().await?)?);
    let found = all.get_opt(&args.name).await?;
    let explanation = backend::tell(&found.with_context(|| format!("no StorageBackend {}", args.name))?);
    match args.output {
        Output::Json => println!("{}", serde_json::to_string_pretty(&explanation)?),
        Output::Text => println!("{}", explanation.to_text()),
    }
    Ok(())
}

impl Explanation {
    fn to_text(&self) -> String {
        let mut lines = vec![format!("Claim    {}", self.claim), format!("Phase    {}", self.phase)];
        if let Some(volume) = &self.volume {
            lines.push(format!("Volume   {}: {}", volume.name, volume.story));
            lines.extend(volume.shared_with.iter().map(|entry| format!("  may join  {entry}")));
            lines.extend(volume.members.iter().map(|member| format!("  joined    {member}")));
        }
        for check in &self.checks {
            let sign = match check.outcome {
                Outcome::Passed => "✓",
                Outcome::Failed => "✗",
                Outcome::Unknown => "?",
                Outcome::NotReached => "·",
            };
            lines.push(
                format!("  {sign} {:<14} {}", check.check, check.text)
                    .trim_end()
                    .to_owned(),
            );
        }
        lines.extend(self.notes.iter().map(|note| format!("Note     {note}")));
        lines.push(format!("Verdict  {}", self.verdict));
        lines.extend(self.next.iter().map(|next| format!("Next     {next}")));
        lines.extend(self.unseen.iter().map(|unseen| format!("Unseen   {unseen}")));
        lines.join("\n")
    }
}
