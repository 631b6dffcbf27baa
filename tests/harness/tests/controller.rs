//! The handle on a controller: ended in every way, started again, and gone with its cluster.
//!
//! The program is a script here, so that the handle is tested and not the product.

#![allow(clippy::unwrap_used, reason = "functions that only tests call are tests too")]

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tombolo_harness::wait::{Look, until};
use tombolo_harness::{Cluster, ClusterOptions, Controller, ControllerOptions};

const SOON: Duration = Duration::from_secs(30);

/// Says what it is asked for, keeps a ledger, and ends with 3 when it is told to end.
const SCRIPT: &str = r#"#!/bin/sh
if [ "$1" = run ]; then
    mkdir -p "$(echo "$3" | sed s/--data-dir=//)"
    trap 'echo told to end; exit 3' TERM
    echo "working with $*"
    while :; do sleep 0.05; done
fi
echo "asked to $*"
"#;

fn script(directory: &Path) -> PathBuf {
    let path = directory.join("script");
    std::fs::write(&path, SCRIPT).unwrap();
    std::fs::set_permissions(&path, Permissions::from_mode(0o755)).unwrap();
    path
}

async fn logged(controller: &Controller, times: usize) {
    until("the script to work", SOON, async || {
        let log = controller.log_text();
        Ok(Look::holds(log.matches("working with").count() == times, log))
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn a_controller_is_ended_and_started_again_and_ends_with_its_cluster() {
    let cluster = Cluster::start(ClusterOptions::default()).await.unwrap();
    let options = ControllerOptions::default().with_program(script(cluster.directory()));
    let controller = Controller::prepare(&cluster, options.clone()).await.unwrap();
    assert!(!controller.is_alive());
    assert!(controller.ended(SOON).await.is_err(), "it was never started");

    controller.spawn().unwrap();
    logged(&controller, 1).await;
    assert!(
        controller
            .log_text()
            .contains("--leader-election=false --trident-references=true")
    );
    assert!(controller.spawn().is_err(), "one process per controller");
    assert!(controller.forget_ledger().is_err(), "its ledger is in use");
    assert!(
        Controller::prepare(&cluster, options.clone()).await.is_err(),
        "its name is taken"
    );
    assert_eq!(controller.stop(SOON).await.unwrap().code(), Some(3));
    assert!(controller.log_text().ends_with("told to end\n"));

    controller.spawn().unwrap();
    logged(&controller, 2).await;
    controller.kill().await.unwrap();
    assert_eq!(controller.ended(SOON).await.unwrap().signal(), Some(9));
    assert!(controller.data_dir().exists());
    controller.forget_ledger().unwrap();
    assert!(!controller.data_dir().exists());

    let said = controller.command(&["explain"]).await.unwrap();
    assert!(
        String::from_utf8(said.stdout)
            .unwrap()
            .starts_with("asked to explain --kubeconfig=")
    );

    let other = Controller::prepare(&cluster, options.named("other").detached())
        .await
        .unwrap();
    other.spawn().unwrap();
    let process = other.process().unwrap();
    drop(other);
    assert!(process.is_alive());
    cluster.stop().await.unwrap();
    assert!(!process.is_alive());
}
