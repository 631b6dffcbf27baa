//! Backends, and the classes that lead to them.

use super::super::examine::{INLINE_NFS, Look, Seen};
use super::Finding;
use crate::api::conditions::{READY, Status};
use crate::api::names;
use crate::api::reasons::BackendReason;
use crate::api::storage_backend::StorageBackend;
use crate::domain::access::MountMode;
use crate::domain::class::Class;
use kube::ResourceExt;

const BACKEND: &str = "backend";
const CLASS: &str = "class";
const POLICY: &str = "policy";

pub(super) fn of(seen: &Seen) -> Vec<Finding> {
    // What a controller wrote that does not run any more is no news.
    let led = !matches!(&seen.lease, Look::Saw(Some(held)) if !held.renewed);
    let mut found = match &seen.backends {
        Look::Saw(all) if all.is_empty() => vec![Finding::absent(
            BACKEND,
            "there is no StorageBackend: nothing can be made",
        )],
        Look::Saw(all) => all.iter().map(|of| backend(of, led)).collect(),
        Look::Unseen(why) => vec![Finding::unknown(BACKEND, why)],
    };
    match &seen.classes {
        Look::Saw(all) if all.is_empty() => {
            let text = format!("no StorageClass has the provisioner {}", names::PROVISIONER);
            found.push(Finding::absent(CLASS, text));
        }
        Look::Saw(all) => found.extend(all.iter().map(|of| class(of, seen))),
        Look::Unseen(why) => found.push(Finding::unknown(CLASS, why)),
    }
    found.extend(inline_nfs(seen));
    found
}

/// Whoever may create pods reaches every volume of an NFS server unless a policy refuses it: SECURITY.md.
fn inline_nfs(seen: &Seen) -> Option<Finding> {
    if matches!(&seen.backends, Look::Saw(all) if all.iter().all(|object| object.spec.local.is_some())) {
        return None;
    }
    let open = "pods may mount whole NFS servers past all consent";
    Some(Finding::from(POLICY, &seen.inline_nfs, |actions| match actions {
        Some(actions) if actions.iter().any(|action| action == "Deny") => {
            Finding::passed(POLICY, "pods with an inline nfs volume are refused")
        }
        Some(_) => Finding::absent(
            POLICY,
            format!("{open}: the policy {INLINE_NFS} only warns; the component deny-inline-nfs makes it refuse them"),
        ),
        None => Finding::absent(
            POLICY,
            format!("{open}: the policy {INLINE_NFS} of deploy/kustomize is not installed"),
        ),
    }))
}

fn backend(object: &StorageBackend, led: bool) -> Finding {
    let name = object.name_any();
    let conditions = object.status.iter().flat_map(|status| &status.conditions);
    match conditions.into_iter().find(|c| c.type_ == READY) {
        Some(ready) if ready.status == Status::True.as_str() && !led => {
            Finding::unknown(BACKEND, format!("{name} was ready when a controller last looked"))
        }
        Some(ready) if ready.status == Status::True.as_str() => Finding::passed(BACKEND, format!("{name} is ready")),
        Some(ready) => {
            let known = BackendReason::ALL.iter().find(|known| known.as_str() == ready.reason);
            let next = known.map_or_else(
                || format!("Run: tombolo explain storagebackend {name}"),
                |known| known.next_step().to_owned(),
            );
            Finding::failed(BACKEND, format!("{name}: {}: {}", ready.reason, ready.message), next)
        }
        None => Finding::failed(
            BACKEND,
            format!("{name}: the controller has not looked at it yet"),
            "Look whether the controller runs, and leads.",
        ),
    }
}

fn class(class: &Class, seen: &Seen) -> Finding {
    let name = &class.name;
    let parameters = match &class.parameters {
        Ok(parameters) => parameters,
        Err(why) => {
            let next = "Make the class again: parameters of a StorageClass cannot be changed.";
            return Finding::failed(CLASS, format!("{name}: {why}"), next);
        }
    };
    let all = match &seen.backends {
        Look::Saw(all) => all,
        Look::Unseen(why) => return Finding::unknown(CLASS, format!("{name}: {why}")),
    };
    let meant = |object: &StorageBackend| parameters.backend.means(&object.name_any(), object.labels());
    if !all.iter().any(meant) {
        let text = format!("{name}: there is no StorageBackend {}", parameters.backend);
        let next = "Make such a StorageBackend, or make the class again with another.";
        return Finding::failed(CLASS, text, next);
    }
    match (parameters.mount, &seen.driver) {
        (MountMode::Csi, Look::Saw(false)) => Finding::failed(
            CLASS,
            format!(
                "{name}: its volumes are mounted by a node plugin, and there is no CSIDriver {}",
                names::PROVISIONER
            ),
            "Install the component deploy/kustomize/components/csi.",
        ),
        (MountMode::Csi, Look::Unseen(why)) => Finding::unknown(CLASS, format!("{name}: {why}")),
        (MountMode::Csi, Look::Saw(true)) | (MountMode::Kubelet, _) => {
            Finding::passed(CLASS, format!("{name} can be used"))
        }
    }
}
