//! Which backend a new volume goes to, and what is written before it is made.

use super::*;
use crate::domain::access::{AccessModes, MountMode, OnDelete, OnOwnerDelete};
use crate::domain::backend::Health;
use crate::domain::class::BackendChoice;
use crate::domain::ids::BackendName;
use crate::domain::pv::ReclaimPolicy;
use crate::plan::testing::{self, GI, backend, class, csi_class, labels, record};
use crate::plan::{Verdict, rules};
use tombolo_backend_api::BackendId;

fn planned(claim: &Claim, class: &Class, record: Option<&Record>, backends: &[Backend]) -> Plan {
    let p = Provisioning {
        claim,
        class,
        record,
        backends,
    };
    let found = plan(&p);
    assert_eq!(rules::check_plan(&found), Ok(()), "{found}");
    assert_eq!(found, plan(&p), "planning twice gives the same plan");
    found
}

/// Where it goes, or why nowhere.
fn place(claim: &Claim, class: &Class, backends: &[Backend]) -> Result<String, R> {
    outcome(planned(claim, class, None, backends))
}

fn outcome(plan: Plan) -> Result<String, R> {
    match plan.verdict {
        Verdict::Refused(refusal) => Err(refusal.reason),
        _ => Ok(new_pv(&plan.actions).backend.to_string()),
    }
}

fn new_pv(actions: &[Action]) -> &NewPv {
    let found = actions.iter().find_map(|a| match a {
        Action::CreatePv(pv) => Some(&**pv),
        _ => None,
    });
    found.unwrap()
}

fn selecting(pairs: &[(&str, &str)]) -> Class {
    class("gold").with(|c| c.parameters.as_mut().unwrap().backend = BackendChoice::Labelled(labels(pairs)))
}

fn labelled(name: &str, tier: &str, room: u64) -> Backend {
    backend(name).with(|b| {
        b.labels = labels(&[("tier", tier)]);
        b.free = Some(room);
    })
}

#[test]
fn a_named_backend_is_the_only_candidate() {
    let claim = testing::claim("team/app");
    assert_eq!(
        place(&claim, &class("gold"), &[backend("nas0"), backend("nas1")]),
        Ok("nas1".into())
    );
    assert_eq!(
        place(&claim, &class("gold"), &[backend("nas0")]),
        Err(R::BackendUnavailable)
    );
    assert_eq!(place(&claim, &class("gold"), &[]), Err(R::BackendUnavailable));
}

#[test]
fn of_labelled_backends_the_one_with_most_room_is_taken_and_ties_go_by_name() {
    let claim = testing::claim("team/app");
    let gold = selecting(&[("tier", "gold")]);
    let three = [
        labelled("c", "gold", 5 * GI),
        labelled("b", "gold", 9 * GI),
        labelled("a", "iron", 99 * GI),
    ];
    assert_eq!(place(&claim, &gold, &three), Ok("b".into()));
    let tie = [
        labelled("c", "gold", GI),
        labelled("b", "gold", GI),
        labelled("d", "gold", GI),
    ];
    assert_eq!(place(&claim, &gold, &tie), Ok("b".into()));
    assert_eq!(
        place(&claim, &selecting(&[("tier", "tin")]), &three),
        Err(R::BackendUnavailable)
    );
    assert_eq!(
        place(&claim, &selecting(&[("tier", "gold"), ("zone", "x")]), &three),
        Err(R::BackendUnavailable)
    );
}

#[test]
fn what_is_promised_already_is_no_room() {
    let promised = labelled("a", "gold", 100 * GI).with(|b| b.used.bytes = 95 * GI);
    let limited = labelled("c", "gold", 100 * GI).with(|b| b.limits.bytes = Some(12 * GI));
    let claim = testing::claim("team/app");
    let gold = selecting(&[("tier", "gold")]);
    assert_eq!(
        place(&claim, &gold, &[promised.clone(), labelled("b", "gold", 6 * GI)]),
        Ok("b".into())
    );
    assert_eq!(place(&claim, &gold, &[promised, limited]), Ok("c".into()));
}

#[test]
fn limits_of_namespace_and_backend_are_kept_to_the_byte() {
    let claim = testing::claim("team/app");
    let with = |edit: fn(&mut Backend)| place(&claim, &class("gold"), &[backend("nas1").with(edit)]);
    let full = Err(R::LimitReached);
    let fits = Ok("nas1".to_owned());
    assert_eq!(with(|b| (b.limits.volumes, b.used.volumes) = (Some(3), 2)), fits);
    assert_eq!(with(|b| (b.limits.volumes, b.used.volumes) = (Some(3), 3)), full);
    assert_eq!(
        with(|b| (b.limits.bytes, b.used.bytes) = (Some(30 * GI), 20 * GI)),
        fits
    );
    assert_eq!(
        with(|b| (b.limits.bytes, b.used.bytes) = (Some(30 * GI), 20 * GI + 1)),
        full
    );
    assert_eq!(
        with(|b| (b.limits.namespace.volumes, b.used_by_namespace.volumes) = (Some(3), 2)),
        fits
    );
    assert_eq!(
        with(|b| (b.limits.namespace.volumes, b.used_by_namespace.volumes) = (Some(3), 3)),
        full
    );
    assert_eq!(
        with(|b| (b.limits.namespace.bytes, b.used_by_namespace.bytes) = (Some(15 * GI), 5 * GI)),
        fits
    );
    assert_eq!(
        with(|b| (b.limits.namespace.bytes, b.used_by_namespace.bytes) = (Some(15 * GI), 5 * GI + 1)),
        full
    );
    assert_eq!(
        with(|b| (b.limits.bytes, b.used.bytes) = (Some(u64::MAX), u64::MAX)),
        full,
        "no overflow"
    );
    assert_eq!(
        with(|b| (b.limits.namespace.members, b.used_by_namespace.members) = (Some(0), 9)),
        fits
    );
}

#[test]
fn a_full_backend_gives_way_to_another_with_the_same_labels() {
    let full = labelled("a", "gold", 500 * GI).with(|b| b.limits.volumes = Some(0));
    let claim = testing::claim("team/app");
    let gold = selecting(&[("tier", "gold")]);
    assert_eq!(
        place(&claim, &gold, &[full.clone(), labelled("b", "gold", 20 * GI)]),
        Ok("b".into())
    );
    assert_eq!(place(&claim, &gold, &[full]), Err(R::LimitReached));
}

#[test]
fn words_about_limits_name_the_namespace_s_own_figures_only() {
    let used = backend("nas1").with(|b| {
        b.limits.bytes = Some(30 * GI);
        b.used.bytes = 29 * GI;
        b.used.volumes = 77;
    });
    match planned(&testing::claim("team/app"), &class("gold"), None, &[used]).verdict {
        Verdict::Refused(refusal) => assert!(!refusal.text.contains(|c: char| c.is_ascii_digit()), "{}", refusal.text),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_backend_that_is_not_ready_takes_nothing() {
    let claim = testing::claim("team/app");
    for health in [Health::Degraded, Health::Terminating(None)] {
        let away = backend("nas1").with(|b| b.health = health.clone());
        assert_eq!(
            place(&claim, &class("gold"), std::slice::from_ref(&away)),
            Err(R::BackendUnavailable)
        );
        let begun = record("team/app");
        assert_eq!(
            outcome(planned(&claim, &class("gold"), Some(&begun), &[away])),
            Err(R::BackendUnavailable)
        );
    }
}

#[test]
fn a_local_backend_is_taken_only_for_pods_of_its_node() {
    let local = || backend("nas1").with(|b| b.node = Some("node1".into()));
    let on = |node: Option<&str>| testing::claim("team/app").with(|c| c.selected_node = node.map(str::to_owned));
    assert_eq!(place(&on(Some("node1")), &class("gold"), &[local()]), Ok("nas1".into()));
    assert_eq!(place(&on(None), &class("gold"), &[local()]), Ok("nas1".into()));
    assert_eq!(
        place(&on(Some("node2")), &class("gold"), &[local()]),
        Err(R::BackendUnavailable)
    );
    assert_eq!(
        place(
            &on(Some("node2")),
            &selecting(&[]),
            &[local(), backend("nas2").with(|b| b.node = Some("node2".into()))]
        ),
        Ok("nas2".into())
    );
    let anywhere = backend("nas1");
    assert_eq!(
        place(&on(Some("node2")), &class("gold"), &[anywhere]),
        Ok("nas1".into())
    );
    let hard = class("gold").with(|c| c.mount_options = vec!["hard".into()]);
    assert_eq!(
        place(&on(None), &hard, &[local()]),
        Err(R::InvalidParameters),
        "hostPath takes no mount options"
    );
}

#[test]
fn who_mounts_a_volume_is_on_its_object_and_in_its_record_as_the_class_said() {
    let claim = testing::claim("team/app");
    for (class, mount) in [(class("gold"), MountMode::Kubelet), (csi_class("gold"), MountMode::Csi)] {
        let plan = planned(&claim, &class, None, &[backend("nas1")]);
        assert_eq!(new_pv(&plan.actions).mount, mount);
        let recorded = plan.actions.iter().find_map(|a| match a {
            Action::Record(changes) => match changes.as_slice() {
                [Change::Begin(record)] => Some(record.terms.mount),
                _ => None,
            },
            _ => None,
        });
        assert_eq!(recorded, Some(mount));
    }
}

#[test]
fn the_node_plugin_mounts_nfs_and_no_directory_of_a_node() {
    let local = |name| backend(name).with(|b| b.node = Some("node1".into()));
    let claim = testing::claim("team/app");
    assert_eq!(place(&claim, &class("gold"), &[local("nas1")]), Ok("nas1".into()));
    let refused = planned(&claim, &csi_class("gold"), None, &[local("nas1")]);
    assert_eq!(outcome(refused.clone()), Err(R::InvalidParameters));
    let text = text(refused);
    assert!(
        text.contains("StorageClass gold: mount: csi is for NFS") && text.contains("mount: kubelet"),
        "{text}"
    );
    // Also where it was begun before the class was made again.
    let begun = record("team/app").state(State::Creating).intends(Intent::Create);
    let again = planned(&claim, &csi_class("gold"), Some(&begun), &[local("nas1")]);
    assert_eq!(outcome(again), Err(R::InvalidParameters));
    // Of several, one that can be mounted is taken, also if another has more room.
    let roomy = local("nas0").with(|b| b.free = Some(1 << 50));
    let any = selecting(&[]).with(|c| c.parameters.as_mut().unwrap().mount = MountMode::Csi);
    assert_eq!(place(&claim, &any, &[roomy, backend("nas1")]), Ok("nas1".into()));
}

/// As sig-storage-lib-external-provisioner answers `ProvisioningReschedule`.
#[test]
fn a_node_without_the_class_s_storage_is_chosen_again() {
    let claim = testing::claim("team/app").with(|c| c.selected_node = Some("node2".into()));
    let local = || backend("nas1").with(|b| b.node = Some("node1".into()));
    let plan = planned(&claim, &class("gold"), None, &[local()]);
    let again = Action::Reschedule {
        claim: claim.reference(),
        version: claim.version.clone(),
    };
    assert_eq!(plan.actions, [again]);
    assert!(text(plan).contains("not on node node2"));
    // One that is merely away may lie on that node for all that is known, and a full one is no matter of nodes.
    let away = planned(
        &claim,
        &class("gold"),
        None,
        &[local().with(|b| b.health = Health::Degraded)],
    );
    assert!(away.actions.is_empty());
    let full = local().with(|b| (b.node, b.limits.volumes) = (Some("node2".into()), Some(0)));
    assert!(planned(&claim, &class("gold"), None, &[full]).actions.is_empty());
}

fn text(plan: Plan) -> String {
    match plan.verdict {
        Verdict::Refused(refusal) => refusal.text,
        other => panic!("{other:?}"),
    }
}

#[test]
fn nobody_waits_for_a_backend_that_is_being_deleted() {
    let claim = testing::claim("team/app");
    for id in [None, BackendId::parse(testing::ROOT)] {
        let going = || backend("nas1").with(|b| b.health = Health::Terminating(id.clone()));
        let plan = planned(&claim, &class("gold"), None, &[going()]);
        assert!(text(plan).contains("is being deleted"));
        // One that is away may come back; what is being deleted does not.
        let other = labelled("nas2", "gold", GI).with(|b| b.health = Health::Degraded);
        let plan = planned(&claim, &selecting(&[]), None, &[going(), other]);
        assert!(text(plan).contains("goes on when it can"));
    }
}

/// The backend waits for what it has, a record of a volume that was begun included; were that one refused, the claim would wait for the
/// backend.
#[test]
fn what_was_begun_is_finished_on_a_backend_that_is_being_deleted() {
    let begun = record("team/app").state(State::Creating).intends(Intent::Create);
    let claim = testing::claim("team/app");
    let going = |id| backend("nas1").with(|b| b.health = Health::Terminating(id));
    let plan = |id| planned(&claim, &class("gold"), Some(&begun), &[going(id)]);
    assert_eq!(outcome(plan(BackendId::parse(testing::ROOT))), Ok("nas1".into()));
    assert_eq!(outcome(plan(BackendId::parse("other"))), Err(R::BackendUnavailable));
    assert_eq!(
        outcome(plan(None)),
        Err(R::BackendUnavailable),
        "it cannot be reached now"
    );
}

#[test]
fn after_a_crash_the_volume_is_finished_where_it_was_begun() {
    let claim = testing::claim("team/app");
    let begun = record("team/app").state(State::Creating).intends(Intent::Create);
    let moved =
        class("gold").with(|c| c.parameters.as_mut().unwrap().backend = BackendChoice::Named(BackendName::new("nas9")));
    let full = backend("nas1").with(|b| b.limits.volumes = Some(0));
    let both = [
        full,
        backend("nas9").with(|b| b.health = Health::Ready(BackendId::parse("other").unwrap())),
    ];
    let plan = planned(&claim, &moved, Some(&begun), &both);
    assert_eq!(new_pv(&plan.actions).handle, begun.handle);
    assert_eq!(
        outcome(plan),
        Ok("nas1".into()),
        "class and limits were looked at when it was begun"
    );

    let another_root = backend("nas1").with(|b| b.health = Health::Ready(BackendId::parse("other").unwrap()));
    let plan = planned(&claim, &class("gold"), Some(&begun), &[another_root]);
    assert_eq!(
        outcome(plan),
        Err(R::BackendUnavailable),
        "a backend of that name with another root is another one"
    );
}

#[test]
fn a_volume_under_deletion_is_not_made_again() {
    let going = record("team/app").state(State::Deleting);
    let plan = planned(
        &testing::claim("team/app"),
        &class("gold"),
        Some(&going),
        &[backend("nas1")],
    );
    assert_eq!(outcome(plan), Err(R::ProvisioningFailed));
}

#[test]
fn what_cannot_be_provisioned_is_refused_in_words() {
    let bad = class("gold").with(|c| c.parameters = Err("unknown parameter \"x\"".into()));
    let nas = [backend("nas1")];
    assert_eq!(
        place(&testing::claim("team/app"), &bad, &nas),
        Err(R::InvalidParameters)
    );
    assert_eq!(
        place(
            &testing::claim("team/app").with(|c| c.block = true),
            &class("gold"),
            &nas
        ),
        Err(R::AccessModeMismatch)
    );
    assert_eq!(
        place(
            &testing::claim("team/app").with(|c| c.request = None),
            &class("gold"),
            &nas
        ),
        Err(R::InvalidParameters)
    );
}

#[test]
fn everything_that_deleting_needs_is_on_the_object_from_birth() {
    let keeping = class("gold").with(|c| {
        c.policy = ReclaimPolicy::Retain;
        c.mount_options = vec!["rsize=4096".into()];
        let parameters = c.parameters.as_mut().unwrap();
        parameters.on_delete = OnDelete::Archive;
        parameters.on_owner_delete = OnOwnerDelete::Hold;
    });
    let claim = testing::claim("team/app").modes(&["RWO"]);
    let plan = planned(&claim, &keeping, None, &[backend("nas1")]);
    let pv = new_pv(&plan.actions);
    assert_eq!(
        (pv.name.as_str(), pv.claim.clone()),
        ("pvc-team-app", claim.reference())
    );
    assert_eq!(
        (pv.on_delete, pv.on_owner_delete),
        (OnDelete::Archive, OnOwnerDelete::Hold)
    );
    assert_eq!((pv.policy, pv.bytes), (ReclaimPolicy::Retain, 10 * GI));
    assert_eq!(pv.modes, AccessModes::parse(&["ReadWriteOnce"]));
    assert_eq!(pv.mount_options, ["rsize=4096"]);
    assert!(pv.joined.is_none());
}
