//! A glance that says "quiet" where a decision would act is an omission: every combination of what both look at.

use super::*;
use crate::domain::claim::Claim;
use crate::domain::record::Intent;
use crate::plan::testing::{self, GI, backend, id, member_pv, pv, pv_name, record, uid};
use crate::plan::volume::{LiveVolume, TokenClaim};
use crate::plan::{member, volume};
use std::collections::{BTreeMap, BTreeSet};

const OWNER: &str = "prod/data";
const MEMBER: &str = "team/data";
const PHASES: [PvPhase; 5] = [
    PvPhase::Pending,
    PvPhase::Available,
    PvPhase::Bound,
    PvPhase::Released,
    PvPhase::Failed,
];
const POLICIES: [ReclaimPolicy; 3] = [ReclaimPolicy::Delete, ReclaimPolicy::Retain, ReclaimPolicy::Recycle];

/// A PersistentVolume in every state.
fn objects(healthy: &Pv) -> Vec<Option<Pv>> {
    let mut all = vec![None];
    for (phase, policy) in PHASES
        .into_iter()
        .flat_map(|phase| POLICIES.map(|policy| (phase, policy)))
    {
        for (intact, terminating) in [(true, false), (false, false), (true, true), (false, true)] {
            let pv = healthy.clone().phase(phase).policy(policy).ours(|o| o.intact = intact);
            let pv = pv.with(|pv| pv.terminating = terminating);
            all.extend([
                Some(pv.clone().token(MEMBER)),
                Some(pv.clone().bound_to("prod/other")),
                Some(pv.clone().with(|pv| pv.claim = None)),
                Some(pv.clone().with(|pv| pv.capacity = 20 * GI)),
                Some(pv.clone().ours(|o| o.promised = Some(20 * GI))),
                Some(pv),
            ]);
        }
    }
    all
}

/// A record in every state.
fn records() -> Vec<Option<Record>> {
    let intents = [None, Some(Intent::Create), Some(Intent::Join { pv: pv_name(MEMBER) })];
    let mut all = vec![None];
    for state in [State::Creating, State::Live, State::SoftDeleted, State::Deleting] {
        for intent in &intents {
            let mut record = record(OWNER).state(state);
            record.intent = intent.clone();
            all.extend([Some(record.clone().member(MEMBER)), Some(record)]);
        }
    }
    all
}

/// A claim in every state, or none.
fn users(name: &str) -> Vec<Vec<Claim>> {
    let claim = || testing::claim(name);
    vec![
        vec![],
        vec![claim()],
        vec![claim().bound()],
        vec![claim().bound().terminating()],
        vec![claim().bound_to("pvc-another")],
        vec![claim().lost()],
    ]
}

#[test]
fn a_volume_that_looks_quiet_is_left_alone() {
    let (mut quiet, mut all) = (0, 0);
    for (object, record) in objects(&pv(OWNER))
        .iter()
        .flat_map(|o| records().into_iter().map(move |r| (o, r)))
    {
        for owners in users(OWNER) {
            let used = owners.iter().any(|claim| !claim.is_bound_elsewhere(&pv_name(OWNER)));
            all += 1;
            if !volume_is_quiet(&id(OWNER), object.as_ref(), record.as_ref(), used) {
                continue;
            }
            quiet += 1;
            for members in [BTreeSet::new(), BTreeSet::from([pv_name(MEMBER)])] {
                let tokens = object.iter().flat_map(|pv| pv.tokens.keys().cloned());
                let view = LiveVolume {
                    copies: Default::default(),
                    volume: id(OWNER),
                    twins: false,
                    pv: object.clone(),
                    tokens: tokens
                        .map(|token| (token, TokenClaim::Waiting))
                        .collect::<BTreeMap<_, _>>(),
                    owners: owners.clone(),
                    members,
                    record: record.clone(),
                    backend: Some(backend("nas1")),
                };
                let plan = volume::decide(&view);
                assert_eq!(plan.actions, [], "{view:#?}");
            }
        }
    }
    assert!(quiet > 0 && quiet < all, "{quiet} of {all}");
}

#[test]
fn a_member_that_looks_quiet_is_left_alone() {
    let (mut quiet, mut all) = (0, 0);
    let mine = member_pv(MEMBER, OWNER);
    for (object, record) in objects(&mine)
        .iter()
        .flat_map(|o| records().into_iter().map(move |r| (o, r)))
    {
        all += 1;
        if !member_is_quiet(&pv_name(MEMBER), object.as_ref(), Some(&id(OWNER)), record.as_ref()) {
            continue;
        }
        quiet += 1;
        for claims in users(MEMBER) {
            // kube-controller-manager lets go of a volume whose claim is bound to another one, and its phase shows that.
            if claims
                .iter()
                .any(|claim| claim.is_bound_elsewhere(&uid(MEMBER).pv_name()))
            {
                continue;
            }
            let view = member::LiveMember {
                name: pv_name(MEMBER),
                pv: object.clone(),
                claims,
                volume: Some(id(OWNER)),
                record: record.clone(),
            };
            let plan = member::decide(&view);
            assert_eq!(plan.actions, [], "{view:#?}");
        }
    }
    assert!(quiet > 0 && quiet < all, "{quiet} of {all}");
}
