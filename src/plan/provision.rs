//! A volume of its own for a claim: which backend, and the steps.
//!
//! Looks at the claim, its class and the backends. Must never run for a claim that asked for anything else than an empty
//! volume; see `plan::claim`.

use super::{Action, NewPv, Plan, Refusal, Verdict};
use crate::api::reasons::ClaimReason as R;
use crate::domain::access::{Access, MountMode};
use crate::domain::backend::Backend;
use crate::domain::change::Change;
use crate::domain::claim::Claim;
use crate::domain::class::{Class, Parameters};
use crate::domain::ids::{Handle, VolumeId};
use crate::domain::record::{Intent, Record, State, Terms};
use std::collections::BTreeMap;
use tombolo_backend_api::VolumePath;

/// What provisioning looks at.
#[derive(Debug, Clone)]
pub struct Provisioning<'a> {
    /// The claim.
    pub claim: &'a Claim,
    /// Its class.
    pub class: &'a Class,
    /// What the ledger knows of its volume: there is a record if an earlier attempt began.
    pub record: Option<&'a Record>,
    /// All backends.
    pub backends: &'a [Backend],
}

/// Plans a new volume.
pub fn plan(p: &Provisioning<'_>) -> Plan {
    steps(p).map_or_else(|stopped| stopped, Plan::finally)
}

/// What a class says, if all of it is understood.
pub(super) fn parameters(class: &Class) -> Result<&Parameters, Refusal> {
    class.parameters.as_ref().map_err(|why| {
        Refusal::new(
            R::InvalidParameters,
            format!("StorageClass {}: {why}; ask your admin", class.name),
        )
    })
}

/// What a new volume of a class has to be told, and how large it is.
pub(super) fn asked<'a>(claim: &Claim, class: &'a Class) -> Result<(&'a Parameters, u64), Refusal> {
    let parameters = parameters(class)?;
    if claim.block {
        return Err(Refusal::new(
            R::AccessModeMismatch,
            "block devices are not served by this class; set volumeMode: Filesystem",
        ));
    }
    let unread = || Refusal::new(R::InvalidParameters, "the claim's requested size cannot be read");
    Ok((parameters, claim.request.ok_or_else(unread)?))
}

/// Nothing is made in the place of a volume that is going.
pub(super) fn not_going(record: Option<&Record>) -> Result<(), Refusal> {
    let going = |r: &Record| r.state == State::Deleting || matches!(r.intent, Some(Intent::Discard { .. }));
    if record.is_some_and(going) {
        let text = "the volume that was made for this claim is being deleted; delete the claim and make it again";
        return Err(Refusal::new(R::ProvisioningFailed, text));
    }
    Ok(())
}

/// What a class asks of mounting, against what its backend's volumes are: a `hostPath` volume with mount options binds, and then no
/// pod that uses it starts; and the node plugin mounts NFS only.
pub(super) fn mountable(class: &Class, mount: MountMode, backend: &Backend) -> Result<(), Refusal> {
    mounted_by(class, mount, backend)?;
    if backend.node.is_some() && !class.mount_options.is_empty() {
        let text = format!(
            "StorageClass {}: directories of a node take no mountOptions; ask your admin",
            class.name
        );
        return Err(Refusal::new(R::InvalidParameters, text));
    }
    Ok(())
}

/// Whether there is a way to mount a backend's volumes in this mode.
pub(super) fn mounted_by(class: &Class, mount: MountMode, backend: &Backend) -> Result<(), Refusal> {
    if backend.node.is_some() && mount == MountMode::Csi {
        let text = format!(
            "StorageClass {}: mount: csi is for NFS, and its storage backend is a directory of a node; ask your admin to make the class \
             again with mount: kubelet",
            class.name
        );
        return Err(Refusal::new(R::InvalidParameters, text));
    }
    Ok(())
}

fn steps(p: &Provisioning<'_>) -> Result<Vec<Action>, Plan> {
    let claim = p.claim;
    let (parameters, bytes) = asked(claim, p.class)?;
    not_going(p.record)?;
    let backend = match p.record {
        Some(record) => recorded(record, p.backends)?,
        None => choose(claim, p.class, parameters, bytes, p.backends)?,
    };
    mountable(p.class, parameters.mount, backend)?;
    let volume = VolumeId::from(&claim.uid.pv_name());
    let handle = match p.record {
        Some(record) => record.handle.clone(),
        None => fresh_handle(backend, &volume)?,
    };
    let owner = claim.reference();
    let record = Record {
        volume: volume.clone(),
        backend: backend.name.clone(),
        handle: handle.clone(),
        owner: owner.clone(),
        bytes,
        terms: Terms {
            policy: p.class.policy,
            on_delete: parameters.on_delete,
            on_owner_delete: parameters.on_owner_delete,
            mount: parameters.mount,
        },
        mount_options: p.class.mount_options.clone(),
        members: BTreeMap::new(),
        state: State::Creating,
        intent: Some(Intent::Create),
    };
    let pv = NewPv {
        name: claim.uid.pv_name(),
        claim: owner.clone(),
        volume: volume.clone(),
        backend: backend.name.clone(),
        handle: handle.clone(),
        class: p.class.name.clone(),
        bytes,
        modes: claim.modes,
        policy: p.class.policy,
        mount_options: p.class.mount_options.clone(),
        mount: parameters.mount,
        access: Access::ReadWrite,
        on_delete: parameters.on_delete,
        on_owner_delete: parameters.on_owner_delete,
        joined: None,
        node_affinity: None,
    };
    let done = format!("Successfully provisioned volume {}", pv.name);
    Ok(vec![
        Action::Record(vec![Change::Begin(record)]),
        Action::tell(
            &owner,
            R::Provisioning,
            format!("Provisioning a volume of class {}", p.class.name),
        ),
        Action::MakeData {
            backend: backend.name.clone(),
            handle,
            bytes,
        },
        Action::CreatePv(Box::new(pv)),
        Action::Note(vec![
            Change::Settle {
                volume: volume.clone(),
                intent: Intent::Create,
            },
            Change::SetState {
                volume,
                state: State::Live,
            },
        ]),
        Action::tell(&owner, R::ProvisioningSucceeded, done),
    ])
}

pub(super) fn away() -> Refusal {
    Refusal::new(
        R::BackendUnavailable,
        "the storage backend of this class cannot be used now; this claim goes on when it can",
    )
}

pub(super) fn going() -> Refusal {
    Refusal::new(
        R::BackendUnavailable,
        "the storage backend of this class is being deleted and takes nothing new; ask your admin for another class, and make the claim \
         again with that",
    )
}

/// A volume that was begun stays where it was begun: a second one elsewhere would leave the first behind. It is finished even if
/// somebody deletes the backend by now, which waits for what it has: were it refused, each would wait for the other for ever.
fn recorded<'a>(record: &Record, backends: &'a [Backend]) -> Result<&'a Backend, Refusal> {
    let same = |b: &&Backend| b.name == record.backend && b.id() == Some(&record.handle.backend);
    backends.iter().find(same).ok_or_else(away)
}

/// Whether pods of the node that the scheduler chose can use the backend.
pub(super) fn reaches(backend: &Backend, claim: &Claim) -> bool {
    match (&backend.node, &claim.selected_node) {
        (Some(node), Some(selected)) => node == selected,
        (None, _) | (_, None) => true,
    }
}

/// The backends that the class means.
pub(super) fn wanted<'a>(parameters: &Parameters, backends: &'a [Backend]) -> Vec<&'a Backend> {
    let wanted = |b: &&Backend| parameters.backend.means(b.name.as_str(), &b.labels);
    backends.iter().filter(wanted).collect()
}

fn choose<'a>(
    claim: &Claim,
    class: &Class,
    parameters: &Parameters,
    bytes: u64,
    backends: &'a [Backend],
) -> Result<&'a Backend, Plan> {
    let (wanted, unmountable): (Vec<_>, Vec<_>) = wanted(parameters, backends)
        .into_iter()
        .partition(|b| mountable(class, parameters.mount, b).is_ok());
    if let ([], [one, ..]) = (&wanted[..], &unmountable[..]) {
        mountable(class, parameters.mount, one)?;
    }
    if !wanted.is_empty() && wanted.iter().all(|b| b.is_terminating()) {
        return Err(going().into());
    }
    let mut candidates: Vec<&Backend> = wanted.into_iter().filter(|b| b.ready().is_some()).collect();
    if candidates.is_empty() {
        return Err(away().into());
    }
    candidates.retain(|b| reaches(b, claim));
    if candidates.is_empty() {
        return Err(elsewhere(claim));
    }
    candidates.sort_by(|a, b| b.room().cmp(&a.room()).then_with(|| a.name.cmp(&b.name)));
    let mut refusal = None;
    for candidate in candidates {
        match candidate.refuses_volume(&claim.key.namespace, bytes) {
            None => return Ok(candidate),
            Some(text) => refusal = refusal.or(Some(Refusal::new(R::LimitReached, text))),
        }
    }
    Err(refusal.unwrap_or_else(away).into())
}

/// The scheduler chose a node whose pods cannot use any of the backends. As sig-storage-lib-external-provisioner does
/// (`ProvisioningReschedule`), its choice is taken back, by which it knows that it has to choose again.
pub(super) fn elsewhere(claim: &Claim) -> Plan {
    let node = claim.selected_node.as_deref().unwrap_or_default();
    let text = format!(
        "the storage of this class is not on node {node}, which was chosen for the pod; the scheduler is asked to choose again. If that \
         goes on, ask your admin for allowedTopologies in the class"
    );
    Plan {
        actions: vec![Action::Reschedule {
            claim: claim.reference(),
            version: claim.version.clone(),
        }],
        verdict: Verdict::Refused(Refusal::new(R::BackendUnavailable, text)),
    }
}

fn fresh_handle(backend: &Backend, volume: &VolumeId) -> Result<Handle, Refusal> {
    let id = backend.ready().ok_or_else(away)?;
    let path = VolumePath::parse(volume.as_str())
        .map_err(|_| Refusal::new(R::InternalError, "the volume's name is no path component"))?;
    Ok(Handle {
        backend: id.clone(),
        path,
    })
}

#[cfg(test)]
mod tests;
