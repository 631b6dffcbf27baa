//! Claims that are made from a snapshot. The names begin with the rows of the table of restores that they answer for.

use super::*;
use crate::api::reasons::ClaimReason as R;
use crate::domain::hold::Hold;
use crate::domain::ids::{ContentName, SnapshotUid};
use crate::domain::snapshot::SnapshotKey;
use crate::domain::snapshot::content::ContentSource;
use crate::domain::snapshot::handle::{Imports, SnapshotHandle, content_name, id_for};
use crate::domain::token::{CopyNote, Note};
use crate::plan::Data;
use crate::plan::snapshot::{Class, Found, LiveContent, Origin as Taken, Step, decide, reading};
use crate::plan::testing::snapshots::{self as snaps, own_handle, ready, taker};
use crate::plan::volume::TokenClaim;

mod consent;
mod forged;
mod granted;
mod kept;

use kept::with_token;

/// A ready content of `team/before`.
fn content() -> Content {
    Content {
        status: Some(ready()),
        ..snaps::content()
    }
}

/// `team/app` is to be made from `team/before`, which is ready.
fn restoring() -> Scene {
    scene().with(|s| {
        s.claim.source = testing::snapshot("team/before");
        (s.source, s.source_pv) = (None, None);
        s.backends = vec![taker()];
        s.content = Some(content());
        s.snapshot = Some(Snapshot {
            content: Some(content().name),
            ready: Some(true),
            ..snaps::snapshot()
        });
    })
}

/// The same for `dev/app`, by a grant.
fn elsewhere() -> Scene {
    restoring().with(|s| {
        s.claim = testing::claim("dev/app").with(|c| c.source = testing::snapshot("team/before"));
        s.grants = vec![testing::grant("team", "dev")];
    })
}

impl Scene {
    fn snapshot(self, edit: impl FnOnce(&mut Snapshot)) -> Self {
        self.with(|s| edit(s.snapshot.as_mut().unwrap()))
    }

    fn content(self, edit: impl FnOnce(&mut Content)) -> Self {
        self.with(|s| edit(s.content.as_mut().unwrap()))
    }

    fn text(&self) -> String {
        self.refusal().map(|refusal| refusal.text).unwrap_or_default()
    }
}

fn begins_with_the_content(s: &Scene) -> bool {
    let token = Token::copying(s.claim.uid.clone());
    matches!(&s.plan().actions[..], [Action::Tell(_), Action::KeepSnapshot { content: c, token: t, .. }]
        if *t == token && c.name == content().name)
}

#[test]
fn sn_01_one_that_is_bound_and_ready_is_kept_by_a_token_on_its_content_before_anything_else() {
    assert!(begins_with_the_content(&restoring()));
    let taken = restoring().plan().takes(None).unwrap();
    assert_eq!((taken.usage.volumes, taken.usage.bytes), (1, 10 * GI));
}

#[test]
fn sn_02_a_claim_that_is_smaller_than_the_snapshot_is_refused() {
    let s = restoring().content(|c| c.status.as_mut().unwrap().restore_size = Some(20 * GI));
    assert_eq!(s.reason(), Some(R::SourceTooLarge));
}

#[test]
fn sn_06_sn_16_one_that_is_not_ready_is_waited_for() {
    for ready in [Some(false), None] {
        let s = restoring().snapshot(|snapshot| snapshot.ready = ready);
        assert_eq!(s.reason(), Some(R::SourceNotReady), "{ready:?}");
    }
    let s = restoring().content(|c| c.status.as_mut().unwrap().ready = false);
    assert_eq!(s.reason(), Some(R::SourceNotReady));
}

#[test]
fn sn_08_sn_09_sn_10_a_content_that_is_another_snapshot_s_gives_nothing() {
    let edits: [fn(&mut Content); 4] = [
        |c| c.of_uid = Some(SnapshotUid::new("another")),
        |c| c.of_uid = None,
        |c| c.of = SnapshotKey::new("other", "before"),
        |c| c.of = SnapshotKey::new("team", "other"),
    ];
    for edit in edits {
        assert!(restoring().content(edit).text().contains("another snapshot's"));
    }
}

#[test]
fn sn_11_one_of_another_driver_is_refused() {
    let s = restoring().content(|c| c.ours = false);
    assert_eq!(s.reason(), Some(R::ClassMismatch));
}

#[test]
fn sn_12_sn_13_without_a_handle_there_is_no_data() {
    let s = restoring().content(|c| c.status = None);
    assert!(s.text().contains("no data that is known"));
    let s = restoring().content(|c| c.status.as_mut().unwrap().handle = None);
    assert!(s.text().contains("no data that is known"));
}

#[test]
fn sn_14_sn_15_one_that_is_bound_to_nothing_is_waited_for() {
    let s = restoring().snapshot(|snapshot| snapshot.content = None);
    assert!(s.text().contains("not bound"));
    assert!(restoring().with(|s| s.content = None).text().contains("does not exist"));
}

#[test]
fn sn_17_sn_18_another_mode_needs_leave() {
    let block = || restoring().content(|c| c.block = Some(true));
    assert_eq!(block().reason(), Some(R::AccessModeMismatch));
    assert!(block().content(|c| c.converts = true).begins());
    assert!(restoring().content(|c| c.block = None).begins());
}

#[test]
fn sn_20_sn_21_one_that_is_being_deleted_is_refused() {
    // A finalizer is nobody's leave, not even ours: it says that somebody restores it, not who.
    for finalizers in [vec![], vec!["example.com/other"], vec![Hold::Copies.finalizer()]] {
        let s = restoring().snapshot(|snapshot| {
            snapshot.terminating = true;
            snapshot.finalizers = finalizers.iter().map(ToString::to_string).collect();
        });
        assert_eq!(s.reason(), Some(R::SourceTerminating), "{finalizers:?}");
    }
    let s = restoring().content(|c| c.terminating = true);
    assert_eq!(s.reason(), Some(R::SourceTerminating));
}

#[test]
fn sn_22_unless_the_claim_has_its_token_already() {
    let kept = Content {
        terminating: true,
        being_deleted: true,
        ..with_token(&restoring())
    };
    let s = restoring().with(|s| (s.snapshot, s.content, s.kept) = (None, None, Some(kept)));
    assert_eq!(s.plan(), Plan::settled());
}

#[test]
fn before_consent_the_answer_is_one_whatever_the_snapshot_is() {
    let denied = elsewhere().with(|s| s.grants.clear());
    assert_eq!(denied.reason(), Some(R::NotGranted));
    let edits: [fn(&mut Scene); 4] = [
        |s| s.snapshot = None,
        |s| s.content = None,
        |s| s.readable = Served::NotInstalled,
        |s| s.snapshot.as_mut().unwrap().terminating = true,
    ];
    for edit in edits {
        assert_eq!(
            elsewhere().with(|s| s.grants.clear()).with(edit).refusal(),
            denied.refusal()
        );
    }
}

#[test]
fn sn_40_sn_41_a_claim_may_be_larger_and_a_size_that_is_not_said_is_not_compared() {
    assert!(
        restoring()
            .content(|c| c.status.as_mut().unwrap().restore_size = None)
            .begins()
    );
    assert!(restoring().with(|s| s.claim.request = Some(30 * GI)).begins());
}

#[test]
fn sn_42_one_that_does_not_exist_is_waited_for() {
    let s = restoring().with(|s| s.snapshot = None);
    assert_eq!(s.reason(), Some(R::SourceNotReady));
    for (readable, words) in [
        (Served::NotInstalled, "no VolumeSnapshots"),
        (Served::Forbidden, "the right to"),
        (Served::Unknown, "not been read yet"),
    ] {
        let s = restoring().with(|s| s.readable = readable);
        assert_eq!(s.reason(), Some(R::SourceNotReady));
        assert!(s.text().contains(words), "{}", s.text());
    }
}
