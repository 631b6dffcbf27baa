//! Kubeconfig files: the administrator's, and those of users and service accounts.

use std::path::Path;

use anyhow::{Context as _, Result};
use kube::config::{
    AuthInfo, Cluster, Context, KubeConfigOptions, Kubeconfig, NamedAuthInfo, NamedCluster, NamedContext,
};

use crate::certificates::{Certificates, Identity};

/// The kubeconfig of a client certificate. It names files, so it stays right when they are read anew.
pub(crate) fn for_certificate(port: u16, certificates: &Certificates, identity: &Identity) -> Kubeconfig {
    let cluster = Cluster {
        server: Some(format!("https://127.0.0.1:{port}")),
        certificate_authority: Some(certificates.authority().display().to_string()),
        ..Cluster::default()
    };
    let user = AuthInfo {
        client_certificate: Some(identity.certificate.display().to_string()),
        client_key: Some(identity.key.display().to_string()),
        ..AuthInfo::default()
    };
    assemble(cluster, user)
}

/// The same cluster, used by somebody else.
pub(crate) fn for_user(admin: &Kubeconfig, user: AuthInfo) -> Result<Kubeconfig> {
    Ok(assemble(current_cluster(admin)?, user))
}

/// The same cluster and credentials, acting as `name`, a member of `groups`.
pub(crate) fn impersonating(admin: &Kubeconfig, name: &str, groups: &[&str]) -> Result<Kubeconfig> {
    let user = current_context(admin)?
        .user
        .context("the kubeconfig's context names no user")?;
    let found = admin
        .auth_infos
        .iter()
        .find(|info| info.name == user)
        .and_then(|info| info.auth_info.clone());
    let mut user = found.context("the kubeconfig's user is not in it")?;
    user.impersonate = Some(name.to_owned());
    // Every authenticated user is in this group, and an impersonated one is in no other group than those named.
    let groups = groups.iter().copied().chain(["system:authenticated"]);
    user.impersonate_groups = Some(groups.map(str::to_owned).collect());
    for_user(admin, user)
}

pub(crate) fn write(kubeconfig: &Kubeconfig, path: &Path) -> Result<()> {
    // JSON is YAML, and every reader of kubeconfigs takes it.
    let text = serde_json::to_vec_pretty(kubeconfig)?;
    let draft = path.with_extension("draft");
    std::fs::write(&draft, text).with_context(|| format!("writing {}", draft.display()))?;
    std::fs::rename(&draft, path).with_context(|| format!("writing {}", path.display()))
}

/// A client for a kubeconfig. It belongs to the async runtime in which it is made.
pub(crate) async fn client(kubeconfig: Kubeconfig) -> Result<kube::Client> {
    let mut config = kube::Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await?;
    // A proxy from the environment is for the outside; the cluster's own servers are on loopback.
    if config.cluster_url.host() == Some("127.0.0.1") {
        config.proxy_url = None;
    }
    Ok(kube::Client::try_from(config)?)
}

fn assemble(cluster: Cluster, user: AuthInfo) -> Kubeconfig {
    let name = || "tombolo-devcluster".to_owned();
    let context = Context {
        cluster: name(),
        user: Some(name()),
        ..Context::default()
    };
    Kubeconfig {
        api_version: Some("v1".into()),
        kind: Some("Config".into()),
        clusters: vec![NamedCluster {
            name: name(),
            cluster: Some(cluster),
            ..NamedCluster::default()
        }],
        auth_infos: vec![NamedAuthInfo {
            name: name(),
            auth_info: Some(user),
            ..NamedAuthInfo::default()
        }],
        contexts: vec![NamedContext {
            name: name(),
            context: Some(context),
            ..NamedContext::default()
        }],
        current_context: Some(name()),
        ..Kubeconfig::default()
    }
}

fn current_context(kubeconfig: &Kubeconfig) -> Result<Context> {
    let current = kubeconfig
        .current_context
        .as_ref()
        .context("the kubeconfig has no current context")?;
    let found = kubeconfig.contexts.iter().find(|context| &context.name == current);
    found
        .and_then(|context| context.context.clone())
        .context("the kubeconfig's current context is not in it")
}

fn current_cluster(kubeconfig: &Kubeconfig) -> Result<Cluster> {
    let name = current_context(kubeconfig)?.cluster;
    let found = kubeconfig.clusters.iter().find(|cluster| cluster.name == name);
    found
        .and_then(|cluster| cluster.cluster.clone())
        .context("the kubeconfig's cluster is not in it")
}
