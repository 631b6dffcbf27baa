//! The thread that writes: one request after the other, one flush for all that are waiting.
//!
//! While a flush runs, requests queue up; the next round takes all of them, writes them as one batch and flushes once. Being
//! the only writer, it needs no lock between judging a change and writing it. After its store's first failure it ends.

use super::LedgerError;
use super::book::{Book, Edits, Request};
use super::{Durability, error::Shared};
use futures::channel::oneshot;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;

/// Most requests in one batch, so that a long queue does not make the first of it wait for ever.
const GROUP: usize = 1024;

/// Where edits are written. All calls block.
pub(super) trait Store {
    /// Its own error.
    type Error: std::error::Error + Send + Sync + 'static;
    /// Writes `edits`, all or nothing.
    fn write(&mut self, edits: &Edits) -> Result<(), Self::Error>;
    /// Returns when all that was written is on the disk.
    fn flush(&mut self) -> Result<(), Self::Error>;
}

/// The near end of the thread. Dropping it waits until what was asked for is written and flushed.
#[derive(Debug)]
pub(super) struct Writer {
    queue: Option<Sender<Job>>,
    thread: Option<JoinHandle<()>>,
    flushes: Arc<AtomicU64>,
}

/// The far end: what the thread runs.
pub(super) struct Rounds {
    queue: Receiver<Job>,
    flushes: Arc<AtomicU64>,
}

struct Job {
    request: Request,
    durability: Durability,
    done: oneshot::Sender<Result<(), LedgerError>>,
}

impl Writer {
    /// Starts a thread on `run`, which gets the store ready and then hands it to [`Rounds::run`].
    pub fn start(run: impl FnOnce(Rounds) + Send + 'static) -> std::io::Result<Self> {
        let (queue, requests) = channel();
        let flushes = Arc::new(AtomicU64::new(0));
        let rounds = Rounds {
            queue: requests,
            flushes: Arc::clone(&flushes),
        };
        let thread = std::thread::Builder::new()
            .name("ledger".into())
            .spawn(move || run(rounds))?;
        Ok(Self {
            queue: Some(queue),
            thread: Some(thread),
            flushes,
        })
    }

    /// Has `request` written. Dropping the future does not take it back.
    pub async fn write(&self, request: Request, durability: Durability) -> Result<(), LedgerError> {
        let (done, answer) = oneshot::channel();
        let job = Job {
            request,
            durability,
            done,
        };
        let queue = self.queue.as_ref().ok_or(LedgerError::Ended)?;
        queue.send(job).map_err(|_| LedgerError::Ended)?;
        answer.await.map_err(|_| LedgerError::Ended)?
    }

    /// How often the store was flushed.
    pub fn flushes(&self) -> u64 {
        self.flushes.load(Ordering::Relaxed)
    }

    /// Waits for the thread's end; what it says if it panicked.
    pub fn end(mut self) -> Result<(), String> {
        self.join()
    }

    fn join(&mut self) -> Result<(), String> {
        self.queue = None;
        let Some(thread) = self.thread.take() else {
            return Ok(());
        };
        thread.join().map_err(|panic| {
            let text = panic.downcast_ref::<&str>().map(ToString::to_string);
            text.or_else(|| panic.downcast_ref::<String>().cloned())
                .unwrap_or_default()
        })
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        // A panic has been told by the panic hook, and to everybody who waited for an answer.
        let _ = self.join();
    }
}

impl Rounds {
    /// Writes what is asked for, until nobody can ask any more or `store` fails.
    pub fn run(self, book: &Book, mut store: impl Store) {
        let mut dirty = false;
        while let Ok(first) = self.queue.recv() {
            let group = std::iter::once(first).chain(self.queue.try_iter()).take(GROUP);
            if self.round(book, &mut store, &mut dirty, group).is_err() {
                return;
            }
        }
        if dirty {
            // Nobody is left to be told; what is missing then was asked for as `Soon`.
            let _ = store.flush();
        }
    }

    fn round(
        &self,
        book: &Book,
        store: &mut impl Store,
        dirty: &mut bool,
        group: impl Iterator<Item = Job>,
    ) -> Result<(), ()> {
        let (mut staged, mut accepted, mut flush) = (Edits::default(), Vec::new(), false);
        for job in group {
            match book.stage(&staged, job.request) {
                Ok(edits) => {
                    staged.merge(edits);
                    accepted.push(job.done);
                    flush |= job.durability == Durability::Flushed;
                }
                Err(illegal) => answer(job.done, Err(illegal.into())),
            }
        }
        let written = self.write(store, &staged, dirty, flush);
        if written.is_ok() {
            book.publish(staged);
        }
        for done in accepted {
            let told = written.clone();
            answer(
                done,
                told.map_err(|(doing, source)| LedgerError::Failed { doing, source }),
            );
        }
        written.map_err(|_| ())
    }

    fn write(
        &self,
        store: &mut impl Store,
        staged: &Edits,
        dirty: &mut bool,
        flush: bool,
    ) -> Result<(), (&'static str, Shared)> {
        if !staged.is_empty() {
            store.write(staged).map_err(|e| ("writing", Arc::new(e) as Shared))?;
            *dirty = true;
        }
        if flush && *dirty {
            store.flush().map_err(|e| ("flushing", Arc::new(e) as Shared))?;
            let _ = self.flushes.fetch_add(1, Ordering::Relaxed);
            *dirty = false;
        }
        Ok(())
    }
}

/// Whoever dropped the future does not want the answer.
fn answer(done: oneshot::Sender<Result<(), LedgerError>>, result: Result<(), LedgerError>) {
    let _ = done.send(result);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::change::Change;
    use crate::domain::change::tests::record;
    use crate::domain::ids::VolumeId;
    use futures::FutureExt;

    /// Counts, and fails from some call on.
    struct Disk {
        writes: Arc<AtomicU64>,
        flushes_left: u64,
    }

    impl Store for Disk {
        type Error = std::io::Error;

        fn write(&mut self, _: &Edits) -> std::io::Result<()> {
            let _ = self.writes.fetch_add(1, Ordering::Relaxed);
            Ok(())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            let left = self.flushes_left.checked_sub(1);
            self.flushes_left = left.ok_or(std::io::ErrorKind::StorageFull)?;
            Ok(())
        }
    }

    /// A writer whose thread has not begun, so that everything asked for meanwhile is one group.
    fn idle() -> (Writer, Rounds) {
        let (queue, requests) = channel();
        let flushes = Arc::new(AtomicU64::new(0));
        let rounds = Rounds {
            queue: requests,
            flushes: Arc::clone(&flushes),
        };
        let writer = Writer {
            queue: Some(queue),
            thread: None,
            flushes,
        };
        (writer, rounds)
    }

    fn begin(n: usize) -> Request {
        Request::Apply(vec![Change::Begin(record(&format!("pvc-{n}")))])
    }

    fn run(mut writer: Writer, rounds: Rounds, book: &Book, flushes_left: u64) -> (u64, u64) {
        let writes = Arc::new(AtomicU64::new(0));
        let disk = Disk {
            writes: Arc::clone(&writes),
            flushes_left,
        };
        writer.queue = None;
        rounds.run(book, disk);
        (writes.load(Ordering::Relaxed), writer.flushes())
    }

    /// Puts requests into the queue without waiting for answers.
    fn ask(writer: &Writer, request: Request, durability: Durability) -> oneshot::Receiver<Result<(), LedgerError>> {
        let (done, answer) = oneshot::channel();
        let job = Job {
            request,
            durability,
            done,
        };
        writer.queue.as_ref().unwrap().send(job).unwrap();
        answer
    }

    #[test]
    fn all_that_wait_share_one_batch_and_one_flush() {
        let (writer, rounds) = idle();
        let book = Book::default();
        let mut answers: Vec<_> = (0..64).map(|n| ask(&writer, begin(n), Durability::Flushed)).collect();
        let forget = Request::Apply(vec![Change::SetBytes {
            volume: VolumeId::new("nobody"),
            bytes: 1,
        }]);
        let refused = ask(&writer, forget, Durability::Flushed);
        answers.push(ask(&writer, begin(64), Durability::Soon));
        assert_eq!(run(writer, rounds, &book, 10), (1, 1));
        for answer in answers {
            assert!(matches!(answer.now_or_never(), Some(Ok(Ok(())))));
        }
        let refused = refused.now_or_never();
        assert!(
            matches!(refused, Some(Ok(Err(LedgerError::Illegal(_))))),
            "one refusal harms nobody else"
        );
        assert_eq!(book.all().len(), 65);
    }

    #[test]
    fn a_failed_flush_fails_all_that_shared_it_and_is_the_last() {
        let (writer, rounds) = idle();
        let book = Book::default();
        let answers: Vec<_> = (0..GROUP + 1)
            .map(|n| ask(&writer, begin(n), Durability::Flushed))
            .collect();
        assert_eq!(run(writer, rounds, &book, 0), (1, 0));
        for (n, answer) in answers.into_iter().enumerate() {
            match answer.now_or_never().unwrap() {
                Ok(Err(e @ LedgerError::Failed { doing: "flushing", .. })) => assert!(n < GROUP && e.is_final()),
                Err(oneshot::Canceled) => assert_eq!(n, GROUP, "the next group is not begun"),
                other => panic!("{other:?}"),
            }
        }
        assert!(book.all().is_empty(), "nothing is readable that is not on the disk");
    }

    #[test]
    fn what_may_wait_is_flushed_at_the_end() {
        let (writer, rounds) = idle();
        let book = Book::default();
        drop(ask(&writer, begin(1), Durability::Soon));
        assert_eq!(run(writer, rounds, &book, 1), (1, 0));
        assert_eq!(book.all().len(), 1, "a dropped future takes nothing back");
    }

    #[tokio::test]
    async fn a_panic_ends_the_thread_and_not_its_callers() {
        let writer = Writer::start(|_| panic!("as sled may")).unwrap();
        let refused = writer.write(begin(1), Durability::Soon).await;
        assert!(matches!(refused, Err(LedgerError::Ended)));
        assert_eq!(writer.end(), Err("as sled may".into()));
    }
}
