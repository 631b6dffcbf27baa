//! The machine that a filer believes it is: a mount namespace with a btrfs in a file, and perhaps a network namespace.
//!
//! A process that does nothing holds them. When the last process in it ends, however it ends, the kernel takes the mounts and the
//! loop device away; nothing of it is ever seen outside.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use super::cable::Cable;
use crate::directories;
use crate::process::{Launch, Processes, Recorded};

/// What the process that holds the namespace is called in its records.
pub(super) const NAME: &str = "filer-host";

/// Used only as it is written.
const SIZE: u64 = 8 << 30;
/// Simple quotas came with this version of Linux.
const KERNEL: (u32, u32) = (6, 7);

/// A machine, for as long as its process lives.
#[derive(Debug)]
pub(super) struct Host {
    process: Recorded,
    own_network: bool,
}

impl Host {
    /// Starts one, or uses the one that runs.
    pub(super) fn ensure(processes: &Processes, cable: Option<&Cable>) -> Result<Self> {
        let own_network = cable.is_some();
        if let Some(process) = processes.find(NAME).filter(Recorded::is_alive) {
            return Ok(Self { process, own_network });
        }
        let mut sleeper = Launch::new(NAME, "unshare").argument("--mount");
        if own_network {
            sleeper = sleeper.argument("--net");
        }
        let host = Self {
            process: processes.spawn(sleeper.argument("sleep").argument("infinity"))?,
            own_network,
        };
        host.begun()?;
        if let Some(cable) = cable {
            cable.lay(host.process.pid)?;
        }
        let directory = processes.directory();
        make_image(directory)?;
        let mut mount = host.inside("mount");
        run(mount.args(["-o", "loop"]).arg(image(directory)).arg(pool(directory)))?;
        Ok(host)
    }

    /// What a command is to begin with, to run on it.
    pub(super) fn wrapper(&self) -> Vec<String> {
        let process = self.process.pid;
        let mut words = vec!["nsenter".to_owned(), format!("--mount=/proc/{process}/ns/mnt")];
        if self.own_network {
            words.push(format!("--net=/proc/{process}/ns/net"));
        }
        words.push("--".to_owned());
        words
    }

    /// A server that is to run on it.
    pub(super) fn launch(&self, name: &'static str, program: &Path) -> Launch {
        Launch::wrapped(name, &self.wrapper(), program)
    }

    /// A command that is to run on it.
    pub(super) fn inside(&self, program: &str) -> Command {
        let mut words = self.wrapper();
        words.push(program.to_owned());
        let mut words = words.iter();
        let mut command = Command::new(words.next().map_or(program, String::as_str));
        command.args(words);
        command
    }

    /// A path of it, as everybody else on this machine sees it.
    pub(super) fn seen(&self, path: &Path) -> PathBuf {
        let root = PathBuf::from(format!("/proc/{}/root", self.process.pid));
        root.join(path.strip_prefix("/").unwrap_or(path))
    }

    /// Waits until the process is in its own namespaces.
    fn begun(&self) -> Result<()> {
        let start = Instant::now();
        let of = |process: &str| std::fs::read_link(format!("/proc/{process}/ns/mnt"));
        // The program is another only afterwards.
        while of(&self.process.pid.to_string())? == of("self")? || !self.sleeps() {
            if start.elapsed() > Duration::from_secs(30) || !self.process.is_alive() {
                bail!("namespaces cannot be made here");
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        Ok(())
    }

    fn sleeps(&self) -> bool {
        let name = std::fs::read_to_string(format!("/proc/{}/comm", self.process.pid));
        name.is_ok_and(|name| name.trim() == "sleep")
    }
}

/// Where the file system is mounted, on the host itself.
pub(super) fn pool(filer: &Path) -> PathBuf {
    filer.join("pool")
}

fn image(filer: &Path) -> PathBuf {
    filer.join("image")
}

/// Why this machine cannot have one, if so. Tries it.
pub(super) fn unavailable() -> Option<String> {
    tried().err().map(|error| format!("{error:#}"))
}

fn tried() -> Result<()> {
    let version = rustix::system::uname().release().to_string_lossy().into_owned();
    let mut numbers = version.split(['.', '-']).map_while(|part| part.parse::<u32>().ok());
    if numbers.next().zip(numbers.next()).is_none_or(|found| found < KERNEL) {
        bail!(
            "simple quotas of btrfs need Linux {}.{}, and this is {version}",
            KERNEL.0,
            KERNEL.1
        );
    }
    let directory = directories::state_root()?.join(format!("trial-{}", std::process::id()));
    std::fs::create_dir_all(&directory)?;
    let mounted = make_image(&directory).and_then(|()| {
        let mut alone = Command::new("unshare");
        alone.args(["--mount", "mount", "-o", "loop"]);
        run(alone.arg(image(&directory)).arg(pool(&directory)))
    });
    std::fs::remove_dir_all(&directory)?;
    mounted
}

/// Makes the file system, if there is none, and the directory that it is mounted at.
fn make_image(filer: &Path) -> Result<()> {
    std::fs::create_dir_all(pool(filer)).with_context(|| format!("creating {}", pool(filer).display()))?;
    if image(filer).exists() {
        return Ok(());
    }
    // Complete under its name or not there.
    let draft = filer.join("image.draft");
    std::fs::File::create(&draft)?.set_len(SIZE)?;
    run(Command::new("mkfs.btrfs").args(["--quiet", "--mixed"]).arg(&draft))?;
    std::fs::rename(&draft, image(filer)).context("naming the image")
}

pub(super) fn run(command: &mut Command) -> Result<()> {
    let output = command.stdin(Stdio::null()).output();
    let output = output.with_context(|| format!("running {command:?}"))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        bail!("{command:?} ended with {}: {}", output.status, said.trim());
    }
    Ok(())
}
