//! Exports, whoever uses them and whatever is known of their consent.

use super::arbitrary::{access, pv_of};
use super::beside::{consents, cut};
use crate::domain::access::OnRevoke;
use crate::domain::cut::Cut;
use crate::domain::ids::PvName;
use crate::domain::pv::Pv;
use crate::plan::exports::{Change, ForExports, Member, Terms, User, actions, change, decide};
use crate::plan::{Action, rules, testing};
use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tombolo_backend_api::{Admission, BackendId, ExportKey, Tenant, VolumePath};

const GRACE: Duration = Duration::from_secs(30);

fn admission() -> impl Strategy<Value = Admission> {
    select(vec![Admission::Cut, Admission::ReadOnly, Admission::Full])
}

fn member() -> impl Strategy<Value = User> {
    let written = option::weighted(0.3, cut());
    let consent = option::weighted(0.8, consents());
    (pv_of("team/app"), written, consent, 0u64..60, any::<bool>()).prop_map(|(pv, cut, consent, age, known)| {
        let pv = pv.with(|pv| pv.ours.iter_mut().for_each(|ours| ours.cut = cut.clone()));
        User::Member(Member {
            pv: Arc::new(pv),
            claim: known.then(|| testing::claim_ref("team/app")),
            consent,
            age: Duration::from_secs(age),
        })
    })
}

fn user() -> impl Strategy<Value = User> {
    prop_oneof![
        6 => member(),
        1 => pv_of("prod/data").prop_map(|pv| User::Owner(Arc::new(pv))),
        1 => Just(User::Unseen),
    ]
}

fn export() -> impl Strategy<Value = ExportKey> {
    (select(vec!["team", "prod"]), access()).prop_map(|(tenant, access)| ExportKey {
        path: VolumePath::parse("pvc-prod-data").unwrap(),
        tenant: Tenant::parse(tenant).unwrap(),
        access,
    })
}

fn terms() -> impl Strategy<Value = Terms> {
    prop::bool::weighted(0.9).prop_map(|revokes| Terms { revokes, grace: GRACE })
}

fn written(pv: &Pv) -> Option<&Cut> {
    pv.ours.as_ref()?.cut.as_ref()
}

fn cuts(pv: &Pv) -> bool {
    pv.joined().is_some_and(|joined| joined.on_revoke == OnRevoke::Cut)
}

/// Whether what is known of a user is a reason to let through no more than this.
fn ended(user: &User, to: Admission) -> bool {
    let User::Member(member) = user else { return false };
    let left = member.consent.and_then(|consent| consent.ended()).map(|(left, _)| left);
    let old = |left| member.age >= GRACE || written(&member.pv).is_some_and(|cut| cut.left <= left);
    cuts(&member.pv) && left.is_some_and(|left| left.admission() <= to && old(left))
}

/// Whether what is known of a user is a reason to let through this much.
fn may(user: &User, to: Admission) -> bool {
    match user {
        User::Owner(_) => true,
        User::Member(member) if !cuts(&member.pv) => true,
        User::Member(member) => match member.consent {
            Some(crate::plan::consent::Consent::Given) => true,
            Some(consent) => consent.ended().is_some_and(|(left, _)| left.admission() >= to),
            None => false,
        },
        User::Unseen => false,
    }
}

/// Once it was carried out.
fn after(users: &[User], steps: &[Action]) -> Vec<User> {
    let noted = |name: &PvName| {
        let of = |action: &Action| match action {
            Action::NoteCut { pv, cut, .. } if pv == name => Some(cut.clone()),
            _ => None,
        };
        steps.iter().rev().find_map(of)
    };
    let mut users = users.to_vec();
    for user in &mut users {
        if let User::Member(member) = user
            && let Some(cut) = noted(&member.pv.name)
        {
            let pv = (*member.pv)
                .clone()
                .with(|pv| pv.ours.iter_mut().for_each(|ours| ours.cut = cut.clone()));
            member.pv = Arc::new(pv);
        }
    }
    users
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn access_is_taken_only_from_those_who_all_lost_consent_and_given_only_to_one_who_has_it(
        key in export(), users in vec(user(), 1..4), from in admission(), terms in terms(),
    ) {
        let change = change(&key, &users, Some(from), terms);
        if change.to < from {
            prop_assert!(terms.revokes && users.iter().all(|user| ended(user, change.to)));
        }
        if change.to > from {
            prop_assert!(!terms.revokes || users.iter().any(|user| may(user, change.to)));
        }
    }

    #[test]
    fn what_is_carried_out_keeps_the_rules_and_leaves_nothing_to_do(
        key in export(), user in user(), from in option::weighted(0.9, admission()), terms in terms(),
    ) {
        let users = vec![user];
        let root = BackendId::parse(testing::ROOT).unwrap();
        let made = change(&key, &users, from, terms);
        let steps = actions(&made, &users, &root, jiff::Timestamp::UNIX_EPOCH);
        prop_assert_eq!(rules::check(&steps), Ok(()));
        prop_assert!(!steps.iter().any(Action::touches_data));
        let settled = after(&users, &steps);
        let again = decide(&ForExports {
            found: &BTreeMap::from([(key.clone(), made.to)]),
            users: &BTreeMap::from([(key, settled)]),
            terms,
        });
        prop_assert!(again.wider.is_empty() && again.narrower.is_empty() && again.missing.is_empty(), "{:?}", again);
    }

    #[test]
    fn an_export_is_unneeded_exactly_if_nobody_uses_it(
        found in btree_map(export(), admission(), 0..4), users in btree_map(export(), vec(user(), 1..3), 0..4), terms in terms(),
    ) {
        let outlook = decide(&ForExports { found: &found, users: &users, terms });
        for key in found.keys() {
            prop_assert_eq!(outlook.unneeded.contains(key), !users.contains_key(key));
        }
        let there = |changes: &[Change]| changes.iter().all(|c| found.contains_key(&c.export));
        prop_assert!(there(&outlook.wider) && there(&outlook.narrower));
        prop_assert!(outlook.missing.iter().all(|c| !found.contains_key(&c.export) && c.to > Admission::Cut));
    }
}
