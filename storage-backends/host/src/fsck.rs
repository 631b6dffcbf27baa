//! `fsck`: differences between what should be and what is. Changes nothing unless it is told to, and then only what
//! cannot lose anything: a purge that has begun is finished, a record without its volume is forgotten, an export of a volume
//! that is gone is released.
//!
//! It speaks to the backend as a controller does, so that it works for every driver. The service may run meanwhile: every
//! repair is a call that is safe beside others. What only the service may change, because it has the records of exports, it mends by
//! itself; without the service, settling mends it here.

use crate::cli::Fsck;
use crate::config::Config;
use crate::driver::{Driver, Looked};
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
    /// What settling mends, if anything does.
    #[cfg(feature = "filer")]
    Unsettled(String),
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
            #[cfg(feature = "filer")]
            Self::Unsettled(words) => words.clone(),
        }
    }

    /// Mends it, and answers whether there is a call that does.
    async fn mend(&self, backend: &dyn Backend) -> Result<bool, BackendError> {
        match self {
            Self::NoMark => return Ok(false),
            Self::Unfinished(id) => backend.purge(id, &()).await.map(drop)?,
            Self::Record(id) => backend.forget(id).await?,
            Self::Export(key) => match backend.share() {
                Some(share) => share.release(key).await?,
                None => return Ok(false),
            },
            #[cfg(feature = "filer")]
            Self::Unsettled(_) => return Ok(false),
        }
        Ok(true)
    }
}

/// Looks, prints what was found, and mends it if that is asked for.
pub async fn fsck(config: &Config, how: &Fsck) -> anyhow::Result<ExitCode> {
    let left = look(config, how).await;
    // Their own words have the cause.
    let left = left.map_err(|error| anyhow::anyhow!("{error}"))?;
    Ok(if left == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Answers how many differences are left.
async fn look(config: &Config, how: &Fsck) -> Result<usize, BackendError> {
    let looked = config.backend.look().await?;
    let found = all(&looked).await?;
    if how.repair && !found.is_empty() {
        return repair(&config.backend, &looked, &found).await;
    }
    found.iter().for_each(|difference| print(&difference.words(), None));
    Ok(found.len())
}

/// Mends what can be, prints how each went, and answers how many are left.
async fn repair(driver: &Driver, looked: &Looked, found: &[Difference]) -> Result<usize, BackendError> {
    // Opening settles. Where the service runs it has the records, and the rest can be mended beside it.
    let opened = driver.open().await;
    let backend = match &opened {
        Ok(opened) => &*opened.backend,
        Err(_) => &*looked.backend,
    };
    let mut outcomes = Vec::new();
    for difference in found {
        outcomes.push(difference.mend(backend).await);
    }
    let still: BTreeSet<String> = all(looked).await?.iter().map(Difference::words).collect();
    let mut left = 0;
    for (difference, outcome) in found.iter().zip(outcomes) {
        let words = difference.words();
        let outcome = match outcome {
            Err(error) => format!("not mended: {error}"),
            Ok(_) if !still.contains(&words) => "mended".to_owned(),
            Ok(_) => match &opened {
                Ok(_) => "cannot be mended here".to_owned(),
                Err(error) => format!("not mended: {error}; if the service runs, it mends this by itself"),
            },
        };
        left += usize::from(outcome != "mended");
        print(&words, Some(&outcome));
    }
    Ok(left)
}

#[expect(clippy::print_stdout, reason = "what the command is for")]
fn print(words: &str, outcome: Option<&str>) {
    match outcome {
        Some(outcome) => println!("{words}: {outcome}"),
        None => println!("{words}"),
    }
}

/// Everything that should not be, also what only this driver knows.
async fn all(looked: &Looked) -> Result<Vec<Difference>, BackendError> {
    let found = differences(&*looked.backend).await?;
    #[cfg(feature = "filer")]
    if let (Some(filer), false) = (&looked.filer, found.contains(&Difference::NoMark)) {
        let (mounts, exports) = filer.unsettled().await?;
        let mut words: Vec<_> = mounts.iter().map(ToString::to_string).collect();
        words.extend(exports.files.iter().map(ToString::to_string));
        match exports.server {
            Ok(differing) => words.extend(differing.iter().map(ToString::to_string)),
            Err(error) => words.push(format!("what NFS-Ganesha exports cannot be asked: {error}")),
        }
        return Ok(found
            .into_iter()
            .chain(words.into_iter().map(Difference::Unsettled))
            .collect());
    }
    Ok(found)
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
