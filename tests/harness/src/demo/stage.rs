//! What every act plays on, and how it acts there: with kubectl, as a person would.

use std::path::Path;
use std::process::Output;

use anyhow::{Context as _, Result, bail};
use tokio::sync::OnceCell;

use super::looks::{Looks, Seen, Volume};
use super::told;
use crate::process::Lifetime;
use crate::{Cluster, Controller, Filer, NfsClient, directories};

/// A cluster with an NFS server, and a controller for it that the story itself starts.
pub(super) struct Stage {
    // Dropped first: it is a process in the cluster.
    pub(super) controller: Controller,
    pub(super) cluster: Cluster,
    /// An NFS client of somebody else's making.
    pub(super) nfs: NfsClient,
    pub(super) looks: Looks,
    /// A storage host, from the act on in which it is started.
    pub(super) filer: OnceCell<Filer>,
    /// How long what is started lives.
    pub(super) lifetime: Lifetime,
}

impl Stage {
    /// Says what is expected, looks, and says what was seen.
    pub(super) async fn expect<T>(&self, expected: &str, look: impl Future<Output = Result<Seen<T>>>) -> Result<T> {
        told::expected(expected);
        let seen = look.await?;
        told::observed(&seen.words);
        Ok(seen.what)
    }

    /// Runs kubectl, which has to succeed, and returns what it printed.
    pub(super) async fn kubectl(&self, command: &str) -> Result<String> {
        told::command(&format!("kubectl {command}"));
        let output = self.cluster.kubectl_output(&words(command), None).await?;
        succeeded(command, output)
    }

    /// The same, and shows what it printed, "No resources found" too.
    pub(super) async fn show(&self, command: &str) -> Result<()> {
        told::command(&format!("kubectl {command}"));
        let output = self.cluster.kubectl_output(&words(command), None).await?;
        told::lines(&String::from_utf8_lossy(&output.stderr));
        told::lines(&succeeded(command, output)?);
        Ok(())
    }

    /// Runs kubectl, whose answer is its output whether it succeeds or not.
    pub(super) async fn ask(&self, command: &str) -> Result<String> {
        told::command(&format!("kubectl {command}"));
        let output = self.cluster.kubectl_output(&words(command), None).await?;
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }

    /// Applies files of this repository, named from its root.
    pub(super) async fn apply(&self, path: &str) -> Result<()> {
        told::command(&format!("kubectl apply -f {path}"));
        let file = directories::repository()?.join(path);
        let output = self
            .cluster
            .kubectl_output(&["apply", "-f", text(&file)?], None)
            .await?;
        succeeded(&format!("apply -f {path}"), output).map(|_| ())
    }

    /// Applies a manifest that is in no file, and shows it.
    pub(super) async fn apply_text(&self, manifest: &str) -> Result<()> {
        told::command("kubectl apply -f - <<EOF");
        told::lines(&format!("{}\nEOF", manifest.trim()));
        self.cluster.apply(manifest).await
    }

    /// Writes a file into a volume, through NFS.
    pub(super) async fn write(&self, volume: &Volume, file: &str, contents: &str) -> Result<()> {
        let path = format!("{}/{file}", self.exported(volume)?);
        self.write_through(&self.nfs, &path, contents).await
    }

    /// The same by a client of another server.
    pub(super) async fn write_through(&self, nfs: &NfsClient, path: &str, contents: &str) -> Result<()> {
        let file = file_name(path);
        let shown = contents
            .get(..SHOWN)
            .map_or(contents.to_owned(), |start| format!("{start}…"));
        told::command(&format!("echo '{shown}' > {file}; nfs-cp {file} '{}'", nfs.url(path)?));
        nfs.write(path, format!("{contents}\n").as_bytes()).await
    }

    /// Reads a file of a volume, through NFS; it has to have these contents.
    pub(super) async fn reads(&self, volume: &Volume, file: &str, contents: &str) -> Result<Seen<()>> {
        let path = format!("{}/{file}", self.exported(volume)?);
        self.reads_through(&self.nfs, &path, contents).await
    }

    /// The same by a client of another server.
    pub(super) async fn reads_through(&self, nfs: &NfsClient, path: &str, contents: &str) -> Result<Seen<()>> {
        told::command(&format!("nfs-cat '{}'", nfs.url(path)?));
        let found = String::from_utf8_lossy(&nfs.read(path).await?).trim_end().to_owned();
        if found != contents {
            bail!("{path} has {found:?} in it, not {contents:?}");
        }
        Ok(Seen::new((), format!("{} reads {found:?}", file_name(path))))
    }

    /// Says that a directory of the NFS server, named from the export, is listed.
    pub(super) fn lists(&self, directory: &str) -> Result<()> {
        told::command(&format!("nfs-ls '{}'", self.nfs.url(directory)?));
        Ok(())
    }

    /// The volume's directory, from the export's point of view.
    pub(super) fn exported<'a>(&self, volume: &'a Volume) -> Result<&'a str> {
        let export = &self.cluster.nfs()?.endpoint().export;
        let path = volume.path.strip_prefix(export.as_str());
        path.with_context(|| format!("{} is outside of the export {export}", volume.path))
    }

    /// Starts the controller, and waits until it is ready.
    pub(super) async fn start_controller(&self) -> Result<()> {
        told::command(&format!("tombolo {} &", self.controller.arguments().join(" ")));
        self.controller.start().await
    }

    /// Runs another command of the controller's program, and returns what it printed.
    pub(super) async fn tombolo(&self, command: &str) -> Result<String> {
        told::command(&format!("tombolo {command}"));
        let output = self.controller.command(&words(command)).await?;
        succeeded(command, output)
    }
}

/// How much of a text is shown.
const SHOWN: usize = 60;

fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

fn words(command: &str) -> Vec<&str> {
    command.split_whitespace().collect()
}

fn text(path: &Path) -> Result<&str> {
    path.to_str().context("the path of the repository is not UTF-8")
}

fn succeeded(command: &str, output: Output) -> Result<String> {
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        bail!("`{command}` failed ({}): {}", output.status, said.trim());
    }
    Ok(String::from_utf8(output.stdout)?)
}
