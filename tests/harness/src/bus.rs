//! A D-Bus of its own for a server that is administered by it.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result};

use crate::binaries::on_path;
use crate::process::{Launch, Processes};
use crate::wait::{Look, until};

/// What it is called in its records, and the name of its log.
pub(crate) const NAME: &str = "dbus";

/// Where a bus of that name listens. An abstract socket: the path of a file could be longer than an address may be (unix(7)).
pub(crate) fn address(name: &str) -> String {
    format!("unix:abstract=tombolo-{name}")
}

/// A bus in a directory of processes.
#[derive(Debug)]
pub(crate) struct Bus {
    processes: Processes,
    /// Its own directory.
    directory: PathBuf,
    address: String,
    /// What its command line begins with: an abstract socket belongs to a network namespace.
    wrapper: Vec<String>,
}

impl Bus {
    /// A bus that keeps its configuration in a directory. The name tells it from every other bus on this machine.
    pub(crate) fn new(processes: &Processes, directory: PathBuf, name: &str, wrapper: Vec<String>) -> Self {
        Self {
            processes: processes.clone(),
            directory,
            address: address(name),
            wrapper,
        }
    }

    /// Where it listens, as D-Bus writes it.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// Starts it, if it does not run. Returns when it listens.
    pub(crate) async fn ensure(&self) -> Result<()> {
        if self.processes.is_alive(NAME) {
            return Ok(());
        }
        self.write_configuration()?;
        let program = on_path("dbus-daemon").context("dbus-daemon is not installed")?;
        let launch = Launch::wrapped(NAME, &self.wrapper, &program)
            .argument(format!("--config-file={}", self.file().display()))
            .argument("--nofork")
            .argument("--nopidfile")
            .argument("--print-address");
        self.processes.spawn(launch)?;
        // It prints its address once it listens. Without a bus Ganesha starts all the same, but cannot be administered.
        let look = async || {
            Ok(Look::holds(
                self.processes.last_words(NAME).contains("unix:"),
                "no address yet",
            ))
        };
        until("the D-Bus to listen", Duration::from_secs(60), look)
            .await
            .with_context(|| self.processes.last_words(NAME))
    }

    fn file(&self) -> PathBuf {
        self.directory.join("dbus.conf")
    }

    fn write_configuration(&self) -> Result<()> {
        // Only the user who runs the bus may connect to it: that is D-Bus's default.
        let bus = format!(
            "<!DOCTYPE busconfig PUBLIC \"-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN\" \
             \"http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd\">\n\
             <busconfig><type>system</type><listen>{}</listen><auth>EXTERNAL</auth>\
             <policy context=\"default\"><allow send_destination=\"*\"/><allow receive_sender=\"*\"/><allow own=\"*\"/></policy>\
             </busconfig>\n",
            self.address,
        );
        std::fs::write(self.file(), bus).context("writing the configuration of the bus")
    }
}
