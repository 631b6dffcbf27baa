//! Act 3: the example of Kubernetes' documentation: a snapshot restored in another namespace, by a grant of its owner; and the same
//! without the API server's alpha gate.
//!
//! The manifests of the claims and grants are those that the documentation prints (`tests/acceptance/datasource`), unchanged. The
//! snapshot-controller is the unmodified one. Continue in [`granting`] (steps 1 to 4) and [`after`] (5 to 7).

mod after;
mod granting;

use super::looks::Claim;
use super::{Act, Step};
use crate::cluster::external;

const MANIFESTS: &str = "tests/acceptance/datasource";

/// What is kept in `prod`, and the claim of the documentation that is restored from it.
const DATA: Claim = Claim {
    namespace: "prod",
    name: "data",
};
const RESTORED: Claim = Claim {
    namespace: "dev",
    name: "example-pvc",
};
/// A claim that comes too late.
const LATE: Claim = Claim {
    namespace: "dev",
    name: "late",
};
/// A claim that goes the other way, and the documentation's claim for a populator.
const UNGATED: Claim = Claim {
    namespace: "prod",
    name: "ungated",
};
const POPULATED: Claim = Claim {
    namespace: "default",
    name: "populated-pvc",
};
const SNAPSHOT: &str = "new-snapshot-demo";
const FILE: &str = "orders.csv";
/// Written when the snapshot is taken.
const LATER: &str = "refunds.csv";
const ORDERS: &str = "1,paid";

pub(super) const ACT: Act = Act {
    title: "a snapshot of one namespace, restored in another",
    objects: &[
        "namespace/ns1",
        "namespace/dev",
        "namespace/prod",
        "storageclass/example",
    ],
    cannot,
    steps: &[
        Step {
            who: "admin",
            does: "offers the class `example`, and snapshots of its volumes",
            play: |stage| Box::pin(granting::offer(stage)),
        },
        Step {
            who: "owner",
            does: "has data in `prod`, and takes a snapshot of it",
            play: |stage| Box::pin(granting::take(stage)),
        },
        Step {
            who: "consumer",
            does: "claims a volume in `dev` with the data of that snapshot, without a grant",
            play: |stage| Box::pin(granting::ask(stage)),
        },
        Step {
            who: "owner",
            does: "grants it",
            play: |stage| Box::pin(granting::grant(stage)),
        },
        Step {
            who: "owner",
            does: "takes the grant back, and deletes snapshot and claim",
            play: |stage| Box::pin(after::withdraw(stage)),
        },
        Step {
            who: "consumer",
            does: "names a source in another namespace as on a cluster without the gate: by an object, not by a field",
            play: |stage| Box::pin(after::ungated(stage)),
        },
        Step {
            who: "consumer",
            does: "claims a volume whose kind of source is a populator's",
            play: |stage| Box::pin(after::populated(stage)),
        },
    ],
};

fn cannot() -> Option<String> {
    external().map(|_| "the cluster of E2E_KUBECONFIG has what gates and snapshot-controller it has".to_owned())
}
