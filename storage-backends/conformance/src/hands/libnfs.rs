//! Hands on an NFS mount: the command line tools of libnfs, which share no code with any backend.

use super::{Hands, Held, Refused};
use crate::Skip;
use async_trait::async_trait;
use std::collections::BTreeSet;
use std::io::Write;
use std::process::{Output, Stdio};
use std::time::Duration;
use tokio::io::AsyncReadExt;
use tokio::process::{Child, ChildStdout, Command};
use tombolo_backend_api::MountSource;

/// libnfs reconnects for ever; a server that is away must fail the call.
const PATIENCE: Duration = Duration::from_secs(30);

/// All that nfs-cp says of a write that failed. It has made the file by then, so the way is there and may be written through, and
/// what is left is want of room.
const UNSAID: &str = "Failed to write to dest file";

/// A volume that is mounted anew for each file, as user and group 0, as pods often are.
#[derive(Debug, Clone)]
pub struct Libnfs {
    /// `nfs://server/path`
    base: String,
    /// What comes after a path.
    options: String,
}

impl Libnfs {
    /// Mounts what a backend answered. libnfs speaks 3 and 4.0 of the protocol; over 4.0, the one of Debian 12 writes no file of more
    /// than [`SMALL`](super::SMALL) bytes.
    pub fn mount(source: &MountSource) -> Result<Self, Skip> {
        let MountSource::Nfs {
            server,
            path,
            options,
            version,
        } = source
        else {
            panic!("{source:?} is no NFS mount");
        };
        if Self::is_missing() {
            return Err(Skip::for_want_of("nfs-ls is not installed (Debian: libnfs-utils)"));
        }
        let option = |name: &str| {
            options
                .iter()
                .find_map(|option| option.strip_prefix(name)?.strip_prefix('='))
        };
        let mut said = format!("?version={}&debug=1&uid=0&gid=0", if *version == "3" { 3 } else { 4 });
        for (ours, theirs) in [("port", "nfsport"), ("mountport", "mountport")] {
            if let Some(value) = option(ours) {
                said.push_str(&format!("&{theirs}={value}"));
            }
        }
        Ok(Self {
            base: format!("nfs://{server}{path}"),
            options: said,
        })
    }

    /// Whether this machine lacks the tools.
    pub fn is_missing() -> bool {
        let mut probe = std::process::Command::new("nfs-ls");
        probe.stdin(Stdio::null()).output().is_err()
    }

    fn url(&self, file: &str) -> String {
        let Self { base, options } = self;
        format!("{base}{}{file}{options}", if file.is_empty() { "" } else { "/" })
    }
}

#[async_trait]
impl Hands for Libnfs {
    async fn read(&self, file: &str) -> Result<Vec<u8>, Refused> {
        run("nfs-cat", &[&self.url(file)]).await
    }

    async fn write(&self, file: &str, bytes: &[u8]) -> Result<(), Refused> {
        let mut draft = tempfile::NamedTempFile::new().unwrap();
        draft.write_all(bytes).unwrap();
        run("nfs-cp", &[draft.path().to_str().unwrap(), &self.url(file)])
            .await
            .map(|_| ())
    }

    async fn list(&self) -> Result<BTreeSet<String>, Refused> {
        let text = String::from_utf8(run("nfs-ls", &[&self.url("")]).await?).unwrap();
        // -rw-r--r--  1     0     0            3 name
        let names = text
            .lines()
            .map(|line| line.split_whitespace().nth(5).unwrap().to_owned());
        Ok(names.collect())
    }

    /// The pipe is not emptied, so nfs-cat stops in the midst of a file that is larger than it and the tool's own buffers.
    async fn hold(&self, file: &str) -> Result<Box<dyn Held>, Refused> {
        let mut child = command("nfs-cat", &[&self.url(file)])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut out = child.stdout.take().unwrap();
        let mut begin = [0];
        match tokio::time::timeout(PATIENCE, out.read(&mut begin)).await {
            Ok(Ok(1)) => Ok(Box::new(Open { child, out })),
            _ => Err(refused(&child.wait_with_output().await.unwrap())),
        }
    }
}

struct Open {
    child: Child,
    out: ChildStdout,
}

#[async_trait]
impl Held for Open {
    async fn rest(mut self: Box<Self>) -> Result<Vec<u8>, Refused> {
        let mut bytes = Vec::new();
        let read = async {
            self.out.read_to_end(&mut bytes).await.unwrap();
            self.child.wait_with_output().await.unwrap()
        };
        let Ok(output) = tokio::time::timeout(PATIENCE, read).await else {
            return Err(no_answer());
        };
        // nfs-cat does not say why it cannot read on where it could a moment ago.
        if output.status.success() {
            Ok(bytes)
        } else {
            Err(Refused::Gone)
        }
    }
}

fn command(tool: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(tool);
    command
        .args(arguments)
        .stdin(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}

async fn run(tool: &str, arguments: &[&str]) -> Result<Vec<u8>, Refused> {
    match tokio::time::timeout(PATIENCE, command(tool, arguments).output()).await {
        Err(_) => Err(no_answer()),
        Ok(output) => {
            let output = output.unwrap();
            if output.status.success() {
                Ok(output.stdout)
            } else {
                Err(refused(&output))
            }
        }
    }
}

fn no_answer() -> Refused {
    Refused::Other(format!("no answer within {PATIENCE:?}"))
}

/// The tools print what the server said, mostly.
fn refused(output: &Output) -> Refused {
    let said = [&output.stderr[..], &output.stdout[..]].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    // What is not exported any more cannot be mounted: NOENT in NFSv4, whose exports are names below one root; ACCES in NFSv3.
    let unmounted = ["NFS4ERR_NOENT", "MNT3ERR_ACCES"];
    let gone = ["ERR_STALE", "ERR_FHEXPIRED", "ERR_BADHANDLE"];
    let full = ["ERR_NOSPC", "ERR_DQUOT", UNSAID];
    let has = |words: &[&str]| words.iter().any(|word| said.contains(word));
    if has(&["ERR_ROFS"]) {
        Refused::ReadOnly
    } else if has(&gone) || has(&["Failed to mount"]) && has(&unmounted) {
        Refused::Gone
    } else if has(&full) && !has(&["ZDR error"]) {
        Refused::NoSpace
    } else {
        Refused::Other(said)
    }
}
