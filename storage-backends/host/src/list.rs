//! `list`: what there is, with what it uses where the backend can tell. Asks the backend and nothing else.

use crate::config::Config;
use tombolo_backend_api::{Backend, BackendError, Remains, VolumePath};

/// Prints everything.
pub async fn list(config: &Config) -> anyhow::Result<()> {
    let lines = async { lines(&*config.backend.look().await?.backend).await };
    // Their own words have the cause.
    let lines = lines.await.map_err(|error| anyhow::anyhow!("{error}"))?;
    lines.iter().for_each(|line| print(line));
    Ok(())
}

#[expect(clippy::print_stdout, reason = "what the command is for")]
fn print(line: &str) {
    println!("{line}");
}

/// What is printed.
pub async fn lines(backend: &dyn Backend) -> Result<Vec<String>, BackendError> {
    let mark = backend.read_mark().await?;
    let whose = mark.map_or("nobody's: it carries no mark".to_owned(), |mark| {
        format!("of backend {} of cluster {:?}", mark.backend_id, mark.cluster_id.0)
    });
    let space = backend.space().await?;
    let root = backend.root();
    let mut lines = vec![
        format!("root {}:{} {whose}", root.host, root.path),
        format!("space {} of {} bytes free", space.free, space.total),
    ];
    if let Some(quota) = backend.quota() {
        lines.push(format!(
            "pinned {} bytes of volumes that are gone",
            quota.pinned().await?
        ));
    }
    for volume in backend.list().await? {
        let used = used(backend, &volume.path).await?;
        lines.push(format!("volume {} modified {}{used}", volume.path, volume.modified));
    }
    if let Some(share) = backend.share() {
        let exports = share.exports().await?;
        lines.extend(
            exports
                .iter()
                .map(|export| format!("export {} lets through {}", export.key, export.admission.as_str())),
        );
    }
    for entry in backend.trash().await? {
        let remains = match entry.remains {
            Remains::Whole => "whole",
            Remains::Purging => "being purged",
            Remains::RecordOnly => "a record without a volume",
        };
        lines.push(format!("trash {} since {}: {remains}", entry.id, entry.since));
    }
    if let Some(snapshots) = backend.snapshots() {
        for snapshot in snapshots.list_snapshots().await? {
            let (id, of, taken, bytes) = (&snapshot.id, &snapshot.of, snapshot.taken, snapshot.bytes);
            lines.push(format!("snapshot {id} of {of} taken {taken}, {bytes} bytes to restore"));
        }
    }
    Ok(lines)
}

async fn used(backend: &dyn Backend, path: &VolumePath) -> Result<String, BackendError> {
    let Some(measure) = backend.measure() else {
        return Ok(String::new());
    };
    let used = measure.measure_volume(path).await?;
    let limit = backend.inspect(path).await?.and_then(|found| found.enforced_bytes);
    let used = used
        .map(|used| format!(", {} bytes used", used.bytes))
        .unwrap_or_default();
    let limit = limit.map(|limit| format!(" of {limit}")).unwrap_or_default();
    Ok(used + &limit)
}
