//! A whole filer: a file system, a real NFS-Ganesha, and the process between them.

use super::Stage;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tombolo_backend_api::*;
use tombolo_backend_conformance::{Image, lacking};
use tombolo_backend_filer::{Filer, GaneshaExports};
use tombolo_ganesha::NodeAccessMode;
use tombolo_ganesha::testing::{Options, Status, TestServer};

/// A filer, its server, and its file system.
pub struct Host {
    pub stage: Stage,
    pub server: TestServer,
    pub filer: Filer,
    exports: Option<GaneshaExports>,
    node_access: NodeAccessMode,
}

impl Host {
    /// One with a btrfs of so many bytes. Without what it needs the test is skipped.
    pub async fn start(bytes: u64) -> Option<Self> {
        Self::on(|| Image::new(bytes), Options::default(), NodeAccessMode::Networks).await
    }

    /// One on this file system, with such a server.
    pub async fn on(
        image: impl FnOnce() -> Result<Image, String>,
        options: Options,
        node_access: NodeAccessMode,
    ) -> Option<Self> {
        let lacks = |why: String| lacking(std::thread::current().name().unwrap_or("a test"), &why);
        if let Some(why) = TestServer::unavailable() {
            lacks(why);
            return None;
        }
        let stage = Stage::on(image().inspect_err(|why| lacks(why.clone())).ok()?);
        let server = TestServer::start(options);
        let (exports, filer) = begin(&stage, &server, node_access).await;
        filer.place_mark(&mark()).await.unwrap();
        filer.settle().await.unwrap();
        Some(Self {
            stage,
            server,
            exports: Some(exports),
            filer,
            node_access,
        })
    }

    /// The process ends, and another begins.
    pub async fn restart(&mut self) {
        self.filer = self.stage.open().await;
        self.exports = None;
        let (exports, filer) = begin(&self.stage, &self.server, self.node_access).await;
        (self.exports, self.filer) = (Some(exports), filer);
    }

    pub async fn volume(&self, name: &str, bytes: u64) {
        self.filer.create(&volume(name, bytes)).await.unwrap();
    }

    /// What a tenant mounts.
    pub async fn mount(&self, name: &str, tenant: &str, access: Access) -> String {
        match self.filer.mount(&key(name, tenant, access)).await.unwrap() {
            MountSource::Nfs { path, .. } => path,
            source => panic!("{source:?}"),
        }
    }

    pub fn read(&self, at: &str) -> Result<Vec<u8>, String> {
        self.server.utility(4).read(at)
    }

    pub fn write(&self, at: &str, contents: &[u8]) -> Result<(), String> {
        self.server.utility(4).write(at, contents)
    }

    /// Writes at the beginning of a file that is there.
    pub fn overwrite(&self, at: &str, contents: &[u8]) -> Result<(), Status> {
        let mut client = self.server.v4();
        let handle = client.handle(at)?;
        client.write(&handle, contents)
    }

    /// Everything mounted for the server goes, as when the host is started anew.
    pub fn unmount_everything(&self) {
        let exports = self.stage.exports_dir();
        let mounts = fs::read_to_string("/proc/self/mounts").unwrap();
        let points = mounts.lines().filter_map(|line| line.split(' ').nth(1));
        for point in points.rev().filter(|point| Path::new(point).starts_with(&exports)) {
            assert!(
                Command::new("umount")
                    .arg("--lazy")
                    .arg(point)
                    .status()
                    .unwrap()
                    .success()
            );
        }
        assert_eq!(fs::read_dir(exports).unwrap().count(), 0);
    }
}

async fn begin(stage: &Stage, server: &TestServer, node_access: NodeAccessMode) -> (GaneshaExports, Filer) {
    let began = Instant::now();
    let mut config = server.exporter();
    config.node_access = node_access;
    let exports = loop {
        match GaneshaExports::open(config.clone()).await {
            // The process before may still be ending.
            Err(error) if error.class == Class::Waiting && began.elapsed() < Duration::from_secs(30) => {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            opened => break opened.unwrap(),
        }
    };
    let filer = Filer::open(stage.config(), Arc::new(exports.clone())).await.unwrap();
    (exports, filer)
}

pub fn mark() -> Mark {
    Mark {
        backend_id: BackendId::parse("b").unwrap(),
        cluster_id: ClusterId("c".into()),
    }
}

pub fn path(text: &str) -> VolumePath {
    VolumePath::parse(text).unwrap()
}

pub fn volume(name: &str, bytes: u64) -> CreateVolume {
    CreateVolume {
        path: path(name),
        mode: 0o777,
        bytes,
    }
}

pub fn key(name: &str, tenant: &str, access: Access) -> ExportKey {
    ExportKey {
        path: path(name),
        tenant: Tenant::parse(tenant).unwrap(),
        access,
    }
}
