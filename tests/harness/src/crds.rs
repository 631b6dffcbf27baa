//! The CRDs of other projects, taken from their Go modules and kept in the cache beside the binaries.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use crate::{directories, go_build};

/// CRDs that belong together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CrdSet {
    /// VolumeSnapshot, VolumeSnapshotContent and VolumeSnapshotClass of kubernetes-csi.
    Snapshots,
    /// ReferenceGrant of the Gateway API, versions v1 and v1beta1.
    ReferenceGrants,
}

impl CrdSet {
    /// Every set.
    pub const ALL: [Self; 2] = [Self::Snapshots, Self::ReferenceGrants];

    /// The directory with the manifests; downloads them the first time.
    pub fn ensure(self) -> Result<PathBuf> {
        let directory = directories::control_plane_cache()?.join("crds").join(self.name());
        if directory.is_dir() {
            return Ok(directory);
        }
        let _lock = directories::lock(&directories::cache()?.join("build.lock"))?;
        if !directory.is_dir() {
            self.copy_to(&directory)
                .with_context(|| format!("getting the CRDs of {}", self.name()))?;
        }
        Ok(directory)
    }

    fn name(self) -> &'static str {
        match self {
            Self::Snapshots => "snapshots",
            Self::ReferenceGrants => "reference-grants",
        }
    }

    /// The CRD whose presence means that the set is installed.
    pub(crate) fn witness(self) -> &'static str {
        match self {
            Self::Snapshots => "volumesnapshots.snapshot.storage.k8s.io",
            Self::ReferenceGrants => "referencegrants.gateway.networking.k8s.io",
        }
    }

    fn copy_to(self, directory: &Path) -> Result<()> {
        let (source, names): (PathBuf, &[&str]) = match self {
            Self::Snapshots => {
                let module = "github.com/kubernetes-csi/external-snapshotter/client/v8";
                go_build::go(&["mod", "download", module])?;
                let names = &[
                    "snapshot.storage.k8s.io_volumesnapshotclasses.yaml",
                    "snapshot.storage.k8s.io_volumesnapshotcontents.yaml",
                    "snapshot.storage.k8s.io_volumesnapshots.yaml",
                ];
                (
                    Path::new(&go_build::go(&["list", "-m", "-f", "{{.Dir}}", module])?).join("config/crd"),
                    names,
                )
            }
            Self::ReferenceGrants => {
                // Not a dependency of anything that is built, so go.mod does not know its version.
                let answer = go_build::go(&["mod", "download", "-json", "sigs.k8s.io/gateway-api@v1.6.3"])?;
                let answer: serde_json::Value = serde_json::from_str(&answer)?;
                let module = answer
                    .get("Dir")
                    .and_then(|dir| dir.as_str())
                    .context("go named no directory")?;
                let names = &["gateway.networking.k8s.io_referencegrants.yaml"];
                (Path::new(module).join("config/crd/standard"), names)
            }
        };
        let draft = directory.with_extension("draft");
        std::fs::create_dir_all(&draft)?;
        for name in names {
            // Modules are read-only; a copy of the text is not.
            let text = std::fs::read(source.join(name)).with_context(|| format!("reading {name}"))?;
            std::fs::write(draft.join(name), text)?;
        }
        Ok(std::fs::rename(&draft, directory)?)
    }
}
