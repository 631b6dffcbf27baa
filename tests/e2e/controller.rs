//! The controllers of the stories: of this very build, as the administrator or with the rights of an installation.

use std::time::Duration;

use anyhow::Result;
use tombolo_harness::{Cluster, Controller, ControllerOptions};

use crate::world::shared_controller;

/// The namespace of an installation.
pub const NAMESPACE: &str = "tombolo-system";
/// How long consent has to be gone before access is cut: long enough to be told from at once, and short enough to wait for.
pub const REVOKE_GRACE: Duration = Duration::from_secs(2);
/// The service account that an installed controller is.
pub const ACCOUNT: &str = "tombolo-controller";

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

/// Starts a controller as an installed one runs: it has the rights that `deploy/` gives it and no others, leads by the Lease, and
/// is started again when it lost that.
///
/// # Errors
/// If the manifests are not accepted, or the controller does not become ready.
pub async fn as_installed(cluster: &Cluster, name: &str) -> Result<Controller> {
    for file in [
        "base/namespace.yaml",
        "base/service-account.yaml",
        "base/rbac.yaml",
        "components/trident/rbac.yaml",
        "components/trident/binding.yaml",
        "components/remote/rbac.yaml",
        "components/remote/binding.yaml",
    ] {
        let file = format!("{}/deploy/kustomize/{file}", env!("CARGO_MANIFEST_DIR"));
        cluster.kubectl(&["apply", "-f", &file]).await?;
    }
    let identity = cluster.kubeconfig_of_service_account(NAMESPACE, ACCOUNT).await?;
    let options = options(name)
        .with_kubeconfig(identity)
        .electing()
        .restarted()
        .flag(format!("--namespace={NAMESPACE}"))
        .flag(format!("--revoke-grace={}s", REVOKE_GRACE.as_secs()));
    Controller::launch(cluster, options).await
}
