//! What the tests of a filer share: a file system, a filer on it, and exports that are only written down.
#![allow(dead_code, reason = "no test binary uses all of it")]

pub mod host;
pub mod served;

use async_trait::async_trait;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use tombolo_backend_api::*;
use tombolo_backend_conformance::Image;
use tombolo_backend_filer::{Config, Exports, Filer, Reconciled};

pub const MIB: u64 = 1 << 20;

/// What the exports were told, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told {
    Ensure(ExportKey, PathBuf),
    Admit(ExportKey, Admission),
    Release(ExportKey),
    ReleaseVolume(VolumePath),
    Reconcile,
}

/// Exports that are only written down. Clones are one.
#[derive(Clone, Default)]
pub struct Recording(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    exports: BTreeMap<ExportKey, Admission>,
    told: Vec<Told>,
    away: bool,
}

impl Recording {
    pub fn told(&self) -> Vec<Told> {
        self.0.lock().unwrap().told.clone()
    }

    pub fn forget(&self) {
        self.0.lock().unwrap().told.clear();
    }

    /// An export goes behind the filer's back.
    pub fn lose(&self, path: &VolumePath) {
        self.0.lock().unwrap().exports.retain(|key, _| key.path != *path);
    }

    /// The server does not answer.
    pub fn set_away(&self, away: bool) {
        self.0.lock().unwrap().away = away;
    }

    fn tell(&self, told: Told) -> Result<std::sync::MutexGuard<'_, State>, BackendError> {
        let mut state = self.0.lock().unwrap();
        if state.away {
            return Err(BackendError::not_done(Class::Waiting, "the server is away"));
        }
        state.told.push(told);
        Ok(state)
    }
}

fn source(key: &ExportKey) -> MountSource {
    MountSource::Nfs {
        server: "nas".to_owned(),
        path: format!("/{}/{}/{}", key.path, key.tenant, key.access),
        options: vec![],
        version: "4.1",
    }
}

#[async_trait]
impl Exports for Recording {
    async fn ensure(&self, key: &ExportKey, directory: &Path) -> Result<MountSource, BackendError> {
        let mut state = self.tell(Told::Ensure(key.clone(), directory.to_owned()))?;
        state.exports.entry(key.clone()).or_default();
        Ok(source(key))
    }

    async fn admit(&self, key: &ExportKey, _: &Path, admission: Admission) -> Result<(), BackendError> {
        let mut state = self.tell(Told::Admit(key.clone(), admission))?;
        if admission != Admission::Cut || state.exports.contains_key(key) {
            state.exports.insert(key.clone(), admission);
        }
        Ok(())
    }

    async fn release(&self, key: &ExportKey) -> Result<(), BackendError> {
        self.tell(Told::Release(key.clone()))?.exports.remove(key);
        Ok(())
    }

    async fn release_volume(&self, path: &VolumePath) -> Result<(), BackendError> {
        let mut state = self.tell(Told::ReleaseVolume(path.clone()))?;
        state.exports.retain(|key, _| key.path != *path);
        Ok(())
    }

    async fn exports(&self) -> Result<Vec<Exported>, BackendError> {
        let state = self.0.lock().unwrap();
        let exported = |(key, admission): (&ExportKey, &Admission)| Exported {
            key: key.clone(),
            admission: *admission,
        };
        Ok(state.exports.iter().map(exported).collect())
    }

    async fn reconcile(&self) -> Result<Reconciled, BackendError> {
        drop(self.tell(Told::Reconcile)?);
        Ok(Reconciled::default())
    }

    fn knows_nodes(&self) -> bool {
        true
    }

    async fn admit_nodes(&self, _: &BTreeSet<IpAddr>) -> Result<(), BackendError> {
        Ok(())
    }
}

/// A filer on a file system of its own.
pub struct Stage {
    pub image: Image,
    pub exports: Recording,
}

impl Stage {
    pub fn on(image: Image) -> Self {
        std::fs::create_dir(image.path().join("root")).unwrap();
        Self {
            image,
            exports: Recording::default(),
        }
    }

    pub fn config(&self) -> Config {
        let text = |path: PathBuf| path.to_str().unwrap().to_owned();
        Config::parse(&text(self.root()), &text(self.exports_dir()), "NAS").unwrap()
    }

    pub fn root(&self) -> PathBuf {
        self.image.path().join("root")
    }

    pub fn exports_dir(&self) -> PathBuf {
        self.image.scratch().join("exports")
    }

    pub async fn open(&self) -> Filer {
        self.open_with(self.config()).await.unwrap()
    }

    pub async fn open_with(&self, config: Config) -> Result<Filer, BackendError> {
        Filer::open(config, Arc::new(self.exports.clone())).await
    }

    /// A filer whose exports others make.
    pub async fn open_for(&self, exports: impl Exports) -> Filer {
        Filer::open(self.config(), Arc::new(exports)).await.unwrap()
    }
}
