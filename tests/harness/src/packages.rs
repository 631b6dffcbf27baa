//! The Debian packages of the NFS server and its client, and of what a filer needs.
//!
//! As root the missing ones are installed; anybody else is told the one command to run.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};

use crate::binaries::on_path;
use crate::directories;

/// Installs what is missing.
///
/// # Errors
/// When something is missing and this is not root on a Debian system; the message has the command to run.
pub fn ensure() -> Result<()> {
    if missing().is_empty() {
        return Ok(());
    }
    let _lock = directories::lock(&directories::cache()?.join("packages.lock"))?;
    let missing = missing();
    if missing.is_empty() {
        return Ok(());
    }
    let list = missing.join(" ");
    let command = format!("apt-get update && apt-get install --yes --no-install-recommends {list}");
    if !rustix::process::geteuid().is_root() || on_path("apt-get").is_none() {
        bail!(
            "the NFS server for tests needs packages which are not installed. Run this as root on Debian:\n  {command}"
        );
    }
    eprintln!("installing {list}");
    apt(&["update"])?;
    let mut install = vec!["install", "--yes", "--no-install-recommends"];
    install.extend(&missing);
    apt(&install)?;
    match self::missing().as_slice() {
        [] => Ok(()),
        still => bail!(
            "apt-get installed {list}, and yet the files of {} are not there",
            still.join(" ")
        ),
    }
}

/// The packages whose files are not there.
fn missing() -> Vec<&'static str> {
    let programs = [
        ("ganesha.nfsd", "nfs-ganesha"),
        ("rpcbind", "rpcbind"),
        ("dbus-daemon", "dbus"),
        ("nfs-ls", "libnfs-utils"),
    ];
    // A filer mounts file systems and sets up a firewall in network namespaces of its own, which only root may.
    let of_root = [("mkfs.btrfs", "btrfs-progs"), ("nft", "nftables"), ("ip", "iproute2")];
    let wanted = of_root.iter().filter(|_| rustix::process::geteuid().is_root());
    let mut missing: Vec<_> = programs
        .iter()
        .chain(wanted)
        .filter(|(program, _)| on_path(program).is_none())
        .map(|(_, package)| *package)
        .collect();
    if !has_vfs_module() {
        missing.push("nfs-ganesha-vfs");
    }
    missing
}

/// Ganesha's storage modules are libraries in `/usr/lib/<architecture>/ganesha`.
fn has_vfs_module() -> bool {
    let Ok(entries) = std::fs::read_dir("/usr/lib") else {
        return false;
    };
    let module = |directory: &Path| directory.join("ganesha/libfsalvfs.so").exists();
    module(Path::new("/usr/lib")) || entries.flatten().any(|entry| module(&entry.path()))
}

fn apt(arguments: &[&str]) -> Result<()> {
    let status = Command::new("apt-get")
        .env("DEBIAN_FRONTEND", "noninteractive")
        // Another apt (a fresh machine's own upgrade) is waited for instead of failing.
        .args(["-o", "DPkg::Lock::Timeout=300", "-q"])
        .args(arguments)
        .stdin(Stdio::null())
        // What `devcluster up` prints on standard output is for the shell.
        .stdout(Stdio::from(std::io::stderr()))
        .status()
        .context("running apt-get")?;
    if !status.success() {
        bail!("`apt-get {}` failed ({status})", arguments.join(" "));
    }
    Ok(())
}
