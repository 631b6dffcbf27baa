//! One server and one exporter for it, for each test.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tombolo_backend_api::{Access, Admission, BackendError, Class, ExportKey, MountSource, Tenant, VolumePath};
use tombolo_ganesha::testing::{Options, Status, TestServer};
use tombolo_ganesha::{Exporter, ExporterConfig, PseudoPath, Seams, Step};

/// A server, and what an exporter needs to be opened on it again and again.
pub struct Lab {
    pub server: Arc<TestServer>,
    pub config: ExporterConfig,
    now: Arc<Mutex<jiff::Timestamp>>,
    crash: Arc<Mutex<Option<(Step, usize)>>>,
}

impl Lab {
    pub fn new(options: Options) -> Self {
        let server = TestServer::start(options);
        let config = server.exporter();
        Self {
            server: Arc::new(server),
            config,
            now: Arc::new(Mutex::new(jiff::Timestamp::from_second(1_000_000).unwrap())),
            crash: Arc::default(),
        }
    }

    /// Opens an exporter, as a process that starts does.
    pub async fn open(&self) -> Exporter {
        let (now, crash) = (self.now.clone(), self.crash.clone());
        let seams = Seams {
            clock: Arc::new(move || *now.lock().unwrap()),
            after_step: Arc::new(move |step| {
                let mut crash = crash.lock().unwrap();
                match crash.as_mut() {
                    Some((at, left)) if *at == step => {
                        *left -= 1;
                        if *left == 0 {
                            *crash = None;
                            let message = format!("the process ended after {step:?}");
                            return Err(BackendError::maybe_done(Class::Bug, message));
                        }
                        Ok(())
                    }
                    _ => Ok(()),
                }
            }),
        };
        // The process before may still be ending.
        for _ in 0..100 {
            match Exporter::open_with(self.config.clone(), seams.clone()).await {
                Err(error) if error.class == Class::Waiting => tokio::time::sleep(Duration::from_millis(50)).await,
                opened => return opened.unwrap(),
            }
        }
        panic!("the records stay locked")
    }

    /// Opens one and makes the server agree.
    pub async fn ready(&self) -> Exporter {
        let exporter = self.open().await;
        exporter.reconcile().await.unwrap();
        exporter
    }

    /// The process is to end after that step has been done so often.
    pub fn crash_after(&self, step: Step, times: usize) {
        *self.crash.lock().unwrap() = Some((step, times));
    }

    /// Whether the process has not ended as it was to.
    pub fn disarm(&self) -> bool {
        self.crash.lock().unwrap().take().is_some()
    }

    /// Time passes.
    pub fn pass(&self, time: Duration) {
        let mut now = self.now.lock().unwrap();
        *now += jiff::SignedDuration::try_from(time).unwrap();
    }

    /// A volume with an export for one tenant.
    pub async fn export(&self, exporter: &Exporter, volume: &str, tenant: &str, access: Access) -> Export {
        let directory = match self.server.directory().join("volumes").join(volume) {
            there if there.exists() => there,
            _ => self.server.volume(volume),
        };
        let export = Export {
            key: key(volume, tenant, access),
            directory,
        };
        let source = exporter.ensure(&export.key, &export.directory).await.unwrap();
        let MountSource::Nfs { path, .. } = source else {
            panic!("{source:?}")
        };
        assert_eq!(path, export.path());
        export
    }
}

pub struct Export {
    pub key: ExportKey,
    pub directory: PathBuf,
}

impl Export {
    /// What nodes mount.
    pub fn path(&self) -> String {
        PseudoPath::of(&self.key).unwrap().as_str().to_owned()
    }

    pub fn file(&self) -> String {
        format!("{}/file", self.path())
    }

    pub async fn admit(&self, exporter: &Exporter, admission: Admission) {
        exporter.admit(&self.key, &self.directory, admission).await.unwrap();
    }
}

pub fn key(volume: &str, tenant: &str, access: Access) -> ExportKey {
    ExportKey {
        path: VolumePath::parse(volume).unwrap(),
        tenant: Tenant::parse(tenant).unwrap(),
        access,
    }
}

/// What clients may do with an export at the moment: what it lets through, as they find it.
pub fn admitted(lab: &Lab, export: &Export) -> Admission {
    let mut client = lab.server.v4();
    let file = match client.handle(&export.file()) {
        Ok(file) => file,
        Err(Status::NOENT) => return Admission::Cut,
        Err(other) => panic!("{}: {other:?}", export.path()),
    };
    let contents = client.read(&file).unwrap();
    match client.write(&file, &contents) {
        Ok(()) => Admission::Full,
        Err(Status::ROFS) => Admission::ReadOnly,
        Err(other) => panic!("{}: {other:?}", export.path()),
    }
}

/// Runs a test with a server; says why if this machine has none.
pub fn with(options: Options, test: impl AsyncFnOnce(Lab)) {
    let thread = std::thread::current();
    let name = thread.name().unwrap_or("a test");
    if let Some(why) = TestServer::unavailable() {
        return tombolo_backend_conformance::lacking(name, &why);
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let lab = Lab::new(options);
        let server = lab.server.clone();
        let run = tokio::time::timeout(Duration::from_secs(300), test(lab)).await;
        assert!(run.is_ok(), "{name} did not end; the server says:\n{}", server.log());
    });
}
