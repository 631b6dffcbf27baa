//! A backend without room: who waits is told so, deleting works, and makes room.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::json;
use tombolo::api::storage_backend::StorageBackend;
use tombolo_harness::report_skipped;
use tombolo_harness::wait::Look;

use crate::draft::claim;
use crate::see::name_of;
use crate::world::{World, cannot};

/// A file system with room for a few files, which goes with the test.
struct Small(PathBuf);

impl Small {
    fn mount(at: PathBuf) -> Result<Self, String> {
        std::fs::create_dir_all(&at).map_err(|e| e.to_string())?;
        let mut mount = Command::new("mount");
        mount
            .args(["-t", "tmpfs", "-o", "size=1m,nr_inodes=20", "tmpfs"])
            .arg(&at);
        let output = mount.output().map_err(|e| e.to_string())?;
        if output.status.success() {
            return Ok(Self(at));
        }
        Err(String::from_utf8_lossy(&output.stderr).into_owned())
    }

    /// Takes all the room that is left, as a pod would that has `directory` mounted.
    fn fill(&self, directory: &Path) {
        let more = |n| std::fs::File::create_new(directory.join(format!("file-{n}")));
        let files = (0..100).take_while(|n| more(*n).and_then(|mut file| file.write_all(b"")).is_ok());
        let files = files.count();
        assert!((1..100).contains(&files), "{files} files");
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

#[tokio::test]
async fn on_a_full_disk_claims_wait_and_deleting_makes_room() {
    let story = "on_a_full_disk_claims_wait_and_deleting_makes_room";
    if cannot(story) {
        return;
    }
    let mut w = World::shared("full").await;
    let small = match Small::mount(w.cluster.directory().join(&w.id)) {
        Ok(small) => small,
        Err(why) => return report_skipped(story, &why),
    };
    let backend = json!({
        "apiVersion": "tombolo.dev/v1alpha1", "kind": "StorageBackend", "metadata": {"name": w.id},
        "spec": {"local": {"path": small.0, "node": "node-1"}, "trashRetention": "0s"},
    });
    w.create::<StorageBackend>(w.all(), backend).await;
    w.backend_is(&w.id, "Ready", "True").await;
    w.storage_class(&w.id, json!({"parameters": {"backend": w.id}})).await;
    w.class = w.id.clone();
    let ns = w.namespace("primary").await;
    let (_, first) = w.bound_claim(&ns, claim("first")).await;
    let directory = small.0.join(name_of(&first));
    small.fill(&directory);

    w.claim(&ns, claim("second")).await;
    w.held(&ns, "second", "BackendUnavailable", "no room left").await;

    w.delete(&w.claims(&ns), "first").await;
    w.gone(&w.pvs(), name_of(&first)).await;
    let trash = small.0.join(".tombolo/trash");
    w.until("the trash to be empty", async || {
        let left: Vec<_> = std::fs::read_dir(&trash)?
            .flatten()
            .map(|entry| entry.file_name())
            .collect();
        Ok(Look::holds(left.is_empty() && !directory.exists(), left))
    })
    .await;
    let (_, second) = w.bound(&ns, "second").await;
    // The root goes with the story, and nothing is left behind that looks for it.
    w.delete(&w.claims(&ns), "second").await;
    w.gone(&w.pvs(), name_of(&second)).await;
    let backends = w.all::<StorageBackend>();
    w.delete(&backends, &w.id).await;
    w.gone(&backends, &w.id).await;
}
