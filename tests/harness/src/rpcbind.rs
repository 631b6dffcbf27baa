//! The port mapper, without which Ganesha refuses to serve NFSv3.
//!
//! There is one per machine (port 111), so one that runs is used, and one that we started is shared by all clusters until the cluster
//! that started it ends. The others keep serving without it, because it is asked only when Ganesha starts.

use std::net::{Ipv4Addr, TcpStream};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use crate::binaries::on_path;
use crate::directories;
use crate::process::{Launch, Processes};
use crate::wait::{Look, until};

pub(crate) const NAME: &str = "rpcbind";

/// Held while a Ganesha starts, and while a port mapper ends, so that neither happens in the middle of the other.
pub(crate) fn lock_file() -> Result<PathBuf> {
    Ok(directories::cache()?.join("rpcbind.lock"))
}

/// Starts a port mapper unless there is one. The caller holds the lock.
pub(crate) async fn ensure(processes: &Processes) -> Result<()> {
    if answers() {
        return Ok(());
    }
    if !rustix::process::geteuid().is_root() {
        bail!("no port mapper (rpcbind) runs on this machine, and only root can start one: NFSv3 needs it");
    }
    let program = on_path("rpcbind").context("rpcbind is not installed")?;
    // It keeps its lock and socket here; a machine without systemd's tmpfiles has no such directory.
    std::fs::create_dir_all("/run/rpcbind").context("creating /run/rpcbind")?;
    processes.spawn(Launch::new(NAME, program).argument("-f"))?;
    until("rpcbind to answer", Duration::from_secs(10), async || {
        Ok(Look::holds(answers(), "port 111 is closed"))
    })
    .await
    .with_context(|| processes.last_words(NAME))
}

/// Ends the port mapper if these processes have one.
pub(crate) fn end(processes: &Processes) -> Result<()> {
    if processes.find(NAME).is_some() {
        let _lock = directories::lock_within(&lock_file()?, Duration::from_secs(20))?;
        processes.end(NAME, Duration::from_secs(2))?;
    }
    Ok(())
}

fn answers() -> bool {
    TcpStream::connect_timeout(&(Ipv4Addr::LOCALHOST, 111).into(), Duration::from_secs(1)).is_ok()
}
