//! A `tombolo run` process: started, asked, signalled, and ended with this test program however that ends.

use std::fs::File;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, Result};
use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tombolo_harness::Cluster;
use tombolo_harness::wait::{Look, until};

/// Long enough for two busy cores.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running controller. Dropping it kills it.
pub struct Controller {
    child: Mutex<Child>,
    log: PathBuf,
    address: SocketAddr,
    data: PathBuf,
}

impl Controller {
    /// Starts a controller that believes it is alone, and waits until it works.
    pub async fn alone(cluster: &Cluster, name: &str) -> Self {
        let controller = Self::start(cluster, name, &["--leader-election=false", "--trident-references"]).await;
        controller.works().await;
        controller
    }

    /// Starts a controller with these flags; its files are named `name`, and are used again by the next of that name.
    pub async fn start(cluster: &Cluster, name: &str, flags: &[&str]) -> Self {
        let data = cluster.directory().join(format!("data-{name}"));
        let log = cluster.directory().join(format!("logs/tombolo-{name}.log"));
        let seen = std::fs::metadata(&log).map_or(0, |file| file.len());
        let file = File::options().append(true).create(true).open(&log).unwrap();
        // The kernel ends the process when the thread that started it ends: with this program, see `keeper`.
        let mut command = Command::new("setpriv");
        command
            .args(["--pdeathsig", "KILL", env!("CARGO_BIN_EXE_tombolo"), "run"])
            .args(["--listen", "127.0.0.1:0", "--identity", name])
            .arg("--kubeconfig")
            .arg(cluster.kubeconfig())
            .arg("--data-dir")
            .arg(&data)
            .args(flags)
            .env("TOMBOLO_LOG", "info,tombolo=debug")
            .env("NO_COLOR", "1")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(file);
        let child = keeper(command).unwrap();
        let mut controller = Self {
            child: Mutex::new(child),
            log,
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
            data,
        };
        let address = until("the controller to listen", PATIENCE, async || {
            let text = controller.log_from(seen);
            Ok(Look::found(listening(&text), &text))
        });
        controller.address = address.await.unwrap();
        controller
    }

    /// Waits until `/readyz` says that it works.
    pub async fn works(&self) {
        let ready = until("the controller to be ready", PATIENCE, async || {
            let (status, text) = self.get("/readyz").await?;
            Ok(Look::holds(
                status == 200,
                format!("{status} {text}\n{}", self.last_words()),
            ))
        });
        ready.await.unwrap();
    }

    /// Asks the admin address.
    pub async fn get(&self, path: &str) -> Result<(u16, String)> {
        let mut stream = tokio::net::TcpStream::connect(self.address).await?;
        let request = format!("GET {path} HTTP/1.0\r\nHost: {}\r\n\r\n", self.address);
        stream.write_all(request.as_bytes()).await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        let (head, body) = answer.split_once("\r\n\r\n").context("no end of the head")?;
        let status = head.split(' ').nth(1).context("no status")?.parse()?;
        Ok((status, body.to_owned()))
    }

    /// Where its ledger is.
    pub fn data(&self) -> &Path {
        &self.data
    }

    /// Ends it as a crash would.
    pub fn kill(&self) {
        let mut child = self.child();
        // It may have ended by itself.
        let _ = child.kill();
        child.wait().unwrap();
    }

    /// Asks it to end, as a kubelet would.
    pub fn ask_to_end(&self) {
        let pid = i32::try_from(self.child().id()).ok().and_then(Pid::from_raw).unwrap();
        // Not collected before `ended`, so the id is still its own.
        kill_process(pid, Signal::TERM).unwrap();
    }

    /// Waits until it has ended.
    pub async fn ended(&self, within: Duration) -> ExitStatus {
        let ended = until("the controller to end", within, async || {
            let status = self.child().try_wait()?;
            Ok(Look::found(status, self.last_words()))
        });
        ended.await.unwrap()
    }

    /// Whether it still runs.
    pub fn runs(&self) -> bool {
        self.child().try_wait().unwrap().is_none()
    }

    /// The last lines of its log.
    pub fn last_words(&self) -> String {
        let text = self.log_from(0);
        let lines: Vec<_> = text.lines().collect();
        lines[lines.len().saturating_sub(25)..].join("\n")
    }

    fn log_from(&self, from: u64) -> String {
        let bytes = std::fs::read(&self.log).unwrap_or_default();
        let from = usize::try_from(from).unwrap().min(bytes.len());
        String::from_utf8_lossy(&bytes[from..]).into_owned()
    }

    fn child(&self) -> MutexGuard<'_, Child> {
        self.child.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Controller {
    fn drop(&mut self) {
        self.kill();
    }
}

/// The last lines of the logs of all controllers of a cluster that speak of `what`, or of trouble.
pub fn last_words(cluster: &Cluster, what: &str) -> String {
    let telling = |line: &&str| line.contains(what) || line.contains(" WARN ") || line.contains(" ERROR ");
    let mut said = String::new();
    for entry in std::fs::read_dir(cluster.directory().join("logs"))
        .into_iter()
        .flatten()
        .flatten()
    {
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with("tombolo-") {
            let text = String::from_utf8_lossy(&std::fs::read(entry.path()).unwrap_or_default()).into_owned();
            let lines: Vec<_> = text.lines().filter(telling).collect();
            said += &format!(
                "{name} on {what:?}:\n{}\n",
                lines[lines.len().saturating_sub(30)..].join("\n")
            );
        }
    }
    said
}

fn listening(log: &str) -> Option<SocketAddr> {
    let line = log.lines().find(|line| line.contains("listening"))?;
    let (_, address) = line.split_once("address=")?;
    address.split_whitespace().next()?.parse().ok()
}

/// Starts a process from a thread that lives as long as this program: threads of tests come and go.
fn keeper(command: Command) -> Result<Child> {
    type Order = (Command, Sender<std::io::Result<Child>>);
    static KEEPER: OnceLock<Mutex<Sender<Order>>> = OnceLock::new();
    let keeper = KEEPER.get_or_init(|| {
        let (orders, waiting) = channel::<Order>();
        std::thread::spawn(move || {
            for (mut command, done) in waiting {
                // Whoever ordered it may have given up.
                let _ = done.send(command.spawn());
            }
        });
        Mutex::new(orders)
    });
    let (done, started) = channel();
    keeper
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .send((command, done))?;
    started.recv()?.context("starting tombolo (needs util-linux)")
}
