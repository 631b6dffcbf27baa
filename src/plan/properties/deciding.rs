//! What is decided about a claim of a generated scene.

use super::arbitrary::ClaimScene;
use crate::domain::populator::Registration;
use crate::domain::served::Served;
use crate::plan::claim::{self, ForClaim};
use crate::plan::copy::ForCopy;
use crate::plan::copy::consent::Agreeing;
use crate::plan::handshake::{self, Handshake};
use crate::plan::{Plan, testing};

pub(super) fn decide(s: &ClaimScene) -> Plan {
    let labels = testing::labels(&[("tier", "gold")]);
    let handshake = Handshake {
        claim: &s.claim,
        class: s.class.as_ref(),
        namespace_labels: &labels,
        references: &s.references,
        source: s.source.as_ref(),
        grants: &s.grants,
        source_namespace_terminating: s.going,
        source_pv: s.source_pv.as_ref(),
        backend: s.backends.first(),
    };
    claim::decide(&ForClaim {
        copy: testing::asked_source(&s.claim).map(|named| ForCopy {
            named: Some(named),
            agreeing: Agreeing {
                grants: &s.grants,
                served: Served::Yes,
                references: &s.references,
                owner: s.source.as_ref(),
                of: None,
                volume: None,
            },
            source: s.source.as_ref(),
            source_pv: s.source_pv.as_ref(),
            owner_pv: None,
            owner: None,
            restore: None,
            outgrown: s.outgrown,
        }),
        promised: s.promised,
        claim: &s.claim,
        class: s.class.as_ref(),
        own_pv: s.own_pv.as_ref(),
        other_pv: s.other_pv.as_ref(),
        record: s.record.as_ref(),
        registration: registration(s),
        backends: &s.backends,
        handshake: handshake::wanted(&s.claim).map(|_| handshake),
        live: s.live,
    })
}

/// Whatever nothing else of the scene depends on.
const fn registration(s: &ClaimScene) -> Registration {
    match (s.going, s.outgrown) {
        (false, false) => Registration::Unregistered,
        (false, true) => Registration::Unknown,
        (true, false) => Registration::NotInstalled,
        (true, true) => Registration::Registered,
    }
}
