//! Act 1: one volume, two namespaces, by consent; and what remains of it when its owner goes.
//!
//! The manifests of both claims and of the reference are those that people have (`tests/acceptance/sharing`), unchanged. Continue in
//! [`asking`] (steps 1 to 4), [`consent`] (5 and 6) and [`ending`] (7 to 9).

mod asking;
mod consent;
mod ending;

use super::looks::Claim;
use super::{Act, Step};

const MANIFESTS: &str = "tests/acceptance/sharing";

/// The owner's claim, and the consumer's that asks for its volume.
const PRIMARY: Claim = Claim {
    namespace: "primary",
    name: "primary-pvc",
};
const SECONDARY: Claim = Claim {
    namespace: "secondary",
    name: "secondary-pvc",
};
const FILE: &str = "hello.txt";
const GREETING: &str = "hello from primary";

/// A claim that nobody thought of sharing when it was made, and the one that asks for it.
const LEDGERS: Claim = Claim {
    namespace: "primary",
    name: "old-ledgers",
};
const READER: Claim = Claim {
    namespace: "secondary",
    name: "ledgers-of-primary",
};
const OLD_FILE: &str = "1999.csv";
const OLD_LINE: &str = "1999,all in order";

/// A namespace that nobody shares with.
const STRANGER: &str = "stranger";

pub(super) const ACT: Act = Act {
    title: "one volume, two namespaces, by consent",
    objects: &[
        "namespace/secondary",
        "namespace/stranger",
        "namespace/primary",
        "storageclass/trident",
        "storagebackend/nas1",
        "crd/sharedvolumes.tombolo.dev",
        "crd/storagebackends.tombolo.dev",
        "crd/volumereferences.tombolo.dev",
        "crd/tridentvolumereferences.trident.netapp.io",
    ],
    cannot: || None,
    steps: &[
        Step {
            who: "admin",
            does: "installs Tombolo, points it at an NFS server and offers the class `trident`",
            play: |stage| Box::pin(asking::install(stage)),
        },
        Step {
            who: "owner",
            does: "claims a volume, and allows the namespace `secondary` to share it",
            play: |stage| Box::pin(asking::own(stage)),
        },
        Step {
            who: "consumer",
            does: "asks for the owner's volume, without a reference",
            play: |stage| Box::pin(asking::ask(stage)),
        },
        Step {
            who: "consumer",
            does: "gets a reference, first as a blog printed it (it names no existing claim), then the right one",
            play: |stage| Box::pin(asking::refer(stage)),
        },
        Step {
            who: "others",
            does: "try to get in: a user without the role, and a namespace that is not on the owner's list",
            play: |stage| Box::pin(consent::keep_out(stage)),
        },
        Step {
            who: "owner",
            does: "shares a claim that was not made for it, by annotating it in place",
            play: |stage| Box::pin(consent::annotate(stage)),
        },
        Step {
            who: "owner",
            does: "deletes the claim, and then the whole namespace `primary`",
            play: |stage| Box::pin(ending::owner_leaves(stage)),
        },
        Step {
            who: "on-call",
            does: "kills the controller and loses its ledger; somebody makes a typing error",
            play: |stage| Box::pin(ending::crash(stage)),
        },
        Step {
            who: "consumer",
            does: "deletes the last claims on the volumes",
            play: |stage| Box::pin(ending::consumer_leaves(stage)),
        },
    ],
};

#[cfg(test)]
mod tests {
    use sha2::{Digest as _, Sha256};

    /// They are evidence as long as nobody tidies them.
    #[test]
    fn the_manifests_are_those_that_people_have() {
        let directory = crate::directories::repository().unwrap().join("tests/acceptance");
        let sums = std::fs::read_to_string(directory.join("SHA256SUMS")).unwrap();
        for line in sums.lines() {
            let (sum, name) = line.split_once("  ").unwrap();
            let digest = Sha256::digest(std::fs::read(directory.join(name)).unwrap());
            let found: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
            assert_eq!(found, sum, "{name}");
        }
        assert_eq!(sums.lines().count(), 11);
    }
}
