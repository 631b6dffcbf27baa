//! What settling would mend of mounts, and what it could not. Changes nothing.

use crate::filer::Filer;
use crate::room;
use crate::subvolumes::Volume;
use std::fmt;
use tombolo_backend_api::{BackendError, VolumePath};
use tombolo_backend_local::blocking::Work;

/// Something that is not as it is to be. `Display` says it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unsettled {
    /// A volume has exports, and is not mounted for the server.
    NotMounted(VolumePath),
    /// Something is mounted for the server, and has no exports.
    NotExported(VolumePath),
    /// A volume without a limit: making it was cut off, and nobody can get an export of it.
    NoLimit(VolumePath),
    /// More is promised than there is, and that is not configured.
    Overcommitted {
        /// Bytes promised.
        promised: u64,
        /// Bytes that may be.
        budget: u64,
    },
}

impl fmt::Display for Unsettled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotMounted(path) => write!(f, "volume {path}: it has exports, and is not mounted for NFS-Ganesha"),
            Self::NotExported(path) => write!(f, "volume {path}: it is mounted for NFS-Ganesha, and has no exports"),
            Self::NoLimit(path) => {
                write!(
                    f,
                    "volume {path}: it has no limit, as making it was cut off; creating it again sets one"
                )
            }
            Self::Overcommitted { promised, budget } => write!(
                f,
                "volumes may fill {promised} bytes, and there is room for {budget}: empty the trash, enlarge the file system, or set overcommit"
            ),
        }
    }
}

impl Filer {
    /// Looks for what [`Filer::settle`] would mend of mounts, and for volumes whose limit is none.
    ///
    /// # Errors
    /// If the root or the records of exports cannot be read.
    pub async fn unsettled(&self) -> Result<Vec<Unsettled>, BackendError> {
        let Some(exposed) = self.subvolumes().cloned() else {
            return Ok(vec![]);
        };
        let wanted = self.wanted().await?;
        let filer = self.clone();
        self.on_root(Work::Reads, move |root| {
            let mut found = Vec::new();
            for path in &wanted {
                // One that is gone is no matter of its mount.
                let Some(volume) = Volume::find(root, path)? else {
                    continue;
                };
                if volume.found()?.enforced_bytes.is_none() {
                    found.push(Unsettled::NoLimit(path.clone()));
                } else if !exposed.shows(&volume, path)? {
                    found.push(Unsettled::NotMounted(path.clone()));
                }
            }
            let shown = exposed.shown()?.into_iter().filter(|path| !wanted.contains(path));
            found.extend(shown.map(Unsettled::NotExported));
            if !filer.config().overcommit() && room::is_kept(root)? {
                let (promised, budget) = room::sums(&filer, root, None)?;
                let over = Unsettled::Overcommitted { promised, budget };
                found.extend((promised > budget).then_some(over));
            }
            Ok(found)
        })
        .await
    }
}
