//! Snapshots and whoever asks for them: an owner's word counts for those that are ready, and for those of members.

use super::*;
use crate::domain::snapshot::{Snapshot, SnapshotKey};
use crate::plan::testing::pv as volume;
use crate::plan::testing::snapshots::{class, content, ready, snapshot};
use std::sync::Arc;

fn restores(name: &str, annotations: &[(&str, &str)]) -> Claim {
    let all = [
        &[
            ("trident.netapp.io/cloneFromSnapshot", "before"),
            ("trident.netapp.io/cloneFromNamespace", "team"),
        ],
        annotations,
    ];
    plain(name).annotated(&all.concat())
}

fn with_its_word(claim: Claim) -> Claim {
    claim.annotated(&[("tombolo.dev/cloneToNamespace", "*")])
}

/// `team/before` of `team/data`, which is ready. `dev/app` asks for it; `dev/named` for one that has to be of `team/other`.
fn asked_for() -> Index {
    let mut index = Index::default();
    index.put_claim(plain("team/data").bound());
    index.put_claim(plain("team/other").bound());
    index.put_claim(restores("dev/app", &[]));
    index.put_claim(restores("dev/named", &[("trident.netapp.io/cloneFromPVC", "other")]));
    index.put_snapshot(Snapshot {
        ready: Some(true),
        content: Some(content().name),
        ..snapshot()
    });
    index
}

fn wakes(wake: &Wake, what: &str) -> bool {
    words(wake).iter().any(|word| word == what)
}

#[test]
fn an_owner_s_word_wakes_who_waits_for_a_snapshot_that_is_ready() {
    let wake = asked_for().put_claim(with_its_word(plain("team/data").bound()));
    assert!(wakes(&wake, "claim dev/app"), "{wake:?}");
    assert!(!wakes(&wake, "snapshot team/before"), "it is done: {wake:?}");
    let wake = asked_for().put_claim(with_its_word(plain("team/other").bound()));
    assert!(wakes(&wake, "claim dev/named"), "it names this one: {wake:?}");
    assert!(!wakes(&wake, "claim dev/app"), "{wake:?}");
}

#[test]
fn an_owner_s_word_wakes_the_snapshots_of_members_that_it_may_allow() {
    let member = || Snapshot {
        key: SnapshotKey::new("team", "mine"),
        of: Some(key("team/old")),
        ..snapshot()
    };
    let allows: fn(&mut Index) -> Wake =
        |index| index.put_claim(with_its_word(plain("prod/data").bound().shares("team")));
    let mut index = world();
    index.put_snapshot(member());
    index.put_content(content());
    let wake = allows(&mut index);
    assert!(wakes(&wake, "snapshot team/mine"), "{wake:?}");
    assert!(wakes(&wake, &format!("content {}", content().name)), "{wake:?}");
    let mut done = world();
    done.put_snapshot(Snapshot {
        ready: Some(true),
        ..member()
    });
    let wake = allows(&mut done);
    assert!(!wakes(&wake, "snapshot team/mine"), "{wake:?}");
}

#[test]
fn what_waits_for_a_backend_is_every_snapshot_and_content_that_is_not_done() {
    let mut index = Index::default();
    index.put_snapshot(snapshot());
    index.put_content(content());
    let waiting = [
        format!("snapshot {}", snapshot().key),
        format!("content {}", content().name),
    ];
    assert_eq!(words(&index.unfinished_snapshots()), waiting);
    let mut done = content();
    done.status = Some(ready());
    index.put_content(done.clone());
    index.put_snapshot(Snapshot {
        content: Some(content().name),
        ..snapshot()
    });
    assert_eq!(words(&index.unfinished_snapshots()), [""; 0]);
    done.terminating = true;
    index.put_content(done);
    assert_eq!(
        words(&index.unfinished_snapshots()),
        [waiting[1].as_str()],
        "its data waits to be removed"
    );
}

#[test]
fn a_content_that_waits_for_a_change_is_woken_by_it() {
    let waits = || {
        let mut index = Index::default();
        index.put_snapshot(snapshot());
        index.put_content(content());
        index
    };
    type Change = fn(&mut Index) -> Wake;
    let changes: [(&str, Change); 8] = [
        ("its claim is made", |i| i.put_claim(plain("team/data"))),
        ("its claim is bound", |i| {
            i.put_claim(plain("team/data"));
            i.put_claim(plain("team/data").bound())
        }),
        ("its volume appears", |i| i.put_pv(volume("team/data"))),
        ("its volume is another claim's", |i| {
            i.put_pv(volume("team/data"));
            let mut other = volume("team/data");
            other.claim = volume("team/other").claim;
            i.put_pv(other)
        }),
        ("its volume goes", |i| {
            i.put_pv(volume("team/data"));
            i.remove_pv(&volume("team/data").name)
        }),
        ("its class appears", |i| i.put_snapshot_class(class())),
        ("its snapshot goes", |i| i.remove_snapshot(&snapshot().key)),
        ("its snapshot is another", |i| {
            i.remove_snapshot(&snapshot().key);
            i.put_snapshot(snapshot())
        }),
    ];
    for (what, change) in changes {
        let wake = change(&mut waits());
        assert!(wakes(&wake, &format!("content {}", content().name)), "{what}: {wake:?}");
    }
}

#[test]
fn the_snapshot_of_a_member_is_looked_at_when_the_volume_s_own_object_comes() {
    let mut index = world();
    let owner = index.pv(&volume("prod/data").name).cloned().unwrap();
    index.put_snapshot(Snapshot {
        of: Some(key("team/old")),
        ..snapshot()
    });
    index.put_content(content());
    index.remove_pv(&owner.name);
    let wake = index.put_pv(Arc::unwrap_or_clone(owner));
    assert!(wakes(&wake, &format!("content {}", content().name)), "{wake:?}");
}
