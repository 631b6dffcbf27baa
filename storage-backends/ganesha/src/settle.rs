//! Makes the files and the server agree with one record.

use crate::book::off_thread;
use crate::bus::{Client, Displayed};
use crate::export_block::Export;
use crate::exporter::Inner;
use crate::record::Record;
use crate::seams::Step;
use std::sync::Arc;
use tombolo_backend_api::{BackendError, Certainty, Class};

/// What it took.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Settled {
    Unchanged,
    Added,
    Updated,
    Removed,
}

/// What to do about one export, given what is wanted and what the server shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Need {
    Nothing,
    Add,
    Update,
    Remove,
    /// What cannot be changed in place: its path.
    Replace,
    /// The id belongs to an export that is not ours.
    Conflict,
}

pub(crate) fn need(record: &Record, wanted: Option<&Export>, shown: Option<&Displayed>) -> Need {
    let ours = |shown: &Displayed| {
        let pseudo = record.key().and_then(|key| crate::pseudo::PseudoPath::of(key).ok());
        pseudo.is_some_and(|pseudo| pseudo.as_str() == shown.pseudo)
    };
    match (wanted, shown) {
        (None, None) => Need::Nothing,
        (Some(_), None) => Need::Add,
        (None, Some(shown)) if ours(shown) => Need::Remove,
        (None, Some(_)) => Need::Nothing,
        (Some(_), Some(shown)) if !ours(shown) => Need::Conflict,
        (Some(wanted), Some(shown)) if wanted.directory != shown.directory => Need::Replace,
        (Some(wanted), Some(shown)) if !admits(wanted, shown) => Need::Update,
        (Some(_), Some(_)) => Need::Nothing,
    }
}

/// Whether the server admits exactly whom it is to.
fn admits(wanted: &Export, shown: &Displayed) -> bool {
    let access = Some(wanted.access);
    let clients = wanted.clients.iter().map(|network| Client {
        network: Some(*network),
        access,
    });
    clients.collect::<std::collections::BTreeSet<_>>() == shown.clients
}

/// Leaves open whether something was done.
pub(crate) fn unsure(mut error: BackendError) -> BackendError {
    error.certainty = Certainty::MaybeDone;
    error
}

impl Inner {
    /// Brings the file of a record in line: there if the export lets something through.
    pub(crate) async fn settle_file(self: &Arc<Self>, record: &Record) -> Result<Option<Export>, BackendError> {
        let wanted = Export::of(record, &self.config)?;
        let (files, export, id) = (self.files.clone(), wanted.clone(), record.id);
        let changed = off_thread(move || match &export {
            Some(export) => files.put(export),
            None => files.remove(id),
        });
        let step = if wanted.is_some() {
            Step::FileWritten
        } else {
            Step::FileRemoved
        };
        if changed.await? {
            self.step(step)?;
        }
        Ok(wanted)
    }

    /// Brings the file and the server in line with a record.
    pub(crate) async fn settle(self: &Arc<Self>, record: &Record) -> Result<Settled, BackendError> {
        let wanted = self.settle_file(record).await?;
        self.settle_server(record, wanted.as_ref()).await.map_err(unsure)
    }

    async fn settle_server(&self, record: &Record, wanted: Option<&Export>) -> Result<Settled, BackendError> {
        let id = record.id;
        let shown = self.ganesha.display(id).await?;
        match need(record, wanted, shown.as_ref()) {
            Need::Nothing => Ok(Settled::Unchanged),
            Need::Add => self.add(record, wanted).await.map(|()| Settled::Added),
            Need::Remove => self.remove(record).await.map(|()| Settled::Removed),
            Need::Replace => self.replace(record, wanted).await.map(|()| Settled::Updated),
            Need::Update => {
                // It refuses where something differs that it cannot change and does not show.
                let updated = self.ganesha.update(&self.files.path(id), id).await;
                if let Err(error) = updated
                    && error.class == Class::Waiting
                {
                    return Err(error);
                }
                self.step(Step::Updated)?;
                let now = self.ganesha.display(id).await?;
                if need(record, wanted, now.as_ref()) != Need::Nothing {
                    self.replace(record, wanted).await?;
                }
                Ok(Settled::Updated)
            }
            Need::Conflict => {
                let other = shown.map(|shown| shown.pseudo).unwrap_or_default();
                let message =
                    format!("NFS-Ganesha exports {other} with id {id}, which is ours; give that export another id");
                Err(BackendError::not_done(Class::Denied, message))
            }
        }
    }

    async fn add(&self, record: &Record, wanted: Option<&Export>) -> Result<(), BackendError> {
        let (id, file) = (record.id, self.files.path(record.id));
        let added = self.ganesha.add(&file, id).await;
        match added {
            Ok(true) => self.step(Step::Added),
            // Somebody was first, or the answer is about parts of it that are there: what counts is what there is.
            Ok(false) => self.agreed(record, wanted).await,
            Err(error) => self.agreed(record, wanted).await.map_err(|_| error),
        }
    }

    async fn agreed(&self, record: &Record, wanted: Option<&Export>) -> Result<(), BackendError> {
        let shown = self.ganesha.display(record.id).await?;
        match need(record, wanted, shown.as_ref()) {
            Need::Nothing => Ok(()),
            other => {
                let message = format!("export {} is not as it is to be: {other:?} is needed", record.id);
                Err(BackendError::maybe_done(Class::Transient, message))
            }
        }
    }

    async fn remove(&self, record: &Record) -> Result<(), BackendError> {
        self.ganesha.remove(record.id).await?;
        self.step(Step::Removed)
    }

    async fn replace(&self, record: &Record, wanted: Option<&Export>) -> Result<(), BackendError> {
        self.remove(record).await?;
        self.add(record, wanted).await
    }
}
