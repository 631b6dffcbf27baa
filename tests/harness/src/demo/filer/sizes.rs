//! Steps 4 and 5: what a volume may hold, and what a copy of it costs.

use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};

use super::super::looks::{Claim, SOON, Seen, Volume};
use super::super::stage::Stage;
use super::super::told;
use super::{FILE, POSTER, filer, reads, refused, write};
use crate::NfsVersion;

const MIB: usize = 1 << 20;
/// What is promised of a clone is a second; a busy machine may take longer before the demo gives up.
const CLONED: Duration = Duration::from_secs(3);

const SMALL: Claim = Claim {
    namespace: "studio",
    name: "sketches",
};
const NEIGHBOUR: Claim = Claim {
    namespace: "gallery",
    name: "catalogue",
};
const ARCHIVE: Claim = Claim {
    namespace: "studio",
    name: "archive",
};
const COPY: Claim = Claim {
    namespace: "studio",
    name: "archive-copy",
};

pub(super) async fn overflow(stage: &Stage) -> Result<()> {
    let small = claimed(stage, SMALL, "64Mi").await?;
    let neighbour = claimed(stage, NEIGHBOUR, "1Gi").await?;
    let much = noise(100);
    let too_much = async {
        match write_bytes(stage, &small, "sketch.raw", &much).await {
            Ok(()) => bail!("100 MiB were written into 64 MiB"),
            Err(_) => Ok(Seen::new((), "the client's write fails midway")),
        }
    };
    stage.expect("100 MiB do not fit into 64 MiB", too_much).await?;
    let reasons = ["NFS4ERR_DQUOT", "NFS4ERR_NOSPC"];
    stage
        .expect(
            "and nothing else does after them",
            refused(stage, &small, "more.txt", &reasons),
        )
        .await?;
    let fits = async {
        write_bytes(stage, &neighbour, "catalogue.raw", &much).await?;
        Ok(Seen::new((), "100 MiB were written"))
    };
    stage
        .expect("a neighbour on the same disk has what it was promised", fits)
        .await
}

pub(super) async fn clone(stage: &Stage) -> Result<()> {
    let archive = claimed(stage, ARCHIVE, "2Gi").await?;
    let part = noise(256);
    for number in 1..=4 {
        write_bytes(stage, &archive, &format!("part{number}.raw"), &part).await?;
    }
    write(stage, &archive, FILE, POSTER).await?;
    stage
        .apply_text(
            "apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: archive-copy, namespace: studio}
spec:
  storageClassName: filer
  accessModes: [ReadWriteMany]
  resources: {requests: {storage: 2Gi}}
  dataSource: {kind: PersistentVolumeClaim, name: archive}
",
        )
        .await?;
    let typed = Instant::now();
    let bound = stage.looks.bound(COPY, typed, CLONED);
    let copy = stage
        .expect(
            "a copy of 1 GiB is Bound well under a second (3 s on a busy machine)",
            bound,
        )
        .await?;
    ensure!(copy.path != archive.path, "the copy is no volume of its own");
    let same = reads(stage, &copy, POSTER);
    stage.expect("it has the same files", same).await?;
    let whole = async {
        let nfs = filer(stage)?.client(NfsVersion::V3);
        let read = async |volume: &Volume| nfs.read(&format!("{}/part4.raw", volume.path)).await;
        let (one, other) = (read(&archive).await?, read(&copy).await?);
        ensure!(one == part && one == other, "part4.raw differs in the copy");
        Ok(Seen::new((), format!("{} bytes of part4.raw are equal", one.len())))
    };
    stage.expect("byte for byte", whole).await?;
    stage
        .expect("and takes no room of its own until it is written to", async {
            told::command("tombolo-filer list");
            let output = filer(stage)?.command(&["list"]).await?;
            let text = String::from_utf8_lossy(&output.stdout);
            ensure!(output.status.success(), "{output:?}");
            let of_copy = text.lines().find(|line| line.contains(&copy.id)).unwrap_or_default();
            let words: Vec<_> = of_copy.split_whitespace().collect();
            let used = words
                .windows(2)
                .find_map(|two| (two.get(1) == Some(&"bytes")).then(|| two.first())?);
            let used: Option<usize> = used.and_then(|used| used.parse().ok());
            ensure!(used.is_some_and(|used| used < MIB), "of the copy is said: {of_copy:?}");
            told::lines(&text);
            Ok(Seen::new((), words.join(" ")))
        })
        .await
}

/// Makes a claim of that size and waits until it is Bound.
async fn claimed(stage: &Stage, claim: Claim, size: &str) -> Result<Volume> {
    let Claim { namespace, name } = claim;
    stage
        .apply_text(&format!(
            "apiVersion: v1
kind: PersistentVolumeClaim
metadata: {{name: {name}, namespace: {namespace}}}
spec: {{storageClassName: filer, accessModes: [ReadWriteMany], resources: {{requests: {{storage: {size}}}}}}}
"
        ))
        .await?;
    let typed = Instant::now();
    let bound = stage.looks.bound(claim, typed, SOON);
    stage.expect(&format!("{claim} is Bound"), bound).await
}

/// Writes bytes, over version 3: the client writes nothing long over version 4.
async fn write_bytes(stage: &Stage, volume: &Volume, file: &str, bytes: &[u8]) -> Result<()> {
    let nfs = filer(stage)?.client(NfsVersion::V3);
    let path = format!("{}/{file}", volume.path);
    told::command(&format!(
        "head -c {}M /dev/urandom > {file}; nfs-cp {file} '{}'",
        bytes.len() / MIB,
        nfs.url(&path)?
    ));
    nfs.write(&path, bytes).await
}

/// So many MiB, no two blocks of which are alike.
fn noise(mib: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut bytes = vec![0; mib * MIB];
    for word in bytes.chunks_exact_mut(size_of::<u64>()) {
        // Knuth's linear congruential generator.
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        word.copy_from_slice(&state.to_be_bytes());
    }
    bytes
}
