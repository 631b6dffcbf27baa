//! A private NFS-Ganesha whose exports are each of a directory of its own, on free loopback ports.
//!
//! The only file here that knows how the server is started. Processes are ended by their own handles, in `Drop`.
#![allow(dead_code, reason = "no test binary uses all of it")]

use serde_json::{Value, json};
use std::{
    fs,
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::{Duration, Instant},
};
use tombolo_backend_nfs::NfsConfig;

/// How long the server may take to start or to end.
const PATIENCE: Duration = Duration::from_secs(60);

/// The exports.
pub const OPEN: &str = "/open";
pub const SQUASHED: &str = "/squashed";
pub const READ_ONLY: &str = "/readonly";
pub const CLOSED: &str = "/closed";
/// Each on a file system of one megabyte, if this machine lets us mount them; see [`Ganesha::small`]. One for each case and version:
/// what goes behind the server's back keeps its room for as long as the server has it open.
const SMALL: [&str; 6] = [
    "/small-copy-3",
    "/small-copy-4.1",
    "/small-full-3",
    "/small-full-4.1",
    "/small-hands-3",
    "/small-hands-4.1",
];

/// Whether the server sees at once what is done past it, in its directories.
#[derive(Clone, Copy)]
pub enum Caches {
    /// As it comes: it may remember for a minute.
    Usual,
    Off,
}

pub struct Ganesha {
    directory: tempfile::TempDir,
    nfs_port: u16,
    mount_port: u16,
    bus: Child,
    small: bool,
    rpcbind: Mutex<Option<Arc<Rpcbind>>>,
    server: Mutex<Option<Child>>,
}

impl Ganesha {
    /// One server for all tests that do not disturb it; it ends with the last of them.
    pub fn shared(caches: Caches) -> Result<Arc<Self>, String> {
        static SHARED: Mutex<Weak<Ganesha>> = Mutex::new(Weak::new());
        let mut shared = held(&SHARED);
        if let Some(running) = shared.upgrade() {
            return Ok(running);
        }
        let started = Arc::new(Self::start(caches)?);
        *shared = Arc::downgrade(&started);
        Ok(started)
    }

    /// A server of one's own. The error says what this machine lacks.
    pub fn start(caches: Caches) -> Result<Self, String> {
        for program in ["ganesha.nfsd", "rpcbind", "dbus-daemon"] {
            let known = Command::new("sh")
                .args(["-c", "command -v \"$0\"", program])
                .stdout(Stdio::null())
                .status();
            if !known.is_ok_and(|status| status.success()) {
                return Err(format!(
                    "{program} is not installed (Debian: nfs-ganesha-vfs, rpcbind, dbus)"
                ));
            }
        }
        if !rustix::process::geteuid().is_root() {
            return Err("NFS-Ganesha must run as root".into());
        }
        let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755)).unwrap();
        for export in [OPEN, SQUASHED, READ_ONLY, CLOSED].into_iter().chain(SMALL) {
            fs::create_dir(directory.path().join(&export[1..])).unwrap();
        }
        let small = SMALL.into_iter().all(|export| {
            let mounted = Command::new("mount")
                .args(["-t", "tmpfs", "-o", "size=1m,mode=755", "tmpfs"])
                .arg(directory.path().join(&export[1..]))
                .output();
            mounted.is_ok_and(|output| output.status.success())
        });
        let bus = start_bus(directory.path());
        let [nfs_port, mount_port] = free_ports();
        fs::write(
            directory.path().join("ganesha.conf"),
            configuration(directory.path(), nfs_port, mount_port, caches),
        )
        .unwrap();
        let ganesha = Self {
            directory,
            nfs_port,
            mount_port,
            bus,
            small,
            rpcbind: Mutex::new(None),
            server: Mutex::new(None),
        };
        ganesha.resume();
        Ok(ganesha)
    }

    /// The directory behind an export.
    pub fn behind(&self, export: &str) -> PathBuf {
        self.directory.path().join(&export[1..])
    }

    pub fn config(&self, export: &str, subdirectory: Option<&str>, version: &str) -> NfsConfig {
        serde_json::from_value(self.config_value(export, subdirectory, version)).unwrap()
    }

    pub fn config_value(&self, export: &str, subdirectory: Option<&str>, version: &str) -> Value {
        let path = if version == "3" {
            self.behind(export).to_str().unwrap().to_owned()
        } else {
            export.to_owned()
        };
        let mut value = json!({
            "server": "127.0.0.1", "export": path, "version": version,
            "port": self.nfs_port, "mountPort": self.mount_port
        });
        if let Some(subdirectory) = subdirectory {
            value["subdirectory"] = subdirectory.into();
        }
        value
    }

    /// A small export, which only one case in one version uses, and the directory behind it.
    pub fn small(&self, case: &str, version: &str) -> Result<(&'static str, PathBuf), String> {
        let named = |export: &&str| export[1..] == format!("small-{case}-{version}");
        let export = SMALL.into_iter().find(named).unwrap();
        let reason = "this machine lets nobody mount a small file system";
        self.small
            .then(|| (export, self.behind(export)))
            .ok_or_else(|| reason.into())
    }

    pub fn nfs_port(&self) -> u16 {
        self.nfs_port
    }

    /// Ends the server without a farewell.
    pub fn kill(&self) {
        if let Some(mut server) = held(&self.server).take() {
            server.kill().unwrap();
            server.wait().unwrap();
        }
    }

    /// Starts the server, at the same ports.
    pub fn resume(&self) {
        let begin = Instant::now();
        let log = self.directory.path().join("ganesha.log");
        loop {
            // NFSv3 registers with it; one that ran already may be anybody's, and may have ended since.
            *held(&self.rpcbind) = Rpcbind::ensure();
            let Err(status) = self.try_start(&log) else { break };
            // Two servers that register with one rpcbind at the same moment take each other's place.
            let log = fs::read_to_string(&log).unwrap_or_default();
            let again = log.contains("Cannot register") && begin.elapsed() < PATIENCE;
            assert!(again, "NFS-Ganesha ended, {status}:\n{log}");
        }
    }

    fn try_start(&self, log: &Path) -> Result<(), ExitStatus> {
        let at = |name: &str| self.directory.path().join(name);
        let _ = fs::remove_file(log);
        let mut child = Command::new("ganesha.nfsd")
            .args(["-F", "-N", "NIV_EVENT", "-L"])
            .arg(log)
            .arg("-f")
            .arg(at("ganesha.conf"))
            .arg("-p")
            .arg(at("ganesha.pid"))
            .env("DBUS_SYSTEM_BUS_ADDRESS", format!("unix:path={}", at("bus").display()))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut ended = None;
        wait_for("NFS-Ganesha", || {
            ended = child.try_wait().unwrap();
            let services = [
                (NFS, 3, self.nfs_port),
                (NFS, 4, self.nfs_port),
                (MOUNT, 3, self.mount_port),
            ];
            // It answers a moment before it registers, and ends if it cannot.
            let started = || fs::read_to_string(log).is_ok_and(|log| log.contains("NFS SERVER INITIALIZED"));
            ended.is_some() || (started() && services.iter().all(|service| answers(*service).is_ok()))
        });
        match ended {
            Some(status) => Err(status),
            None => {
                *held(&self.server) = Some(child);
                Ok(())
            }
        }
    }

    /// Makes the server hold its breath until the guard is dropped: connections stay, answers do not come.
    pub fn freeze(&self) -> Frozen {
        let id = held(&self.server).as_ref().unwrap().id();
        let pid = rustix::process::Pid::from_raw(id as i32).unwrap();
        rustix::process::kill_process(pid, rustix::process::Signal::STOP).unwrap();
        // The third field of proc_pid_stat(5), after a name in parentheses.
        let stopped = |stat: String| stat.rsplit(')').next().is_some_and(|rest| rest.starts_with(" T"));
        let threads = format!("/proc/{id}/task");
        wait_for("the stop of all threads", || {
            let mut stats = fs::read_dir(&threads)
                .unwrap()
                .map(|thread| thread.unwrap().path().join("stat"));
            stats.all(|stat| fs::read_to_string(stat).is_ok_and(stopped))
        });
        Frozen(pid)
    }
}

pub struct Frozen(rustix::process::Pid);

impl Drop for Frozen {
    fn drop(&mut self) {
        rustix::process::kill_process(self.0, rustix::process::Signal::CONT).unwrap();
    }
}

impl Drop for Ganesha {
    fn drop(&mut self) {
        self.kill();
        self.bus.kill().unwrap();
        self.bus.wait().unwrap();
        for small in SMALL {
            let _ = Command::new("umount").arg("-q").arg(self.behind(small)).status();
        }
    }
}

/// The port mapper, if it is ours: one for all servers of this process, which ends with the last of them.
struct Rpcbind(Child);

impl Rpcbind {
    /// `None`: somebody else's runs.
    fn ensure() -> Option<Arc<Self>> {
        static OURS: Mutex<Weak<Rpcbind>> = Mutex::new(Weak::new());
        let mut ours = held(&OURS);
        if let Some(running) = ours.upgrade() {
            return Some(running);
        }
        let answers = || TcpStream::connect("127.0.0.1:111").is_ok();
        if answers() {
            return None;
        }
        let started = Arc::new(Self(Command::new("rpcbind").arg("-f").spawn().unwrap()));
        *ours = Arc::downgrade(&started);
        wait_for("rpcbind", answers);
        Some(started)
    }
}

impl Drop for Rpcbind {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

/// What a lock guards, also when a test has failed with the lock in its hands.
fn held<T>(guarded: &Mutex<T>) -> MutexGuard<'_, T> {
    guarded.lock().unwrap_or_else(PoisonError::into_inner)
}

fn start_bus(directory: &Path) -> Child {
    let socket = directory.join("bus");
    let configuration = format!(
        "<busconfig><type>session</type><listen>unix:path={}</listen><auth>EXTERNAL</auth><policy context=\"default\">\
         <allow send_destination=\"*\" eavesdrop=\"true\"/><allow eavesdrop=\"true\"/><allow own=\"*\"/></policy>\
         </busconfig>",
        socket.display()
    );
    let file = directory.join("bus.conf");
    fs::write(&file, configuration).unwrap();
    let child = Command::new("dbus-daemon")
        .arg("--nofork")
        .arg("--config-file")
        .arg(&file)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    wait_for("dbus-daemon", || socket.exists());
    child
}

fn configuration(directory: &Path, nfs_port: u16, mount_port: u16, caches: Caches) -> String {
    let root = directory.display();
    let (caching, directories) = match caches {
        Caches::Usual => ("", ""),
        Caches::Off => ("Attr_Expiration_Time=0;", "MDCACHE { Dir_Chunk=0; }\n"),
    };
    let export = |id: u16, name: &str, access: &str| {
        format!(
            "EXPORT {{ Export_Id={id}; Path={root}{name}; Pseudo={name}; Filesystem_Id={id}.{id}; {access} \
             FSAL {{ Name=VFS; }} }}\n"
        )
    };
    let small = (5..).zip(SMALL).map(|(id, name)| export(id, name, "Access_Type=RW;"));
    let others = [
        format!(
            "NFS_CORE_PARAM {{ NFS_Port={nfs_port}; MNT_Port={mount_port}; Protocols=3,4; Enable_NLM=false; \
             Enable_RQUOTA=false; Enable_UDP=false; Bind_addr=127.0.0.1; }}\n\
             NFSv4 {{ Graceless=true; RecoveryBackend=fs; RecoveryRoot={root}/recovery; }}\n\
             EXPORT_DEFAULTS {{ Access_Type=None; Squash=None; SecType=sys; {caching} }}\n{directories}"
        ),
        export(1, OPEN, "Access_Type=RW;"),
        export(2, SQUASHED, "Access_Type=RW; Squash=root_squash;"),
        export(3, READ_ONLY, "Access_Type=RO;"),
        export(4, CLOSED, "CLIENT { Clients=192.0.2.1; Access_Type=RW; }"),
    ];
    others.into_iter().chain(small).collect()
}

/// RPC programs (RFC 1813).
const NFS: u32 = 100_003;
const MOUNT: u32 = 100_005;

/// Whether a service answers the procedure NULL (RFC 5531 §9 and §11).
fn answers((program, version, port): (u32, u32, u16)) -> std::io::Result<()> {
    let mut server = TcpStream::connect(("127.0.0.1", port))?;
    server.set_read_timeout(Some(Duration::from_secs(1)))?;
    let call = [0x8000_0000 | 40, 7, 0, 2, program, version, 0, 0, 0, 0, 0];
    server.write_all(
        &call
            .iter()
            .flat_map(|word: &u32| word.to_be_bytes())
            .collect::<Vec<_>>(),
    )?;
    server.read_exact(&mut [0; 28])
}

fn free_ports<const N: usize>() -> [u16; N] {
    let held = [(); N].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    held.map(|listener| listener.local_addr().unwrap().port())
}

fn wait_for(what: &str, mut ready: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !ready() {
        assert!(begin.elapsed() < PATIENCE, "{what} is not ready after {PATIENCE:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
