//! `tombolo explain storagebackend`: whether it can be used, and whether cutting access on it waits for an admin.
//!
//! Says what the controller has written on the object, and what to do about it; looks at nothing else, and decides nothing.

use crate::api::conditions::{READY, Status};
use crate::api::names::ANNOTATION_CONFIRM_REVOCATION;
use crate::api::reasons::BackendReason as R;
use crate::api::revocation::{Pause, RevocationStatus};
use crate::api::storage_backend::StorageBackend;
use crate::domain::size;
use crate::plan::revocation;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::ResourceExt;
use serde::Serialize;

/// What is said of a backend.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Explanation {
    backend: String,
    /// Its conditions, in words.
    conditions: Vec<String>,
    capabilities: Vec<String>,
    /// What is on it.
    used: Option<String>,
    /// Access that was taken away lately, or is not because an admin has to look first.
    cuts: Vec<String>,
    verdict: String,
    next: Option<String>,
}

/// Explains a backend by its object.
pub(super) fn tell(object: &StorageBackend) -> Explanation {
    let status = object.status.clone().unwrap_or_default();
    let word = object.annotations().get(ANNOTATION_CONFIRM_REVOCATION);
    let revocation = status.revocation.unwrap_or_default();
    let (verdict, next) = verdict(object, &status.conditions, &revocation, word);
    let known = |figure: Option<i64>| figure.and_then(|figure| u64::try_from(figure).ok());
    let bytes = |figure| known(figure).map(size::format);
    let used = known(status.volumes).map(|volumes| {
        let promised = bytes(status.provisioned_bytes).map(|b| format!(", {b} promised"));
        let free = bytes(status.free_bytes).map(|b| format!(", {b} free"));
        format!(
            "{volumes} volumes{}{}",
            promised.unwrap_or_default(),
            free.unwrap_or_default()
        )
    });
    Explanation {
        backend: object.name_any(),
        conditions: status.conditions.iter().map(condition).collect(),
        capabilities: status.capabilities,
        used,
        cuts: cuts(&revocation, word),
        verdict,
        next,
    }
}

fn condition(condition: &Condition) -> String {
    let Condition {
        type_,
        status,
        message,
        reason,
        ..
    } = condition;
    let why = if message.is_empty() { reason } else { message };
    format!("{type_}={status} {why}").trim_end().to_owned()
}

fn verdict(
    object: &StorageBackend,
    conditions: &[Condition],
    revocation: &RevocationStatus,
    word: Option<&String>,
) -> (String, Option<String>) {
    if object.metadata.deletion_timestamp.is_some() {
        let text =
            "it is being deleted: nothing new is made on it, and it goes when it has no volume and no trash left";
        return (text.to_owned(), None);
    }
    if let Some(pause) = &revocation.paused {
        if word == Some(&pause.id) {
            return (
                format!("the pause {} is confirmed; cutting goes on in a moment", pause.id),
                None,
            );
        }
        let said = revocation::statement(&object.name_any(), revocation).message;
        return (
            format!("{}: {said}", R::MassRevocation),
            Some(R::MassRevocation.next_step().to_owned()),
        );
    }
    let ready = conditions.iter().find(|c| c.type_ == READY);
    match ready {
        None => {
            let text = "the controller has not looked at it yet";
            (
                text.to_owned(),
                Some("Look whether the controller runs, and leads.".to_owned()),
            )
        }
        Some(ready) if ready.status == Status::True.as_str() => ("ready".to_owned(), None),
        Some(Condition { reason, message, .. }) => {
            let known = R::ALL.iter().find(|known| known.as_str() == reason);
            (
                format!("{reason}: {message}"),
                known.map(|known| known.next_step().to_owned()),
            )
        }
    }
}

/// When the pause began, and what it would take.
pub(super) fn paused(pause: &Pause) -> String {
    format!(
        "cutting access waits for an admin since {:.0}: consent has ended for {} of {} members, on {} exports",
        pause.since.0, pause.members, pause.of, pause.exports
    )
}

fn cuts(revocation: &RevocationStatus, word: Option<&String>) -> Vec<String> {
    let mut said: Vec<String> = revocation
        .paused
        .iter()
        .map(|pause| format!("{} ({})", paused(pause), pause.id))
        .collect();
    if let (Some(pause), Some(word)) = (&revocation.paused, word)
        && *word != pause.id
    {
        let word: String = word.chars().filter(|c| !c.is_control()).take(64).collect();
        said.push(format!(
            "{ANNOTATION_CONFIRM_REVOCATION} is {word:?}, which confirms another pause, or none"
        ));
    }
    said.extend(
        revocation
            .confirmed
            .iter()
            .map(|confirmed| format!("the pause {} was confirmed at {:.0}", confirmed.id, confirmed.at.0)),
    );
    said
}

impl Explanation {
    pub(super) fn to_text(&self) -> String {
        let mut lines = vec![format!("Backend  {}", self.backend)];
        lines.extend(self.conditions.iter().map(|c| format!("  {c}")));
        if !self.capabilities.is_empty() {
            lines.push(format!("Can      {}", self.capabilities.join(", ")));
        }
        lines.extend(self.used.iter().map(|used| format!("Used     {used}")));
        lines.extend(self.cuts.iter().map(|cut| format!("Cuts     {cut}")));
        lines.push(format!("Verdict  {}", self.verdict));
        lines.extend(self.next.iter().map(|next| format!("Next     {next}")));
        lines.join("\n")
    }
}

#[cfg(test)]
mod tests;
