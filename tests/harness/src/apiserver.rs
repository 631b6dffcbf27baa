//! kube-apiserver: with RBAC, client certificates and service account tokens, as a production cluster has them.

use std::time::Duration;

use anyhow::{Context as _, Result};

use crate::audit::Audit;
use crate::binaries::Binaries;
use crate::certificates::Certificates;
use crate::options::ClusterOptions;
use crate::process::{Launch, Processes};
use crate::wait::{Look, until};

pub(crate) const NAME: &str = "kube-apiserver";

pub(crate) fn start(
    processes: &Processes,
    binaries: &Binaries,
    certificates: &Certificates,
    options: &ClusterOptions,
    etcd: u16,
    port: u16,
) -> Result<()> {
    let serving = certificates.api_server();
    let mut launch = Launch::new(NAME, &binaries.kube_apiserver)
        .argument(format!("--etcd-servers=http://127.0.0.1:{etcd}"))
        .argument("--bind-address=127.0.0.1")
        .argument(format!("--secure-port={port}"))
        .argument(format!("--tls-cert-file={}", serving.certificate.display()))
        .argument(format!("--tls-private-key-file={}", serving.key.display()))
        .argument(format!("--client-ca-file={}", certificates.authority().display()))
        .argument("--service-account-issuer=https://kubernetes.default.svc")
        .argument(format!(
            "--service-account-key-file={}",
            certificates.service_account_public_key().display()
        ))
        .argument(format!(
            "--service-account-signing-key-file={}",
            certificates.service_account_key().display()
        ))
        .argument("--authorization-mode=RBAC")
        // As every cluster has it that runs node plugins.
        .argument("--allow-privileged=true")
        .argument("--service-cluster-ip-range=10.0.0.0/24")
        // Nobody reaches the API through its Service here, and a machine may have no address but loopback.
        .argument("--endpoint-reconciler-type=none")
        .argument("--advertise-address=127.0.0.1");
    if let Some(gates) = options.feature_gate_flag() {
        launch = launch.argument(gates);
    }
    if let Some(user) = &options.audited_user {
        let audit = Audit::in_directory(processes.directory());
        audit.write_policy(user)?;
        launch = launch
            .argument(format!("--audit-policy-file={}", audit.policy().display()))
            .argument(format!("--audit-log-path={}", audit.log().display()));
    }
    processes.spawn(launch)?;
    Ok(())
}

/// Waits until `/readyz` says ok.
pub(crate) async fn is_ready(processes: &Processes, client: &kube::Client) -> Result<()> {
    let look = async || {
        // An ended server answers never: the outer result ends the waiting.
        if let Err(ended) = processes.still_runs(NAME) {
            return Ok(Look::Done(Err(ended)));
        }
        Ok(readyz(client)
            .await
            .map_or_else(|error| Look::NotYet(format!("{error:#}")), |()| Look::Done(Ok(()))))
    };
    until("the API server to be ready", Duration::from_secs(120), look)
        .await
        .with_context(|| processes.last_words(NAME))?
}

pub(crate) async fn readyz(client: &kube::Client) -> Result<()> {
    client
        .request_text(http::Request::get("/readyz").body(Vec::new())?)
        .await?;
    Ok(())
}
