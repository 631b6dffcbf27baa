//! An NFS client for assertions: the command line tools of libnfs, which share no code with the product.

use std::ffi::OsStr;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use tokio::process::Command;

use crate::NfsEndpoint;

/// libnfs reconnects for ever; a server that is away must fail the call.
const PATIENCE: Duration = Duration::from_secs(60);

/// The version of the protocol to speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NfsVersion {
    /// NFSv3 with the MOUNT protocol.
    V3,
    /// NFSv4.
    V4,
}

/// A client of one server, speaking one version. Paths are relative to the export: `a/b`, and empty for the export itself.
#[derive(Debug, Clone)]
pub struct NfsClient {
    endpoint: NfsEndpoint,
    version: NfsVersion,
}

impl NfsClient {
    /// A client for any server, as user and group 0.
    pub fn new(endpoint: NfsEndpoint, version: NfsVersion) -> Self {
        Self { endpoint, version }
    }

    /// The names in a directory, sorted.
    pub async fn list(&self, directory: &str) -> Result<Vec<String>> {
        let output = run("nfs-ls", [self.url(directory)?.as_ref()]).await?;
        let text = String::from_utf8(output)?;
        let mut names = Vec::new();
        for line in text.lines() {
            names.push(
                listed_name(line)
                    .with_context(|| format!("nfs-ls printed {line:?}"))?
                    .to_owned(),
            );
        }
        names.sort();
        Ok(names)
    }

    /// Whether a file or directory is there, found by listing every directory on the way from the export's root: a missing directory is
    /// told apart from a server that is away.
    pub async fn exists(&self, path: &str) -> Result<bool> {
        let mut directory = String::new();
        for name in path.split('/').filter(|name| !name.is_empty()) {
            if !self.list(&directory).await?.iter().any(|found| found == name) {
                return Ok(false);
            }
            directory = format!("{directory}/{name}");
        }
        Ok(true)
    }

    /// The contents of a file.
    pub async fn read(&self, path: &str) -> Result<Vec<u8>> {
        run("nfs-cat", [self.url(path)?.as_ref()]).await
    }

    /// Writes a file into a directory that exists.
    pub async fn write(&self, path: &str, contents: &[u8]) -> Result<()> {
        let local = Draft::write(contents)?;
        let url = self.url(path)?;
        run("nfs-cp", [local.0.as_os_str(), url.as_ref()]).await.map(|_| ())
    }

    /// How the tools of libnfs name that path.
    pub fn url(&self, path: &str) -> Result<String> {
        // libnfs does not decode percent signs, and these would end the path.
        if path.contains(['?', '&', '#', '%']) {
            bail!("libnfs has no way to write {path:?} in a URL");
        }
        let NfsEndpoint {
            server,
            port,
            mount_port,
            export,
            ..
        } = &self.endpoint;
        let path = format!("{export}/{}", path.trim_matches('/'));
        // Of a server whose exports are named by the caller, the export is the root.
        let path = Some(path.trim_end_matches('/'))
            .filter(|path| !path.is_empty())
            .unwrap_or("/");
        Ok(match self.version {
            NfsVersion::V3 => {
                format!("nfs://{server}{path}?version=3&nfsport={port}&mountport={mount_port}&uid=0&gid=0")
            }
            NfsVersion::V4 => format!("nfs://{server}{path}?version=4&nfsport={port}&uid=0&gid=0"),
        })
    }
}

/// The name in a line like `-rw-r--r--  1     0     0            3 name`.
fn listed_name(line: &str) -> Option<&str> {
    let mut rest = line;
    for _ in 0..5 {
        rest = rest.trim_start().split_once(' ')?.1;
    }
    (!rest.is_empty()).then_some(rest)
}

async fn run<'a>(tool: &str, arguments: impl IntoIterator<Item = &'a OsStr>) -> Result<Vec<u8>> {
    let mut command = Command::new(tool);
    command
        .args(arguments)
        .stdin(std::process::Stdio::null())
        .kill_on_drop(true);
    let shown = format!("{:?}", command.as_std());
    let output = tokio::time::timeout(PATIENCE, command.output())
        .await
        .with_context(|| format!("{shown} had no answer within {PATIENCE:?}"))?
        .with_context(|| format!("running {tool} (package libnfs-utils)"))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        bail!("{shown} failed ({}): {}", output.status, said.trim());
    }
    Ok(output.stdout)
}

/// A local file for the time of a copy.
struct Draft(std::path::PathBuf);

impl Draft {
    fn write(contents: &[u8]) -> Result<Self> {
        use std::sync::atomic::{AtomicU64, Ordering};
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let name = format!(
            "nfs-write-{}-{}",
            std::process::id(),
            NEXT.fetch_add(1, Ordering::Relaxed)
        );
        let path = crate::directories::state_root()?.join(name);
        std::fs::write(&path, contents).with_context(|| format!("writing {}", path.display()))?;
        Ok(Self(path))
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        // What is left behind is a small file below target/.
        let _ = std::fs::remove_file::<&Path>(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(version: NfsVersion) -> NfsClient {
        let endpoint = NfsEndpoint {
            server: "127.0.0.1".into(),
            port: 1,
            mount_port: 2,
            export: "/export".into(),
            export_dir: "/nowhere".into(),
        };
        NfsClient::new(endpoint, version)
    }

    #[test]
    fn urls_name_both_ports_where_the_protocol_has_two() {
        let v3 = client(NfsVersion::V3).url("/a/b").unwrap();
        assert_eq!(
            v3,
            "nfs://127.0.0.1/export/a/b?version=3&nfsport=1&mountport=2&uid=0&gid=0"
        );
        let v4 = client(NfsVersion::V4).url("").unwrap();
        assert_eq!(v4, "nfs://127.0.0.1/export?version=4&nfsport=1&uid=0&gid=0");
        assert!(client(NfsVersion::V4).url("a?version=3").is_err());
    }

    #[test]
    fn names_keep_their_spaces() {
        assert_eq!(
            listed_name("-rw-r-----  1     0     0            3 two  words"),
            Some("two  words")
        );
        assert_eq!(listed_name("total 0"), None);
    }

    #[tokio::test]
    async fn a_server_that_is_away_is_an_error() {
        if crate::NfsServer::unavailable().is_some() {
            return crate::report_skipped("a_server_that_is_away_is_an_error", "libnfs-utils is not installed");
        }
        assert!(client(NfsVersion::V3).exists("a").await.is_err());
    }
}
