//! The README's story by hand, replayed: its very lines, in a shell, on a cluster of its own.
//!
//! What a person looks at between two lines is looked at here, too, by functions that the shell has besides.

use std::process::Stdio;
use std::time::Duration;

use tombolo_harness::Cluster;

use crate::world::{World, cannot};

/// The whole story on a busy machine.
const PATIENCE: Duration = Duration::from_secs(300);

/// `make` and `cargo` as the story uses them: the cluster is there, and so is the program. And what a person would wait to see.
const PRELUDE: &str = r#"
set -eu
trap 'kill $(jobs -p); wait' EXIT
make() { :; }
cargo() {
  shift 2
  case $1 in
    run) exec timeout 400 "$TOMBOLO" "$@" ;;
    *) "$TOMBOLO" "$@" ;;
  esac
}
bound() { "$KUBECTL" wait --for=jsonpath='{.status.phase}'=Bound "pvc/$2" -n "$1" --timeout=90s; }
soft_deleted() { "$KUBECTL" wait --for=jsonpath='{.status.phase}'=SoftDeleted sharedvolumes --all --timeout=90s; }
gone() { "$KUBECTL" wait --for=delete "$1" --all --timeout=90s; }
"#;

/// Lines of the story, by how they begin, and what a person waits for after each.
const LOOKS: [(&str, &str); 4] = [
    (
        "$KUBECTL apply -f deploy/examples/storageclass.yaml",
        "bound primary primary-pvc",
    ),
    (
        "$KUBECTL apply -f deploy/examples/admin.yaml",
        "bound secondary secondary-pvc; bound reporting figures",
    ),
    ("$KUBECTL delete namespace primary", "soft_deleted"),
    (
        "$KUBECTL delete -f deploy/examples/consumer.yaml",
        "gone pv; gone sharedvolumes",
    ),
];

/// The block of commands below the heading.
fn story() -> String {
    let readme = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap();
    let (_, section) = readme.split_once("\n## By hand\n").unwrap();
    let (_, block) = section.split_once("```bash\n").unwrap();
    block.split_once("```\n").unwrap().0.to_owned()
}

/// The story with looks between its lines; each look stands where it should exactly once.
fn script() -> String {
    let mut script = PRELUDE.to_owned();
    let mut looked = 0;
    for line in story().lines() {
        script.push_str(line);
        script.push('\n');
        if let Some((_, look)) = LOOKS.iter().find(|(begin, _)| line.starts_with(begin)) {
            script.push_str(look);
            script.push('\n');
            looked += 1;
        }
    }
    assert_eq!(looked, LOOKS.len(), "the story has other lines by now:\n{script}");
    script
}

#[tokio::test]
async fn the_story_of_the_readme_can_be_repeated_by_hand() {
    if cannot("the_story_of_the_readme_can_be_repeated_by_hand") {
        return;
    }
    let cluster = Cluster::start(World::options()).await.unwrap();
    // Where the story is played: the files that it names, and the cluster that `make cluster` would have started.
    let place = cluster.directory().join("by-hand");
    std::fs::create_dir_all(place.join("target/devcluster")).unwrap();
    std::os::unix::fs::symlink(concat!(env!("CARGO_MANIFEST_DIR"), "/deploy"), place.join("deploy")).unwrap();
    cluster.env().write(&place.join("target/devcluster/env")).unwrap();

    let mut shell = tokio::process::Command::new("bash");
    shell
        .args(["-c", &script()])
        .current_dir(&place)
        .env("TOMBOLO", env!("CARGO_BIN_EXE_tombolo"))
        .env("TOMBOLO_LISTEN", "127.0.0.1:0")
        .env("NO_COLOR", "1")
        .stdin(Stdio::null())
        .kill_on_drop(true);
    let output = tokio::time::timeout(PATIENCE, shell.output()).await.unwrap().unwrap();
    let (said, log) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert!(output.status.success(), "{}\n{said}\n{log}", output.status);
    // `explain` says which check fails, while it does.
    assert!(said.contains("Verdict  ReferenceMissing: "), "{said}\n{log}");
    let volumes = cluster
        .kubectl(&["get", "pv,sharedvolumes", "-o", "name"])
        .await
        .unwrap();
    assert!(volumes.trim().is_empty(), "{volumes}");
}
