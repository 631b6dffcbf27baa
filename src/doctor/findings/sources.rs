//! What copies, shares by grant, and snapshots need of others.

use super::super::examine::{Look, Seen};
use super::Finding;
use crate::api::names;
use crate::observe::optional::Foreign;
use crate::observe::project::{GRANTS, POPULATORS, snapshots};

const KIND: &str = "kind";
const GATE: &str = "gate";
const SNAPSHOTS: &str = "snapshots";
const VALIDATOR: &str = "validator";

pub(super) fn of(seen: &Seen) -> Vec<Finding> {
    let mut found: Vec<Finding> = seen
        .foreign
        .iter()
        .map(|(kind, served)| Finding::from(KIND, served, |version| of_kind(*kind, version.as_deref())))
        .collect();
    found.push(Finding::from(GATE, &seen.gate, |on| gate(*on)));
    found.push(Finding::from(VALIDATOR, &seen.validators, |there| validator(there)));
    let served = |of: Foreign| {
        seen.foreign
            .iter()
            .any(|(kind, served)| *kind == of && matches!(served, Look::Saw(Some(_))))
    };
    if served(snapshots::CLASSES) {
        found.push(Finding::from(SNAPSHOTS, &seen.snapshot_classes, |count| {
            classes(*count)
        }));
    }
    found
}

fn of_kind(kind: Foreign, version: Option<&str>) -> Finding {
    match version {
        Some(version) => Finding::passed(KIND, format!("{} of {} is served as {version}", kind.kind, kind.group)),
        None => Finding::absent(
            KIND,
            format!("{} of {} is not served: {}", kind.kind, kind.group, without(kind)),
        ),
    }
}

fn without(kind: Foreign) -> &'static str {
    if kind == GRANTS {
        "nothing is copied into another namespace by its owner's grant, nor shared by one"
    } else if kind == POPULATORS {
        "no populator can be registered, and claims for one are told so"
    } else {
        "there are no snapshots, and no restoring from them"
    }
}

fn validator(there: &[String]) -> Finding {
    if there.is_empty() {
        return Finding::passed(VALIDATOR, "no other validator of data sources has a Lease");
    }
    Finding::absent(
        VALIDATOR,
        format!(
            "the volume-data-source-validator has a Lease in {}: start the controller with --validator=false, or claims whose data source \
             nobody serves are told twice",
            there.join(", ")
        ),
    )
}

fn gate(on: Option<bool>) -> Finding {
    let instead = format!(
        "sources in other namespaces are named by a {}",
        names::CROSS_NAMESPACE_SOURCE
    );
    match on {
        Some(true) => Finding::passed(GATE, "the API server takes a namespace in dataSourceRef"),
        Some(false) => Finding::absent(
            GATE,
            format!(
                "the API server drops a dataSourceRef with a namespace (CrossNamespaceVolumeDataSource is off): {instead}"
            ),
        ),
        None => Finding::absent(
            GATE,
            format!("the API server knows no gate CrossNamespaceVolumeDataSource: {instead}"),
        ),
    }
}

fn classes(count: usize) -> Finding {
    match count {
        0 => Finding::absent(
            SNAPSHOTS,
            format!(
                "no VolumeSnapshotClass has the driver {}: no snapshot is taken of our volumes",
                names::PROVISIONER
            ),
        ),
        1 => Finding::passed(SNAPSHOTS, "1 VolumeSnapshotClass is ours"),
        count => Finding::passed(SNAPSHOTS, format!("{count} VolumeSnapshotClasses are ours")),
    }
}
