//! Backends, and the classes that lead to them.

use super::super::examine::{Look, Seen};
use super::Finding;
use crate::api::conditions::{READY, Status};
use crate::api::names;
use crate::api::reasons::BackendReason;
use crate::api::storage_backend::StorageBackend;
use crate::domain::access::MountMode;
use crate::domain::class::{BackendChoice, Class};
use kube::ResourceExt;

const BACKEND: &str = "backend";
const CLASS: &str = "class";

pub(super) fn of(seen: &Seen) -> Vec<Finding> {
    let mut found = match &seen.backends {
        Look::Saw(all) if all.is_empty() => vec![Finding::absent(
            BACKEND,
            "there is no StorageBackend: nothing can be made",
        )],
        Look::Saw(all) => all.iter().map(backend).collect(),
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
    found
}

fn backend(object: &StorageBackend) -> Finding {
    let name = object.name_any();
    let conditions = object.status.iter().flat_map(|status| &status.conditions);
    match conditions.into_iter().find(|c| c.type_ == READY) {
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
    if let (BackendChoice::Named(backend), Look::Saw(all)) = (&parameters.backend, &seen.backends)
        && !all.iter().any(|object| object.name_any() == backend.as_str())
    {
        let next = format!("Make the StorageBackend {backend}, or make the class again with another.");
        return Finding::failed(CLASS, format!("{name}: there is no StorageBackend {backend}"), next);
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
