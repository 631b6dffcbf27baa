//! Controllers of this build, and what their logs say of a story.

use std::time::Duration;

use tombolo_harness::{Cluster, Controller, ControllerOptions};

/// Options of a controller of this very build.
pub fn options(name: &str) -> ControllerOptions {
    ControllerOptions::default()
        .named(name)
        .with_program(env!("CARGO_BIN_EXE_tombolo"))
        .flag("--log=info,tombolo=debug")
}

/// Starts a controller that believes it is alone, and waits until it works.
pub async fn alone(cluster: &Cluster, name: &str) -> Controller {
    Controller::launch(cluster, options(name)).await.unwrap()
}

/// Asks a controller to end, and sees that it does, and without an error.
pub async fn ends_well(controller: &Controller) {
    let status = controller.stop(Duration::from_secs(30)).await.unwrap();
    assert!(status.success(), "{status}: {}", controller.last_words());
}

/// The last lines of the logs of all controllers of a cluster that speak of `what`, or of trouble.
pub fn last_words(cluster: &Cluster, what: &str) -> String {
    let telling = |line: &&str| line.contains(what) || line.contains(" WARN tombolo") || line.contains(" ERROR ");
    let mut said = String::new();
    let controllers = cluster.directory().join("controllers");
    for entry in std::fs::read_dir(controllers).into_iter().flatten().flatten() {
        let log = std::fs::read(entry.path().join("logs/tombolo.log")).unwrap_or_default();
        let text = String::from_utf8_lossy(&log).into_owned();
        let lines: Vec<_> = text.lines().filter(telling).collect();
        let last = lines[lines.len().saturating_sub(30)..].join("\n");
        said += &format!("{} on {what:?}:\n{last}\n", entry.file_name().display());
    }
    said
}
