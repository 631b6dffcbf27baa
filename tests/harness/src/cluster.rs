//! A development cluster: a control plane and, if asked for, an NFS server.
//!
//! An owned cluster ([`Cluster::start`], [`Cluster::shared`]) belongs to this process and ends with it. A named one ([`Cluster::up`]) stays
//! until [`Cluster::down`], and is used again meanwhile. With `E2E_KUBECONFIG` the control plane is that one, whose servers are left alone.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use serde::{Deserialize, Serialize};

use crate::control_plane::{ControlPlane, ControlPlanePorts};
use crate::ports::Reserved;
use crate::process::{Lifetime, Processes};
use crate::sweep::{self, Data, OwnDirectory};
use crate::{
    Audit, ClusterOptions, CrdSet, EnvFile, Filer, FilerEndpoint, NfsEndpoint, NfsServer, ReachedBy, apiserver,
    binaries, controller, controller_manager, directories, packages,
};

/// The name of the cluster of `make cluster`.
pub const DEFAULT_NAME: &str = "default";

/// The filer of a cluster that is started with one.
const FILER: &str = "filer";

const SETTINGS: &str = "settings.json";

/// Held while a named cluster comes or goes.
const LOCK: &str = "lock";

/// What is needed to use a cluster again which another process started.
#[derive(Debug, Serialize, Deserialize)]
struct Settings {
    options: ClusterOptions,
    ports: Option<ControlPlanePorts>,
    nfs: Option<NfsEndpoint>,
    filer: Option<FilerEndpoint>,
}

/// A running cluster.
#[derive(Debug)]
pub struct Cluster {
    pub(crate) directory: PathBuf,
    options: ClusterOptions,
    pub(crate) kubeconfig: PathBuf,
    pub(crate) kubectl: PathBuf,
    control_plane: Option<ControlPlane>,
    nfs: Option<NfsServer>,
    filer: Option<Filer>,
    _ports: Option<Reserved>,
    // Dropped last: it ends the processes and removes their files.
    _own: Option<OwnDirectory>,
}

impl Cluster {
    /// Installs packages and builds the control plane, so that a later start has nothing to fetch. Takes minutes the first time.
    pub fn prepare() -> Result<()> {
        packages::ensure()?;
        if external().is_some() {
            return binaries::kubectl().map(|_| ());
        }
        binaries::Binaries::ensure()?;
        CrdSet::ALL.into_iter().try_for_each(|set| set.ensure().map(|_| ()))
    }

    /// Starts a cluster of one's own. It ends when the value is dropped, or when this process ends, however that ends.
    pub async fn start(options: ClusterOptions) -> Result<Self> {
        let own = OwnDirectory::create().await?;
        let mut cluster = Self::start_in(own.path(), options, Lifetime::Owned).await?;
        cluster._own = Some(own);
        Ok(cluster)
    }

    /// The one cluster of this process, with everything, started when it is first asked for. For tests which restart no server; they
    /// keep apart by namespaces of their own. A failure is not repeated for every test.
    pub async fn shared() -> Result<&'static Self> {
        static SHARED: tokio::sync::OnceCell<Result<Cluster, String>> = tokio::sync::OnceCell::const_new();
        let start = async || {
            Self::start(ClusterOptions::everything())
                .await
                .map_err(|error| format!("{error:#}"))
        };
        SHARED
            .get_or_init(start)
            .await
            .as_ref()
            .map_err(|error| anyhow::anyhow!("{error}"))
    }

    /// Starts the named cluster, or uses it if it runs with these options. One that runs with others is started anew
    /// with these, on the same data.
    pub async fn up(name: &str, options: ClusterOptions) -> Result<Self> {
        let directory = named(name)?;
        let _lock = directories::lock_async(directories::state_root()?.join(LOCK)).await?;
        std::fs::create_dir_all(&directory).with_context(|| format!("creating {}", directory.display()))?;
        if let Some(running) = Self::attach(&directory, &options).await? {
            return Ok(running);
        }
        sweep::end(&directory, Data::Kept)?;
        let cluster = Self::start_in(&directory, options, Lifetime::Detached).await?;
        if name == DEFAULT_NAME {
            let link = directories::state_root()?.join("env");
            remove_file(&link)?;
            std::os::unix::fs::symlink(directory.join("env"), link)?;
        }
        Ok(cluster)
    }

    /// Ends the named cluster and removes its data. Says whether there was one.
    pub fn down(name: &str) -> Result<bool> {
        let directory = named(name)?;
        let _lock = directories::lock(&directories::state_root()?.join(LOCK))?;
        if name == DEFAULT_NAME {
            remove_file(&directories::state_root()?.join("env"))?;
        }
        if !directory.exists() {
            return Ok(false);
        }
        sweep::end(&directory, Data::Discarded)?;
        sweep::remove(&directory)?;
        Ok(true)
    }

    /// Ends an owned cluster and says what went wrong with that, which dropping it cannot.
    pub async fn stop(self) -> Result<()> {
        let Some(own) = &self._own else {
            bail!("only a cluster made by Cluster::start is stopped: see Cluster::down")
        };
        let directory = own.path().to_owned();
        tokio::task::spawn_blocking(move || sweep::end(&directory, Data::Discarded)).await?
    }

    async fn start_in(directory: &Path, options: ClusterOptions, lifetime: Lifetime) -> Result<Self> {
        let processes = Processes::new(directory, lifetime)?;
        let nfs = async {
            Ok(if options.nfs {
                Some(NfsServer::start_in(processes.clone()).await?)
            } else {
                None
            })
        };
        let mut cluster = if let Some(kubeconfig) = external() {
            let kubectl = binaries::link(&binaries::kubectl()?, &bin_dir(directory)?)?;
            let nfs = nfs.await?;
            Self {
                directory: directory.into(),
                options,
                kubeconfig,
                kubectl,
                control_plane: None,
                nfs,
                filer: None,
                _ports: None,
                _own: None,
            }
        } else {
            let (ports, reserved) = ControlPlanePorts::reserve()?;
            let plane = new_control_plane(processes.clone(), options.clone(), ports).await?;
            let ((), nfs) = tokio::try_join!(plane.start_api(), nfs)?;
            Self {
                directory: directory.into(),
                options,
                kubeconfig: plane.admin_kubeconfig(),
                kubectl: bin_dir(directory)?.join("kubectl"),
                control_plane: Some(plane),
                nfs,
                filer: None,
                _ports: Some(reserved),
                _own: None,
            }
        };
        if cluster.options.filer {
            let filer = Filer::prepare_in(directory, FILER, lifetime, ReachedBy::Loopback).await?;
            filer.resume().await?;
            cluster.filer = Some(filer);
        }
        cluster.finish_start().await?;
        Ok(cluster)
    }

    async fn finish_start(&self) -> Result<()> {
        if self.options.snapshots {
            self.install(CrdSet::Snapshots).await?;
        }
        if self.options.reference_grants {
            self.install(CrdSet::ReferenceGrants).await?;
        }
        if let Some(plane) = &self.control_plane {
            plane.start_controllers().await?;
        }
        self.env().write(&self.directory.join("env"))?;
        let settings = Settings {
            options: self.options.clone(),
            ports: self.control_plane.as_ref().map(|plane| plane.ports),
            nfs: self.nfs.as_ref().map(|nfs| nfs.endpoint().clone()),
            filer: self.filer.as_ref().map(|filer| filer.endpoint().clone()),
        };
        std::fs::write(self.directory.join(SETTINGS), serde_json::to_vec_pretty(&settings)?)?;
        Ok(())
    }

    /// The cluster that runs in this directory with these options, if it is whole.
    async fn attach(directory: &Path, options: &ClusterOptions) -> Result<Option<Self>> {
        let Ok(text) = std::fs::read(directory.join(SETTINGS)) else {
            return Ok(None);
        };
        let Ok(settings) = serde_json::from_slice::<Settings>(&text) else {
            return Ok(None);
        };
        let (Some(ports), None) = (settings.ports, external()) else {
            return Ok(None);
        };
        if &settings.options != options {
            return Ok(None);
        }
        let processes = Processes::new(directory, Lifetime::Detached)?;
        let plane = new_control_plane(processes.clone(), settings.options.clone(), ports).await?;
        if !plane.is_healthy().await {
            return Ok(None);
        }
        let nfs = settings.nfs.map(|endpoint| NfsServer::attach(processes, endpoint));
        if let Some(nfs) = &nfs
            && nfs.answers().await.is_err()
        {
            return Ok(None);
        }
        let filer = match settings.filer {
            Some(endpoint) => Some(Filer::attach(directory, FILER, Lifetime::Detached, endpoint).await?),
            None => None,
        };
        if let Some(filer) = &filer
            && !filer.is_whole()
        {
            return Ok(None);
        }
        Ok(Some(Self {
            directory: directory.into(),
            options: settings.options,
            kubeconfig: plane.admin_kubeconfig(),
            kubectl: bin_dir(directory)?.join("kubectl"),
            control_plane: Some(plane),
            nfs,
            filer,
            _ports: None,
            _own: None,
        }))
    }

    /// The directory with the cluster's state and logs.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// What it was started with.
    pub fn options(&self) -> &ClusterOptions {
        &self.options
    }

    /// The administrator's kubeconfig.
    pub fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    /// What the cluster's `env` file has.
    pub fn env(&self) -> EnvFile {
        EnvFile {
            kubeconfig: self.kubeconfig.clone(),
            kubectl: self.kubectl.clone(),
            bin_dir: self.directory.join("bin"),
            nfs: self.nfs.as_ref().map(|nfs| nfs.endpoint().clone()),
        }
    }

    /// Whether the control plane is somebody else's (`E2E_KUBECONFIG`): then its servers cannot be restarted, and a test
    /// which needs that is skipped.
    pub fn is_external(&self) -> bool {
        self.control_plane.is_none()
    }

    /// The NFS server.
    pub fn nfs(&self) -> Result<&NfsServer> {
        self.nfs
            .as_ref()
            .context("this cluster was started without an NFS server")
    }

    /// The filer.
    pub fn filer(&self) -> Result<&Filer> {
        self.filer.as_ref().context("this cluster was started without a filer")
    }

    /// What the logs of its controllers last say of something, or of trouble.
    pub fn words_on(&self, what: &str) -> String {
        controller::words_on(&self.directory, what)
    }

    /// The audit log, if the cluster was started with one.
    pub fn audit(&self) -> Result<Audit> {
        if self.is_external() || self.options.audited_user.is_none() {
            bail!("this cluster was started without an audit log");
        }
        Ok(Audit::in_directory(&self.directory))
    }

    /// Installs CRDs of other projects and waits until they are served.
    pub async fn install(&self, set: CrdSet) -> Result<()> {
        if self.is_external() && self.kubectl(&["get", "crd", set.witness()]).await.is_ok() {
            // They are somebody else's, in whatever version.
            return Ok(());
        }
        let directory = tokio::task::spawn_blocking(move || set.ensure()).await??;
        let directory = directory.to_str().context("the path of the cache is not UTF-8")?;
        self.kubectl(&["apply", "--server-side", "--force-conflicts", "-f", directory])
            .await?;
        self.kubectl(&["wait", "--for=condition=Established", "--timeout=60s", "-f", directory])
            .await?;
        Ok(())
    }

    /// Stops the API server, as an upgrade would, and starts it again on the same port. Returns when it is ready.
    pub async fn restart_api_server(&self) -> Result<()> {
        self.stop_api_server().await?;
        self.resume_api_server().await
    }

    /// Stops the API server.
    pub async fn stop_api_server(&self) -> Result<()> {
        // It would wait for open watches; the clients under test have some.
        self.control_plane()?.end(apiserver::NAME, Duration::from_secs(2)).await
    }

    /// Starts the stopped API server. Returns when it is ready.
    pub async fn resume_api_server(&self) -> Result<()> {
        self.control_plane()?.resume_api_server().await
    }

    /// Stops the API server, and starts it again on the same data with a feature gate switched off, as an upgrade or an admin may.
    /// Returns when it is ready. The next start has it as the cluster was started.
    pub async fn restart_api_server_without(&self, gate: &str) -> Result<()> {
        self.stop_api_server().await?;
        let without = self.options.clone().feature_gate(gate, false);
        self.control_plane()?.resume_api_server_as(&without).await
    }

    /// Stops the controller manager: nothing is bound, protected or collected until it is resumed.
    pub async fn stop_controller_manager(&self) -> Result<()> {
        self.control_plane()?
            .end(controller_manager::NAME, Duration::from_secs(2))
            .await
    }

    /// Starts the stopped controller manager.
    pub fn resume_controller_manager(&self) -> Result<()> {
        self.control_plane()?.resume_controller_manager()
    }

    /// The processes of the cluster which we started, by their records: for tests of the harness itself.
    pub fn processes(&self) -> Result<Vec<crate::process::Recorded>> {
        Processes::new(&self.directory, Lifetime::Detached)?.all()
    }

    fn control_plane(&self) -> Result<&ControlPlane> {
        self.control_plane
            .as_ref()
            .context("the servers of a cluster given by E2E_KUBECONFIG are not ours to restart")
    }
}

async fn new_control_plane(
    processes: Processes,
    options: ClusterOptions,
    ports: ControlPlanePorts,
) -> Result<ControlPlane> {
    // Building takes minutes, certificates take a moment: neither may hold up an async thread.
    tokio::task::spawn_blocking(move || ControlPlane::new(processes, options, ports)).await?
}

/// The kubeconfig of a cluster that is somebody else's, if we are to use one.
pub(crate) fn external() -> Option<PathBuf> {
    std::env::var_os("E2E_KUBECONFIG")
        .filter(|value| !value.is_empty())
        .map(PathBuf::from)
}

fn bin_dir(cluster: &Path) -> Result<PathBuf> {
    let directory = cluster.join("bin");
    std::fs::create_dir_all(&directory).with_context(|| format!("creating {}", directory.display()))?;
    Ok(directory)
}

/// The directory of a named cluster.
fn named(name: &str) -> Result<PathBuf> {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-';
    // These files are beside the clusters, and "run-" begins the names of owned ones.
    if name.is_empty() || !name.chars().all(plain) || ["env", LOCK].contains(&name) || name.starts_with("run-") {
        bail!("{name:?} cannot be the name of a cluster: letters, digits and dashes, not env, lock or run-…");
    }
    Ok(directories::state_root()?.join(name))
}

fn remove_file(path: &Path) -> Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("removing {}", path.display()))
        }
        _ => Ok(()),
    }
}
