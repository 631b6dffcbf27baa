//! Starting server processes and ending them again, by what was recorded when they were started.
//!
//! A record names a process by id *and* birth (boot and start time), and signals go through a pidfd, so a recycled id is never
//! hit. Nothing here searches for processes by name.

mod launch;
mod started;
mod watch;

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use serde::{Deserialize, Serialize};

pub(crate) use launch::{Launch, Restart};
pub(crate) use started::Processes;
pub(crate) use watch::Exit;

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

#[cfg(test)]
mod tests;
