//! Rows 8 to 11: class, access modes, size, backend.

use super::*;
use crate::domain::access::{AccessModes, MountMode};
use crate::domain::backend::Health;
use crate::domain::ids::ClassName;
use crate::plan::testing::ROOT;
use tombolo_backend_api::BackendId;

fn modes(names: &[&str]) -> AccessModes {
    testing::claim("x/y").modes(names).modes
}

#[test]
fn access_modes_fit_or_say_what_to_change() {
    use Access::{ReadOnly, ReadWrite};
    let grant = |read_only: bool| {
        if read_only {
            "shareReadOnlyToNamespace"
        } else {
            "shareToNamespace"
        }
    };
    for (asked, offered, read_only_grant, expected) in [
        (&["RWX"][..], &["RWX"][..], false, Ok(ReadWrite)),
        (&["RWO"], &["RWX"], false, Ok(ReadWrite)),
        (&["RWO", "RWX"], &["RWX"], false, Ok(ReadWrite)),
        (&["RWX"], &["RWO", "RWX"], false, Ok(ReadWrite)),
        (&["ROX"], &["RWX"], false, Ok(ReadOnly)),
        (&["ROX"], &["ROX"], false, Ok(ReadOnly)),
        (&["ROX"], &["RWX"], true, Ok(ReadOnly)),
        (&["ROX"], &["ROX"], true, Ok(ReadOnly)),
        (&["ROX", "RWX"], &["RWX"], false, Ok(ReadWrite)),
        (&["RWX"], &["RWX"], true, Err(R::AccessModeMismatch)),
        (&["ROX", "RWX"], &["RWX"], true, Err(R::AccessModeMismatch)),
        (&["RWO"], &["RWX"], true, Err(R::AccessModeMismatch)),
        (&["RWX"], &["RWO"], false, Err(R::AccessModeMismatch)),
        (&["RWX"], &["ROX"], false, Err(R::AccessModeMismatch)),
        (&["ROX"], &["RWO"], false, Err(R::AccessModeMismatch)),
        (&["RWOP"], &["RWX"], false, Err(R::AccessModeMismatch)),
        (&["RWX", "RWOP"], &["RWX"], false, Err(R::AccessModeMismatch)),
        (&["ROX", "RWOP"], &["RWX"], true, Err(R::AccessModeMismatch)),
        (&[], &["RWX"], false, Err(R::AccessModeMismatch)),
    ] {
        let scene = scene().with(|s| {
            s.shared(&[(&format!("tombolo.dev/{}", grant(read_only_grant)), "team")]);
            s.claim.modes = modes(asked);
            s.pv().modes = modes(offered);
        });
        assert_eq!(
            scene.outcome(),
            expected,
            "{asked:?} of {offered:?}, read-only grant: {read_only_grant}"
        );
        if expected.is_err() {
            assert!(scene.text().contains("Read"), "{}", scene.text());
        }
    }
}

#[test]
fn a_read_only_reference_narrows_a_read_write_grant() {
    let narrowed = scene().with(|s| s.references = vec![read_only(reference("team/ref", "prod/data"))]);
    assert_eq!(narrowed.outcome(), Err(R::AccessModeMismatch));
    assert!(narrowed.text().contains("accessModes: [ReadOnlyMany]"));
    assert_eq!(
        narrowed.with(|s| s.claim.modes = modes(&["ROX"])).outcome(),
        Ok(Access::ReadOnly)
    );
}

#[test]
fn block_devices_are_refused_on_either_side() {
    assert_eq!(
        scene().with(|s| s.claim.block = true).outcome(),
        Err(R::AccessModeMismatch)
    );
    assert_eq!(
        scene().with(|s| s.pv().block = true).outcome(),
        Err(R::AccessModeMismatch)
    );
}

#[test]
fn any_size_up_to_the_source_s_is_allowed() {
    for (asked, expected) in [
        (Some(1), Ok(Access::ReadWrite)),
        (Some(10 * GI), Ok(Access::ReadWrite)),
        (Some(10 * GI + 1), Err(R::TooLarge)),
        (Some(u64::MAX), Err(R::TooLarge)),
        (None, Err(R::TooLarge)),
    ] {
        assert_eq!(
            scene().with(|s| s.claim.request = asked).outcome(),
            expected,
            "{asked:?}"
        );
    }
    let text = scene().with(|s| s.claim.request = Some(12 * GI)).text();
    assert_eq!(
        text,
        "the claim asks for 12Gi, the shared volume has 10Gi; ask for 10Gi or less"
    );
}

#[test]
fn classes_are_compared_by_name() {
    for (mine, theirs, fits) in [
        (Some("gold"), Some("gold"), true),
        (Some("silver"), Some("gold"), false),
        (Some("gold"), None, false),
        (None, Some("gold"), false),
    ] {
        let scene = scene().with(|s| {
            s.claim.class = mine.map(ClassName::new);
            s.source().class = theirs.map(ClassName::new);
        });
        assert_eq!(scene.outcome().is_ok(), fits, "{mine:?} of {theirs:?}");
    }
    assert!(
        scene()
            .with(|s| s.claim.class = Some(ClassName::new("silver")))
            .text()
            .contains("class gold")
    );
}

/// What no waiting will change is said before what it might.
#[test]
fn a_backend_that_cannot_share_is_named_before_a_limit_and_a_limit_before_an_absence() {
    let all_wrong = scene().with(|s| {
        let backend = s.backend();
        backend.capabilities.share = false;
        (backend.limits.namespace.members, backend.health) = (Some(0), Health::Degraded);
    });
    assert_eq!(all_wrong.outcome(), Err(R::BackendCannotShare));
    let full_and_away = all_wrong.with(|s| s.backend().capabilities.share = true);
    assert_eq!(full_and_away.outcome(), Err(R::LimitReached));
    let away = full_and_away.with(|s| s.backend().limits.namespace.members = None);
    assert_eq!(away.outcome(), Err(R::BackendUnavailable));
}

#[test]
fn the_backend_must_share_serve_and_have_room_for_one_more() {
    let limited = |used: u64, limit: u64| {
        scene().with(|s| {
            s.backend().limits.namespace.members = Some(limit);
            s.backend().used_by_namespace.members = used;
        })
    };
    assert_eq!(
        scene().with(|s| s.backend().capabilities.share = false).outcome(),
        Err(R::BackendCannotShare)
    );
    assert_eq!(
        scene().with(|s| s.backend().health = Health::Degraded).outcome(),
        Err(R::BackendUnavailable)
    );
    assert_eq!(
        scene()
            .with(|s| s.backend().health = Health::Terminating(None))
            .outcome(),
        Err(R::BackendUnavailable)
    );
    let going = scene().with(|s| s.backend().health = Health::Terminating(BackendId::parse(ROOT)));
    assert!(
        going.text().contains("is being deleted"),
        "to wait for it would be in vain"
    );
    assert_eq!(limited(4, 5).outcome(), Ok(Access::ReadWrite));
    assert_eq!(limited(5, 5).outcome(), Err(R::LimitReached));
    assert_eq!(limited(0, 0).outcome(), Err(R::LimitReached));
    assert_eq!(
        limited(5, 5).text(),
        "namespace team has joined 5 volumes, as many as it may"
    );
}

#[test]
fn a_member_is_mounted_as_its_own_class_says_whoever_mounts_the_owner_s_volume() {
    for (mine, mount) in [
        (testing::class("gold"), MountMode::Kubelet),
        (testing::csi_class("gold"), MountMode::Csi),
    ] {
        for theirs in [MountMode::Kubelet, MountMode::Csi] {
            let scene = scene().with(|s| (s.class, s.pv().mount) = (Some(mine.clone()), theirs));
            assert_eq!(examine(&scene.handshake()).verdict.map(|a| a.mount), Ok(mount));
        }
    }
}

#[test]
fn nobody_joins_by_a_class_that_does_not_say_how_to_mount() {
    let of = |class: Option<Class>| scene().with(|s| s.class = class);
    assert_eq!(of(None).outcome(), Err(R::InvalidParameters));
    let wrong = testing::class("gold").with(|c| c.parameters = Err("mount is \"fuse\"".into()));
    assert_eq!(of(Some(wrong.clone())).outcome(), Err(R::InvalidParameters));
    assert!(of(Some(wrong)).text().contains("StorageClass gold: mount is \"fuse\""));
    let on_a_node = of(Some(testing::csi_class("gold"))).with(|s| s.backend().node = Some("node1".into()));
    assert_eq!(on_a_node.outcome(), Err(R::InvalidParameters));
    assert!(on_a_node.text().contains("mount: kubelet"), "{}", on_a_node.text());
    let by_kubelet = on_a_node.with(|s| s.class = Some(testing::class("gold")));
    assert_eq!(by_kubelet.outcome(), Ok(Access::ReadWrite));
}
