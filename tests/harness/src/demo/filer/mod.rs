//! Act 2: what only a filer gives: reading only by the server, access that ends with consent, sizes that are limits, clones in no time.
//!
//! Continue in [`offering`] (steps 1 and 2), [`cutting`] (3) and [`sizes`] (4 and 5).

mod cutting;
mod offering;
mod sizes;

use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};

use super::looks::{Claim, SOON, Seen, Volume};
use super::stage::Stage;
use super::told;
use super::{Act, Step};
use crate::wait::{Look, until};
use crate::{Filer, NfsVersion};

/// How long consent has to be gone before access is cut, in this story.
pub(super) const REVOKE_GRACE: Duration = Duration::from_secs(2);

/// The StorageBackend, and the Secret with its credentials in the controller's namespace.
const BACKEND: &str = "filer1";
const NAMESPACE: &str = "tombolo-system";

const PRINTS: Claim = Claim {
    namespace: "studio",
    name: "prints",
};
const IN_GALLERY: Claim = Claim {
    namespace: "gallery",
    name: "prints",
};
const AT_PRESS: Claim = Claim {
    namespace: "press",
    name: "prints",
};
const FILE: &str = "poster.txt";
const POSTER: &str = "open daily";

pub(super) const ACT: Act = Act {
    title: "a filer: what a server enforces, and what takes no time",
    objects: &[
        "namespace/gallery",
        "namespace/press",
        "namespace/studio",
        "storageclass/filer",
        "storagebackend/filer1",
        "namespace/tombolo-system",
    ],
    cannot: Filer::unavailable,
    steps: &[
        Step {
            who: "admin",
            does: "makes a Linux host a filer, and offers it as the class `filer`, over HTTPS",
            play: |stage| Box::pin(offering::offer(stage)),
        },
        Step {
            who: "owner",
            does: "lets `gallery` read, and `press` read and write",
            play: |stage| Box::pin(offering::share(stage)),
        },
        Step {
            who: "owner",
            does: "takes `press` off the list, and puts it back (onRevoke: Cut)",
            play: |stage| Box::pin(cutting::cut(stage)),
        },
        Step {
            who: "tenant",
            does: "writes more than it claimed",
            play: |stage| Box::pin(sizes::overflow(stage)),
        },
        Step {
            who: "owner",
            does: "clones a volume with 1 GiB in it",
            play: |stage| Box::pin(sizes::clone(stage)),
        },
    ],
};

fn filer(stage: &Stage) -> Result<&Filer> {
    stage.filer.get().context("the filer was not started")
}

/// Reads a file of a volume, through NFS; it has to have these contents.
async fn reads(stage: &Stage, volume: &Volume, contents: &str) -> Result<Seen<()>> {
    let nfs = filer(stage)?.client(NfsVersion::V4);
    stage
        .reads_through(&nfs, &format!("{}/{FILE}", volume.path), contents)
        .await
}

/// Writes a file into a volume, through NFS.
async fn write(stage: &Stage, volume: &Volume, file: &str, contents: &str) -> Result<()> {
    let nfs = filer(stage)?.client(NfsVersion::V4);
    stage
        .write_through(&nfs, &format!("{}/{file}", volume.path), contents)
        .await
}

/// Waits until somebody who mounts the volume now is refused.
async fn shut_out(stage: &Stage, volume: &Volume) -> Result<Seen<()>> {
    let nfs = filer(stage)?.client(NfsVersion::V4);
    let path = format!("{}/{FILE}", volume.path);
    told::command(&format!("nfs-cat '{}'", nfs.url(&path)?));
    let look = async || {
        let read = nfs.read(&path).await;
        Ok(Look::found(
            read.err().map(|error| format!("{error:#}")),
            "it can still be read",
        ))
    };
    let said = until("the server to refuse", SOON, look).await?;
    Ok(Seen::new((), format!("refused: {}", last_line(&said))))
}

/// Writes what has to be refused, for one of these reasons.
async fn refused(stage: &Stage, volume: &Volume, file: &str, reasons: &[&str]) -> Result<Seen<()>> {
    match write(stage, volume, file, &"x".repeat(900)).await {
        Ok(()) => bail!("{file} was written"),
        Err(error) => {
            let said = format!("{error:#}");
            ensure!(reasons.iter().any(|reason| said.contains(reason)), "{said}");
            Ok(Seen::new((), format!("refused by the server: {}", last_line(&said))))
        }
    }
}

/// What of an error a person reads: the server's answer in it.
fn last_line(said: &str) -> &str {
    let telling = said.lines().find(|line| line.contains("NFS4ERR"));
    let line = telling.or(said.lines().last()).unwrap_or(said);
    line.find("NFS4: ").and_then(|at| line.get(at..)).unwrap_or(line)
}
