//! May this claim be made from that snapshot? The checks in the order of the CSI external-provisioner.
//!
//! Consent was asked for before. What keeps a snapshot that is being deleted readable there is a finalizer of the provisioner's; here it
//! is the claim's own token on the content, and a claim that has one is not looked at here any more.

use super::consent;
use super::source::{fits, going, refuse};
use crate::api::reasons::ClaimReason as R;
use crate::domain::backend::Backend;
use crate::domain::claim::Claim;
use crate::domain::class::Class;
use crate::domain::ids::ClaimKey;
use crate::domain::served::Served;
use crate::domain::snapshot::Snapshot;
use crate::domain::snapshot::content::Content;
use crate::domain::snapshot::handle::{Imports, SnapshotHandle};
use crate::plan::Plan;
use crate::plan::provision;
use crate::plan::snapshot::trust::{self, Untied};

/// What is looked at of a snapshot.
#[derive(Debug, Clone, Copy)]
pub struct ForRestore<'a> {
    /// Whether VolumeSnapshots and their contents can be read.
    pub served: Served,
    /// The VolumeSnapshot, if there is one.
    pub snapshot: Option<&'a Snapshot>,
    /// The content that it is bound to, if that is there.
    pub content: Option<&'a Content>,
    /// The claim that it has to have been taken of, where the claim says so.
    pub of: Option<&'a ClaimKey>,
    /// That claim, if it is there and its owner was asked.
    pub owner: Option<&'a Claim>,
}

/// A snapshot that may be restored from.
#[derive(Debug, Clone, PartialEq)]
pub struct Restorable<'a> {
    /// It.
    pub snapshot: &'a Snapshot,
    /// What stands behind it.
    pub content: &'a Content,
    /// Where its data is.
    pub handle: SnapshotHandle,
}

/// The claim that wants it, and what else there is.
#[derive(Debug, Clone, Copy)]
pub struct Of<'a> {
    /// The claim.
    pub claim: &'a Claim,
    /// Its class.
    pub class: &'a Class,
    /// All backends.
    pub backends: &'a [Backend],
    /// What it calls the snapshot.
    pub told: &'a str,
    /// Bytes that it asks for.
    pub bytes: u64,
}

/// The handle that counts. What an admin has imported is only known of a backend that is there.
fn tied(content: &Content, backends: &[Backend]) -> Result<Result<SnapshotHandle, Untied>, Plan> {
    let named = content.handle().and_then(SnapshotHandle::parse);
    let there = named.and_then(|handle| backends.iter().find(|b| b.id() == Some(&handle.backend)));
    match (trust::tied(content, &Imports::default()), there) {
        (Err(Untied::NotImported), Some(backend)) => Ok(trust::tied(content, &backend.imports)),
        (Err(Untied::NotImported) | Ok(_), None) => Err(provision::away().into()),
        (tied, _) => Ok(tied),
    }
}

fn not_ready<T>(told: &str, why: &str) -> Result<T, Plan> {
    refuse(
        R::SourceNotReady,
        format!("{told}, which this claim is to be made from, {why}; it goes on when that is so no more"),
    )
}

/// Examines a snapshot for a claim that asks for so many bytes.
///
/// # Errors
/// The plan that says why not.
pub fn examine<'a>(s: &ForRestore<'a>, o: &Of<'_>) -> Result<Restorable<'a>, Plan> {
    let told = o.told;
    match s.served {
        Served::Yes => {}
        Served::NotInstalled => {
            return not_ready(told, "cannot exist, because this cluster has no VolumeSnapshots");
        }
        Served::Forbidden => {
            return not_ready(
                told,
                "cannot be read by Tombolo; ask your admin to give it the right to",
            );
        }
        Served::Unknown => return not_ready(told, "has not been read yet"),
    }
    let missing = || match s.of {
        Some(of) => not_ready(told, &format!("does not exist, or is not of claim {}", of.name)),
        None => not_ready(told, "does not exist"),
    };
    let of_the_claim = |snapshot: &&Snapshot| s.of.is_none_or(|of| snapshot.of.as_ref() == Some(of));
    let Some(snapshot) = s.snapshot.filter(of_the_claim) else {
        return missing();
    };
    if snapshot.terminating {
        return going(told);
    }
    let Some(bound) = &snapshot.content else {
        return not_ready(told, "is not bound to a VolumeSnapshotContent");
    };
    let Some(content) = s.content.filter(|content| content.name == *bound) else {
        return not_ready(told, "is bound to a VolumeSnapshotContent that does not exist");
    };
    if content.of != snapshot.key || content.of_uid.as_ref() != Some(&snapshot.uid) {
        return not_ready(told, "is bound to a VolumeSnapshotContent that is another snapshot's");
    }
    // Whose owner has consented, which nobody was asked for at home, may be another claim of its name.
    let elsewhere = snapshot.key.namespace != o.claim.key.namespace;
    if elsewhere
        && s.of.is_some()
        && !s
            .owner
            .is_some_and(|owner| consent::has(owner, content.source.volume()))
    {
        return missing();
    }
    if !content.ours {
        let text = format!(
            "{told} was taken by another driver than the one of StorageClass {}; only that one can restore it",
            o.class.name
        );
        return refuse(R::ClassMismatch, text);
    }
    if snapshot.ready != Some(true) {
        return not_ready(told, "is not ready");
    }
    let status = content.status.as_ref();
    let Some(status) = status.filter(|status| status.handle.is_some()) else {
        return not_ready(told, "has no data that is known");
    };
    if content.terminating {
        return going(told);
    }
    let handle = match tied(content, o.backends)? {
        Ok(handle) if status.ready => handle,
        Ok(_) => return not_ready(told, "is not ready"),
        Err(_) => {
            return not_ready(
                told,
                "names data that is not known to be its own; an admin can import it, see the events of its content",
            );
        }
    };
    fits(told, status.restore_size, o.bytes)?;
    if content.block.is_some_and(|block| block != o.claim.block) && !content.converts {
        return refuse(
            R::AccessModeMismatch,
            format!("{told} is of a block device, and this claim a file system"),
        );
    }
    Ok(Restorable {
        snapshot,
        content,
        handle,
    })
}
