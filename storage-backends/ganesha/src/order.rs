//! The order of every change: the record, then the file, then the server.

use crate::book::Book;
use crate::exporter::Inner;
use crate::ids::ExportId;
use crate::record::{Live, Record, State};
use crate::seams::Step;
use crate::settle::{Settled, unsure};
use jiff::SignedDuration;
use std::sync::Arc;
use tombolo_backend_api::{BackendError, Class, ExportKey, Tenant};

/// So many ids in a row that exports have which are not ours are not looked past.
const MOST_FOREIGN: usize = 1000;
/// So many ids may rest after exports of one tenant: a sixteenth of all. A tenant who makes and deletes claims in a loop
/// runs out alone.
const MOST_RESTING: usize = 1 << 12;

impl Inner {
    /// Makes an export what it is to be: its record, its file, and the server.
    pub(crate) async fn bring(self: &Arc<Self>, book: &mut Book, wanted: Live) -> Result<(), BackendError> {
        for id in book.leaving(&wanted.key) {
            self.finish(book, id).await.map_err(unsure)?;
        }
        let former = book.of(&wanted.key).cloned();
        let record = match former {
            // Nothing is recorded anew: what fails before the server is told was not done.
            Some(record) if record.live() == Some(&wanted) && !book.is_unsure(record.id) => {
                return self.settle(&record).await.map(drop);
            }
            Some(record) => {
                let state = State::Live(wanted);
                let record = Record { state, ..record };
                self.put(book, record.clone()).await?;
                record
            }
            None => match self.give_again(book, &wanted).await? {
                Some(record) => record,
                None => {
                    self.may_have_another(book, &wanted.key.tenant)?;
                    self.give(book, wanted).await?
                }
            },
        };
        self.settle(&record).await.map(drop).map_err(unsure)
    }

    /// Gives an export an id that the server knows nothing of, and records it.
    pub(crate) async fn give(self: &Arc<Self>, book: &mut Book, wanted: Live) -> Result<Record, BackendError> {
        for _ in 0..MOST_FOREIGN {
            let id = book.take(self.now(), self.config.quarantine)?;
            let known = match self.ganesha.display(id).await {
                Ok(known) => known,
                Err(error) => {
                    book.give_back(id, self.now());
                    return Err(error);
                }
            };
            if known.is_some() {
                book.give_back(id, self.now());
                book.note_foreign(id);
                continue;
            }
            let given = book.give(wanted, id).await;
            if given.is_err() {
                book.give_back(id, self.now());
            }
            let record = given?;
            self.step(Step::RecordWritten).map_err(unsure)?;
            return Ok(record);
        }
        let message = format!("{MOST_FOREIGN} ids in a row belong to exports that are not ours");
        Err(BackendError::not_done(Class::Full, message))
    }

    /// Gives an export the id again that it had last, while that rests: handles of then fit this very export and no other.
    async fn give_again(self: &Arc<Self>, book: &mut Book, wanted: &Live) -> Result<Option<Record>, BackendError> {
        let Some(record) = book.resting_of(&wanted.key).cloned() else {
            return Ok(None);
        };
        if self.ganesha.display(record.id).await?.is_some() {
            // Somebody else's by now, or not known to be ours: reconciling finds out.
            return Ok(None);
        }
        let state = State::Live(wanted.clone());
        let record = Record { state, ..record };
        book.put(record.clone()).await?;
        self.step(Step::RecordWritten).map_err(unsure)?;
        Ok(Some(record))
    }

    /// Refuses a tenant whose former exports hold so many ids that others would be left without.
    fn may_have_another(&self, book: &Book, tenant: &Tenant) -> Result<(), BackendError> {
        let rest = self.config.quarantine;
        let resting = book.resting_of_tenant(tenant, self.now(), rest);
        let (true, Some(longest)) = (resting.len() >= MOST_RESTING, resting.first()) else {
            return Ok(());
        };
        let free = SignedDuration::try_from(rest).ok();
        let free = free.and_then(|rest| longest.checked_add(rest).ok());
        let free = free.map_or_else(|| "later".to_owned(), |free| format!("at {free}"));
        let message = format!(
            "{} export ids rest after exports of {tenant} that are gone, which is all that one namespace may leave behind; \
             the next is free {free}",
            resting.len()
        );
        Err(BackendError::not_done(Class::Full, message))
    }

    pub(crate) async fn put(&self, book: &mut Book, record: Record) -> Result<(), BackendError> {
        book.put(record).await?;
        self.step(Step::RecordWritten)
    }

    pub(crate) async fn release(self: &Arc<Self>, book: &mut Book, key: &ExportKey) -> Result<(), BackendError> {
        if let Some(record) = book.of(key) {
            let record = Record {
                state: State::Leaving(key.clone()),
                ..record.clone()
            };
            self.put(book, record).await?;
        }
        for id in book.leaving(key) {
            self.finish(book, id).await.map_err(unsure)?;
        }
        Ok(())
    }

    /// Finishes an export that is to go: the server first, and then the record says since when its id rests.
    pub(crate) async fn finish(self: &Arc<Self>, book: &mut Book, id: ExportId) -> Result<Settled, BackendError> {
        let Some(record) = book.get(id).cloned() else {
            return Ok(Settled::Unchanged);
        };
        let settled = self.settle(&record).await?;
        let gone = Record {
            state: State::Gone {
                since: self.now(),
                key: record.key().cloned(),
            },
            ..record
        };
        self.put(book, gone).await?;
        Ok(settled)
    }
}
