//! Compares what the server exports with the records, and makes it agree: on start, on a timer, and when the server was
//! started anew.

use crate::book::Book;
use crate::bus::Shown;
use crate::exporter::{Exporter, Inner};
use crate::ids::ExportId;
use crate::pseudo::PseudoPath;
use crate::record::{Record, State};
use crate::seams::Step;
use crate::settle::{Settled, unsure};
use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use tokio::sync::OwnedMutexGuard;
use tombolo_backend_api::{BackendError, Class, ExportKey};

/// What was found and mended.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reconciled {
    /// Exports that were missing.
    pub added: usize,
    /// Exports that were not as they are to be.
    pub updated: usize,
    /// Exports that are not to be, those without a record among them.
    pub removed: usize,
    /// Exports of somebody else, which were left alone.
    pub foreign: usize,
    /// Exports that were as they are to be, cut ones among them.
    pub unchanged: usize,
    /// What is not as it is to be, and why.
    pub failed: Vec<(Unmended, String)>,
    /// Records that could not be read when this process began; their exports have to be made again.
    pub damaged: usize,
    /// Ids that are in use.
    pub ids_taken: usize,
    /// Ids that rest after their export has gone.
    pub ids_resting: usize,
}

/// What could not be mended. `Display` names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unmended {
    /// An export that is not as it is to be.
    Export(ExportKey),
    /// An export of ours that is not to be, and that could not be removed.
    Stale(ExportId),
}

impl fmt::Display for Unmended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Export(key) => key.fmt(f),
            Self::Stale(id) => write!(f, "id {id}, which is not to be exported"),
        }
    }
}

impl Reconciled {
    /// Whether nothing had to be done, and nothing is left to do.
    pub fn is_clean(&self) -> bool {
        self.added + self.updated + self.removed == 0 && self.failed.is_empty()
    }

    fn count(&mut self, settled: Settled) {
        match settled {
            Settled::Unchanged => self.unchanged += 1,
            Settled::Added => self.added += 1,
            Settled::Updated => self.updated += 1,
            Settled::Removed => self.removed += 1,
        }
    }
}

/// What of the server's exports has no record.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Strange {
    /// Ours, and of no record: to be removed.
    pub(crate) stale: BTreeSet<ExportId>,
    /// Of somebody else.
    foreign: usize,
    foreign_ids: BTreeSet<ExportId>,
}

pub(crate) fn strange<'a>(record: impl Fn(ExportId) -> Option<&'a Record>, shown: &[Shown]) -> Strange {
    let mut strange = Strange::default();
    for export in shown {
        let id = ExportId::new(export.id);
        let (true, Some(id)) = (PseudoPath::is_ours(&export.pseudo), id) else {
            strange.foreign += 1;
            strange.foreign_ids.extend(id);
            continue;
        };
        let key = record(id).and_then(Record::key);
        let known = key
            .and_then(|key| PseudoPath::of(key).ok())
            .is_some_and(|path| path.as_str() == export.pseudo);
        if !known {
            strange.stale.insert(id);
        }
    }
    strange
}

impl Exporter {
    /// Makes the server export what it is to, and nothing more of ours; what others export is left alone. The volumes have to
    /// be mounted where the exports say.
    ///
    /// # Errors
    /// `Waiting` if the server is away. What is wrong with one export does not keep the others from being mended: it is an answer.
    /// Why the firewall set cannot be put in place is an error, so that it is tried again soon, but only after all exports have had
    /// their turn.
    pub async fn reconcile(&self) -> Result<Reconciled, BackendError> {
        self.inner.ready.store(true, Ordering::Relaxed);
        self.inner.reconcile().await
    }
}

impl Inner {
    pub(crate) async fn reconcile(self: &Arc<Self>) -> Result<Reconciled, BackendError> {
        let restored = match &self.firewall {
            Some(firewall) => firewall.restore().await,
            None => Ok(()),
        };
        let restored = restored.inspect_err(|error| tracing::warn!(%error, "the firewall set cannot be put in place"));
        let first = async |inner: Arc<Inner>, mut book: OwnedMutexGuard<Book>| inner.remove_stale(&mut book).await;
        let mut done = self.run(first).await?;
        for id in self.ids().await? {
            // One at a time, so that others have their turn in between.
            let one = async move |inner: Arc<Inner>, mut book: OwnedMutexGuard<Book>| inner.mend(&mut book, id).await;
            match self.run(one).await? {
                Ok(settled) => done.count(settled),
                Err((key, why)) => done.failed.push((Unmended::Export(key), why)),
            }
        }
        let last = async |inner: Arc<Inner>, mut book: OwnedMutexGuard<Book>| {
            book.forget(inner.now(), inner.config.quarantine).await?;
            Ok((book.damaged, book.counts()))
        };
        (done.damaged, (done.ids_taken, done.ids_resting)) = self.run(last).await?;
        if !done.is_clean() {
            tracing::info!(?done, "the exports of NFS-Ganesha were mended");
        }
        restored.map_err(unsure)?;
        Ok(done)
    }

    /// Ids whose export there is to be, or is to go: the latter first, since they have the paths of others.
    async fn ids(self: &Arc<Self>) -> Result<Vec<ExportId>, BackendError> {
        let work = async |_: Arc<Inner>, book: OwnedMutexGuard<Book>| {
            let used = book.records().filter(|record| record.key().is_some());
            let mut used: Vec<_> = used.map(|record| (record.live().is_some(), record.id)).collect();
            used.sort();
            Ok(used.into_iter().map(|(_, id)| id).collect())
        };
        self.run(work).await
    }

    /// Removes exports of ours that no record asks for: first, because they may have the paths of those that are to be added.
    async fn remove_stale(self: &Arc<Self>, book: &mut Book) -> Result<Reconciled, BackendError> {
        let shown = self.ganesha.show().await?;
        let strange = strange(|id| book.get(id), &shown);
        let mut done = Reconciled {
            foreign: strange.foreign,
            ..Reconciled::default()
        };
        book.set_foreign(strange.foreign_ids);
        for id in strange.stale {
            match self.remove_one(book, id).await {
                Ok(()) => done.removed += 1,
                Err(error) => done.failed.push((Unmended::Stale(id), self.of_one(error).await?)),
            }
        }
        Ok(done)
    }

    async fn remove_one(self: &Arc<Self>, book: &mut Book, id: ExportId) -> Result<(), BackendError> {
        // Clients may have handles with this id, of whatever the server exports by it: it is not to be used for anything else.
        let moved = book.get(id).and_then(Record::live).cloned();
        if let Some(live) = moved {
            self.give(book, live).await?;
        }
        let sequence = book.get(id).map_or(0, |record| record.sequence);
        let rests = |since| Record {
            id,
            sequence,
            // What handles with it are of is not known: it is nobody's to have again.
            state: State::Gone { since, key: None },
        };
        self.put(book, rests(self.now())).await?;
        self.ganesha.remove(id).await?;
        self.step(Step::Removed)?;
        self.put(book, rests(self.now())).await
    }

    /// Makes one export agree with its record. What is wrong with it alone is an answer, not an error.
    async fn mend(
        self: &Arc<Self>,
        book: &mut Book,
        id: ExportId,
    ) -> Result<Result<Settled, (ExportKey, String)>, BackendError> {
        let Some(record) = book.get(id).cloned() else {
            return Ok(Ok(Settled::Unchanged));
        };
        let settled = match &record.state {
            State::Live(_) => self.settle(&record).await,
            State::Leaving(_) => self.finish(book, id).await,
            State::Gone { .. } => return Ok(Ok(Settled::Unchanged)),
        };
        match (settled, record.key()) {
            (Err(error), Some(key)) => Ok(Err((key.clone(), self.of_one(error).await?))),
            (settled, _) => settled.map(Ok),
        }
    }

    /// What is wrong with one export alone; an error, if the server is away and nothing can be said of any.
    async fn of_one(&self, error: BackendError) -> Result<String, BackendError> {
        // A file that cannot be written has the same class.
        if error.class == Class::Waiting {
            self.ganesha.show().await?;
        }
        Ok(error.to_string())
    }
}

#[cfg(test)]
mod tests;
