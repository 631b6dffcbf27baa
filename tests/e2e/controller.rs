//! Controllers of this build, and what their logs say of a story.

use std::time::Duration;

use tombolo_harness::{Cluster, Controller, ControllerOptions};

use crate::world::shared_controller;

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

/// Runs another command of the same program, and answers what it says; it must succeed.
pub async fn said(arguments: &[&str]) -> String {
    let output = shared_controller().await.command(arguments).await.unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{arguments:?}: {text}{output:?}");
    text
}

/// The same for a command that is refused: why.
pub async fn refused(arguments: &[&str]) -> String {
    let output = shared_controller().await.command(arguments).await.unwrap();
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success(), "{arguments:?}: {output:?}");
    text
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
