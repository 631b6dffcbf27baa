//! A table of what is legal, and random histories.

use super::*;
use crate::domain::access::{Access, MountMode, OnDelete, OnOwnerDelete};
use crate::domain::ids::{BackendName, ClaimUid, Handle};
use crate::domain::pv::ReclaimPolicy;
use proptest::prelude::*;
use std::collections::BTreeMap;

pub(crate) fn claim(name: &str) -> ClaimRef {
    ClaimRef {
        key: super::super::ids::ClaimKey::new(format!("ns-{name}"), name),
        uid: ClaimUid::new(format!("uid-{name}")),
    }
}

pub(crate) fn member(name: &str) -> Member {
    Member {
        claim: claim(name),
        access: Access::ReadWrite,
        mount: MountMode::Kubelet,
    }
}

pub(crate) fn record(volume: &str) -> Record {
    Record {
        volume: VolumeId::new(volume),
        backend: BackendName::new("nfs-a"),
        handle: Handle::parse(&format!("6d1f:{volume}")).unwrap(),
        owner: claim("data"),
        bytes: 1024,
        terms: terms(ReclaimPolicy::Delete),
        mount_options: vec!["hard".to_owned()],
        members: BTreeMap::new(),
        state: State::Live,
        intent: None,
    }
}

fn terms(policy: ReclaimPolicy) -> Terms {
    Terms {
        policy,
        on_delete: OnDelete::Delete,
        on_owner_delete: OnOwnerDelete::Detach,
        mount: MountMode::Kubelet,
    }
}

const JOIN: fn() -> Intent = || Intent::Join {
    pv: PvName::new("pvc-2"),
};
const DISCARD: Intent = Intent::Discard { how: OnDelete::Delete };

fn with(edit: impl FnOnce(&mut Record)) -> Option<Record> {
    let mut r = record("pvc-1");
    edit(&mut r);
    Some(r)
}

fn joined(r: &mut Record) {
    let _ = r.members.insert(PvName::new("pvc-2"), member("app"));
}

fn id() -> VolumeId {
    VolumeId::new("pvc-1")
}

fn intend(intent: Intent) -> Change {
    Change::Intend { volume: id(), intent }
}

fn settle(intent: Intent) -> Change {
    Change::Settle { volume: id(), intent }
}

fn join(pv: &str, name: &str) -> Change {
    Change::Join {
        volume: id(),
        pv: PvName::new(pv),
        member: member(name),
    }
}

fn state(state: State) -> Change {
    Change::SetState { volume: id(), state }
}

fn owner(name: &str) -> Change {
    Change::SetOwner {
        volume: id(),
        owner: claim(name),
    }
}

fn leave(pv: &str) -> Change {
    Change::Leave {
        volume: id(),
        pv: PvName::new(pv),
    }
}

fn forget() -> Change {
    Change::Forget { volume: id() }
}

#[test]
fn what_is_legal() {
    let live = with(|_| ());
    let creating = with(|r| r.state = State::Creating);
    let shared = with(joined);
    let soft = with(|r| r.state = State::SoftDeleted);
    let deleting = with(|r| r.state = State::Deleting);
    let discarding = with(|r| r.intent = Some(DISCARD));
    let joining = with(|r| r.intent = Some(JOIN()));
    let narrowed = |r: &mut Record| {
        joined(r);
        r.members.get_mut(&PvName::new("pvc-2")).unwrap().access = Access::ReadOnly;
    };
    for (before, change, after) in [
        (None, Change::Begin(record("pvc-1")), live.clone()),
        (shared.clone(), Change::Begin(record("pvc-1")), shared.clone()),
        (live.clone(), intend(DISCARD), discarding.clone()),
        (discarding.clone(), intend(DISCARD), discarding.clone()),
        (discarding.clone(), settle(DISCARD), live.clone()),
        (live.clone(), settle(DISCARD), live.clone()),
        (None, settle(DISCARD), None),
        (live.clone(), join("pvc-2", "app"), shared.clone()),
        (shared.clone(), join("pvc-2", "app"), shared.clone()),
        (with(narrowed), join("pvc-2", "app"), shared.clone()),
        (shared.clone(), leave("pvc-2"), live.clone()),
        (live.clone(), leave("pvc-2"), live.clone()),
        (None, leave("pvc-2"), None),
        (creating.clone(), state(State::Live), live.clone()),
        (soft.clone(), state(State::Live), live.clone()),
        (soft.clone(), state(State::Deleting), deleting.clone()),
        (
            soft.clone(),
            join("pvc-2", "app"),
            with(|r| (joined(r), r.state = State::SoftDeleted).1),
        ),
        (live.clone(), owner("new"), with(|r| r.owner = claim("new"))),
        (
            live.clone(),
            Change::SetBytes { volume: id(), bytes: 7 },
            with(|r| r.bytes = 7),
        ),
        (deleting.clone(), forget(), None),
        (None, forget(), None),
        (None, Change::Restore(shared.clone().unwrap()), shared.clone()),
        (soft.clone(), Change::Restore(shared.clone().unwrap()), shared.clone()),
        (joining.clone(), Change::Restore(record("pvc-1")), joining.clone()),
    ] {
        assert_eq!(apply(before.clone(), &change), Ok(after), "{change} on {before:?}");
    }
}

#[test]
fn what_is_not() {
    let live = with(|_| ());
    let creating = with(|r| r.state = State::Creating);
    let shared = with(joined);
    let deleting = with(|r| r.state = State::Deleting);
    let discarding = with(|r| r.intent = Some(DISCARD));
    let joining = with(|r| r.intent = Some(JOIN()));
    let mut elsewhere = record("pvc-1");
    elsewhere.handle = Handle::parse("6d1f:other").unwrap();
    let mut doomed = shared.clone().unwrap();
    doomed.state = State::Deleting;
    for (before, change, why) in [
        (None, intend(DISCARD), Why::Unknown),
        (None, join("pvc-2", "app"), Why::Unknown),
        (None, state(State::Live), Why::Unknown),
        (None, owner("new"), Why::Unknown),
        (None, Change::Begin(doomed.clone()), Why::MembersRemain(1)),
        (
            None,
            Change::Begin(deleting.clone().unwrap()),
            Why::State(State::Deleting),
        ),
        (None, Change::Restore(doomed), Why::MembersRemain(1)),
        (
            Some(record("pvc-9")),
            forget(),
            Why::OtherVolume(VolumeId::new("pvc-9")),
        ),
        (
            live.clone(),
            Change::Begin(elsewhere),
            Why::Taken(Box::new(claim("data")), "6d1f:pvc-1".into()),
        ),
        (joining.clone(), intend(DISCARD), Why::Busy(JOIN())),
        (joining.clone(), settle(DISCARD), Why::Busy(JOIN())),
        (joining.clone(), forget(), Why::Busy(JOIN())),
        (discarding.clone(), state(State::SoftDeleted), Why::Busy(DISCARD)),
        (discarding.clone(), owner("new"), Why::Busy(DISCARD)),
        (discarding.clone(), join("pvc-2", "app"), Why::MembersRemain(1)),
        (shared.clone(), intend(DISCARD), Why::MembersRemain(1)),
        (shared.clone(), state(State::Deleting), Why::MembersRemain(1)),
        (shared.clone(), forget(), Why::MembersRemain(1)),
        (
            shared.clone(),
            join("pvc-2", "other"),
            Why::OtherMember(Box::new(claim("app"))),
        ),
        (live.clone(), join("pvc-1", "app"), Why::OwnPv),
        (live.clone(), state(State::Creating), Why::State(State::Live)),
        (creating.clone(), join("pvc-2", "app"), Why::State(State::Creating)),
        (creating.clone(), intend(JOIN()), Why::State(State::Creating)),
        (deleting.clone(), intend(Intent::Create), Why::State(State::Deleting)),
        (deleting.clone(), join("pvc-2", "app"), Why::MembersRemain(1)),
        (deleting.clone(), state(State::Live), Why::State(State::Deleting)),
        (deleting.clone(), owner("new"), Why::State(State::Deleting)),
        (
            deleting.clone(),
            Change::Restore(record("pvc-1")),
            Why::State(State::Deleting),
        ),
    ] {
        let found = apply(before.clone(), &change).map_err(|i| i.why);
        assert_eq!(found, Err(why), "{change} on {before:?}");
    }
}

#[test]
fn a_change_is_one_stable_line() {
    let mut shared = record("pvc-1");
    joined(&mut shared);
    shared.intent = Some(JOIN());
    let lines = [
        Change::Begin(record("pvc-1")),
        intend(Intent::Create),
        intend(JOIN()),
        settle(DISCARD),
        join("pvc-2", "app"),
        leave("pvc-2"),
        state(State::SoftDeleted),
        owner("new"),
        Change::SetBytes { volume: id(), bytes: 7 },
        Change::SetTerms {
            volume: id(),
            terms: terms(ReclaimPolicy::Retain),
        },
        Change::SetTerms {
            volume: id(),
            terms: Terms {
                mount: MountMode::Csi,
                ..terms(ReclaimPolicy::Delete)
            },
        },
        Change::Join {
            volume: id(),
            pv: PvName::new("pvc-3"),
            member: Member {
                mount: MountMode::Csi,
                ..member("web")
            },
        },
        forget(),
        Change::Restore(shared),
    ]
    .map(|c| c.to_string());
    assert_eq!(
        lines.join("\n"),
        "begin pvc-1 Live of ns-data/data on nfs-a at 6d1f:pvc-1, 1024 bytes
intend pvc-1: create
intend pvc-1: join by pvc-2
settle pvc-1: discard (delete)
pvc-1 members += pvc-2 (ns-app/app, ReadWrite)
pvc-1 members -= pvc-2
pvc-1 state = SoftDeleted
pvc-1 owner = ns-new/new
pvc-1 bytes = 7
pvc-1 terms = Retain, onDelete delete, onOwnerDelete Detach
pvc-1 terms = Delete, onDelete delete, onOwnerDelete Detach, mount csi
pvc-1 members += pvc-3 (ns-web/web, ReadWrite, mount csi)
forget pvc-1
restore pvc-1 Live of ns-data/data on nfs-a at 6d1f:pvc-1, 1024 bytes, member pvc-2, intends join by pvc-2"
    );
    let refused = apply(None, &join("pvc-2", "app")).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "pvc-1 members += pvc-2 (ns-app/app, ReadWrite): the volume has no record"
    );
    assert!(!refused.is_busy());
}

pub(crate) fn any_record(volumes: &'static [&'static str]) -> impl Strategy<Value = Record> {
    (
        prop::sample::select(volumes),
        prop::sample::select(vec!["data", "other"]),
        any_state(),
        prop::option::of(any_intent()),
        prop::collection::btree_map(any_pv(), any_member(), 0..3),
        prop::sample::select(vec!["nfs-a", "nfs-b"]),
        prop::sample::select(vec![0, 1, 1 << 40, u64::MAX]),
    )
        .prop_map(|(volume, owner, state, intent, members, backend, bytes)| Record {
            owner: claim(owner),
            state,
            intent,
            members,
            backend: BackendName::new(backend),
            bytes,
            ..record(volume)
        })
}

fn any_pv() -> impl Strategy<Value = PvName> {
    prop::sample::select(vec!["pvc-1", "pvc-2", "pvc-3"]).prop_map(PvName::new)
}

fn any_member() -> impl Strategy<Value = Member> {
    let name = prop::sample::select(vec!["app", "web", "data"]);
    (name, any::<bool>(), any_mount()).prop_map(|(name, ro, mount)| Member {
        access: if ro { Access::ReadOnly } else { Access::ReadWrite },
        mount,
        ..member(name)
    })
}

fn any_state() -> impl Strategy<Value = State> {
    prop::sample::select(vec![State::Creating, State::Live, State::SoftDeleted, State::Deleting])
}

fn any_intent() -> impl Strategy<Value = Intent> {
    prop_oneof![
        Just(Intent::Create),
        Just(Intent::Copy {
            from: VolumeId::new("pvc-7")
        }),
        any_pv().prop_map(|pv| Intent::Join { pv }),
        prop::sample::select(vec![OnDelete::Delete, OnDelete::Retain, OnDelete::Archive])
            .prop_map(|how| Intent::Discard { how }),
    ]
}

fn any_terms() -> impl Strategy<Value = Terms> {
    (
        prop::sample::select(vec![ReclaimPolicy::Delete, ReclaimPolicy::Retain]),
        any_mount(),
    )
        .prop_map(|(policy, mount)| Terms { mount, ..terms(policy) })
}

fn any_mount() -> impl Strategy<Value = MountMode> {
    prop::sample::select(vec![MountMode::Kubelet, MountMode::Csi])
}

/// Any change at all, sensible or not, to one of `volumes`.
pub(crate) fn any_change(volumes: &'static [&'static str]) -> impl Strategy<Value = Change> {
    let id = move || prop::sample::select(volumes).prop_map(VolumeId::new);
    prop_oneof![
        2 => any_record(volumes).prop_map(Change::Begin),
        2 => (id(), any_intent()).prop_map(|(volume, intent)| Change::Intend { volume, intent }),
        2 => (id(), any_intent()).prop_map(|(volume, intent)| Change::Settle { volume, intent }),
        3 => (id(), any_pv(), any_member()).prop_map(|(volume, pv, member)| Change::Join { volume, pv, member }),
        2 => (id(), any_pv()).prop_map(|(volume, pv)| Change::Leave { volume, pv }),
        2 => (id(), any_state()).prop_map(|(volume, state)| Change::SetState { volume, state }),
        1 => (id(), any_member()).prop_map(|(volume, m)| Change::SetOwner { volume, owner: m.claim }),
        1 => (id(), any::<u64>()).prop_map(|(volume, bytes)| Change::SetBytes { volume, bytes }),
        1 => (id(), any_terms()).prop_map(|(volume, terms)| Change::SetTerms { volume, terms }),
        1 => id().prop_map(|volume| Change::Forget { volume }),
        1 => any_record(volumes).prop_map(Change::Restore),
    ]
}

proptest! {
    #[test]
    fn no_history_breaks_a_rule(changes in prop::collection::vec(any_change(&["pvc-1"]), 0..60)) {
        let mut now: Option<Record> = None;
        for change in &changes {
            let Ok(next) = apply(now.clone(), change) else { continue };
            if let Some(r) = &next {
                prop_assert_eq!(check(r), Ok(()), "{}", change);
                let parts_with_data = r.state == State::Deleting || matches!(r.intent, Some(Intent::Discard { .. }));
                prop_assert!(!parts_with_data || r.members.is_empty(), "{} leaves members without data", change);
            }
            if let (Some(before), Some(after)) = (&now, &next)
                && before.intent.is_some()
                && before.intent != after.intent
            {
                prop_assert!(matches!(change, Change::Settle { .. }), "{} closed a step", change);
            }
            let left = now.as_ref().map_or(0, |r| r.members.len()) > next.as_ref().map_or(0, |r| r.members.len());
            prop_assert!(!left || matches!(change, Change::Leave { .. } | Change::Restore(_)), "{} removed a member", change);
            prop_assert_eq!(apply(next.clone(), change), Ok(next.clone()), "{} may be repeated", change);
            now = next;
        }
    }
}
