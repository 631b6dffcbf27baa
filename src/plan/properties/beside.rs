//! The decisions beside the life of a volume: repair, upkeep, rebuild, consent, description, reclaim; from anything.

use super::arbitrary::{OWNER, access, backend, claim_of, pv_of, record, reference};
use crate::domain::access::{Access, OnRevoke};
use crate::domain::change;
use crate::domain::claim::{Claim, ClaimPhase};
use crate::domain::consent::Grants;
use crate::domain::cut::{Cut, Left, Side};
use crate::domain::ids::{PvName, VolumeId};
use crate::domain::pv::{Joined, Pv, PvPhase, Role};
use crate::domain::record::{Record, State};
use crate::domain::reference::Reference;
use crate::plan::cleanup::Cleanup;
use crate::plan::consent::{ByGrant, Consent, Membership, state};
use crate::plan::repair::{self, LostMember, LostOwner};
use crate::plan::shared_volume::{ForSharedVolume, describe};
use crate::plan::upkeep::{self, ForUpkeep};
use crate::plan::volume::{LiveVolume, decide};
use crate::plan::{Action, rebuild, reclaim, rules, testing};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use std::collections::BTreeSet;
use std::sync::Arc;

pub(super) fn consents() -> impl Strategy<Value = Consent> {
    select(vec![
        Consent::Given,
        Consent::ReadOnlyNow(Side::Owner),
        Consent::ReadOnlyNow(Side::Reference),
        Consent::WithdrawnByOwner,
        Consent::WithdrawnByReference,
        Consent::Unknown,
    ])
}

/// The ledger takes every change of these actions.
fn legal(record: &Record, actions: &[Action]) -> Result<(), String> {
    let mut record = Some(record.clone());
    for action in actions {
        if let Action::Record(changes) | Action::Note(changes) = action {
            for c in changes {
                record = change::apply(record, c).map_err(|e| e.to_string())?;
            }
        }
    }
    Ok(())
}

/// Whether anything is done, and not only said.
fn acts(actions: &[Action]) -> bool {
    actions.iter().any(|action| !matches!(action, Action::Tell(_)))
}

/// A PersistentVolume of a cluster, and whether its role label is what it should be: it is by that label that members are listed.
#[derive(Debug, Clone)]
struct Seen {
    pv: Pv,
    labelled: bool,
}

fn seen(of: &'static str) -> impl Strategy<Value = Seen> {
    (pv_of(of), prop::bool::weighted(0.8)).prop_map(|(pv, labelled)| Seen { pv, labelled })
}

/// The same for one that has joined [`OWNER`]'s volume, mostly.
fn seen_member(of: &'static str) -> impl Strategy<Value = Seen> {
    (seen(of), prop::bool::weighted(0.8), prop::bool::weighted(0.8)).prop_map(|(mut seen, joined, mounts)| {
        if let Some(ours) = &mut seen.pv.ours {
            if joined {
                ours.role = Role::Member(Joined {
                    via: String::new(),
                    source_uid: testing::uid(OWNER),
                    on_revoke: OnRevoke::Keep,
                });
            }
            if mounts {
                ours.handle = testing::handle(&testing::pv_name(OWNER));
            }
        }
        seen
    })
}

/// The owner of [`OWNER`], some that may be its members, and a volume that has nothing to do with it, unless by an edited handle.
fn cluster() -> impl Strategy<Value = Vec<Seen>> {
    let one = |of| option::weighted(0.7, seen_member(of));
    (
        seen(OWNER),
        one("team/app"),
        one("team/late"),
        option::weighted(0.3, seen("else/where")),
    )
        .prop_map(|(owner, a, b, c)| [Some(owner), a, b, c].into_iter().flatten().collect())
}

fn mounts_the_same(pv: &Pv, owner: &Pv) -> bool {
    let handle = |pv: &Pv| pv.ours.as_ref().map(|ours| ours.handle.clone());
    handle(pv).is_some() && handle(pv) == handle(owner)
}

/// What live reads show of [`OWNER`]'s volume, as `observe::gather` makes them.
fn live(all: &[Seen], record: Option<Record>, owners: Vec<Claim>) -> LiveVolume {
    let name = testing::pv_name(OWNER);
    let volume = VolumeId::from(&name);
    let pv = all.iter().find(|s| s.pv.name == name).map(|s| s.pv.clone());
    let listed = all.iter().filter(|s| {
        let ours = s.pv.ours.as_ref();
        s.labelled && s.pv.is_member() && ours.is_some_and(|ours| ours.volume.as_ref() == Some(&volume))
    });
    let mut members: BTreeSet<PvName> = listed.map(|s| s.pv.name.clone()).collect();
    let mounting = |s: &&Seen| {
        s.pv.is_member()
            && pv
                .as_ref()
                .is_some_and(|pv| pv.is_owner() && mounts_the_same(&s.pv, pv))
    };
    members.extend(all.iter().filter(mounting).map(|s| s.pv.name.clone()));
    let there = |name: &&PvName| all.iter().any(|s| s.pv.name == **name);
    members.extend(record.iter().flat_map(|r| r.members.keys()).filter(there).cloned());
    let twins = pv.as_ref().is_some_and(|pv| {
        let mut others = all.iter().filter(|s| s.pv.name != pv.name && s.pv.is_owner());
        others.any(|s| mounts_the_same(&s.pv, pv))
    });
    LiveVolume {
        copies: Default::default(),
        volume,
        twins,
        pv,
        tokens: Default::default(),
        owners,
        members,
        record,
        backend: Some(testing::backend("nas1")),
    }
}

fn discards(v: &LiveVolume) -> bool {
    decide(v).actions.iter().any(|a| matches!(a, Action::Discard { .. }))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1024, ..ProptestConfig::default() })]

    #[test]
    fn a_rebuilt_ledger_never_costs_a_member_its_data(all in cluster(), owners in vec(claim_of(OWNER), 0..2)) {
        let pvs: Vec<Pv> = all.iter().map(|s| s.pv.clone()).collect();
        let rebuilt = rebuild::records(&pvs);
        let volumes: BTreeSet<_> = rebuilt.iter().map(|r| r.volume.clone()).collect();
        prop_assert_eq!(volumes.len(), rebuilt.len(), "one record for each volume");
        for record in &rebuilt {
            prop_assert_eq!(change::check(record).map_err(|e| format!("{e:?}")), Ok(()));
            prop_assert!(record.state != State::Deleting && record.intent.is_none(), "no step is guessed");
        }
        let record = rebuilt.into_iter().find(|r| r.volume == testing::id(OWNER));
        let view = live(&all, record, owners);
        prop_assert_eq!(rules::check_plan(&decide(&view)), Ok(()));
        if discards(&view) {
            let owner = view.pv.as_ref().unwrap();
            for other in pvs.iter().filter(|pv| pv.name != owner.name) {
                prop_assert!(!mounts_the_same(other, owner), "{} mounts what is discarded", other.name);
            }
            for member in all.iter().filter(|s| s.pv.is_member() && s.labelled) {
                let label = member.pv.ours.as_ref().and_then(|ours| ours.volume.as_ref());
                prop_assert_ne!(label, Some(&view.volume), "{} is labelled as a member", member.pv.name);
            }
        }
    }

    #[test]
    fn whoever_the_ledger_names_keeps_the_data_if_the_object_is_there(all in cluster(), record in record()) {
        let view = live(&all, Some(record.clone()), Vec::new());
        if discards(&view) {
            let names = |pv: &PvName| record.members.contains_key(pv);
            prop_assert!(!all.iter().any(|s| names(&s.pv.name)));
        }
    }

    #[test]
    fn the_repair_of_an_owner_keeps_the_rules_and_touches_no_data(claim in claim_of(OWNER), record in record(), data in any::<bool>()) {
        let actions = repair::owner(&LostOwner { claim: &claim, record: &record, data, limit: None });
        prop_assert_eq!(rules::check(&actions), Ok(()));
        prop_assert_eq!(legal(&record, &actions), Ok(()));
        prop_assert!(!actions.iter().any(Action::touches_data));
        prop_assert!(!actions.is_empty(), "made again, or why not");
        if acts(&actions) {
            prop_assert!(data && record.owner.uid == claim.uid && record.state != State::Deleting);
        }
    }

    #[test]
    fn the_repair_of_a_member_keeps_the_rules_and_believes_the_ledger_only(claim in claim_of("team/app"), record in record(), owner in option::weighted(0.9, pv_of(OWNER))) {
        let actions = repair::member(&LostMember { claim: &claim, record: &record, owner: owner.as_ref(), on_revoke: OnRevoke::Cut });
        prop_assert_eq!(rules::check(&actions), Ok(()));
        prop_assert_eq!(legal(&record, &actions), Ok(()));
        prop_assert!(!actions.iter().any(Action::touches_data));
        if acts(&actions) {
            prop_assert!(record.members.contains_key(&claim.uid.pv_name()) && owner.is_some_and(|owner| !owner.terminating));
        }
    }

    #[test]
    fn upkeep_says_much_and_does_little(
        claim in prop_oneof![claim_of(OWNER), claim_of("team/app")],
        pv in option::weighted(0.9, prop_oneof![pv_of(OWNER), pv_of("team/app")]),
        consent in option::of(consents()),
        ours in any::<bool>(),
        backend in option::of(backend()),
    ) {
        let backend = backend.as_ref();
        let actions = upkeep::plan(&ForUpkeep { claim: &claim, ours, pv: pv.as_ref(), consent, backend, kept: false });
        prop_assert_eq!(rules::check(&actions), Ok(()));
        for action in &actions {
            match action {
                Action::Tell(_) => {}
                other => prop_assert!(false, "{}", other),
            }
        }
    }

    #[test]
    fn a_description_counts_everybody_and_is_bounded(
        pv in option::weighted(0.95, pv_of(OWNER)),
        members in vec((pv_of("team/app"), option::weighted(0.9, consents())), 0..4),
        record in option::of(record()),
        holding in any::<bool>(),
        cleanup in select(vec![Cleanup::NotDue, Cleanup::UnderWay, Cleanup::Failed("stuck")]),
    ) {
        let members: Vec<_> = members.into_iter().map(|(pv, consent)| (Arc::new(pv), consent)).collect();
        let volume = testing::id(OWNER);
        let wanted = describe(&ForSharedVolume {
            volume: &volume, pv: pv.as_ref(), members: &members, record: record.as_ref(), holding, cleanup, backend: None, revokes: Some(false),
        });
        match wanted {
            Some(wanted) => {
                prop_assert_eq!(wanted.status.member_count, i64::try_from(members.len()).ok());
                prop_assert!(wanted.status.members.len() <= members.len());
                let types: BTreeSet<_> = wanted.conditions.iter().map(|c| c.condition).collect();
                prop_assert_eq!(types.len(), wanted.conditions.len(), "each condition once");
            }
            None => prop_assert!(members.is_empty() || pv.is_none_or(|pv| pv.ours.is_none() || pv.ours.is_some_and(|o| o.backend.is_none()))),
        }
    }

    #[test]
    fn a_volume_is_given_away_only_when_nobody_owns_it(pv in pv_of(OWNER), claim in claim_of("prod/new"), old_owner_lives in any::<bool>()) {
        if let Ok(gift) = reclaim::decide(&pv, &claim, old_owner_lives) {
            prop_assert!(!old_owner_lives && pv.is_owner() && !pv.terminating);
            prop_assert!(!matches!(pv.phase, PvPhase::Bound | PvPhase::Pending));
            prop_assert!(claim.phase == ClaimPhase::Pending && claim.volume_name.as_ref() == Some(&pv.name));
            prop_assert_eq!((gift.pv.version, gift.to), (pv.version.clone(), claim.reference()));
        }
    }

    #[test]
    fn consent_is_never_called_withdrawn_without_positive_evidence(
        owner in option::weighted(0.8, prop_oneof![claim_of(OWNER), claim_of("prod/new")]),
        bound in option::weighted(0.9, select(vec![OWNER, "prod/new"])),
        references in option::weighted(0.8, vec(reference(), 0..3)),
        labels in option::weighted(0.9, select(vec![testing::labels(&[]), testing::labels(&[("tier", "gold")])])),
        going in prop::bool::weighted(0.1),
        access in access(),
        known in prop::bool::weighted(0.8),
        cut in option::weighted(0.5, cut()),
        by_grant in select(vec![ByGrant::No, ByGrant::No, ByGrant::Permits, ByGrant::Unknown]),
    ) {
        let namespace_terminating = going || labels.is_none();
        let source = known.then(|| testing::key(OWNER));
        let (namespace, source_uid, owner_uid) = (testing::namespace("team"), testing::uid(OWNER), bound.map(testing::uid));
        let m = Membership {
            namespace: &namespace,
            labels: labels.as_ref(),
            namespace_terminating,
            references: references.as_deref(),
            source_uid: &source_uid,
            source: source.as_ref(),
            owner_uid: owner_uid.as_ref(),
            owner: owner.as_ref(),
            by_grant,
            access,
            cut: cut.as_ref(),
        };
        let spoken = owner.as_ref().filter(|o| Some(&o.uid) == owner_uid.as_ref() && !o.terminating);
        let granted = spoken.map(|o| Grants::of(&o.annotations)).filter(|grants| grants.faults.is_empty());
        let granted = granted.filter(|grants| (labels.is_some() || !grants.selects()) && by_grant != ByGrant::Unknown);
        let shared = (by_grant == ByGrant::Permits).then_some(Access::ReadOnly);
        let to = |grants: &Grants| grants.to(&namespace, &labels.clone().unwrap_or_default()).max(shared);
        let granted = granted.map(to);
        let alive = |r: &&Reference| !r.terminating;
        let said = |left, by| cut.as_ref().is_some_and(|cut| (cut.left, cut.by) == (left, by));
        match state(&m) {
            Consent::WithdrawnByOwner => prop_assert!(said(Left::Nothing, Side::Owner) || granted == Some(None)),
            Consent::WithdrawnByReference => {
                prop_assume!(!said(Left::Nothing, Side::Reference) || !namespace_terminating);
                let all = references.as_deref().unwrap();
                let source = testing::key(OWNER);
                let left = all.iter().filter(alive).any(|r| r.names(&source));
                prop_assert!(!namespace_terminating && !left);
            }
            Consent::ReadOnlyNow(side) => {
                let narrower = references.iter().flatten().filter(alive).any(|r| r.access == Access::ReadOnly);
                // To whom the owner had left nothing, reading is given back by what is good in a list, whatever else is wrong with it.
                let good = spoken.and_then(|o| to(Grants::of(&o.annotations)));
                let back = said(Left::Nothing, Side::Owner) && good == Some(Access::ReadOnly);
                prop_assert!(back || said(Left::ReadOnly, side) || (access == Access::ReadWrite && (granted == Some(Some(Access::ReadOnly)) || narrower)));
            }
            Consent::Given => {
                // Nor is what was taken given back without: whoever took it has spoken again.
                let owner = spoken.map(|o| to(Grants::of(&o.annotations)));
                let spoke = cut.is_none_or(|cut| match cut.by {
                    Side::Owner => cut.left.access() >= Some(access) || owner.is_some_and(|granted| granted >= Some(access)),
                    Side::Reference => references.iter().flatten().filter(alive).count() > 0,
                });
                prop_assert!(spoke);
            }
            Consent::Unknown => {}
        }
    }
}

/// What was taken from a member.
pub(super) fn cut() -> impl Strategy<Value = Cut> {
    let left = select(vec![Left::Nothing, Left::ReadOnly]);
    (left, select(vec![Side::Owner, Side::Reference])).prop_map(|(left, by)| Cut {
        since: jiff::Timestamp::UNIX_EPOCH,
        left,
        by,
    })
}

/// What is said above of discards would hold, too, if none were ever planned.
#[test]
fn some_clusters_lead_to_a_discard_and_some_would_but_for_their_members() {
    let mut runner = TestRunner::deterministic();
    let (mut discarded, mut kept) = (0, 0);
    for _ in 0..6_000 {
        let all = cluster().new_tree(&mut runner).unwrap().current();
        let pvs: Vec<Pv> = all.iter().map(|s| s.pv.clone()).collect();
        let record = rebuild::records(&pvs)
            .into_iter()
            .find(|r| r.volume == testing::id(OWNER));
        let view = live(&all, record, Vec::new());
        let alone = LiveVolume {
            copies: Default::default(),
            members: BTreeSet::new(),
            ..view.clone()
        };
        discarded += usize::from(discards(&view));
        kept += usize::from(!discards(&view) && discards(&alone));
    }
    assert!(
        discarded > 10 && kept > 10,
        "{discarded} discards, {kept} but for the members"
    );
}
