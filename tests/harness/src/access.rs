//! Using a cluster: clients, kubeconfigs of others, and kubectl.
//!
//! Nothing here starts or stops anything: see [`Cluster`].

use std::path::PathBuf;
use std::process::{Output, Stdio};

use anyhow::{Context as _, Result, bail};
use k8s_openapi::api::authentication::v1::{TokenRequest, TokenRequestSpec};
use k8s_openapi::api::core::v1::ServiceAccount;
use kube::api::{Api, PostParams};
use kube::config::{AuthInfo, Kubeconfig};
use tokio::io::AsyncWriteExt as _;

use crate::{Cluster, kubeconfig};

impl Cluster {
    /// A new client with the administrator's rights, without a limit of requests. It belongs to the async runtime which made
    /// it: every test makes its own.
    pub async fn client(&self) -> Result<kube::Client> {
        kubeconfig::client(self.admin()?).await
    }

    /// A client which acts as that user (impersonation). `system:authenticated` is added to the groups.
    pub async fn client_as(&self, user: &str, groups: &[&str]) -> Result<kube::Client> {
        kubeconfig::client(kubeconfig::impersonating(&self.admin()?, user, groups)?).await
    }

    /// A kubeconfig file for the same.
    pub fn kubeconfig_as(&self, user: &str, groups: &[&str]) -> Result<PathBuf> {
        self.write_kubeconfig(user, &kubeconfig::impersonating(&self.admin()?, user, groups)?)
    }

    /// A client with a token of that service account, which exists, valid for a day.
    pub async fn client_of_service_account(&self, namespace: &str, name: &str) -> Result<kube::Client> {
        kubeconfig::client(self.of_service_account(namespace, name).await?).await
    }

    /// A kubeconfig file with a token of that service account, which exists, valid for a day.
    pub async fn kubeconfig_of_service_account(&self, namespace: &str, name: &str) -> Result<PathBuf> {
        let kubeconfig = self.of_service_account(namespace, name).await?;
        self.write_kubeconfig(&format!("{namespace}-{name}"), &kubeconfig)
    }

    async fn of_service_account(&self, namespace: &str, name: &str) -> Result<Kubeconfig> {
        let accounts: Api<ServiceAccount> = Api::namespaced(self.client().await?, namespace);
        let spec = TokenRequestSpec {
            expiration_seconds: Some(24 * 60 * 60),
            ..TokenRequestSpec::default()
        };
        let request = TokenRequest {
            spec: Some(spec),
            ..TokenRequest::default()
        };
        let answer = accounts
            .create_token_request(name, &PostParams::default(), &request)
            .await;
        let answer = answer.with_context(|| format!("a token of the service account {namespace}/{name}"))?;
        let token = answer
            .status
            .and_then(|status| status.token)
            .context("the API server gave no token")?;
        kubeconfig::for_user(
            &self.admin()?,
            AuthInfo {
                token: Some(token.into()),
                ..AuthInfo::default()
            },
        )
    }

    /// Runs kubectl as the administrator and returns what it printed.
    ///
    /// # Errors
    /// When it fails; the message has what it said.
    pub async fn kubectl(&self, arguments: &[&str]) -> Result<String> {
        let output = self.kubectl_output(arguments, None).await?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            bail!(
                "`kubectl {}` failed ({}): {}",
                arguments.join(" "),
                output.status,
                said.trim()
            );
        }
        Ok(String::from_utf8(output.stdout)?)
    }

    /// Runs kubectl with this text as its input, and returns status and outputs as they are.
    pub async fn kubectl_output(&self, arguments: &[&str], input: Option<&str>) -> Result<Output> {
        let mut command = tokio::process::Command::new(&self.kubectl);
        command
            .arg("--kubeconfig")
            .arg(&self.kubeconfig)
            .args(arguments)
            .kill_on_drop(true);
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command
            .spawn()
            .with_context(|| format!("running {}", self.kubectl.display()))?;
        let mut stdin = child.stdin.take().context("kubectl's input")?;
        let input = input.unwrap_or_default().to_owned();
        // Written beside reading the output, since a pipe holds only so much; kubectl may end without reading.
        let writer = tokio::spawn(async move { stdin.write_all(input.as_bytes()).await });
        let output = child.wait_with_output().await?;
        let _ = writer.await?;
        Ok(output)
    }

    /// Applies manifests, as a text of one or more YAML documents.
    pub async fn apply(&self, manifests: &str) -> Result<()> {
        let output = self.kubectl_output(&["apply", "-f", "-"], Some(manifests)).await?;
        if !output.status.success() {
            bail!(
                "`kubectl apply` failed: {}",
                String::from_utf8_lossy(&output.stderr).trim()
            );
        }
        Ok(())
    }

    fn admin(&self) -> Result<Kubeconfig> {
        Kubeconfig::read_from(&self.kubeconfig).with_context(|| format!("reading {}", self.kubeconfig.display()))
    }

    fn write_kubeconfig(&self, user: &str, kubeconfig: &Kubeconfig) -> Result<PathBuf> {
        let directory = self.directory.join("kubeconfigs");
        std::fs::create_dir_all(&directory)?;
        let path = directory.join(user.replace(['/', ':'], "-"));
        kubeconfig::write(kubeconfig, &path)?;
        Ok(path)
    }
}
