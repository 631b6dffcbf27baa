//! The NFS server of a filer: version 4 alone, with a grace period, and no export but those that `tombolo-filer` tells it.

use anyhow::{Context as _, Result, bail};

use super::{Filer, PATIENCE};
use crate::binaries::on_path;
use crate::bus::Bus;
use crate::process::Launch;
use crate::wait::{Look, until};

/// What it is called in its records, and the name of its log.
pub(super) const NAME: &str = "filer-ganesha";

impl Filer {
    pub(super) fn bus(&self) -> Bus {
        let name = format!("filer-{}", self.endpoint.port);
        Bus::new(&self.processes, self.processes.directory().to_owned(), &name)
    }

    /// Starts it, if it does not run.
    pub(super) async fn start_server(&self) -> Result<()> {
        if self.processes.is_alive(NAME) {
            return Ok(());
        }
        let configuration = self.command(&["ganesha-conf"]).await?;
        if !configuration.status.success() {
            bail!("tombolo-filer has no configuration for NFS-Ganesha: {configuration:?}");
        }
        std::fs::write(self.file("ganesha.conf"), configuration.stdout).context("writing ganesha.conf")?;
        let program = on_path("ganesha.nfsd").context("ganesha.nfsd is not installed")?;
        let launch = Launch::new(NAME, program)
            .argument("-F")
            .argument("-L")
            .argument(self.processes.log(NAME))
            .argument("-f")
            .argument(self.file("ganesha.conf"))
            .argument("-p")
            .argument(self.file("ganesha.pid"))
            .argument("-N")
            .argument("NIV_EVENT")
            .environment("DBUS_SYSTEM_BUS_ADDRESS", self.bus().address());
        self.processes.spawn(launch).map(|_| ())
    }

    /// Waits until it serves.
    pub(super) async fn serves(&self) -> Result<()> {
        let look = async || {
            if let Err(ended) = self.processes.still_runs(NAME) {
                return Ok(Look::Done(Err(ended)));
            }
            self.client().list("").await.map(|_| Look::Done(Ok(())))
        };
        until("the filer's NFS-Ganesha to serve", PATIENCE, look)
            .await
            .with_context(|| self.last_words())?
    }
}
