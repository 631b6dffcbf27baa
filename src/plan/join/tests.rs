//! The two halves of a join: what they do, in which order, and what finishing needs.

use super::*;
use crate::domain::access::{Access, AccessModes, MountMode, OnRevoke};
use crate::domain::ids::ClassName;
use crate::plan::action::{Subject, Told};
use crate::plan::rules;
use crate::plan::testing::{self, backend, claim_ref, note, pv, pv_name, uid};

/// What an action is, in a word.
fn word(action: &Action) -> &'static str {
    match action {
        Action::Record(changes) => match changes.as_slice() {
            [Change::Intend { .. }] => "intend",
            [Change::Join { .. }, Change::Settle { .. }] => "join+settle",
            _ => "record",
        },
        Action::Tell(a) => match a.reason {
            Told::Claim(R::Provisioning) => "say: begins",
            Told::Claim(R::ProvisioningSucceeded) => "say: done",
            Told::Claim(R::MemberJoined) => "say: joined",
            Told::Claim(R::ReadOnlyNotEnforced) => "say: not enforced",
            _ => "say",
        },
        Action::PutHold(..) => "hold",
        Action::PutToken { .. } => "token on",
        Action::TakeToken { .. } => "token off",
        Action::CreatePv(_) => "pv",
        _ => "?",
    }
}

fn words(actions: &[Action]) -> Vec<&'static str> {
    assert_eq!(rules::check(actions), Ok(()));
    actions.iter().map(word).collect()
}

fn begun(hold: bool) -> Vec<Action> {
    let (source, owner) = (testing::claim("prod/data").bound(), pv("prod/data"));
    let admission = Admission {
        source: &source,
        pv: &owner,
        access: Access::ReadOnly,
        via: "VolumeReference team/ref; annotation of prod/data".into(),
        on_revoke: OnRevoke::Cut,
        mount: MountMode::Csi,
    };
    begin(&testing::claim("team/app").modes(&["ROX"]), &admission, hold)
}

fn finished(owner: &Pv, access: Access, backend: Option<&Backend>) -> Vec<Action> {
    let mut note = note("team/app", &owner.name);
    note.access = access;
    finish(
        owner,
        owner.ours.as_ref().unwrap(),
        &Token::joining(uid("team/app")),
        &note,
        backend,
    )
}

fn member(actions: &[Action]) -> &NewPv {
    let found = actions.iter().find_map(|a| match a {
        Action::CreatePv(pv) => Some(&**pv),
        _ => None,
    });
    found.unwrap()
}

#[test]
fn a_join_begins_with_the_token_and_with_nothing_after_it() {
    assert_eq!(words(&begun(false)), ["say: begins", "token on"]);
}

#[test]
fn the_hold_is_on_before_the_token() {
    assert_eq!(words(&begun(true)), ["say: begins", "hold", "token on"]);
    assert!(begun(true).contains(&Action::PutHold(Hold::Members, claim_ref("prod/data"))));
}

#[test]
fn a_hold_is_needed_once_and_only_where_the_volume_was_made_for_it() {
    let holds = pv("prod/data").ours(|o| o.on_owner_delete = OnOwnerDelete::Hold);
    let source = testing::claim("prod/data").bound();
    assert!(needs_hold(&holds, &source));
    assert!(!needs_hold(
        &holds,
        &source.clone().with(|c| c.holds = [Hold::Members].into())
    ));
    assert!(!needs_hold(&pv("prod/data"), &source));
}

#[test]
fn the_token_carries_the_version_that_was_read_and_all_that_finishing_needs() {
    let actions = begun(false);
    let Some(Action::PutToken { pv, token, note }) = actions.last() else {
        panic!("{actions:?}")
    };
    assert_eq!((pv.name.clone(), pv.version.as_str()), (pv_name("prod/data"), "7"));
    assert_eq!(pv.uid.as_str(), "uid-of-pvc-prod-data");
    assert_eq!(token, &Token::joining(uid("team/app")));
    let expected = JoinNote {
        claim: testing::key("team/app"),
        access: Access::ReadOnly,
        via: "VolumeReference team/ref; annotation of prod/data".into(),
        on_revoke: OnRevoke::Cut,
        modes: AccessModes::parse(&["ReadOnlyMany"]),
        class: ClassName::new("gold"),
        mount: MountMode::Csi,
        source_uid: uid("prod/data"),
    };
    assert_eq!(**note, Note::Join(expected));
}

#[test]
fn a_join_is_finished_in_the_order_intent_object_ledger_token() {
    let backend = backend("nas1");
    let actions = finished(&pv("prod/data"), Access::ReadWrite, Some(&backend));
    assert_eq!(
        words(&actions),
        ["intend", "pv", "join+settle", "token off", "say: done", "say: joined"]
    );
}

#[test]
fn a_read_only_member_is_told_where_the_server_would_take_writes() {
    let mut backend = backend("nas1");
    let told = |backend: Option<&Backend>, access| {
        words(&finished(&pv("prod/data"), access, backend)).contains(&"say: not enforced")
    };
    assert!(told(Some(&backend), Access::ReadOnly));
    assert!(told(None, Access::ReadOnly));
    assert!(!told(Some(&backend), Access::ReadWrite));
    backend.capabilities.read_only_enforced = true;
    assert!(!told(Some(&backend), Access::ReadOnly));
}

#[test]
fn finishing_needs_the_owner_s_object_and_nothing_else() {
    let alone = finished(&pv("prod/data"), Access::ReadWrite, None);
    assert_eq!(member(&alone).backend.as_str(), "nas1", "from its label");
    let gone = pv("prod/data").released().terminating();
    let actions = finished(&gone, Access::ReadWrite, None);
    assert_eq!(
        member(&actions).handle,
        member(&alone).handle,
        "also while it is being deleted"
    );
    let unbound = pv("prod/data").with(|p| p.claim = None);
    assert!(
        !words(&finished(&unbound, Access::ReadWrite, None)).contains(&"say: joined"),
        "there is nobody to tell"
    );
}

#[test]
fn a_member_s_object_is_its_owner_s_data_with_its_own_claim_and_holds_none() {
    let owner = pv("prod/data")
        .policy(ReclaimPolicy::Retain)
        .on_node("node-1")
        .ours(|o| {
            o.on_delete = OnDelete::Archive;
            o.on_owner_delete = OnOwnerDelete::Hold;
        });
    let actions = finished(&owner, Access::ReadOnly, None);
    let made = member(&actions);
    assert_eq!(
        (made.name.clone(), made.claim.clone()),
        (pv_name("team/app"), claim_ref("team/app"))
    );
    assert_eq!(
        (made.volume.clone(), made.handle.clone()),
        (testing::id("prod/data"), owner.ours.clone().unwrap().handle)
    );
    assert_eq!(
        (made.policy, made.on_delete, made.on_owner_delete),
        (ReclaimPolicy::Delete, OnDelete::Retain, OnOwnerDelete::Detach)
    );
    assert_eq!((made.bytes, made.access), (owner.capacity, Access::ReadOnly));
    assert!(made.node_affinity.is_some() && made.node_affinity == owner.node_affinity);
    assert!(!made.mount_options.is_empty() && made.mount_options == owner.mount_options);
    assert_eq!(made.joined.as_ref().unwrap().source_uid, uid("prod/data"));
    assert!(made.joined.as_ref().unwrap().came_from(&testing::key("prod/data")));
}

#[test]
fn who_mounts_a_member_s_volume_is_what_its_note_says_and_not_how_the_owner_s_is() {
    for (theirs, mine) in [
        (MountMode::Kubelet, MountMode::Csi),
        (MountMode::Csi, MountMode::Kubelet),
        (MountMode::Csi, MountMode::Csi),
    ] {
        let owner = pv("prod/data").with(|p| p.mount = theirs);
        let note = JoinNote {
            mount: mine,
            ..note("team/app", &owner.name)
        };
        let token = Token::joining(uid("team/app"));
        let actions = finish(&owner, owner.ours.as_ref().unwrap(), &token, &note, None);
        assert_eq!(member(&actions).mount, mine);
        let known = actions.iter().find_map(|a| match a {
            Action::Record(changes) => changes.iter().find_map(|c| match c {
                Change::Join { member, .. } => Some(member.mount),
                _ => None,
            }),
            _ => None,
        });
        assert_eq!(known, Some(mine), "the ledger makes it again in the same way");
    }
}

#[test]
fn the_owner_is_told_who_joined_and_nothing_more() {
    let actions = finished(&pv("prod/data"), Access::ReadOnly, None);
    let told = actions.iter().find_map(|a| match a {
        Action::Tell(a) if a.reason == Told::Claim(R::MemberJoined) => Some(a),
        _ => None,
    });
    let told = told.unwrap();
    assert_eq!(told.subject, Subject::Claim(claim_ref("prod/data")));
    assert_eq!(told.text, "namespace team has joined this volume, ReadOnly");
}
