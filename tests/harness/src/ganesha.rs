//! NFS-Ganesha: a real NFS server, v3 and v4.1, in user space, on loopback and free ports.
//!
//! It needs root (it opens files by handle), a D-Bus of its own and a port mapper. It can be stopped, killed and started again
//! on the same ports and the same directory, for tests of what clients do meanwhile.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use serde::{Deserialize, Serialize};

use crate::binaries::on_path;
use crate::bus::Bus;
use crate::nfs_client::{NfsClient, NfsVersion};
use crate::ports::{self, Reserved};
use crate::process::{Launch, Lifetime, Processes, Restart};
use crate::sweep::OwnDirectory;
use crate::wait::{Look, until};
use crate::{directories, packages, rpcbind};

pub(crate) const NAME: &str = "ganesha";

/// The path under which clients mount the export.
const EXPORT: &str = "/export";

/// How to reach the NFS server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NfsEndpoint {
    /// The server's address.
    pub server: String,
    /// The port of NFS, v3 and v4.
    pub port: u16,
    /// The port of the MOUNT protocol, for v3.
    pub mount_port: u16,
    /// The path that clients mount.
    pub export: String,
    /// The directory behind it on this machine.
    pub export_dir: PathBuf,
}

/// A running NFS server. One made by [`NfsServer::start`] ends when it is dropped; a cluster's one ends with the cluster.
#[derive(Debug)]
pub struct NfsServer {
    processes: Processes,
    endpoint: NfsEndpoint,
    _ports: Option<Reserved>,
    // Dropped last: it ends the processes and removes their files.
    _own: Option<OwnDirectory>,
}

impl NfsServer {
    /// Starts a server of its own, without any cluster.
    pub async fn start() -> Result<Self> {
        let own = OwnDirectory::create().await?;
        let processes = Processes::new(own.path(), Lifetime::Owned)?;
        let mut server = Self::start_in(processes).await?;
        server._own = Some(own);
        Ok(server)
    }

    /// Why this machine cannot run the server, if so: the reason for skipping a test.
    pub fn unavailable() -> Option<String> {
        if !rustix::process::geteuid().is_root() {
            return Some("NFS-Ganesha needs root: it opens files by handle (CAP_DAC_READ_SEARCH)".into());
        }
        packages::ensure().err().map(|error| format!("{error:#}"))
    }

    pub(crate) async fn start_in(processes: Processes) -> Result<Self> {
        tokio::task::spawn_blocking(packages::ensure).await??;
        let ports = ports::reserve(2)?;
        let [port, mount_port] = ports.array()?;
        let export_dir = export_directory(processes.directory())?;
        let endpoint = NfsEndpoint {
            server: "127.0.0.1".into(),
            port,
            mount_port,
            export: EXPORT.into(),
            export_dir,
        };
        let server = Self {
            processes,
            endpoint,
            _ports: Some(ports),
            _own: None,
        };
        server.write_configuration()?;
        server.resume().await?;
        Ok(server)
    }

    /// The server of a cluster that was started earlier.
    pub(crate) fn attach(processes: Processes, endpoint: NfsEndpoint) -> Self {
        Self {
            processes,
            endpoint,
            _ports: None,
            _own: None,
        }
    }

    /// How to reach the server.
    pub fn endpoint(&self) -> &NfsEndpoint {
        &self.endpoint
    }

    /// An independent client, for assertions.
    pub fn client(&self, version: NfsVersion) -> NfsClient {
        NfsClient::new(self.endpoint.clone(), version)
    }

    /// Stops the server as an administrator would.
    pub async fn stop(&self) -> Result<()> {
        self.end(Duration::from_secs(10)).await
    }

    /// Ends the server as a crash would.
    pub async fn kill(&self) -> Result<()> {
        self.end(Duration::ZERO).await
    }

    /// Starts the stopped server again, on the same ports and directory. Returns when it serves.
    pub async fn resume(&self) -> Result<()> {
        if self.processes.is_alive(NAME) {
            return Ok(());
        }
        let _lock = directories::lock_async(rpcbind::lock_file()?).await?;
        rpcbind::ensure(&self.processes).await?;
        let bus = self.bus();
        bus.ensure().await?;
        let launch = launch(
            NAME,
            &[],
            &self.processes,
            &self.processes.directory().join("nfs"),
            &bus,
        )?;
        self.processes.spawn(launch)?;
        self.serves().await
    }

    /// Stops the server and starts it again.
    pub async fn restart(&self) -> Result<()> {
        self.stop().await?;
        self.resume().await
    }

    /// Whether both protocol versions are served now.
    pub(crate) async fn answers(&self) -> Result<()> {
        // A client that came too early waits longer than the server needs; the next attempt finds it.
        const ATTEMPT: Duration = Duration::from_secs(5);
        for version in [NfsVersion::V3, NfsVersion::V4] {
            tokio::time::timeout(ATTEMPT, self.client(version).list("")).await??;
        }
        Ok(())
    }

    async fn serves(&self) -> Result<()> {
        let look = async || {
            if let Err(ended) = self.processes.still_runs(NAME) {
                return Ok(Look::Done(Err(ended)));
            }
            self.answers().await.map(|()| Look::Done(Ok(())))
        };
        until("NFS-Ganesha to serve", Duration::from_secs(120), look)
            .await
            .with_context(|| self.processes.last_words(NAME))?
    }

    async fn end(&self, grace: Duration) -> Result<()> {
        let processes = self.processes.clone();
        tokio::task::spawn_blocking(move || processes.end(NAME, grace)).await?
    }

    fn bus(&self) -> Bus {
        let name = format!("ganesha-{}", self.endpoint.port);
        Bus::new(
            &self.processes,
            self.processes.directory().join("nfs"),
            &name,
            Vec::new(),
        )
    }

    fn file(&self, name: &str) -> PathBuf {
        self.processes.directory().join("nfs").join(name)
    }

    fn write_configuration(&self) -> Result<()> {
        let recovery = self.file("recovery");
        std::fs::create_dir_all(&recovery)?;
        let NfsEndpoint {
            port,
            mount_port,
            export,
            export_dir,
            ..
        } = &self.endpoint;
        // Graceless: a restarted server would otherwise refuse new opens for up to a minute and a half (RFC 8881 section 8.4.2).
        let ganesha = format!(
            "NFS_CORE_PARAM {{ NFS_Port={port}; MNT_Port={mount_port}; Protocols=3,4; Enable_NLM=false; \
             Enable_RQUOTA=false; Bind_addr=127.0.0.1; mount_path_pseudo=true; }}\n\
             NFSv4 {{ Graceless=true; Only_Numeric_Owners=true; RecoveryBackend=fs; RecoveryRoot=\"{}\"; }}\n\
             EXPORT_DEFAULTS {{ Access_Type=None; Squash=None; SecType=sys; }}\n\
             EXPORT {{ Export_Id=1; Path=\"{}\"; Pseudo={export}; Filesystem_Id=1.1; Access_Type=RW; \
             Attr_Expiration_Time=0; FSAL {{ Name=VFS; }} }}\n\
             MDCACHE {{ Dir_Chunk=0; }}\n",
            recovery.display(),
            export_dir.display(),
        );
        std::fs::write(self.file("ganesha.conf"), ganesha).context("writing the server's configuration")
    }
}

/// A server that is configured by `ganesha.conf` in a directory, and administered over a bus.
pub(crate) fn launch(
    name: &'static str,
    wrapper: &[String],
    processes: &Processes,
    directory: &Path,
    bus: &Bus,
) -> Result<Launch> {
    let program = on_path("ganesha.nfsd").context("ganesha.nfsd is not installed")?;
    Ok(Launch::wrapped(name, wrapper, &program)
        .argument("-F")
        .argument("-L")
        .argument(processes.log(name))
        .argument("-f")
        .argument(directory.join("ganesha.conf"))
        .argument("-p")
        .argument(directory.join("ganesha.pid"))
        .argument("-N")
        .argument("NIV_EVENT")
        .environment("DBUS_SYSTEM_BUS_ADDRESS", bus.address())
        // A crash of its own is nothing that our tests are about, and is told of.
        .restarted(Restart::Always))
}

/// The directory behind the export, on a file system that Ganesha can serve. It must open files by handle, which overlayfs
/// (the root of a container) cannot; memory can.
fn export_directory(cluster: &Path) -> Result<PathBuf> {
    const OVERLAYFS: u64 = 0x794c_7630;
    let nfs = cluster.join("nfs");
    std::fs::create_dir_all(&nfs).with_context(|| format!("creating {}", nfs.display()))?;
    let link = nfs.join("export");
    if let Ok(existing) = link.canonicalize() {
        return Ok(existing);
    }
    if u64::try_from(rustix::fs::statfs(&nfs)?.f_type).is_ok_and(|kind| kind == OVERLAYFS) {
        let memory = Path::new("/dev/shm");
        if !memory.is_dir() {
            bail!(
                "{} is on overlayfs, which NFS-Ganesha cannot serve: set TOMBOLO_DEVCLUSTER_DIR",
                nfs.display()
            );
        }
        let name = cluster.file_name().and_then(|name| name.to_str()).unwrap_or("cluster");
        let directory = memory.join(format!("tombolo-export-{name}-{}", std::process::id()));
        std::fs::create_dir(&directory).with_context(|| format!("creating {}", directory.display()))?;
        std::os::unix::fs::symlink(&directory, &link)?;
    } else {
        std::fs::create_dir(&link).with_context(|| format!("creating {}", link.display()))?;
    }
    Ok(link.canonicalize()?)
}
