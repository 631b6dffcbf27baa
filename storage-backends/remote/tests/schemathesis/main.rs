//! Schemathesis attacks a server with the fake behind it, by the API's document: as somebody who may call, and as somebody who may not.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod install;
#[path = "../support/mod.rs"]
mod support;

use install::{Installed, installed};
use std::num::NonZeroU32;
use std::path::Path;
use std::process::Output;
use std::sync::Arc;
use std::time::Duration;
use support::{Far, Setup, TOKEN};
use tombolo_backend_api::*;
use tombolo_backend_conformance::lacking;
use tombolo_backend_fake::Fake;
use tombolo_backend_remote::server::{Bounds, Limits};

/// Longer than any run takes; one that does not end has found something.
const LONGEST: Duration = Duration::from_secs(300);

/// A fake with one of everything.
async fn stocked() -> Fake {
    let fake = Fake::default();
    let mark = Mark {
        backend_id: BackendId::parse("fuzzed").unwrap(),
        cluster_id: ClusterId("cluster".to_owned()),
    };
    fake.place_mark(&mark).await.unwrap();
    for name in ["a", "b", "gone"] {
        let volume = CreateVolume {
            path: VolumePath::parse(name).unwrap(),
            mode: 0o755,
            bytes: 1 << 20,
        };
        fake.create(&volume).await.unwrap();
        fake.write(&format!("{name}/file"), "kept");
    }
    let disposal = Disposal::Trash {
        id: TrashId::parse("t").unwrap(),
        record: serde_json::json!({ "a": 1 }),
    };
    fake.discard(&VolumePath::parse("gone").unwrap(), &disposal)
        .await
        .unwrap();
    fake
}

/// A rate that no attack reaches: the limits have tests of their own.
fn unlimited() -> Setup {
    Setup {
        bounds: Bounds {
            per_second: NonZeroU32::MAX,
            burst: NonZeroU32::MAX,
            at_once: 1024,
            ..Bounds::default()
        },
        limits: Limits {
            // It opens one after the other and closes none.
            connections: 10_000,
            per_address: 10_000,
            ..Limits::default()
        },
        ..Setup::default()
    }
}

async fn attack(tool: &Installed, far: &Far, token: &str, more: &[&str]) -> Output {
    let authority = far.file("ca.crt");
    std::fs::write(&authority, far.authority.pem()).unwrap();
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut command = tool.command();
    command
        .current_dir(far.directory.path())
        .env("SCHEMATHESIS_HOOKS", here.join("tests/schemathesis/hooks.py"))
        .arg("--config-file")
        .arg(here.join("tests/schemathesis/schemathesis.toml"))
        .arg("run")
        .arg(here.join("openapi.json"))
        .args(["--url", &far.url(), "--tls-verify"])
        .arg(&authority)
        .args(["-H", &format!("Authorization: Bearer {token}")])
        // The same cases every time: nothing by chance, and nothing kept between runs.
        .arg("--generation-deterministic")
        .args(["--max-examples", "8", "--continue-on-failure", "--no-color"])
        .args(more)
        .kill_on_drop(true);
    tokio::time::timeout(LONGEST, command.output()).await.unwrap().unwrap()
}

/// Fails with all that was found.
fn nothing_found(output: &Output) {
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{text}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(text.contains(" generated"), "was anything asked? {text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_may_call_gets_only_documented_answers_and_no_server_error() {
    let tool = match installed().await {
        Ok(tool) => tool,
        Err(why) => return lacking("schemathesis with credentials", &why),
    };
    let fake = stocked().await;
    let far = Far::with(Arc::new(fake.clone()), unlimited()).await;
    nothing_found(&attack(&tool, &far, TOKEN, &[]).await);
    assert!(
        fake.calls().len() > 100,
        "the attack did not get through: {} calls",
        fake.calls().len()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_may_not_call_changes_nothing_and_reaches_nothing() {
    let tool = match installed().await {
        Ok(tool) => tool,
        Err(why) => return lacking("schemathesis without credentials", &why),
    };
    let fake = stocked().await;
    let far = Far::with(Arc::new(fake.clone()), unlimited()).await;
    let (before, asked) = (fake.tree(), fake.take_calls().len());
    assert!(asked > 0);
    // Whoever is not recognised gets the same answer for every method.
    let checks = ["--exclude-checks", "unsupported_method", "--phases", "fuzzing"];
    nothing_found(&attack(&tool, &far, "a-wrong-token-0123456789abcdef00", &checks).await);
    assert_eq!(fake.tree(), before);
    assert_eq!(fake.calls(), [], "the backend was asked something");
}
