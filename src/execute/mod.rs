//! Carrying out a plan: a walk over its actions, one request each, no decision.
//!
//! Stops at the first failure; what was done stays done, and the next look at the world plans the rest. There is nothing to
//! undo and nothing to replay.

pub mod api_server;
pub mod claim_status;
pub mod cluster;
pub mod failure;
pub mod gate;
pub mod manifest;
pub mod publication;
pub mod registration;
pub mod revocations;
pub mod snapshots;
#[cfg(test)]
pub(crate) mod testing;

pub use failure::Failure;

use crate::domain::access::OnDelete;
use crate::domain::discarded::Discarded;
use crate::domain::ids::Handle;
use crate::ledger::Ledger;
use crate::plan::{Action, Announcement, Data, rules};
use cluster::Cluster;
use std::sync::Arc;
use tombolo_backend_api::{Class, CopyProgress, CopyTerms, CreateVolume, Disposal, Found, Guarded, TrashId};

/// Permission bits of a volume's directory, as other NFS provisioners set them: anybody whom a node lets in.
const WORLD: u32 = 0o777;

/// Everything that a plan can act on.
#[derive(Clone)]
pub struct Ports {
    /// The API server.
    pub cluster: Arc<dyn Cluster>,
    /// The part of it that has snapshots.
    pub snapshots: Arc<dyn snapshots::SnapshotObjects>,
    /// The ledger.
    pub ledger: Arc<dyn Ledger>,
    /// The storage backends.
    pub storage: Arc<dyn Storage>,
    /// Where announcements go.
    pub audience: Arc<dyn Audience>,
    /// The time, for records of what was discarded.
    pub clock: Arc<dyn Clock>,
}

/// Finds the backend behind a handle.
pub trait Storage: Send + Sync + 'static {
    /// The backend with this handle's id, if it is ready.
    fn behind(&self, handle: &Handle) -> Option<Guarded>;
}

/// Hears announcements. Must return at once: people can wait, plans cannot.
pub trait Audience: Send + Sync + 'static {
    /// Somebody has to be told.
    fn hear(&self, announcement: &Announcement);
}

/// Tells the time.
pub trait Clock: Send + Sync + 'static {
    /// Now.
    fn now(&self) -> jiff::Timestamp;
}

/// How copies are made, and who is told of them: only for whoever has as much time as a copy takes.
#[derive(Clone, Copy)]
pub struct Copying<'a> {
    /// The leader's term, see [`CopyTerms::epoch`].
    pub epoch: u64,
    /// Entries that a source may have at most.
    pub max_entries: u64,
    /// Hears how far it is.
    pub progress: &'a dyn CopyProgress,
}

/// Carries out `actions` in order.
///
/// # Errors
/// The first failure; later actions were not begun.
pub async fn run(actions: &[Action], ports: &Ports) -> Result<(), Failure> {
    carry_out(actions, ports, None).await
}

/// Carries out `actions`, a copy among them, in order.
///
/// # Errors
/// The first failure; later actions were not begun.
pub async fn run_copy(actions: &[Action], ports: &Ports, copying: Copying<'_>) -> Result<(), Failure> {
    carry_out(actions, ports, Some(copying)).await
}

async fn carry_out(actions: &[Action], ports: &Ports, copying: Option<Copying<'_>>) -> Result<(), Failure> {
    rules::check(actions).map_err(Failure::Rule)?;
    for action in actions {
        step(action, ports, copying).await?;
    }
    Ok(())
}

async fn step(action: &Action, ports: &Ports, copying: Option<Copying<'_>>) -> Result<(), Failure> {
    let cluster = &ports.cluster;
    let behind = |handle: &Handle| ports.storage.behind(handle).ok_or(Failure::NoBackend);
    match action {
        Action::Record(changes) => {
            ports
                .ledger
                .apply(changes.clone(), crate::ledger::Durability::Flushed)
                .await?
        }
        Action::Note(changes) => {
            ports
                .ledger
                .apply(changes.clone(), crate::ledger::Durability::Soon)
                .await?
        }
        Action::Tell(announcement) => ports.audience.hear(announcement),
        Action::MakeData { handle, bytes, .. } => {
            let volume = CreateVolume {
                path: handle.path.clone(),
                mode: WORLD,
                bytes: *bytes,
            };
            let backend = behind(handle)?;
            let made = backend.create(&volume).await?;
            if let Err(short) = enough(&made, *bytes) {
                // Nobody has mounted it, and whatever should be in it all the same stays.
                backend.remove_empty(&handle.path).await?;
                return Err(short);
            }
        }
        Action::Copy {
            from,
            handle,
            bytes,
            drop_set_id,
            ..
        } => {
            let Some(copying) = copying else {
                return Err(Failure::Rule("a copy is made where nothing may take long".into()));
            };
            let volume = CreateVolume {
                path: handle.path.clone(),
                mode: WORLD,
                bytes: *bytes,
            };
            let terms = CopyTerms {
                epoch: copying.epoch,
                drop_set_id: *drop_set_id,
                max_entries: copying.max_entries,
            };
            let (backend, progress) = (behind(handle)?, copying.progress);
            match from {
                Data::Volume(from) => backend.clone_volume(&from.path, &volume, &terms, progress).await?,
                Data::Snapshot(from) => backend.restore_snapshot(&from.id, &volume, &terms, progress).await?,
            };
            // Whoever looks at its source clears it away. Where no size is enforced, none is told of either.
            if backend.capabilities().quota
                && let Some(made) = backend.inspect(&handle.path).await?
            {
                enough(&made, *bytes)?;
            }
        }
        Action::AbandonCopy { handle, .. } => behind(handle)?.abandon_copy(&handle.path).await?,
        Action::Admit {
            handle,
            export,
            admission,
        } => behind(handle)?.admit(export, *admission).await?,
        Action::MakeExport { handle, export } => {
            behind(handle)?.mount(export).await?;
        }
        Action::Release { handle, export } => behind(handle)?.release(export).await?,
        Action::ResizeData { handle, bytes, .. } => {
            behind(handle)?.resize_volume(&handle.path, *bytes).await?;
        }
        Action::Promise { pv, bytes } => cluster.promise(pv, *bytes).await?,
        Action::Grant { pv, bytes } => cluster.grant(pv, *bytes).await?,
        Action::MarkResize { claim, version, mark } => {
            cluster.mark_resize(claim, version, mark, ports.clock.now()).await?
        }
        Action::NoteCut { pv, uid, cut } => cluster.note_cut(pv, uid, cut.as_ref()).await?,
        Action::RemoveEmpty { handle, .. } => {
            behind(handle)?.remove_empty(&handle.path).await?;
        }
        Action::Discard { handle, how, .. } => {
            let disposal = disposal(action, *how, ports.clock.now())?;
            let backend = behind(handle)?;
            if let Err(error) = backend.discard(&handle.path, &disposal).await {
                // An earlier volume of this name has its place, as after a controller that slept made the directory once more:
                // an empty one needs no place.
                if error.class != Class::Invalid || !backend.remove_empty(&handle.path).await? {
                    return Err(error.into());
                }
            }
        }
        Action::CreatePv(pv) => {
            let export = pv.export().map_err(|e| Failure::Rule(e.to_string()))?;
            let source = behind(&pv.handle)?.mount(&export).await?;
            cluster.create_pv(pv, &source).await?;
        }
        Action::PutToken { pv, token, note } => cluster.put_token(pv, token, note).await?,
        Action::TakeToken { pv, uid, token } => cluster.take_token(pv, uid, token).await?,
        Action::KeepSnapshot {
            content, token, note, ..
        } => ports.snapshots.put_content_token(content, token, note).await?,
        Action::LetSnapshotGo { content, token } => ports.snapshots.take_content_token(content, token).await?,
        Action::PutHold(hold, claim) => cluster.put_hold(*hold, claim).await?,
        Action::TakeHold(hold, claim) => cluster.take_hold(*hold, claim).await?,
        Action::Reschedule { claim, version } => cluster.reschedule(claim, version).await?,
        Action::DeletePv(pv) => cluster.delete_pv(pv).await?,
        Action::Unprotect { pv, uid } => cluster.unprotect(pv, uid).await?,
        Action::Mend {
            pv,
            volume,
            backend,
            handle,
            member,
        } => cluster.mend(pv, volume, backend, handle, *member).await?,
        Action::SetRetain(pv) => cluster.set_retain(pv).await?,
        Action::RecordOwner { pv, owner } => cluster.record_owner(pv, owner).await?,
    }
    Ok(())
}

/// Whether a volume may hold what was asked for, where its backend says what it may hold.
fn enough(made: &Found, asked: u64) -> Result<(), Failure> {
    match made.enforced_bytes {
        Some(given) if given < asked => Err(Failure::Short { asked, given }),
        Some(_) | None => Ok(()),
    }
}

/// Where discarded data goes: an entry named after the volume, so that a repeated discard finds its own.
fn disposal(action: &Action, how: OnDelete, now: jiff::Timestamp) -> Result<Disposal, Failure> {
    let Action::Discard {
        backend,
        handle,
        owner,
        class,
        bytes,
        mount,
        volume,
        ..
    } = action
    else {
        return Err(Failure::Rule("a disposal without a discard".into()));
    };
    let id = TrashId::parse(volume.as_str()).ok_or_else(|| Failure::Rule("a volume's id is no trash entry".into()))?;
    match how {
        OnDelete::Archive => Ok(Disposal::Archive { id }),
        OnDelete::Delete => {
            let record = Discarded {
                volume: volume.clone(),
                backend: backend.clone(),
                handle: handle.clone(),
                owner: owner.clone(),
                class: class.clone(),
                bytes: *bytes,
                mount: *mount,
                at: now,
            };
            let record = serde_json::to_value(record).map_err(|e| Failure::Rule(e.to_string()))?;
            Ok(Disposal::Trash { id, record })
        }
        OnDelete::Retain => Err(Failure::Rule("retained data is not discarded".into())),
    }
}

#[cfg(test)]
mod tests;
