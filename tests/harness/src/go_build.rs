//! Building the control plane from Go modules, the long step of a first run.
//!
//! A finished binary is renamed into the cache, so the cache never has half of one. Callers hold the build lock.

use std::collections::VecDeque;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use crate::binaries::on_path;
use crate::directories;
use crate::progress::Progress;

/// Without these kubectl refuses to compare its version with the server's.
const LINKER_FLAGS: &str = "-s -w -X k8s.io/component-base/version.gitVersion=v1.36.3 \
    -X k8s.io/component-base/version.gitMajor=1 -X k8s.io/component-base/version.gitMinor=36";

/// A program of the control plane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tool {
    Etcd,
    KubeApiserver,
    Kubectl,
    KubeControllerManager,
    SnapshotController,
}

impl Tool {
    /// In the order in which building them takes the least time.
    pub(crate) const ALL: [Self; 5] = [
        Self::Etcd,
        Self::KubeApiserver,
        Self::Kubectl,
        Self::KubeControllerManager,
        Self::SnapshotController,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Etcd => "etcd",
            Self::KubeApiserver => "kube-apiserver",
            Self::Kubectl => "kubectl",
            Self::KubeControllerManager => "kube-controller-manager",
            Self::SnapshotController => "snapshot-controller",
        }
    }

    fn package(self) -> &'static str {
        match self {
            Self::Etcd => "go.etcd.io/etcd/server/v3",
            Self::KubeApiserver => "k8s.io/kubernetes/cmd/kube-apiserver",
            Self::Kubectl => "k8s.io/kubernetes/cmd/kubectl",
            Self::KubeControllerManager => "k8s.io/kubernetes/cmd/kube-controller-manager",
            Self::SnapshotController => "github.com/kubernetes-csi/external-snapshotter/v8/cmd/snapshot-controller",
        }
    }

    /// Measured on two cores with an empty build cache, in the order of [`Tool::ALL`].
    fn usual_seconds(self) -> u64 {
        match self {
            Self::Etcd => 55,
            Self::KubeApiserver => 309,
            Self::Kubectl => 31,
            Self::KubeControllerManager => 101,
            Self::SnapshotController => 9,
        }
    }
}

/// Builds `tools` into `cache`.
pub(crate) fn build(tools: &[Tool], cache: &Path) -> Result<()> {
    if tools.is_empty() {
        return Ok(());
    }
    let go = find_go()?;
    let mut progress = Progress::new("control plane", tools.iter().map(|tool| tool.usual_seconds()).sum());
    for (index, tool) in tools.iter().enumerate() {
        let step = format!("building {} ({} of {})", tool.name(), index + 1, tools.len());
        build_one(&go, *tool, cache, |elapsed, packages| {
            progress.show(
                elapsed.min(tool.usual_seconds()),
                &format!("{step}, {packages} packages compiled"),
            );
        })
        .with_context(|| format!("building {}", tool.name()))?;
        progress.advance(tool.usual_seconds());
    }
    progress.finish(&format!("built into {}", cache.display()));
    Ok(())
}

fn build_one(go: &Path, tool: Tool, cache: &Path, mut show: impl FnMut(u64, usize)) -> Result<()> {
    let draft = cache.join(format!(".{}.draft", tool.name()));
    let mut child = Command::new(go)
        .current_dir(directories::go_module())
        .env("CGO_ENABLED", "0")
        .args(["build", "-v", "-trimpath", "-ldflags", LINKER_FLAGS, "-o"])
        .arg(&draft)
        .arg(tool.package())
        .stdin(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("running {}", go.display()))?;
    let said = Arc::new(Mutex::new((0_usize, VecDeque::new())));
    let stderr = child.stderr.take().context("the compiler's output")?;
    let reader = std::thread::spawn({
        let said = Arc::clone(&said);
        move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                let mut said = said.lock().unwrap_or_else(PoisonError::into_inner);
                // With -v the compiler names every package as it starts on it; everything else is talk.
                said.0 += usize::from(!line.contains(' '));
                said.1.push_back(line);
                if said.1.len() > 20 {
                    said.1.pop_front();
                }
            }
        }
    });
    let start = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        show(
            start.elapsed().as_secs(),
            said.lock().unwrap_or_else(PoisonError::into_inner).0,
        );
        std::thread::sleep(Duration::from_millis(100));
    };
    // A reader that panicked has lost output, which matters only if the build failed, and then what is left is shown.
    let _ = reader.join();
    if !status.success() {
        let said = said.lock().unwrap_or_else(PoisonError::into_inner);
        let tail: Vec<_> = said.1.iter().map(String::as_str).collect();
        bail!("`go build {}` failed ({status}):\n{}", tool.package(), tail.join("\n"));
    }
    std::fs::rename(&draft, cache.join(tool.name()))?;
    Ok(())
}

/// Runs a `go` command in the module and returns its output.
pub(crate) fn go(arguments: &[&str]) -> Result<String> {
    let output = Command::new(find_go()?)
        .current_dir(directories::go_module())
        .args(arguments)
        .output()?;
    if !output.status.success() {
        bail!(
            "`go {}` failed: {}",
            arguments.join(" "),
            String::from_utf8_lossy(&output.stderr)
        );
    }
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}

fn find_go() -> Result<PathBuf> {
    // Where the official archive is unpacked; new shells often lack it in their PATH.
    let usual = Path::new("/usr/local/go/bin/go");
    on_path("go")
        .or_else(|| usual.is_file().then(|| usual.to_owned()))
        .context(
            "Go was not found, and it is needed once, to build the control plane for the tests and the demo.\n\
         Do one of these:\n\
         * install Go 1.26 or newer (https://go.dev/dl/) and put its bin directory on the PATH;\n\
         * set KUBEBUILDER_ASSETS to a directory with etcd, kube-apiserver, kube-controller-manager, kubectl and \
         snapshot-controller;\n\
         * set E2E_KUBECONFIG to the kubeconfig of a cluster that may be used for tests.",
        )
}
