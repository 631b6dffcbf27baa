//! A `tombolo run` process: started, asked, ended in every way, and started again on the same port and the same ledger.
//!
//! It belongs to a cluster and ends with it. Everything it leaves behind (log, ledger) is in a directory of its own there, so several run
//! side by side. Nothing of what it does is decided here.

mod all;
mod options;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Output, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

pub(crate) use all::{end_all, words_on};
pub use options::ControllerOptions;

use crate::Cluster;
use crate::ports::{self, Reserved};
use crate::process::{Exit, Launch, Lifetime, Processes, Recorded, Restart};
use crate::programs;
use crate::wait::{Look, until};

/// What it is called in its records, and the name of its log.
const NAME: &str = "tombolo";

/// Long enough for two busy cores and a Lease that has to expire first.
const PATIENCE: Duration = Duration::from_secs(60);

/// A controller of one cluster, running or not. Dropping it ends it, unless it is [`Lifetime::Detached`].
#[derive(Debug)]
pub struct Controller {
    options: ControllerOptions,
    program: PathBuf,
    kubeconfig: PathBuf,
    admin: PathBuf,
    processes: Processes,
    address: SocketAddr,
    exit: Mutex<Option<Exit>>,
    _port: Reserved,
}

impl Controller {
    /// Finds the program, or builds it, which takes minutes the first time. Every start that names no program does it too.
    pub async fn build() -> Result<PathBuf> {
        tokio::task::spawn_blocking(programs::controller).await?
    }

    /// Makes everything ready and starts nothing.
    pub async fn prepare(cluster: &Cluster, options: ControllerOptions) -> Result<Self> {
        let program = match &options.program {
            Some(program) => program.clone(),
            None => Self::build().await?,
        };
        let directory = cluster.directory().join(all::DIRECTORY).join(&options.name);
        let processes = Processes::new(&directory, options.lifetime)?;
        if processes.is_alive(NAME) {
            bail!("a controller named {} runs in this cluster already", options.name);
        }
        let port = ports::reserve(1)?;
        let [number] = port.array()?;
        Ok(Self {
            kubeconfig: options
                .kubeconfig
                .clone()
                .unwrap_or_else(|| cluster.kubeconfig().to_owned()),
            admin: cluster.kubeconfig().to_owned(),
            options,
            program,
            processes,
            address: SocketAddr::from((Ipv4Addr::LOCALHOST, number)),
            exit: Mutex::default(),
            _port: port,
        })
    }

    /// Prepares a controller, starts it and waits until it is ready.
    pub async fn launch(cluster: &Cluster, options: ControllerOptions) -> Result<Self> {
        let controller = Self::prepare(cluster, options).await?;
        controller.start().await?;
        Ok(controller)
    }

    /// Starts it, for the first time or again, on whatever ledger it left, and waits until it is ready.
    pub async fn start(&self) -> Result<()> {
        self.spawn()?;
        self.ready().await
    }

    /// Starts it without waiting for anything.
    pub fn spawn(&self) -> Result<()> {
        if self.is_alive() {
            bail!("controller {} runs already", self.options.name);
        }
        let mut launch = Launch::wrapped(NAME, &self.options.wrapper, &self.program);
        for argument in self.arguments() {
            launch = launch.argument(argument);
        }
        // Its log is a file, and is searched.
        launch = launch.environment("NO_COLOR", "1");
        if self.options.restarted {
            launch = launch.restarted(Restart::IfItSaid("the Lease was lost"));
        }
        let (_, exit) = self.processes.spawn_watched(launch)?;
        *self.last_exit() = Some(exit);
        Ok(())
    }

    /// What its program is started with.
    pub fn arguments(&self) -> Vec<String> {
        let mut arguments = vec![
            "run".to_owned(),
            format!("--kubeconfig={}", self.kubeconfig.display()),
            format!("--data-dir={}", self.data_dir().display()),
            format!("--listen={}", self.address),
            format!("--identity={}", self.options.name),
            format!("--leader-election={}", self.options.leader_election),
            format!("--trident-references={}", self.options.trident_references),
        ];
        arguments.extend(self.options.flags.iter().cloned());
        arguments
    }

    /// Waits until `/readyz` says ok.
    ///
    /// # Errors
    /// When it ends instead; with the end of its log.
    pub async fn ready(&self) -> Result<()> {
        let look = async || {
            // An ended controller answers never: the outer result ends the waiting.
            if let Err(ended) = self.processes.still_runs(NAME) {
                return Ok(Look::Done(Err(ended)));
            }
            let (status, text) = self.get("/readyz").await?;
            Ok(Look::found(
                (status == 200).then_some(Ok(())),
                format!("{status} {text}"),
            ))
        };
        until("the controller to be ready", PATIENCE, look)
            .await
            .with_context(|| self.last_words())?
    }

    /// Asks its admin address: the status and the body. For `/livez`, `/readyz` and `/metrics`.
    pub async fn get(&self, path: &str) -> Result<(u16, String)> {
        let mut stream = tokio::net::TcpStream::connect(self.address).await?;
        let request = format!("GET {path} HTTP/1.0\r\nHost: {}\r\n\r\n", self.address);
        stream.write_all(request.as_bytes()).await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        let (head, body) = answer
            .split_once("\r\n\r\n")
            .context("an answer without an end of its head")?;
        let status = head.split(' ').nth(1).context("an answer without a status")?.parse()?;
        Ok((status, body.to_owned()))
    }

    /// Asks it to end, as a kubelet does, and waits for that.
    ///
    /// # Errors
    /// When it has to be killed after `within`.
    pub async fn stop(&self, within: Duration) -> Result<ExitStatus> {
        if let Some(recorded) = self.process() {
            recorded.ask_to_end()?;
        }
        let ended = self.ended(within).await;
        self.kill().await?;
        ended
    }

    /// Ends it as a crash would: SIGKILL.
    pub async fn kill(&self) -> Result<()> {
        let processes = self.processes.clone();
        tokio::task::spawn_blocking(move || processes.end(NAME, Duration::ZERO)).await?
    }

    /// Asks it to end, and sees that it does, and without an error.
    ///
    /// # Errors
    /// When it fails, or has to be killed.
    pub async fn end_well(&self) -> Result<()> {
        let status = self.stop(PATIENCE).await?;
        if !status.success() {
            bail!("{status}: {}", self.last_words());
        }
        Ok(())
    }

    /// Stops it where it is: it knows nothing of the time that passes until [`Self::resume`].
    pub async fn pause(&self) -> Result<()> {
        let process = self.process().context("it does not run")?;
        tokio::task::spawn_blocking(move || process.pause()).await?
    }

    /// Lets it go on where it was stopped.
    pub fn resume(&self) -> Result<()> {
        self.process().context("it does not run")?.resume()
    }

    /// Waits until it has ended by itself.
    pub async fn ended(&self, within: Duration) -> Result<ExitStatus> {
        let exit = self.last_exit().clone().context("it was never started")?;
        until("the controller to end", within, async || {
            Ok(Look::found(exit.get(), self.last_words()))
        })
        .await
    }

    /// Forgets its ledger, as a pod does whose node is lost. Only while it does not run.
    pub fn forget_ledger(&self) -> Result<()> {
        if self.is_alive() {
            bail!("controller {} still uses its ledger", self.options.name);
        }
        match std::fs::remove_dir_all(self.data_dir()) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(error).with_context(|| format!("removing {}", self.data_dir().display()))
            }
            _ => Ok(()),
        }
    }

    /// Runs another command of the same program, as the administrator: `explain`, `reclaim` and so on.
    pub async fn command(&self, arguments: &[&str]) -> Result<Output> {
        let mut command = tokio::process::Command::new(&self.program);
        command
            .args(arguments)
            .arg(format!("--kubeconfig={}", self.admin.display()))
            .env("NO_COLOR", "1")
            .stdin(Stdio::null())
            .kill_on_drop(true);
        let output = command.output().await;
        output.with_context(|| format!("running {}", self.program.display()))
    }

    /// Whether it runs.
    pub fn is_alive(&self) -> bool {
        self.processes.is_alive(NAME)
    }

    /// Its process, if it was started and not ended by us.
    pub fn process(&self) -> Option<Recorded> {
        self.processes.find(NAME)
    }

    /// The program it runs.
    pub fn program(&self) -> &Path {
        &self.program
    }

    /// The directory of its ledger.
    pub fn data_dir(&self) -> PathBuf {
        self.processes.directory().join("data")
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its log, of all starts.
    pub fn log(&self) -> PathBuf {
        self.processes.log(NAME)
    }

    /// What it logged, in all of its starts.
    pub fn log_text(&self) -> String {
        self.processes.log_text(NAME)
    }

    /// The end of its log.
    pub fn last_words(&self) -> String {
        self.processes.last_words(NAME)
    }

    fn last_exit(&self) -> MutexGuard<'_, Option<Exit>> {
        self.exit.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Controller {
    fn drop(&mut self) {
        if self.options.lifetime == Lifetime::Owned
            && let Err(error) = self.processes.end(NAME, Duration::ZERO)
        {
            eprintln!("ending controller {}: {error:#}", self.options.name);
        }
    }
}
