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
use crate::pseudo::PseudoPath;
use crate::record::{Live, Record};
use crate::records::Records;
use crate::seams::{Seams, Step};
use crate::settle::unsure;
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
    /// `Invalid` if the server has no words for the directory, `Full` if no id is left or too many rest after exports of the
    /// tenant, `Waiting` if the server is away.
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

    /// Removes an export for ever; absent is success. Its id rests before another export gets it; the same one, made again, has
    /// it at once.
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
        match Export::of(record, config) {
            Ok(Some(export)) => {
                files.put(&export)?;
                kept.insert(export.id);
            }
            Ok(None) => {}
            // Nobody else is to go without: whoever reconciles is told.
            Err(error) => tracing::warn!(id = %record.id, %error, "an export cannot be written for NFS-Ganesha"),
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
}
