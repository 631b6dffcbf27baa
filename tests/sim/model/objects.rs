//! What the product decides on what a controller of the model has seen.

use super::Seen;
use serde_json::json;
use std::collections::BTreeMap;
use tombolo::api::names;
use tombolo::domain::access::{Access, AccessModes, MountMode, OnRevoke};
use tombolo::domain::backend::{Backend, Health, Limits};
use tombolo::domain::claim::Claim;
use tombolo::domain::class::Class;
use tombolo::domain::ids::{BackendName, ClaimKey, ClaimUid, ClassName, Namespace, PvName, VolumeId};
use tombolo::domain::pv::Pv;
use tombolo::domain::record::Usage;
use tombolo::domain::reference::{Reference, ReferenceKey, ReferenceKind};
use tombolo::domain::token::{JoinNote, Token};
use tombolo::plan::Action;
use tombolo::plan::handshake::{self, Handshake};
use tombolo::plan::volume::{self, LiveVolume, TokenClaim};
use tombolo_backend_api::{BackendId, Capabilities};

/// A request that a decision asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Op {
    CreateMember(u8),
    TakeToken(u8),
    DeletePv,
    Discard,
    Unprotect,
}

const CLAIMS: [(u8, &str); 2] = [(1, "one"), (2, "two")];

fn bit(uid: &ClaimUid) -> u8 {
    CLAIMS.iter().find(|(_, name)| *name == uid.as_str()).unwrap().0
}

fn note(claim: &str) -> JoinNote {
    JoinNote {
        claim: ClaimKey::new(claim, "data"),
        access: Access::ReadWrite,
        via: "VolumeReference".into(),
        on_revoke: OnRevoke::Keep,
        modes: AccessModes::parse(&["ReadWriteMany"]),
        class: ClassName::new("gold"),
        mount: MountMode::Kubelet,
        source_uid: ClaimUid::new("owner"),
    }
}

fn owner_pv(seen: &Seen) -> Option<Pv> {
    let pv = seen.pv?;
    let tokens: Vec<_> = CLAIMS
        .iter()
        .filter(|(bit, _)| pv.tokens & bit != 0)
        .map(|(_, uid)| *uid)
        .collect();
    let finalizers = tokens.iter().map(|uid| Token::joining(ClaimUid::new(*uid)).finalizer());
    let mut annotations = BTreeMap::from([
        (
            names::ANNOTATION_PROVISIONED_BY.to_owned(),
            names::PROVISIONER.to_owned(),
        ),
        (names::ANNOTATION_HANDLE.to_owned(), "root:pvc-owner".to_owned()),
        (names::ANNOTATION_ON_DELETE.to_owned(), "delete".to_owned()),
        (names::ANNOTATION_ON_OWNER_DELETE.to_owned(), "Detach".to_owned()),
        (names::ANNOTATION_ACCESS.to_owned(), "ReadWrite".to_owned()),
    ]);
    annotations.extend(
        tokens
            .iter()
            .map(|uid| (Token::joining(ClaimUid::new(*uid)).finalizer(), note(uid).to_text())),
    );
    let object = json!({
        "metadata": {
            "name": "pvc-owner", "uid": "pv", "resourceVersion": pv.version.to_string(),
            "finalizers": finalizers.chain([names::FINALIZER_VOLUME.to_owned()]).collect::<Vec<_>>(),
            "annotations": annotations,
            "labels": {names::LABEL_VOLUME: "pvc-owner", names::LABEL_ROLE: "owner", names::LABEL_BACKEND: "nas"},
            "deletionTimestamp": pv.terminating.then_some("1970-01-01T00:00:00Z"),
        },
        "spec": {
            "claimRef": {"namespace": "owner", "name": "data", "uid": "owner"}, "storageClassName": "gold",
            "capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteMany"], "persistentVolumeReclaimPolicy": "Delete",
        },
        "status": {"phase": if seen.owner_lives { "Bound" } else { "Released" }},
    });
    Pv::of(&serde_json::from_value(object).unwrap())
}

fn claim(namespace: &str, annotation: (&str, &str), volume: Option<&str>) -> Claim {
    let object = json!({
        "metadata": {"namespace": namespace, "name": "data", "uid": namespace, "resourceVersion": "1",
            "annotations": {format!("{}{}", names::PREFIX, annotation.0): annotation.1}},
        "spec": {"storageClassName": "gold", "accessModes": ["ReadWriteMany"], "resources": {"requests": {"storage": "1Gi"}},
            "volumeName": volume},
        "status": {"phase": if volume.is_some() { "Bound" } else { "Pending" }},
    });
    Claim::of(&serde_json::from_value(object).unwrap()).unwrap()
}

fn owner_claim() -> Claim {
    claim("owner", (names::claim::SHARE_TO, "*"), Some("pvc-owner"))
}

fn class() -> Class {
    let object = json!({
        "metadata": {"name": "gold"}, "provisioner": names::PROVISIONER, "parameters": {"backend": "nas"},
    });
    Class::of(&serde_json::from_value(object).unwrap()).unwrap()
}

fn backend() -> Backend {
    Backend {
        name: BackendName::new("nas"),
        labels: BTreeMap::new(),
        health: Health::Ready(BackendId::parse("root").unwrap()),
        asked: true,
        capabilities: Capabilities {
            share: true,
            ..Capabilities::default()
        },
        limits: Limits::default(),
        free: None,
        imports: Default::default(),
        node: None,
        used: Usage::default(),
        used_by_namespace: Usage::default(),
    }
}

/// Whether the handshake lets a claim put its token.
pub fn admits(seen: &Seen) -> bool {
    let source = ClaimKey::new("owner", "data");
    let key = ReferenceKey {
        kind: ReferenceKind::Volume,
        namespace: Namespace::new("one"),
        name: "r".into(),
    };
    let reference = Reference::new(key, false, Some("owner"), Some("data"), Access::ReadWrite);
    // The claim is read before the volume: whether it still lives when that is read does not show.
    let pv = owner_pv(&Seen {
        owner_lives: true,
        ..*seen
    });
    handshake::examine(&Handshake {
        claim: &claim("one", (names::claim::SHARE_FROM, &source.to_string()), None),
        class: Some(&class()),
        namespace_labels: &BTreeMap::new(),
        references: &[reference],
        source: seen.owner_lives.then(owner_claim).as_ref(),
        grants: &[],
        source_namespace_terminating: false,
        source_pv: pv.as_ref(),
        backend: Some(&backend()),
    })
    .verdict
    .is_ok()
}

/// What is decided about the volume, without a ledger to lean on.
pub fn decide(seen: &Seen) -> Vec<Op> {
    let status = |(bit, uid): &(u8, &str)| {
        let token = Token::joining(ClaimUid::new(*uid));
        let claim = match (seen.served & bit != 0, seen.live & bit != 0) {
            (true, _) => TokenClaim::Served,
            (false, true) => TokenClaim::Waiting,
            (false, false) => TokenClaim::Gone,
        };
        seen.pv.is_some_and(|pv| pv.tokens & bit != 0).then_some((token, claim))
    };
    let plan = volume::decide(&LiveVolume {
        copies: Default::default(),
        volume: VolumeId::new("pvc-owner"),
        twins: false,
        pv: owner_pv(seen),
        tokens: CLAIMS.iter().filter_map(status).collect(),
        owners: seen.owner_lives.then(owner_claim).into_iter().collect(),
        members: CLAIMS
            .iter()
            .filter(|(bit, _)| seen.members & bit != 0)
            .map(|(_, uid)| PvName::new(format!("pvc-{uid}")))
            .collect(),
        record: None,
        backend: Some(backend()),
    });
    plan.actions.iter().filter_map(request).collect()
}

fn request(action: &Action) -> Option<Op> {
    match action {
        Action::CreatePv(pv) => Some(Op::CreateMember(bit(&pv.claim.uid))),
        Action::TakeToken { token, .. } => Some(Op::TakeToken(bit(&token.claim))),
        Action::DeletePv(_) => Some(Op::DeletePv),
        Action::Discard { .. } => Some(Op::Discard),
        Action::Unprotect { .. } => Some(Op::Unprotect),
        Action::Record(_) | Action::Note(_) | Action::Tell(_) => None,
        other => panic!("nothing in the model asks for {other}"),
    }
}
