//! The NFS server of a filer: with a grace period, and no export but those that `tombolo-filer` tells it. Nodes are told version 4.1; version 3
//! is served too, because the client that stories use writes nothing long over version 4.

use anyhow::{Context as _, Result, bail};
use tokio::net::TcpStream;

use super::{Filer, Host, PATIENCE, ReachedBy};
use crate::bus::Bus;
use crate::wait::{Look, until};
use crate::{NfsVersion, directories, ganesha, rpcbind};

/// What its log says when it serves.
const STARTED: &str = "NFS SERVER INITIALIZED";

/// The name of its bus, on this machine.
pub(super) fn bus_name(port: u16) -> String {
    format!("filer-{port}")
}

/// What it is called in its records, and the name of its log.
pub(super) const NAME: &str = "filer-ganesha";

impl Filer {
    fn bus(&self, host: &Host) -> Bus {
        let name = bus_name(self.endpoint.port);
        let directory = self.processes.directory().to_owned();
        Bus::new(&self.processes, directory, &name, host.wrapper())
    }

    /// Starts NFS-Ganesha, if it does not run. Returns when it serves.
    pub async fn resume_server(&self) -> Result<()> {
        if self.processes.is_alive(NAME) {
            return Ok(());
        }
        let (recovery, host) = (self.file("recovery"), self.host().await?);
        // Before the server, which without a bus starts all the same and cannot be administered.
        let bus = self.bus(&host);
        bus.ensure().await?;
        let recovery = recovery.to_str().context("the path of the cluster is not UTF-8")?;
        let listens = ["--bind", self.endpoint.server.as_str()];
        let asked = ["ganesha-conf", "--recovery", recovery].into_iter().chain(listens);
        let configuration = self.command(&asked.collect::<Vec<_>>()).await?;
        if !configuration.status.success() {
            bail!("tombolo-filer has no configuration for NFS-Ganesha: {configuration:?}");
        }
        // Stories wait for the end of the grace period (RFC 8881 section 8.4.2); a minute and a half of it teaches nothing more.
        let hasty = [
            ("Lease_Lifetime = 60;", "Lease_Lifetime = 5;"),
            ("Grace_Period = 90;", "Grace_Period = 10;"),
        ];
        let mut text = String::from_utf8(configuration.stdout)?;
        for (usual, short) in hasty {
            if !text.contains(usual) {
                bail!("the configuration of NFS-Ganesha does not say {usual:?}: {text}");
            }
            text = text.replace(usual, short);
        }
        std::fs::write(self.file("ganesha.conf"), text).context("writing ganesha.conf")?;
        let _lock = directories::lock_async(rpcbind::lock_file()?).await?;
        if self.endpoint.reached_by == ReachedBy::Loopback {
            rpcbind::ensure(&self.processes).await?;
        }
        let launch = ganesha::launch(NAME, &host.wrapper(), &self.processes, self.processes.directory(), &bus)?;
        let before = self.starts();
        self.processes.spawn(launch)?;
        self.serves(before).await
    }

    /// How often it has said that it started.
    fn starts(&self) -> usize {
        self.processes.log_text(NAME).matches(STARTED).count()
    }

    /// Waits until it serves.
    async fn serves(&self, before: usize) -> Result<()> {
        let look = async || {
            if let Err(ended) = self.processes.still_runs(NAME) {
                return Ok(Look::Done(Err(ended)));
            }
            if self.endpoint.reached_by == ReachedBy::Nodes {
                // Nobody is admitted yet; its log says the same.
                return Ok(Look::found((self.starts() > before).then_some(Ok(())), "it starts"));
            }
            for port in [self.endpoint.port, self.endpoint.mount_port] {
                TcpStream::connect((self.endpoint.server.as_str(), port)).await?;
            }
            self.client(NfsVersion::V4).list("").await.map(|_| Look::Done(Ok(())))
        };
        until("the filer's NFS-Ganesha to serve", PATIENCE, look)
            .await
            .with_context(|| self.last_words())?
    }
}
