//! What a cluster is started with. Two clusters with equal options are interchangeable.

use serde::{Deserialize, Serialize};

/// The choices for one cluster. The default is the bare control plane as Kubernetes ships it, with generous request limits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClusterOptions {
    /// `Name=true` or `Name=false`, given to the API server and the controller manager alike.
    pub feature_gates: Vec<String>,
    /// Requests per second which the controller manager allows itself. Kubernetes' own default is 20, which bounds
    /// binding at a few volumes a second and would hide our own speed.
    pub controller_manager_qps: u32,
    /// The burst that goes with it (Kubernetes' own default is 30).
    pub controller_manager_burst: u32,
    /// Start NFS-Ganesha as well.
    pub nfs: bool,
    /// Start a filer as well: a file system, an NFS-Ganesha before it, and `tombolo-filer`.
    pub filer: bool,
    /// Install the VolumeSnapshot CRDs and start the unmodified snapshot-controller.
    pub snapshots: bool,
    /// Install the ReferenceGrant CRD.
    pub reference_grants: bool,
    /// Let etcd flush to disk as it does in production: for benchmarks. Tests do not need it and are faster without.
    pub durable_etcd: bool,
    /// The user whose requests the API server writes into an audit log: see [`crate::Audit`].
    pub audited_user: Option<String>,
}

impl Default for ClusterOptions {
    fn default() -> Self {
        Self {
            feature_gates: Vec::new(),
            controller_manager_qps: 200,
            controller_manager_burst: 400,
            nfs: false,
            filer: false,
            snapshots: false,
            reference_grants: false,
            durable_etcd: false,
            audited_user: None,
        }
    }
}

impl ClusterOptions {
    /// Everything the harness can run, but for a filer, which not every machine can: the NFS server, the snapshot-controller and all CRDs.
    pub fn everything() -> Self {
        Self {
            nfs: true,
            snapshots: true,
            reference_grants: true,
            ..Self::default()
        }
    }

    /// With the NFS server.
    #[must_use]
    pub fn with_nfs(mut self) -> Self {
        self.nfs = true;
        self
    }

    /// With the VolumeSnapshot CRDs and the snapshot-controller.
    #[must_use]
    pub fn with_snapshots(mut self) -> Self {
        self.snapshots = true;
        self
    }

    /// With the ReferenceGrant CRD.
    #[must_use]
    pub fn with_reference_grants(mut self) -> Self {
        self.reference_grants = true;
        self
    }

    /// With one more feature gate.
    #[must_use]
    pub fn feature_gate(mut self, name: &str, enabled: bool) -> Self {
        let of_it = format!("{name}=");
        self.feature_gates.retain(|gate| !gate.starts_with(&of_it));
        self.feature_gates.push(format!("{name}={enabled}"));
        self
    }

    /// With these request limits of the controller manager.
    #[must_use]
    pub fn controller_manager_limits(mut self, qps: u32, burst: u32) -> Self {
        self.controller_manager_qps = qps;
        self.controller_manager_burst = burst;
        self
    }

    /// With an etcd that flushes every write to disk.
    #[must_use]
    pub fn with_durable_etcd(mut self) -> Self {
        self.durable_etcd = true;
        self
    }

    /// With an audit log of that user's requests.
    #[must_use]
    pub fn auditing(mut self, user: &str) -> Self {
        self.audited_user = Some(user.to_owned());
        self
    }

    pub(crate) fn feature_gate_flag(&self) -> Option<String> {
        (!self.feature_gates.is_empty()).then(|| format!("--feature-gates={}", self.feature_gates.join(",")))
    }
}
