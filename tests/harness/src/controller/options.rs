//! What a controller is started with.

use std::path::PathBuf;

use crate::process::Lifetime;

/// The choices for one controller. The default leads alone, honours TridentVolumeReference, acts as the administrator, and ends with
/// this process.
#[derive(Debug, Clone)]
pub struct ControllerOptions {
    /// Its directory in the cluster and its identity: two that run at once need two names.
    pub name: String,
    /// Whether it asks for the Lease. Without, it is ready at once after a crash, where a Lease would have to expire first.
    pub leader_election: bool,
    /// Whether it honours TridentVolumeReference.
    pub trident_references: bool,
    /// As whom it acts; the cluster's administrator if absent.
    pub kubeconfig: Option<PathBuf>,
    /// Which program; built from this repository if absent.
    pub program: Option<PathBuf>,
    /// More flags of `tombolo run`.
    pub flags: Vec<String>,
    /// What its command line begins with: whatever enters the namespaces that it is to run in.
    pub wrapper: Vec<String>,
    /// Whether it is started again when it ended because its Lease was lost, as a kubelet does. A machine that stood still for some
    /// seconds is enough for that. No other end is made good.
    pub restarted: bool,
    /// How long it lives.
    pub lifetime: Lifetime,
}

impl Default for ControllerOptions {
    fn default() -> Self {
        Self {
            name: "controller".into(),
            leader_election: false,
            trident_references: true,
            kubeconfig: None,
            program: None,
            flags: Vec::new(),
            wrapper: Vec::new(),
            restarted: false,
            lifetime: Lifetime::Owned,
        }
    }
}

impl ControllerOptions {
    /// With this name.
    #[must_use]
    pub fn named(mut self, name: &str) -> Self {
        self.name = name.to_owned();
        self
    }

    /// As a candidate for the Lease.
    #[must_use]
    pub fn electing(mut self) -> Self {
        self.leader_election = true;
        self
    }

    /// Started again when its Lease was lost.
    #[must_use]
    pub fn restarted(mut self) -> Self {
        self.restarted = true;
        self
    }

    /// Acting as somebody else.
    #[must_use]
    pub fn with_kubeconfig(mut self, kubeconfig: impl Into<PathBuf>) -> Self {
        self.kubeconfig = Some(kubeconfig.into());
        self
    }

    /// Running that program; for tests which cargo tells where it is.
    #[must_use]
    pub fn with_program(mut self, program: impl Into<PathBuf>) -> Self {
        self.program = Some(program.into());
        self
    }

    /// With one more flag.
    #[must_use]
    pub fn flag(mut self, flag: impl Into<String>) -> Self {
        self.flags.push(flag.into());
        self
    }

    /// Living on when this process ends, until its cluster is ended.
    #[must_use]
    pub fn detached(mut self) -> Self {
        self.lifetime = Lifetime::Detached;
        self
    }
}
