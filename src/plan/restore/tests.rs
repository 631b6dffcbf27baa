//! Which entry may be given to which claim, and how an interrupted command goes on.

use super::*;
use crate::domain::access::MountMode;
use crate::domain::ids::{ClassName, VolumeId};
use crate::domain::pv::ReclaimPolicy;
use crate::plan::testing::{self, GI, ROOT, claim_ref, class, csi_class, handle, pv, pv_name};

/// All that is looked at, owned.
struct Case {
    id: TrashId,
    remains: Option<Remains>,
    record: Option<Discarded>,
    claim: Claim,
    class: Option<Class>,
    pv: Option<Pv>,
    on_a_node: bool,
}

/// The volume of `old/data`, whole in the trash, and the claim `new/data` that waits for it.
fn case() -> Case {
    let name = pv_name("old/data");
    Case {
        id: TrashId::parse(name.as_str()).unwrap(),
        remains: Some(Remains::Whole),
        record: Some(Discarded {
            volume: VolumeId::from(&name),
            backend: BackendName::new("nas1"),
            handle: handle(&name),
            owner: claim_ref("old/data"),
            class: Some(ClassName::new("gold")),
            bytes: 10 * GI,
            mount: MountMode::Kubelet,
            at: jiff::Timestamp::UNIX_EPOCH,
        }),
        claim: testing::claim("new/data").with(|c| c.volume_name = Some(name)),
        class: Some(class("gold")),
        pv: None,
        on_a_node: false,
    }
}

impl Case {
    fn with(mut self, edit: impl FnOnce(&mut Self)) -> Self {
        edit(&mut self);
        self
    }

    fn decided(&self) -> Result<Restoring, String> {
        decide(&Asked {
            id: &self.id,
            remains: self.remains,
            record: self.record.as_ref(),
            claim: &self.claim,
            class: self.class.as_ref(),
            pv: self.pv.as_ref(),
            backend: &BackendName::new("nas1"),
            root: &BackendId::parse(ROOT).unwrap(),
            on_a_node: self.on_a_node,
        })
    }
}

fn new_path() -> VolumePath {
    VolumePath::parse("pvc-old-data.new-data").unwrap()
}

/// The object that the command has made before it was interrupted.
fn made() -> Pv {
    let name = pv_name("old/data");
    pv("old/data").bound_to("new/data").ours(|o| {
        o.handle.path = VolumePath::parse(&format!("{name}.new-data")).unwrap();
        o.owner_uid = Some(testing::uid("new/data"));
    })
}

#[test]
fn an_entry_comes_back_as_it_was_recorded_under_a_new_path() {
    let Ok(Restoring::Everything(pv)) = case().decided() else {
        panic!("{:?}", case().decided())
    };
    assert_eq!((pv.name, pv.claim), (pv_name("old/data"), claim_ref("new/data")));
    assert_eq!(pv.handle.to_string(), format!("{ROOT}:{}", new_path()));
    assert_eq!(
        (pv.bytes, pv.policy, pv.class.as_str()),
        (10 * GI, ReclaimPolicy::Delete, "gold")
    );
    // Smaller than recorded fits; the volume stays as large as it was.
    let small = case().with(|c| c.claim.request = Some(GI)).decided();
    assert!(matches!(small, Ok(Restoring::Everything(pv)) if pv.bytes == 10 * GI));
}

#[test]
fn a_volume_comes_back_as_it_was_mounted_and_the_admin_is_told_where_its_class_says_otherwise() {
    let back = |was: MountMode, class: Class| {
        let case = case().with(|c| (c.record.as_mut().unwrap().mount, c.class) = (was, Some(class.clone())));
        let Ok(Restoring::Everything(pv)) = case.decided() else {
            panic!("{:?}", case.decided())
        };
        (pv.mount, remark(pv.mount, &class))
    };
    let (kubelet, csi) = (MountMode::Kubelet, MountMode::Csi);
    assert_eq!(back(kubelet, class("gold")), (kubelet, None));
    assert_eq!(back(csi, csi_class("gold")), (csi, None));
    for (was, class, now) in [(kubelet, csi_class("gold"), "csi"), (csi, class("gold"), "kubelet")] {
        let (mount, said) = back(was, class);
        assert_eq!(mount, was);
        let said = said.unwrap();
        assert!(said.contains(&format!("StorageClass gold says mount: {now}")), "{said}");
    }
}

#[test]
fn a_claim_must_wait_for_exactly_this_volume_and_fit() {
    type Change = fn(&mut Case);
    let cases: [(&str, Change); 11] = [
        ("bound", |c| c.claim.phase = crate::domain::claim::ClaimPhase::Bound),
        ("terminating", |c| c.claim.terminating = true),
        ("names none", |c| c.claim.volume_name = None),
        ("names another", |c| c.claim.volume_name = Some(pv_name("x/y"))),
        ("another class", |c| {
            c.claim.class = Some(ClassName::new("silver"));
            c.class = Some(class("silver"));
        }),
        ("too large", |c| c.claim.request = Some(10 * GI + 1)),
        ("no size", |c| c.claim.request = None),
        ("a block device", |c| c.claim.block = true),
        ("a class that is gone or not ours", |c| c.class = None),
        ("a class that nobody can read", |c| {
            c.class = Some(class("gold").with(|c| c.parameters = Err("onDelete".into())));
        }),
        ("mount options for a directory", |c| {
            c.on_a_node = true;
            c.class = Some(class("gold").with(|c| c.mount_options = vec!["hard".into()]));
        }),
    ];
    for (what, edit) in cases {
        assert!(case().with(edit).decided().is_err(), "{what}");
    }
    assert!(case().with(|c| c.on_a_node = true).decided().is_ok());
    // What was recorded without a class goes to a claim of any.
    let any = case().with(|c| {
        c.record.as_mut().unwrap().class = None;
        c.claim.class = Some(ClassName::new("silver"));
        c.class = Some(class("silver"));
    });
    assert!(any.decided().is_ok());
}

#[test]
fn without_a_record_of_its_own_an_entry_cannot_come_back() {
    assert!(case().with(|c| c.record = None).decided().is_err());
    let strange = case().with(|c| c.record.as_mut().unwrap().volume = VolumeId::new("pvc-x"));
    assert!(strange.decided().is_err());
}

#[test]
fn what_is_under_purge_or_gone_is_refused_with_and_without_an_object() {
    for pv in [None, Some(made())] {
        let purging = case().with(|c| (c.remains, c.pv) = (Some(Remains::Purging), pv));
        assert!(purging.decided().unwrap_err().contains("is being purged"));
    }
    for remains in [None, Some(Remains::RecordOnly)] {
        assert!(case().with(|c| c.remains = remains).decided().is_err(), "{remains:?}");
    }
}

#[test]
fn a_command_that_was_interrupted_goes_on_from_either_side_of_the_rename() {
    // Kubernetes may have bound the claim meanwhile.
    for claim in [case().claim, case().claim.bound_to("pvc-old-data")] {
        let before = case().with(|c| (c.pv, c.claim) = (Some(made()), claim.clone()));
        assert_eq!(before.decided(), Ok(Restoring::Data(new_path())));
        for remains in [None, Some(Remains::RecordOnly)] {
            let after = case().with(|c| (c.pv, c.claim, c.remains) = (Some(made()), claim.clone(), remains));
            assert_eq!(after.decided(), Ok(Restoring::Nothing(new_path())));
        }
    }
}

#[test]
fn an_object_that_is_not_of_this_command_is_in_the_way() {
    let old = pv("old/data").released();
    let of_another = made().ours(|o| o.owner_uid = Some(testing::uid("another/data")));
    for (what, pv) in [
        ("the old one", old.clone()),
        ("the old one, terminating", old.terminating()),
        ("its own, terminating", made().terminating()),
        ("that of a restore to another claim", of_another),
        ("a stranger's", made().with(|p| p.ours = None)),
    ] {
        for remains in [Some(Remains::Whole), None] {
            let refused = case().with(|c| (c.pv, c.remains) = (Some(pv.clone()), remains));
            assert!(refused.decided().is_err(), "{what} {remains:?}");
        }
    }
}
