//! What a process is started with, and the starting.

use std::ffi::OsString;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::mpsc::{Sender, channel};

use anyhow::{Context as _, Result};

use super::Lifetime;

/// A process to start.
#[derive(Debug, Clone)]
pub(crate) struct Launch {
    pub name: &'static str,
    pub program: PathBuf,
    pub arguments: Vec<OsString>,
    pub environment: Vec<(&'static str, OsString)>,
    pub restart: Restart,
}

/// Whether a process is started again that nobody ended: what a machine does for it where it is not in tests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Restart {
    /// It stays away.
    Never,
    /// Whatever it ended of, as by an init system.
    Always,
    /// If the last line of its log has these words: an end that it is made to survive, and no other.
    IfItSaid(&'static str),
}

impl Restart {
    /// Whether these last words are reason enough.
    pub(super) fn follows(self, last_line: &str) -> bool {
        match self {
            Self::Never => false,
            Self::Always => true,
            Self::IfItSaid(words) => last_line.contains(words),
        }
    }
}

impl Launch {
    pub(crate) fn new(name: &'static str, program: impl Into<PathBuf>) -> Self {
        Self {
            name,
            program: program.into(),
            arguments: Vec::new(),
            environment: Vec::new(),
            restart: Restart::Never,
        }
    }

    /// One that other programs start, which become it: `nsenter … -- program`.
    pub(crate) fn wrapped(name: &'static str, wrapper: &[String], program: &Path) -> Self {
        let mut words = wrapper.iter().map(OsString::from).chain([program.into()]);
        let first = words.next().unwrap_or_default();
        Self {
            arguments: words.collect(),
            ..Self::new(name, first)
        }
    }

    pub(crate) fn argument(mut self, argument: impl Into<OsString>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    pub(crate) fn environment(mut self, name: &'static str, value: impl Into<OsString>) -> Self {
        self.environment.push((name, value.into()));
        self
    }

    pub(crate) fn restarted(mut self, restart: Restart) -> Self {
        self.restart = restart;
        self
    }

    /// Starts it, from one thread that lives as long as this process.
    pub(super) fn start(&self, lifetime: Lifetime, directory: &Path, log: File) -> Result<Child> {
        // In a session of its own neither a closed terminal nor Ctrl-C reaches it.
        let mut command = Command::new("setsid");
        if lifetime == Lifetime::Owned {
            // The kernel ends the process when the thread that started it ends: see `keeper`.
            command.args(["setpriv", "--pdeathsig", "KILL"]);
        }
        command.arg(&self.program).args(&self.arguments);
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .current_dir(directory);
        started_by_keeper(command).with_context(|| format!("starting {} (needs util-linux)", self.name))
    }
}

type Order = (Command, Sender<std::io::Result<Child>>);

/// Starts every child from one thread that lives as long as this process. The parent-death signal of prctl(2) comes when the
/// *thread* which started the child ends, and the threads of a test runner end with their test.
fn keeper() -> &'static Sender<Order> {
    static KEEPER: OnceLock<Sender<Order>> = OnceLock::new();
    KEEPER.get_or_init(|| {
        let (orders, inbox) = channel::<Order>();
        std::thread::spawn(move || {
            for (mut command, reply) in inbox {
                // The one who asked may be gone; its child is then collected by init.
                let _ = reply.send(command.spawn());
            }
        });
        orders
    })
}

fn started_by_keeper(command: Command) -> Result<Child> {
    let (reply, outcome) = channel();
    keeper()
        .send((command, reply))
        .context("the thread that starts processes is gone")?;
    Ok(outcome.recv().context("the thread that starts processes is gone")??)
}
