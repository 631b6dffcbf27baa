//! Making what is mounted and exported agree with what should be: on start, on a timer, after a crash between any two steps.
//!
//! It looks at the root's mark first. A volume that is missing below it loses its mount, and nothing else: only a discard takes
//! exports away.

use crate::discard::hide;
use crate::exports::Reconciled;
use crate::filer::Filer;
use crate::sharing::show;
use crate::{exposed::Exposed, room};
use std::collections::BTreeSet;
use tombolo_backend_api::{Backend, BackendError, Class, VolumePath};
use tombolo_backend_local::blocking::Work;
use tombolo_backend_local::error::Certain;
use tombolo_btrfs::{quota, subvolume};

/// What was found and mended.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Settled {
    /// Volumes that had to be mounted.
    pub mounted: usize,
    /// Mounts that were of no use any more.
    pub unmounted: usize,
    /// Exported volumes that cannot be mounted, most often because they are not there, each with the reason.
    pub failed: Vec<(VolumePath, String)>,
    /// Deleted subvolumes whose room the kernel has not freed yet, where it can be asked (Linux 6.13).
    pub to_clean: Option<u32>,
    /// Accounts of deleted subvolumes to which nothing was charged any more.
    pub forgotten: usize,
    /// How full it is, where sizes are limits.
    pub room: Option<Room>,
    /// What was mended of the exports.
    pub exports: Reconciled,
}

/// Bytes that are promised, and that are lost for a while.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Room {
    /// The limits of all volumes together, those in the trash included, and what is charged to everything else.
    pub promised: u64,
    /// What may be promised.
    pub budget: u64,
    /// What volumes which are gone have left in snapshots and clones, or to the kernel to clean up.
    pub pinned: u64,
}

impl Filer {
    /// Mounts every volume that has an export, unmounts every other, and lets the exports be compared.
    ///
    /// # Errors
    /// `Waiting` if the root carries no mark, or if the server is away; nothing is unmounted then.
    pub async fn settle(&self) -> Result<Settled, BackendError> {
        if self.read_mark().await?.is_none() {
            return Err(BackendError::not_done(
                Class::Waiting,
                "the root carries no mark: no controller has taken it yet, or its disk is not mounted",
            ));
        }
        let mut settled = Settled::default();
        if let Some(exposed) = self.subvolumes() {
            self.remount(exposed, &mut settled).await?;
            let filer = self.clone();
            let accounts = move |root: &_| {
                let (promised, budget) = room::sums(&filer, root, None)?;
                let over = format!("volumes may fill {promised} bytes, and there is room for {budget}");
                filer.tell_overcommitted((promised > budget).then_some(over));
                let to_clean = subvolume::still_to_clean(root).not_done("ask what is to be cleaned up")?;
                let forgotten = quota::forget_empty(root).maybe_done("forget what deleted volumes used")?;
                let left = quota::left_behind(root).not_done("ask what deleted volumes have left")?;
                let room = Room {
                    promised,
                    budget,
                    pinned: left.iter().map(|charged| charged.used).fold(0, u64::saturating_add),
                };
                Ok((to_clean, forgotten, Some(room)))
            };
            let counted = self.on_root(Work::Changes, accounts).await;
            // Whatever became of that: tenants need their exports.
            settled.exports = self.exported().reconcile().await?;
            (settled.to_clean, settled.forgotten, settled.room) = counted?;
        } else {
            settled.exports = self.exported().reconcile().await?;
        }
        Ok(settled)
    }

    async fn remount(&self, exposed: &Exposed, settled: &mut Settled) -> Result<(), BackendError> {
        let wanted = self.wanted().await?;
        let shown = self.shown(exposed).await?;
        for path in shown.into_iter().filter(|path| !wanted.contains(path)) {
            let _alone = self.alone_with(&path).await;
            // Asked again now that no export can be made of it meanwhile.
            if !self.wanted().await?.contains(&path) {
                match hide(self, &path).await {
                    Ok(()) => settled.unmounted += 1,
                    Err(error) => settled.failed.push((path, error.to_string())),
                }
            }
        }
        for path in wanted {
            let _alone = self.alone_with(&path).await;
            match show(self, &path).await {
                Ok(shown) => settled.mounted += usize::from(shown.newly),
                Err(error) => {
                    // What is mounted there was renamed behind our back. Of anything else whoever uses it is not to hear.
                    let gone = error.class == Class::Invalid;
                    settled.failed.push((path.clone(), error.to_string()));
                    if gone && let Err(error) = hide(self, &path).await {
                        settled.failed.push((path, error.to_string()));
                    }
                }
            }
        }
        Ok(())
    }

    async fn shown(&self, exposed: &Exposed) -> Result<Vec<VolumePath>, BackendError> {
        let exposed = exposed.clone();
        self.threads().run(Work::Reads, move || exposed.shown()).await
    }

    /// The volumes that have exports.
    pub(crate) async fn wanted(&self) -> Result<BTreeSet<VolumePath>, BackendError> {
        let exports = self.exported().exports().await?;
        Ok(exports.into_iter().map(|export| export.key.path).collect())
    }
}
