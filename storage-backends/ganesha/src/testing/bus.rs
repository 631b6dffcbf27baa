//! A D-Bus of its own, which can go away and come back.

use super::programs::on_path;
use super::wait_for;
use crate::bus::Ganesha;
use crate::{Bus, ExportId};
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use tombolo_backend_api::BackendError;

/// A private bus, whose socket is a file.
#[derive(Debug)]
pub struct TestBus {
    socket: PathBuf,
    configuration: PathBuf,
    daemon: Mutex<Option<Child>>,
}

impl TestBus {
    /// Starts one with its files in a directory.
    pub fn start(directory: &Path) -> Self {
        let socket = directory.join("bus");
        let configuration = directory.join("bus.conf");
        let text = format!(
            "<!DOCTYPE busconfig PUBLIC \"-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN\" \
             \"http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd\">\n\
             <busconfig><type>system</type><listen>unix:path={}</listen><auth>EXTERNAL</auth><policy context=\"default\">\
             <allow send_destination=\"*\"/><allow receive_sender=\"*\"/><allow own=\"*\"/></policy></busconfig>\n",
            socket.display()
        );
        fs::write(&configuration, text).unwrap();
        let bus = Self {
            socket,
            configuration,
            daemon: Mutex::new(None),
        };
        bus.resume();
        bus
    }

    /// Its address.
    pub fn address(&self) -> String {
        format!("unix:path={}", self.socket.display())
    }

    /// Adds an export past every exporter.
    pub async fn add(&self, file: &Path, id: u16) -> Result<(), BackendError> {
        let id = ExportId::new(id).unwrap();
        self.ganesha().add(file, id).await.map(|added| assert!(added))
    }

    /// Removes an export past every exporter.
    pub async fn remove(&self, id: u16) -> Result<(), BackendError> {
        let id = ExportId::new(id).unwrap();
        self.ganesha().remove(id).await.map(|removed| assert!(removed))
    }

    /// Ids and pseudo paths of all exports but the root's.
    pub async fn shown(&self) -> BTreeMap<u16, String> {
        let shown = self.ganesha().show().await.unwrap();
        let exports = shown.into_iter().map(|export| (export.id, export.pseudo));
        exports.filter(|(_, pseudo)| pseudo != "/").collect()
    }

    fn ganesha(&self) -> Ganesha {
        Ganesha::new(Bus::Address(self.address()))
    }

    /// Ends it. A server that was on it does not come back to it.
    pub fn kill(&self) {
        if let Some(mut daemon) = self.daemon.lock().unwrap().take() {
            daemon.kill().unwrap();
            daemon.wait().unwrap();
        }
    }

    /// Starts it again.
    pub fn resume(&self) {
        let _ = fs::remove_file(&self.socket);
        let daemon = Command::new(on_path("dbus-daemon").unwrap())
            .args(["--nofork", "--nopidfile", "--config-file"])
            .arg(&self.configuration)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        *self.daemon.lock().unwrap() = Some(daemon.unwrap());
        wait_for("the bus", || UnixStream::connect(&self.socket).is_ok());
    }
}

impl Drop for TestBus {
    fn drop(&mut self) {
        self.kill();
    }
}
