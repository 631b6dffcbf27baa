//! `fsck`: differences between what should be and what is. Changes nothing unless it is told to, and then only what
//! cannot lose anything: a purge that has begun is finished, a record without its volume is forgotten, an export of a volume
//! that is gone is released.
//!
//! It speaks to the backend as a controller does, so that it works for every driver. The service may run meanwhile: every
//! repair is a call that is safe beside others.

use crate::cli::Fsck;
use crate::config::Config;
use std::collections::BTreeSet;
use std::process::ExitCode;
use tombolo_backend_api::{Backend, BackendError, ExportKey, Remains, TrashId, VolumePath};

/// Something that should not be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Difference {
    /// Nobody has marked the root.
    NoMark,
    /// A purge that was begun.
    Unfinished(TrashId),
    /// A record without its volume.
    Record(TrashId),
    /// A way to a volume that is gone.
    Export(ExportKey),
}

impl Difference {
    fn words(&self) -> String {
        match self {
            Self::NoMark => {
                "the root carries no mark: no controller has taken it, or its disk is not mounted".to_owned()
            }
            Self::Unfinished(id) => format!("trash {id}: its purge has begun and not ended"),
            Self::Record(id) => format!("trash {id}: a record without a volume"),
            Self::Export(key) => format!("export {key}: there is no such volume"),
        }
    }

    /// Mends it, and answers whether that is possible.
    async fn mend(&self, backend: &dyn Backend) -> Result<bool, BackendError> {
        match self {
            Self::NoMark => return Ok(false),
            Self::Unfinished(id) => backend.purge(id, &()).await.map(drop)?,
            Self::Record(id) => backend.forget(id).await?,
            Self::Export(key) => match backend.share() {
                Some(share) => share.release(key).await?,
                None => return Ok(false),
            },
        }
        Ok(true)
    }
}

/// Looks, prints what was found, and mends it if that is asked for.
pub async fn fsck(config: &Config, how: &Fsck) -> anyhow::Result<ExitCode> {
    let backend = config.backend.open();
    let mut left = 0;
    for difference in differences(&*backend).await? {
        let mended = how.repair && difference.mend(&*backend).await?;
        left += usize::from(!mended);
        print(&difference.words(), mended);
    }
    Ok(if left == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

#[expect(clippy::print_stdout, reason = "what the command is for")]
fn print(words: &str, mended: bool) {
    println!("{words}{}", if mended { ": mended" } else { "" });
}

/// Everything that should not be. On a root without a mark nothing else is looked for: it may not be the root at all.
pub async fn differences(backend: &dyn Backend) -> Result<Vec<Difference>, BackendError> {
    if backend.read_mark().await?.is_none() {
        return Ok(vec![Difference::NoMark]);
    }
    let mut found = vec![];
    for entry in backend.trash().await? {
        match entry.remains {
            Remains::Whole => {}
            Remains::Purging => found.push(Difference::Unfinished(entry.id)),
            Remains::RecordOnly => found.push(Difference::Record(entry.id)),
        }
    }
    if let Some(share) = backend.share() {
        let exports = share.exports().await?;
        let paths: BTreeSet<VolumePath> = exports.iter().map(|export| export.key.path.clone()).collect();
        let mut gone = BTreeSet::new();
        for path in paths {
            if backend.inspect(&path).await?.is_none() {
                gone.insert(path);
            }
        }
        let dangling = exports.into_iter().filter(|export| gone.contains(&export.key.path));
        found.extend(dangling.map(|export| Difference::Export(export.key)));
    }
    Ok(found)
}
