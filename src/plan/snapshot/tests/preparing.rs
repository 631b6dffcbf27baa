//! Contents for volumes for which the snapshot-controller makes none, and snapshots of members.

use super::prepare::{ForSnapshot, Preparation, decide as prepare};
use super::*;
use crate::api::names;
use crate::domain::cut::{Cut, Left, Side};
use crate::plan::testing::member_pv;

/// `team/before` of `team/data`, which was bound a while ago.
struct Scene {
    snapshot: Snapshot,
    origin: Origin,
    classes: Vec<SnapshotClass>,
    has_content: bool,
    backend: Backend,
}

fn scene() -> Scene {
    Scene {
        snapshot: snapshot(),
        origin: live().origin,
        classes: vec![class()],
        has_content: false,
        backend: taker(),
    }
}

/// `team/data` is a member of `prod/data`, whose owner allows copies to `team`.
fn of_a_member() -> Origin {
    let owner_pv = pv("prod/data");
    Origin {
        claim: Some(testing::claim("team/data").bound()),
        pv: Some(member_pv("team/data", "prod/data")),
        owner: Some(
            testing::claim("prod/data")
                .bound()
                .annotated(&[("tombolo.dev/cloneToNamespace", "team")]),
        ),
        owner_pv: Some(owner_pv),
    }
}

impl Scene {
    fn with(mut self, edit: impl FnOnce(&mut Self)) -> Self {
        edit(&mut self);
        self
    }

    fn prepared(&self) -> Preparation {
        prepare(&ForSnapshot {
            snapshot: &self.snapshot,
            origin: &self.origin,
            classes: &self.classes,
            has_content: self.has_content,
            capabilities: Some(self.backend.capabilities),
        })
    }

    fn refusal(&self) -> (R, String) {
        match self.prepared() {
            Preparation::Refuse(reason, text) => (reason, text),
            other => panic!("no refusal, but {other:?}"),
        }
    }
}

#[test]
fn ss_22_a_content_is_made_under_the_name_that_the_controller_looks_for_and_the_claim_is_kept() {
    let Preparation::Make(claim, made) = scene().prepared() else {
        panic!("{:?}", scene().prepared());
    };
    assert_eq!(claim, testing::claim("team/data").reference());
    assert_eq!(made.name.as_str(), format!("snapcontent-{UID}"));
    assert_eq!(
        (made.volume, made.policy),
        (pv("team/data").name, DeletionPolicy::Delete)
    );
    assert_eq!((made.class, made.of), (class().name, snapshot()));
}

#[test]
fn ss_22_nothing_is_made_where_there_is_one_or_none_is_wanted() {
    let edits: [fn(&mut Scene); 8] = [
        |s| s.origin.pv.as_mut().unwrap().mount = crate::domain::access::MountMode::Csi,
        |s| s.has_content = true,
        |s| s.snapshot.content = Some(content().name),
        |s| s.snapshot.terminating = true,
        |s| s.snapshot.of = None,
        |s| s.origin.pv.as_mut().unwrap().ours = None,
        |s| s.origin.pv = None,
        |s| s.classes.clear(),
    ];
    for edit in edits {
        assert_eq!(scene().with(edit).prepared(), Preparation::Nothing);
    }
}

#[test]
fn a_snapshot_without_a_class_gets_the_default_if_there_is_exactly_one_of_ours() {
    let default = SnapshotClass {
        is_default: true,
        ..class()
    };
    let named = |name: &str| SnapshotClass {
        name: SnapshotClassName::new(name),
        ..default.clone()
    };
    let of_another_driver = SnapshotClass {
        ours: false,
        ..named("other")
    };
    let unnamed = |classes: Vec<SnapshotClass>| {
        scene().with(|s| {
            s.snapshot.class = None;
            s.classes = classes;
        })
    };
    let one = unnamed(vec![class(), named("gold"), of_another_driver.clone()]);
    assert_eq!(one.prepared(), Preparation::Choose(SnapshotClassName::new("gold")));
    for classes in [vec![class(), of_another_driver], vec![named("a"), named("b")]] {
        assert_eq!(unnamed(classes).refusal().0, R::SetDefaultSnapshotClassFailed);
    }
}

#[test]
fn nothing_is_made_for_a_snapshot_that_could_vanish_without_the_controller_seeing_it() {
    let bare = || scene().with(|s| s.snapshot.finalizers.clear());
    assert_eq!(bare().prepared(), Preparation::Nothing);
    let held = bare().with(|s| s.snapshot.finalizers.push(names::FINALIZER_SOURCE.to_owned()));
    assert_eq!(held.prepared(), Preparation::Nothing, "that one is ours");
    // Before it has a class the controller does not look at it at all.
    let unnamed = bare().with(|s| (s.snapshot.class, s.classes[0].is_default) = (None, true));
    assert_eq!(unnamed.prepared(), Preparation::Choose(class().name));
}

#[test]
fn a_claim_that_goes_and_is_kept_already_gets_its_snapshot() {
    let going = scene().with(|s| {
        let claim = s.origin.claim.as_mut().unwrap();
        (claim.terminating, claim.kept_for_snapshot) = (true, true);
    });
    assert!(
        matches!(going.prepared(), Preparation::Make(..)),
        "{:?}",
        going.prepared()
    );
}

type Edit = fn(&mut Scene);

#[test]
fn a_class_of_another_driver_a_claim_that_goes_and_a_backend_that_takes_none_are_said() {
    let edits: [(Edit, &str); 3] = [
        (|s| s.classes[0].ours = false, "another driver"),
        (|s| s.origin.claim.as_mut().unwrap().terminating = true, "being deleted"),
        (|s| s.backend.capabilities.snapshot = false, "takes no snapshots"),
    ];
    for (edit, words) in edits {
        let (reason, text) = scene().with(edit).refusal();
        assert_eq!(reason, R::SnapshotCreationFailed);
        assert!(text.contains(words), "{text}");
    }
}

#[test]
fn a_snapshot_of_a_member_needs_the_owner_s_leave_to_copy_and_is_of_the_owner_s_volume() {
    let v = live().with(|v| {
        v.origin = of_a_member();
        v.content.source = ContentSource::Volume(member_pv("team/data", "prod/data").name);
        v.content.being_created = true;
    });
    let Step::Take(take) = decide(&v) else {
        panic!("{:?}", decide(&v));
    };
    assert_eq!(take.of, pv("prod/data").ours.unwrap().handle.path);
    assert!(take.drop_set_id, "it is another tenant's");
    assert!(matches!(
        scene().with(|s| s.origin = of_a_member()).prepared(),
        Preparation::Make(..)
    ));

    let edits: [fn(&mut Origin); 6] = [
        |o| {
            let ours = o.pv.as_mut().unwrap().ours.as_mut().unwrap();
            ours.cut = Some(Cut {
                since: jiff::Timestamp::UNIX_EPOCH,
                left: Left::Nothing,
                by: Side::Reference,
            });
        },
        |o| o.owner = Some(testing::claim("prod/data").bound()),
        |o| o.owner = None,
        |o| o.owner.as_mut().unwrap().terminating = true,
        |o| o.owner.as_mut().unwrap().uid = testing::uid("prod/again"),
        |o| o.owner_pv = None,
    ];
    for edit in edits {
        let (_, text) = scene()
            .with(|s| s.origin = of_a_member())
            .with(|s| edit(&mut s.origin))
            .refusal();
        assert!(text.starts_with("SourceIsMember: ") && !text.contains("prod"), "{text}");
        let v = v.clone().with(|v| edit(&mut v.origin));
        assert!(v.failure().text.contains("SourceIsMember: "));
    }
}
