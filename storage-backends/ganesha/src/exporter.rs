//! The exports of one server: made, taken back, cut and restored.
//!
//! The order is always the same. A record is on disk before anything else is done; then the file that the server reads when
//! it starts; then the server is told. Whatever ends in between, [`Exporter::reconcile`] finishes from the record.

use crate::book::{Book, off_thread};
use crate::bus::Ganesha;
use crate::config::{ExporterConfig, NodeAccessMode};
use crate::export_block::{Export, directory};
use crate::export_files::ExportFiles;
use crate::firewall::Firewall;
use crate::ids::ExportId;
use crate::pseudo::PseudoPath;
use crate::record::{Live, Record, State};
use crate::records::Records;
use crate::seams::{Seams, Step};
use crate::settle::{Settled, unsure};
use crate::watch::Watch;
use std::collections::BTreeSet;
use std::future::Future;
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use tokio::sync::{Mutex, OwnedMutexGuard};
use tokio::time::{Instant, timeout_at};
use tombolo_backend_api::{Admission, BackendError, Class, ExportKey, Exported, MountSource, VolumePath};

/// So many ids in a row that exports have which are not ours are not looked past.
const MOST_FOREIGN: usize = 1000;

/// The exports of one server. Cheap to clone; all clones are one.
#[derive(Debug, Clone)]
pub struct Exporter {
    pub(crate) inner: Arc<Inner>,
    _watch: Arc<Watch>,
}

/// What all clones share.
#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) config: ExporterConfig,
    pub(crate) seams: Seams,
    pub(crate) ganesha: Ganesha,
    pub(crate) files: Arc<ExportFiles>,
    pub(crate) firewall: Option<Firewall>,
    pub(crate) book: Arc<Mutex<Book>>,
    /// Whether the volumes are known to be in their places: whoever calls [`Exporter::reconcile`] says so.
    pub(crate) ready: AtomicBool,
}

impl Inner {
    pub(crate) fn now(&self) -> jiff::Timestamp {
        (self.seams.clock)()
    }

    pub(crate) fn step(&self, step: Step) -> Result<(), BackendError> {
        (self.seams.after_step)(step)
    }
}

impl Exporter {
    /// Reads the records, writes the files that the server starts from, and puts the firewall set in place, if one is
    /// configured, with the nodes that were told last. Does not call the server, and does not need it: that is
    /// [`reconcile`](Self::reconcile), once the volumes are mounted where the exports say.
    ///
    /// The server must not start before the volumes are mounted: it would export the empty directories below.
    ///
    /// # Errors
    /// `Invalid` if the server has no words for one of the paths, `Waiting` if another process has the records.
    pub async fn open(config: ExporterConfig) -> Result<Self, BackendError> {
        Self::open_with(config, Seams::default()).await
    }

    /// The same, with the time and the ends that a test wants.
    pub async fn open_with(config: ExporterConfig, seams: Seams) -> Result<Self, BackendError> {
        let now = (seams.clock)();
        let opened = config.clone();
        let (files, book) = off_thread(move || open(&opened, now)).await?;
        let firewall = match config.node_access {
            NodeAccessMode::Networks => None,
            NodeAccessMode::Nodes => Some(Firewall::open(&config).await?),
        };
        let inner = Arc::new(Inner {
            ganesha: Ganesha::new(config.bus.clone()),
            files: Arc::new(files),
            firewall,
            book: Arc::new(Mutex::new(book)),
            ready: AtomicBool::new(false),
            config,
            seams,
        });
        let watch = Arc::new(Watch::begin(&inner));
        Ok(Self { inner, _watch: watch })
    }

    /// Makes a tenant's export of a directory, if it is not there, and answers what nodes mount. One that is cut stays cut.
    ///
    /// # Errors
    /// `Invalid` if the server has no words for the directory, `Full` if no id is left, `Waiting` if the server is away.
    pub async fn ensure(&self, key: &ExportKey, at: &Path) -> Result<MountSource, BackendError> {
        let source = self.inner.config.advertise.mount_source(PseudoPath::of(key)?.as_str());
        directory(at)?;
        let wanted = Live {
            key: key.clone(),
            directory: at.to_owned(),
            admission: Admission::Full,
        };
        let work = async move |inner: Arc<Inner>, mut book: OwnedMutexGuard<Book>| {
            let admission = book.of(&wanted.key).and_then(Record::live).map(|live| live.admission);
            let wanted = Live {
                admission: admission.unwrap_or_default(),
                ..wanted
            };
            inner.bring(&mut book, wanted).await
        };
        self.inner.run(work).await?;
        Ok(source)
    }

    /// Makes an export let through exactly this much, at once. One that is not there is made, unless it is to be cut.
    ///
    /// # Errors
    /// As those of [`ensure`](Self::ensure). What is to be cut is cut for a server that starts later in any case.
    pub async fn admit(&self, key: &ExportKey, at: &Path, admission: Admission) -> Result<(), BackendError> {
        PseudoPath::of(key)?;
        directory(at)?;
        let wanted = Live {
            key: key.clone(),
            directory: at.to_owned(),
            admission,
        };
        let work = async move |inner: Arc<Inner>, mut book: OwnedMutexGuard<Book>| {
            if admission == Admission::Cut && book.of(&wanted.key).is_none() {
                return Ok(());
            }
            inner.bring(&mut book, wanted).await
        };
        self.inner.run(work).await
    }

    /// Removes an export for ever; absent is success. Its id rests before another export gets it.
    pub async fn release(&self, key: &ExportKey) -> Result<(), BackendError> {
        let key = key.clone();
        let work = async move |inner: Arc<Inner>, mut book: OwnedMutexGuard<Book>| inner.release(&mut book, &key).await;
        self.inner.run(work).await
    }

    /// Removes all exports of a volume.
    pub async fn release_volume(&self, path: &VolumePath) -> Result<(), BackendError> {
        let path = path.clone();
        let work = async move |inner: Arc<Inner>, mut book: OwnedMutexGuard<Book>| {
            let mut begun = false;
            for key in book.keys_of(&path) {
                let released = inner.release(&mut book, &key).await;
                released.map_err(|error| if begun { unsure(error) } else { error })?;
                begun = true;
            }
            Ok(())
        };
        self.inner.run(work).await
    }

    /// All exports that there are to be, cut ones among them.
    pub async fn exports(&self) -> Result<Vec<Exported>, BackendError> {
        let work = async |_: Arc<Inner>, book: OwnedMutexGuard<Book>| {
            let live = book.records().filter_map(Record::live);
            Ok(live.map(Live::exported).collect())
        };
        self.inner.run(work).await
    }

    /// From now on exactly these addresses reach the server, besides the machine itself.
    ///
    /// # Errors
    /// `Invalid` unless the configuration says `nodeAccess: Nodes`.
    pub async fn admit_nodes(&self, addresses: &BTreeSet<IpAddr>) -> Result<(), BackendError> {
        let refuse = || BackendError::not_done(Class::Invalid, "the configuration does not say nodeAccess: Nodes");
        let firewall = self.inner.firewall.as_ref().ok_or_else(refuse)?;
        firewall.admit(addresses).await
    }
}

/// What of opening waits for the disk.
fn open(config: &ExporterConfig, now: jiff::Timestamp) -> Result<(ExportFiles, Book), BackendError> {
    let files = ExportFiles::open(&config.config_dir)?;
    let (records, found) = Records::open(&config.state, now)?;
    let book = Book::new(records, found, now);
    let mut kept = BTreeSet::new();
    for record in book.records() {
        if let Some(export) = Export::of(record, config)? {
            files.put(&export)?;
            kept.insert(export.id);
        }
    }
    files.keep(&kept)?;
    Ok((files, book))
}

impl Inner {
    /// Runs a piece of work that holds the records. It goes on when its caller does not wait for its end.
    pub(crate) async fn run<T, F, W>(self: &Arc<Self>, work: W) -> Result<T, BackendError>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, BackendError>> + Send + 'static,
        W: FnOnce(Arc<Inner>, OwnedMutexGuard<Book>) -> F,
    {
        let longest = self.config.deadline;
        let deadline = Instant::now() + longest;
        let book = timeout_at(deadline, self.book.clone().lock_owned()).await;
        let busy = |_| {
            BackendError::not_done(
                Class::Waiting,
                format!("other work on exports took longer than {longest:?}"),
            )
        };
        let task = tokio::spawn(work(self.clone(), book.map_err(busy)?));
        match timeout_at(deadline, task).await {
            Ok(Ok(result)) => result,
            Ok(Err(broken)) => Err(BackendError::maybe_done(Class::Bug, "work on exports broke").because(broken)),
            Err(_) => Err(BackendError::maybe_done(
                Class::Waiting,
                format!("an export took longer than {longest:?}"),
            )),
        }
    }

    /// Makes an export what it is to be: its record, its file, and the server.
    async fn bring(self: &Arc<Self>, book: &mut Book, wanted: Live) -> Result<(), BackendError> {
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
            None => self.give(book, wanted).await?,
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

    pub(crate) async fn put(&self, book: &mut Book, record: Record) -> Result<(), BackendError> {
        book.put(record).await?;
        self.step(Step::RecordWritten)
    }

    async fn release(self: &Arc<Self>, book: &mut Book, key: &ExportKey) -> Result<(), BackendError> {
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
            state: State::Gone { since: self.now() },
            ..record
        };
        self.put(book, gone).await?;
        Ok(settled)
    }
}
