//! `tombolo doctor`: whether the cluster has what Tombolo needs, and what is not served there.
//!
//! Reads what the caller may read ([`examine`]) and says what it means ([`findings`]). Changes nothing, and asks nothing of the controller:
//! what that may read is asked of the API server. What the caller may not see is unknown, never well.

mod examine;
mod findings;
#[cfg(test)]
mod tests;

use crate::cli::{Common, Doctor, Output, own_namespace};
use anyhow::bail;
use findings::{Finding, Outcome};
use kube::Client;

/// Examines the cluster, and prints what was found.
///
/// # Errors
/// If something is not as it has to be, or the cluster cannot be reached.
#[expect(clippy::print_stdout, reason = "what the command is for")]
pub async fn doctor(common: &Common, args: &Doctor) -> anyhow::Result<()> {
    let client = Client::try_from(common.kube_config().await?)?;
    let of = examine::Installation {
        namespace: own_namespace(args.namespace.as_deref()),
        account: args.service_account.clone(),
    };
    let found = findings::of(&examine::examine(&client, &of).await?);
    match args.output {
        Output::Json => println!("{}", serde_json::to_string_pretty(&found)?),
        Output::Text => println!("{}", to_text(&found)),
    }
    match found.iter().filter(|one| one.outcome == Outcome::Failed).count() {
        0 => Ok(()),
        1 => bail!("1 of {} checks failed", found.len()),
        failed => bail!("{failed} of {} checks failed", found.len()),
    }
}

fn to_text(found: &[Finding]) -> String {
    let mut lines = Vec::new();
    for Finding {
        check,
        outcome,
        text,
        next,
    } in found
    {
        let sign = match outcome {
            Outcome::Passed => "✓",
            Outcome::Failed => "✗",
            Outcome::Unknown => "?",
            Outcome::Absent => "–",
        };
        lines.push(format!("  {sign} {check:<18} {text}"));
        lines.extend(next.iter().map(|next| format!("    {:<18} → {next}", "")));
    }
    lines.join("\n")
}
