//! Looks at a server's own configuration for what a filer must not have, or cannot do without.

use crate::config::{ExporterConfig, Protocols};
use crate::export_files::INDEX;
use crate::syntax::read::{Part, parse};
use std::fmt;
use std::path::{Path, PathBuf};
use tombolo_backend_api::{BackendError, Class};

/// More files than this are not looked into, nor larger ones.
const MOST_FILES: usize = 64;
const LARGEST: u64 = 1 << 20;
/// Where NFS-Ganesha remembers its clients if nothing else is said (`NFS_V4_RECOV_ROOT` of its `nfs_core.h`).
const RECOVERY: &str = "/var/lib/nfs/ganesha";
/// `TMPFS_MAGIC` and `RAMFS_MAGIC` of `linux/magic.h`.
const OF_MEMORY: [rustix::fs::FsWord; 2] = [0x0102_1994, 0x8584_58f6];

/// What is wrong with a server's configuration. `Display` says it with what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finding {
    /// Locks do not survive a restart.
    Graceless,
    /// What survives a restart is kept elsewhere than in files.
    Recovery(String),
    /// What survives a restart is kept where nothing survives one of the host.
    Volatile(PathBuf),
    /// Version 3 and D-Bus go by real paths.
    RealPaths,
    /// The file that names the exports is not included.
    NotIncluded(PathBuf),
    /// It has another name on the bus.
    BusName(String),
    /// A protocol that the exports are to be served over is not.
    Protocol(u32),
    /// It listens elsewhere than nodes are told.
    Port(String),
    /// More files are included than are looked into.
    TooManyFiles,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Graceless => f.write_str(
                "NFSv4 { Graceless = true; } lets others take the locks of clients whenever the server restarts: remove it",
            ),
            Self::Recovery(backend) => {
                write!(f, "NFSv4 {{ RecoveryBackend = {backend}; }} is not tried here: set it to fs, with RecoveryRoot on a disk that stays")
            }
            Self::Volatile(directory) => {
                write!(f, "{} is on a file system of memory: set NFSv4 {{ RecoveryRoot }} to a directory on a disk", directory.display())
            }
            Self::RealPaths => f.write_str("exports have no stable path: set NFS_CORE_PARAM { mount_path_pseudo = true; }"),
            Self::NotIncluded(index) => {
                write!(f, "exports do not survive a restart: add the line %include \"{}\"", index.display())
            }
            Self::BusName(prefix) => {
                write!(f, "NFS_CORE_PARAM {{ Dbus_Name_Prefix = {prefix}; }} gives the server a name that is not called: remove it")
            }
            Self::Protocol(version) => {
                write!(f, "version {version} is not served: add it to NFS_CORE_PARAM {{ Protocols }}")
            }
            Self::Port(what) => f.write_str(what),
            Self::TooManyFiles => write!(f, "more than {MOST_FILES} files are included, and not all were looked into"),
        }
    }
}

/// Looks at one text, without the files that it includes.
///
/// # Errors
/// `Invalid` if it cannot be read, with the line.
pub fn check(text: &str, exporter: &ExporterConfig) -> Result<Vec<Finding>, BackendError> {
    let parts = parsed(text, Path::new("the configuration"))?;
    Ok(judge(&parts, exporter))
}

/// Looks at a file and those that it includes, but for those of ours.
///
/// # Errors
/// `Invalid` if one of them cannot be read.
pub fn check_file(path: &Path, exporter: &ExporterConfig) -> Result<Vec<Finding>, BackendError> {
    let index = exporter.config_dir.join(INDEX);
    let base = path.parent().unwrap_or(Path::new("/"));
    let (mut parts, mut waiting, mut read) = (Vec::new(), vec![path.to_owned()], 0);
    let mut findings = Vec::new();
    while let Some(next) = waiting.pop() {
        read += 1;
        if read > MOST_FILES {
            findings.push(Finding::TooManyFiles);
            break;
        }
        for part in parsed(&contents(&next)?, &next)? {
            match &part {
                Part::Include(file) if base.join(file) != index => waiting.push(base.join(file)),
                Part::Directory(pattern) => waiting.extend(matching(&base.join(pattern))?),
                Part::Include(_) | Part::Block { .. } | Part::Item { .. } => {}
            }
            parts.push(part);
        }
    }
    findings.extend(judge(&parts, exporter));
    let recovery = values(&parts, "nfsv4", "recoveryroot")
        .last()
        .map_or(RECOVERY, |root| root);
    findings.extend(is_volatile(Path::new(recovery)).then(|| Finding::Volatile(recovery.into())));
    Ok(findings)
}

/// Whether what is written there is gone when the host starts anew.
fn is_volatile(directory: &Path) -> bool {
    let there = directory.ancestors().find(|path| path.exists());
    let found = there.and_then(|there| rustix::fs::statfs(there).ok());
    found.is_some_and(|found| OF_MEMORY.contains(&found.f_type))
}

fn unreadable(path: &Path, why: impl std::error::Error + Send + Sync + 'static) -> BackendError {
    BackendError::not_done(Class::Invalid, format!("read {}", path.display())).because(why)
}

fn parsed(text: &str, path: &Path) -> Result<Vec<Part>, BackendError> {
    parse(text).map_err(|error| unreadable(path, error))
}

fn contents(path: &Path) -> Result<String, BackendError> {
    use std::io::Read;
    let mut text = String::new();
    let file = std::fs::File::open(path).map_err(|error| unreadable(path, error))?;
    file.take(LARGEST)
        .read_to_string(&mut text)
        .map_err(|error| unreadable(path, error))?;
    Ok(text)
}

/// Files of a directory, or those that end as a pattern `DIRECTORY/*END` does.
fn matching(pattern: &Path) -> Result<Vec<PathBuf>, BackendError> {
    let last = pattern.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let (directory, end) = match last.split_once('*') {
        Some((_, end)) => (pattern.parent().unwrap_or(Path::new("/")), end.to_owned()),
        None => (pattern, String::new()),
    };
    let entries = std::fs::read_dir(directory).map_err(|error| unreadable(directory, error))?;
    let files = entries
        .filter_map(Result::ok)
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_file()));
    Ok(files
        .map(|entry| entry.path())
        .filter(|path| path.to_string_lossy().ends_with(&end))
        .collect())
}

/// The values of an item, in all blocks of a name.
fn values<'a>(parts: &'a [Part], block: &str, item: &str) -> Vec<&'a str> {
    let blocks = parts.iter().filter_map(|part| match part {
        Part::Block { name, parts } if name == block => Some(parts),
        _ => None,
    });
    let items = blocks.flatten().filter_map(|part| match part {
        Part::Item { name, values } if name == item => Some(values),
        _ => None,
    });
    items.flatten().map(String::as_str).collect()
}

fn is_true(value: &&str) -> bool {
    ["true", "yes", "on"]
        .iter()
        .any(|word| value.eq_ignore_ascii_case(word))
}

fn judge(parts: &[Part], exporter: &ExporterConfig) -> Vec<Finding> {
    let core = |item| values(parts, "nfs_core_param", item);
    let version_4 = |item| values(parts, "nfsv4", item);
    let mut findings = Vec::new();
    if version_4("graceless").iter().any(is_true) {
        findings.push(Finding::Graceless);
    }
    let backends = version_4("recoverybackend");
    findings.extend(
        backends
            .iter()
            .filter(|backend| !backend.eq_ignore_ascii_case("fs"))
            .map(|b| Finding::Recovery((*b).into())),
    );
    if !core("mount_path_pseudo").last().is_some_and(is_true) {
        findings.push(Finding::RealPaths);
    }
    let prefix = core("dbus_name_prefix").into_iter().find(|prefix| !prefix.is_empty());
    findings.extend(prefix.map(|prefix| Finding::BusName(prefix.into())));
    findings.extend(protocols(&core("protocols"), exporter));
    findings.extend(ports(&core("nfs_port"), &core("mnt_port"), exporter));
    let index = exporter.config_dir.join(INDEX);
    if !parts
        .iter()
        .any(|part| matches!(part, Part::Include(file) if Path::new(file) == index))
    {
        findings.push(Finding::NotIncluded(index));
    }
    findings
}

fn protocols(served: &[&str], exporter: &ExporterConfig) -> Vec<Finding> {
    let digits = |text: &&str| text.trim_start_matches(|c: char| c.is_ascii_alphabetic()).parse().ok();
    let served: Vec<u32> = served.iter().filter_map(digits).collect();
    let wanted = exporter.protocols.versions().iter();
    let missing = wanted.filter(|version| !served.is_empty() && !served.contains(version));
    missing.map(|version| Finding::Protocol(*version)).collect()
}

fn ports(nfs: &[&str], mount: &[&str], exporter: &ExporterConfig) -> Vec<Finding> {
    let advertise = &exporter.advertise;
    let number = |text: &[&str]| text.last().and_then(|port| port.parse::<u16>().ok());
    let mut findings = Vec::new();
    if number(nfs).unwrap_or(2049) != advertise.port.get() {
        findings.push(format!(
            "nodes are told port {}: set NFS_CORE_PARAM {{ NFS_Port }} to it",
            advertise.port
        ));
    }
    let told = advertise.mount_port.map(std::num::NonZeroU16::get);
    if exporter.protocols == Protocols::V3AndV4 && (told.is_none() || number(mount) != told) {
        findings.push(
            "version 3 needs a MOUNT port that nodes and the firewall know: set MNT_Port and mountPort to one number"
                .into(),
        );
    }
    findings.into_iter().map(Finding::Port).collect()
}

#[cfg(test)]
mod tests;
