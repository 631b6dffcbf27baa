//! A host with a btrfs and an NFS-Ganesha of its own, which the binary serves.

use super::*;
use crate::serve::{Service, client};
use serde_json::{Value, json};
use std::time::Duration;
use tombolo_backend_conformance::{Image, lacking};
use tombolo_backend_remote::Remote;
use tombolo_ganesha::testing::{Grace, Options, TestServer};

pub const MIB: u64 = 1 << 20;

pub struct Filer {
    pub host: Host,
    // Unmounted after the server has ended.
    pub server: TestServer,
    pub image: Image,
}

impl Filer {
    pub fn start() -> Option<Self> {
        Self::with(Options::default())
    }

    /// With a server that remembers locks, as in production.
    pub fn with_grace() -> Option<Self> {
        Self::with(Options {
            grace: Grace::Lease(Duration::from_secs(2)),
            ..Options::default()
        })
    }

    fn with(options: Options) -> Option<Self> {
        let lacks = |why: String| lacking(std::thread::current().name().unwrap_or("a test"), &why);
        if let Some(why) = TestServer::unavailable() {
            lacks(why);
            return None;
        }
        let image = Image::new(1024 * MIB).inspect_err(|why| lacks(why.clone())).ok()?;
        std::fs::create_dir(image.path().join("root")).unwrap();
        let filer = Self {
            host: Host::with("metrics: 127.0.0.1:0\n"),
            server: TestServer::start(options),
            image,
        };
        filer.configure(|_| {});
        Some(filer)
    }

    pub fn root(&self) -> PathBuf {
        self.image.path().join("root")
    }

    pub fn exports_dir(&self) -> PathBuf {
        self.image.scratch().join("exports")
    }

    /// Writes the configuration, with a change.
    pub fn configure(&self, change: impl FnOnce(&mut Value)) {
        let exporter = self.server.exporter();
        let mut filer = json!({
            "root": self.root(),
            "exportsDir": self.exports_dir(),
            "stateDir": exporter.state,
            "configDir": exporter.config_dir,
            "networks": exporter.networks,
            "advertise": exporter.advertise,
            "bus": exporter.bus,
        });
        change(&mut filer);
        self.host.configure(&json!({ "filer": filer }).to_string());
    }

    /// Starts the service, waits until it is ready, and connects to it.
    pub async fn serve(&self) -> (Service, Remote) {
        let _ = std::fs::remove_file(self.host.at("notify"));
        let service = Service::start(&self.host);
        let address = service.address("serving");
        assert!(service.told().contains("READY=1"));
        let client = client(&self.host, &address).await;
        (service, client)
    }

    /// A volume, and where a tenant mounts it.
    pub async fn exported(&self, client: &Remote, name: &str) -> String {
        client.create(&sized(name)).await.unwrap();
        match client.mount(&key(name)).await.unwrap() {
            MountSource::Nfs { path, .. } => path,
            source => panic!("{source:?}"),
        }
    }

    pub fn read(&self, at: &str) -> Result<Vec<u8>, String> {
        self.server.utility(4).read(&format!("{at}/file"))
    }

    pub fn write(&self, at: &str, contents: &[u8]) {
        self.server.utility(4).write(&format!("{at}/file"), contents).unwrap();
    }

    /// Everything mounted for the server goes, as when the host starts anew.
    pub fn unmount_everything(&self) {
        let mounts = std::fs::read_to_string("/proc/self/mounts").unwrap();
        let points = mounts.lines().filter_map(|line| line.split(' ').nth(1));
        for point in points
            .rev()
            .filter(|point| Path::new(point).starts_with(self.exports_dir()))
        {
            umount(Path::new(point));
        }
    }
}

pub fn umount(point: &Path) {
    assert!(
        Command::new("umount")
            .arg("--lazy")
            .arg(point)
            .status()
            .unwrap()
            .success()
    );
}

pub fn sized(name: &str) -> CreateVolume {
    CreateVolume {
        bytes: 64 * MIB,
        ..volume(name)
    }
}

pub fn key(name: &str) -> ExportKey {
    ExportKey {
        path: VolumePath::parse(name).unwrap(),
        tenant: Tenant::parse("team").unwrap(),
        access: Access::ReadWrite,
    }
}

/// Waits until something is so.
pub async fn becomes(what: &str, mut so: impl FnMut() -> bool) {
    for _ in 0..600 {
        if so() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("{what} did not come to be");
}
