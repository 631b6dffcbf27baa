//! Starting server processes and ending them again, by what was recorded when they were started.
//!
//! A record names a process by id *and* birth (boot and start time), and signals go through a pidfd, so a recycled id is never
//! hit. Nothing here searches for processes by name.

use std::ffi::OsString;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use serde::{Deserialize, Serialize};

/// How long a process lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Lifetime {
    /// Until the process that started it ends, however that ends.
    Owned,
    /// Until it is ended by its record, possibly by another process.
    Detached,
}

/// A process which was started, as it is written to disk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recorded {
    /// What it is, for people.
    pub name: String,
    /// Its process id.
    pub pid: i32,
    /// Which process of that id: the boot's id and the start time in ticks.
    pub birth: String,
}

impl Recorded {
    /// The record of a process which runs now.
    pub fn of(name: &str, pid: i32) -> Result<Self> {
        let birth = birth(pid).with_context(|| format!("{name} (process {pid}) ended at once"))?;
        Ok(Self {
            name: name.to_owned(),
            pid,
            birth,
        })
    }

    /// The record of this process itself.
    pub fn myself() -> Result<Self> {
        Self::of("owner", i32::try_from(std::process::id())?)
    }

    /// Whether that very process still runs. One that ended and was not collected yet does not count.
    pub fn is_alive(&self) -> bool {
        birth(self.pid).is_some_and(|birth| birth == self.birth)
    }

    /// Asks the process to end, and does not wait for it.
    pub fn ask_to_end(&self) -> Result<()> {
        self.signal(Signal::TERM)
    }

    /// Stops it where it is, as a debugger or a machine that is put to sleep does. Returns when every thread of it has stopped.
    pub fn pause(&self) -> Result<()> {
        self.signal(Signal::STOP)?;
        let start = Instant::now();
        while self.is_alive() && !self.is_paused() {
            if start.elapsed() > Duration::from_secs(60) {
                bail!("{} (process {}) does not stop", self.name, self.pid);
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        Ok(())
    }

    /// Lets a stopped process go on.
    pub fn resume(&self) -> Result<()> {
        self.signal(Signal::CONT)
    }

    fn is_paused(&self) -> bool {
        let threads = std::fs::read_dir(format!("/proc/{}/task", self.pid));
        let mut threads = threads.into_iter().flatten().flatten();
        threads.all(|thread| {
            let stat = std::fs::read_to_string(thread.path().join("stat")).unwrap_or_default();
            // As in `started`: the name may contain anything.
            stat.rsplit_once(')').is_some_and(|(_, rest)| rest.starts_with(" T"))
        })
    }

    /// Asks the process to end, and ends it when it does not within `grace`. Returns when it is gone.
    pub fn end(&self, grace: Duration) -> Result<()> {
        if !grace.is_zero() {
            self.signal(Signal::TERM)?;
            if self.is_gone_within(grace) {
                return Ok(());
            }
        }
        self.signal(Signal::KILL)?;
        if self.is_gone_within(Duration::from_secs(10)) {
            return Ok(());
        }
        bail!("{} (process {}) survives SIGKILL", self.name, self.pid)
    }

    fn signal(&self, signal: Signal) -> Result<()> {
        let pid = Pid::from_raw(self.pid).context("a recorded process id is not positive")?;
        let handle = match pidfd_open(pid, PidfdFlags::empty()) {
            Ok(handle) => handle,
            // It ended meanwhile; not every kernel that claims to be Linux says so by the first.
            Err(rustix::io::Errno::SRCH | rustix::io::Errno::NOENT) => return Ok(()),
            Err(error) => return Err(error).with_context(|| format!("opening process {}", self.pid)),
        };
        // Only now is the comparison of births safe: the handle keeps pointing at the process that was compared.
        if !self.is_alive() {
            return Ok(());
        }
        match pidfd_send_signal(&handle, signal) {
            Ok(()) | Err(rustix::io::Errno::SRCH) => Ok(()),
            Err(error) => Err(error).with_context(|| format!("ending {} (process {})", self.name, self.pid)),
        }
    }

    fn is_gone_within(&self, patience: Duration) -> bool {
        let start = Instant::now();
        while self.is_alive() {
            if start.elapsed() > patience {
                return false;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        true
    }
}

/// The boot and start time of a running process; `None` when there is none, or only its remains.
fn birth(pid: i32) -> Option<String> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let started = started(&stat)?;
    let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    Some(format!("{}/{started}", boot.trim()))
}

/// The start time in a text as proc(5) describes it, unless these are only the remains of a process. The first thread of a killed process
/// is remains already while others still end, and hold its ports and locks: it counts as running until it is the last one.
fn started(stat: &str) -> Option<&str> {
    // The second field is the command in parentheses and may contain anything, so fields are counted from its end.
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_whitespace();
    let state = fields.next()?;
    let threads: u32 = fields.nth(16)?.parse().ok()?;
    let started = fields.nth(1)?;
    let remains = matches!(state, "Z" | "X") && threads <= 1;
    (!remains).then_some(started)
}

/// A process to start.
#[derive(Debug)]
pub(crate) struct Launch {
    pub name: &'static str,
    pub program: PathBuf,
    pub arguments: Vec<OsString>,
    pub environment: Vec<(&'static str, OsString)>,
}

impl Launch {
    pub(crate) fn new(name: &'static str, program: impl Into<PathBuf>) -> Self {
        Self {
            name,
            program: program.into(),
            arguments: Vec::new(),
            environment: Vec::new(),
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
}

/// The processes of one cluster: their records and logs are files in its directory.
#[derive(Debug, Clone)]
pub(crate) struct Processes {
    directory: PathBuf,
    lifetime: Lifetime,
}

impl Processes {
    pub(crate) fn new(cluster: &Path, lifetime: Lifetime) -> Result<Self> {
        for part in ["processes", "logs"] {
            let path = cluster.join(part);
            std::fs::create_dir_all(&path).with_context(|| format!("creating {}", path.display()))?;
        }
        Ok(Self {
            directory: cluster.to_owned(),
            lifetime,
        })
    }

    /// Starts a process in a session of its own, so that neither a closed terminal nor Ctrl-C reaches it, and records it.
    pub(crate) fn spawn(&self, launch: Launch) -> Result<Recorded> {
        self.spawn_watched(launch).map(|(recorded, _)| recorded)
    }

    /// The same, for one whose exit status matters.
    pub(crate) fn spawn_watched(&self, launch: Launch) -> Result<(Recorded, Exit)> {
        let log = File::options().append(true).create(true).open(self.log(launch.name))?;
        let mut command = Command::new("setsid");
        if self.lifetime == Lifetime::Owned {
            // The kernel ends the process when the thread that started it ends: see `keeper`.
            command.args(["setpriv", "--pdeathsig", "KILL"]);
        }
        command
            .arg(&launch.program)
            .args(&launch.arguments)
            .envs(launch.environment);
        command
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .current_dir(&self.directory);
        let child = start(command).with_context(|| format!("starting {} (needs util-linux)", launch.name))?;
        let recorded = Recorded::of(launch.name, i32::try_from(child.id())?);
        let exit = collect(child)?;
        let recorded = recorded.with_context(|| self.last_words(launch.name))?;
        std::fs::write(self.record(launch.name), serde_json::to_vec_pretty(&recorded)?)?;
        Ok((recorded, exit))
    }

    /// The record of a process which was started and not ended by us; it may have ended by itself.
    pub(crate) fn find(&self, name: &str) -> Option<Recorded> {
        serde_json::from_slice(&std::fs::read(self.record(name)).ok()?).ok()
    }

    pub(crate) fn is_alive(&self, name: &str) -> bool {
        self.find(name).is_some_and(|recorded| recorded.is_alive())
    }

    /// Ends a process by its record, if there is one.
    pub(crate) fn end(&self, name: &str, grace: Duration) -> Result<()> {
        if let Some(recorded) = self.find(name) {
            recorded.end(grace)?;
            std::fs::remove_file(self.record(name))?;
        }
        Ok(())
    }

    /// Every record.
    pub(crate) fn all(&self) -> Result<Vec<Recorded>> {
        let mut found = Vec::new();
        for entry in std::fs::read_dir(self.directory.join("processes"))? {
            if let Ok(recorded) = serde_json::from_slice(&std::fs::read(entry?.path())?) {
                found.push(recorded);
            }
        }
        Ok(found)
    }

    /// An error when the process has ended by itself: there is no use in waiting for it any longer.
    pub(crate) fn still_runs(&self, name: &'static str) -> Result<()> {
        if self.is_alive(name) {
            Ok(())
        } else {
            bail!("{name} ended: {}", self.last_words(name))
        }
    }

    /// The end of a process's log.
    pub(crate) fn last_words(&self, name: &str) -> String {
        let log = self.log(name);
        let text = std::fs::read(&log).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let mut lines: Vec<_> = text.lines().rev().take(15).collect();
        lines.reverse();
        format!("the end of {}:\n{}", log.display(), lines.join("\n"))
    }

    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }

    pub(crate) fn log(&self, name: &str) -> PathBuf {
        self.directory.join("logs").join(format!("{name}.log"))
    }

    fn record(&self, name: &str) -> PathBuf {
        self.directory.join("processes").join(format!("{name}.json"))
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

fn start(command: Command) -> Result<Child> {
    let (reply, outcome) = channel();
    keeper()
        .send((command, reply))
        .context("the thread that starts processes is gone")?;
    Ok(outcome.recv().context("the thread that starts processes is gone")??)
}

/// The exit status of a process, as soon as it has ended.
pub(crate) type Exit = Arc<OnceLock<ExitStatus>>;

/// Collects the child's exit status whenever it ends.
fn collect(mut child: Child) -> Result<Exit> {
    let name = format!("collect-{}", child.id());
    let exit = Exit::default();
    let ended = exit.clone();
    std::thread::Builder::new()
        .name(name)
        .stack_size(64 * 1024)
        .spawn(move || child.wait().map(|status| ended.set(status)))?;
    Ok(exit)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sleeper(directory: &Path) -> (Processes, Recorded) {
        let processes = Processes::new(directory, Lifetime::Owned).unwrap();
        let recorded = processes
            .spawn(Launch::new("sleeper", "sleep").argument("1000"))
            .unwrap();
        (processes, recorded)
    }

    #[test]
    fn ends_what_it_started() {
        let directory = tempfile::tempdir().unwrap();
        let (processes, recorded) = sleeper(directory.path());
        assert!(recorded.is_alive());
        assert_eq!(processes.find("sleeper"), Some(recorded.clone()));
        processes.end("sleeper", Duration::from_secs(5)).unwrap();
        assert!(!recorded.is_alive());
        assert!(processes.all().unwrap().is_empty());
    }

    #[test]
    fn a_process_runs_until_its_last_thread_has_ended() {
        let stat = |state: &str, threads: u32| {
            format!("7 (a) b) {state} 1 7 7 0 -1 4228612 0 0 0 0 1 2 0 0 20 0 {threads} 0 4711 0 0")
        };
        assert_eq!(started(&stat("S", 1)), Some("4711"));
        assert_eq!(started(&stat("Z", 3)), Some("4711"), "its ports are not free yet");
        assert_eq!(started(&stat("Z", 1)), None);
    }

    #[test]
    fn a_paused_process_stands_still_until_it_is_resumed() {
        let directory = tempfile::tempdir().unwrap();
        let processes = Processes::new(directory.path(), Lifetime::Owned).unwrap();
        let script = "while :; do echo tick; sleep 0.01; done";
        let clock = processes
            .spawn(Launch::new("clock", "sh").argument("-c").argument(script))
            .unwrap();
        let ticks = || std::fs::read_to_string(processes.log("clock")).unwrap().len();
        let ticks_on = || {
            let (before, start) = (ticks(), Instant::now());
            while ticks() == before {
                assert!(start.elapsed() < Duration::from_secs(60), "it stands still");
                std::thread::sleep(Duration::from_millis(5));
            }
        };
        ticks_on();
        clock.pause().unwrap();
        assert!(clock.is_alive() && clock.is_paused());
        clock.resume().unwrap();
        ticks_on();
        processes.end("clock", Duration::ZERO).unwrap();
    }

    #[test]
    fn spares_a_recycled_id() {
        let directory = tempfile::tempdir().unwrap();
        let (processes, recorded) = sleeper(directory.path());
        let namesake = Recorded {
            birth: "another-boot/1".into(),
            ..recorded.clone()
        };
        assert!(!namesake.is_alive());
        namesake.end(Duration::ZERO).unwrap();
        assert!(recorded.is_alive());
        processes.end("sleeper", Duration::ZERO).unwrap();
    }

    #[test]
    fn kills_what_does_not_listen() {
        let directory = tempfile::tempdir().unwrap();
        let processes = Processes::new(directory.path(), Lifetime::Owned).unwrap();
        let script = "trap '' TERM; echo ready; while :; do sleep 0.05; done";
        let stubborn = processes
            .spawn(Launch::new("stubborn", "sh").argument("-c").argument(script))
            .unwrap();
        let start = Instant::now();
        while !processes.last_words("stubborn").contains("ready") {
            assert!(start.elapsed() < Duration::from_secs(10), "the script did not start");
            std::thread::sleep(Duration::from_millis(5));
        }
        processes.end("stubborn", Duration::from_millis(100)).unwrap();
        assert!(!stubborn.is_alive());
    }

    #[test]
    fn an_early_end_comes_with_the_log() {
        let directory = tempfile::tempdir().unwrap();
        let processes = Processes::new(directory.path(), Lifetime::Owned).unwrap();
        let spawned = processes.spawn(
            Launch::new("loser", "sh")
                .argument("-c")
                .argument("echo no such flag; exit 3"),
        );
        let start = Instant::now();
        while spawned.is_ok() && processes.is_alive("loser") {
            assert!(start.elapsed() < Duration::from_secs(10), "the script did not end");
            std::thread::sleep(Duration::from_millis(5));
        }
        let error = spawned.and_then(|_| processes.still_runs("loser")).unwrap_err();
        assert!(format!("{error:#}").contains("no such flag"), "{error:#}");
    }
}
