//! The server, from its configuration to its end.

use super::ports::{self, Port};
use super::programs::{Utility, missing, on_path};
use super::{Grace, Options, TestBus, v3, v4, wait_for};
use crate::{BaseConfig, ExporterConfig, Protocols};
use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// A running server, with its bus and its directory.
#[derive(Debug)]
pub struct TestServer {
    directory: tempfile::TempDir,
    options: Options,
    port: Port,
    mount_port: Port,
    bus: TestBus,
    rpcbind: Mutex<Option<Child>>,
    server: Mutex<Option<Child>>,
}

impl TestServer {
    /// What this machine lacks.
    pub fn unavailable() -> Option<String> {
        if !rustix::process::geteuid().is_root() {
            return Some("NFS-Ganesha must run as root".into());
        }
        missing(&["ganesha.nfsd", "dbus-daemon", "rpcbind", "nfs-ls", "prlimit"])
    }

    /// Starts one, in a directory of its own. It includes what an exporter of [`exporter`](Self::exporter) writes.
    pub fn start(options: Options) -> Self {
        let directory = tempfile::tempdir().unwrap();
        fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755)).unwrap();
        for name in ["volumes", "recovery"] {
            fs::create_dir(directory.path().join(name)).unwrap();
        }
        let bus = TestBus::start(directory.path());
        let server = Self {
            directory,
            options,
            port: ports::reserve(),
            mount_port: ports::reserve(),
            bus,
            rpcbind: Mutex::new(None),
            server: Mutex::new(None),
        };
        server.configure("");
        server.resume();
        server
    }

    /// The configuration of an exporter for this server.
    pub fn exporter(&self) -> ExporterConfig {
        let at = |name: &str| self.directory.path().join(name);
        let v3 = self.options.protocols == Protocols::V3AndV4;
        let config = serde_json::json!({
            "state": at("state"),
            "configDir": at("exports.d"),
            "advertise": {
                "host": "127.0.0.1",
                "port": self.port.number,
                "mountPort": v3.then_some(self.mount_port.number),
            },
            "networks": self.options.networks,
            "protocols": self.options.protocols,
            "bus": {"address": self.bus.address()},
        });
        serde_json::from_value(config).unwrap()
    }

    /// Writes the server's own configuration, with more text after it; the next start reads it.
    pub fn configure(&self, more: &str) {
        let mut base = BaseConfig::new(self.directory.path().join("recovery"));
        if let Grace::Lease(lease) = self.options.grace {
            (base.lease, base.grace) = (lease, lease * 2);
        }
        if self.options.namespace.is_none() {
            base.bind = Some(Ipv4Addr::LOCALHOST.into());
        }
        let exporter = self.exporter();
        let text = base.render(&exporter).unwrap();
        let text = match self.options.grace {
            Grace::Off => text.replace("Graceless = false", "Graceless = true"),
            Grace::Lease(_) => text,
        };
        // Before the first exporter there are no exports to include.
        fs::create_dir_all(&exporter.config_dir).unwrap();
        let index = exporter.config_dir.join("exports.conf");
        if !index.exists() {
            fs::write(index, "# none yet\n").unwrap();
        }
        fs::write(self.configuration(), format!("{text}{more}")).unwrap();
    }

    fn configuration(&self) -> PathBuf {
        self.directory.path().join("ganesha.conf")
    }

    /// Makes a directory to be exported, with a file `file` in it.
    pub fn volume(&self, name: &str) -> PathBuf {
        let path = self.directory.path().join("volumes").join(name);
        fs::create_dir_all(&path).unwrap();
        fs::write(path.join("file"), name).unwrap();
        path
    }

    /// The server's own directory.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    pub fn bus(&self) -> &TestBus {
        &self.bus
    }

    /// Where it serves NFS, and MOUNT for version 3.
    pub fn addresses(&self) -> [SocketAddr; 2] {
        [self.port.number, self.mount_port.number].map(|port| (Ipv4Addr::LOCALHOST, port).into())
    }

    /// A client of version 4.0 by hand.
    pub fn v4(&self) -> v4::Client {
        v4::Client::connect(self.addresses()[0]).unwrap()
    }

    /// A client of version 3 by hand.
    pub fn v3(&self) -> v3::Client {
        let [nfs, mount] = self.addresses();
        v3::Client::connect(nfs, mount).unwrap()
    }

    /// A client of somebody else's making.
    pub fn utility(&self, version: u8) -> Utility {
        Utility {
            within: vec![],
            port: self.port.number,
            mount_port: (version == 3).then_some(self.mount_port.number),
            host: "127.0.0.1".into(),
            version,
        }
    }

    /// Ends the server without a farewell.
    pub fn kill(&self) {
        if let Some(mut server) = self.server.lock().unwrap().take() {
            server.kill().unwrap();
            server.wait().unwrap();
        }
    }

    fn signal(&self, signal: rustix::process::Signal) {
        let server = self.server.lock().unwrap();
        let pid = rustix::process::Pid::from_child(server.as_ref().unwrap());
        rustix::process::kill_process(pid, signal).unwrap();
    }

    /// Asks the server to end, and waits until it has.
    pub fn stop(&self) {
        self.signal(rustix::process::Signal::TERM);
        wait_for("the end of NFS-Ganesha", || self.has_ended());
        self.server.lock().unwrap().take();
    }

    /// Makes the server read its configuration again, as an admin's `systemctl reload` does.
    pub fn reload(&self) {
        let reloads = |log: String| log.matches("initiating export list reload").count();
        let before = reloads(self.log());
        self.signal(rustix::process::Signal::HUP);
        wait_for("the reload", || reloads(self.log()) > before);
        // It says when it begins, and not when it has ended.
        std::thread::sleep(Duration::from_secs(1));
    }

    /// Whether the server has ended by itself.
    pub fn has_ended(&self) -> bool {
        let mut server = self.server.lock().unwrap();
        server
            .as_mut()
            .is_none_or(|server| server.try_wait().unwrap().is_some())
    }

    /// Starts the server again, at the same ports and with the same directory. Returns when it serves.
    pub fn resume(&self) {
        let begin = Instant::now();
        while let Err(status) = self.try_start() {
            // Two servers that register with one rpcbind at the same moment take each other's place.
            let again = self.log().contains("Cannot register") && begin.elapsed() < super::PATIENCE;
            assert!(again, "NFS-Ganesha ended, {status}:\n{}", self.log());
        }
    }

    /// What the server has written since its last start.
    pub fn log(&self) -> String {
        let read = |name: &str| fs::read_to_string(self.directory.path().join(name)).unwrap_or_default();
        read("ganesha.err") + &read("ganesha.log")
    }

    /// Memory that the server uses, in KiB (`VmRSS` of proc_pid_status(5)).
    pub fn resident(&self) -> u64 {
        let id = self.server.lock().unwrap().as_ref().unwrap().id();
        let status = fs::read_to_string(format!("/proc/{id}/status")).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }

    fn port_mapper(&self) {
        let answers = || TcpStream::connect((Ipv4Addr::LOCALHOST, 111)).is_ok();
        if self.options.protocols == Protocols::V3AndV4 && !answers() {
            fs::create_dir_all("/run/rpcbind").unwrap();
            let child = Command::new(on_path("rpcbind").unwrap()).arg("-f").spawn().unwrap();
            *self.rpcbind.lock().unwrap() = Some(child);
            wait_for("rpcbind", answers);
        }
    }

    /// Starts the server, and waits until it serves or ends.
    pub fn try_start(&self) -> Result<(), ExitStatus> {
        self.port_mapper();
        let at = |name: &str| self.directory.path().join(name);
        let _ = fs::remove_file(at("ganesha.log"));
        let mut words = vec![];
        if let Some(namespace) = &self.options.namespace {
            // Not `ip netns exec`, which gives it mounts of its own: it would not see what is mounted later.
            words.extend(["nsenter".to_owned(), format!("--net=/run/netns/{namespace}")]);
        }
        if let Some(files) = self.options.files {
            words.extend(["prlimit".to_owned(), format!("--nofile={files}")]);
        }
        words.push("ganesha.nfsd".to_owned());
        let mut child = Command::new(on_path(&words[0]).unwrap())
            .args(&words[1..])
            .args(["-F", "-N", "NIV_EVENT", "-L"])
            .arg(at("ganesha.log"))
            .arg("-f")
            .arg(self.configuration())
            .arg("-p")
            .arg(at("ganesha.pid"))
            .env("DBUS_SYSTEM_BUS_ADDRESS", self.bus.address())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(fs::File::create(at("ganesha.err")).unwrap())
            .spawn()
            .unwrap();
        let mut ended = None;
        wait_for("NFS-Ganesha", || {
            ended = child.try_wait().unwrap();
            ended.is_some() || self.serves()
        });
        match ended {
            Some(status) => Err(status),
            None => {
                *self.server.lock().unwrap() = Some(child);
                Ok(())
            }
        }
    }

    fn serves(&self) -> bool {
        // From outside of its namespace nobody reaches it; its log says the same.
        if self.options.namespace.is_some() {
            return self.log().contains("NFS SERVER INITIALIZED");
        }
        let [nfs, mount] = self.addresses();
        let mapped = self.options.protocols == Protocols::V4 || TcpStream::connect(mount).is_ok();
        mapped && v4::Client::connect(nfs).is_ok_and(|mut client| client.handle("/").is_ok())
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        self.kill();
        if let Some(mut child) = self.rpcbind.lock().unwrap().take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
