//! What is POSTed, in either mode of mounting, and that it reads back.

use super::*;
use crate::domain::pv::Pv;
use crate::plan::{Action, golden::scenarios};

fn nfs() -> MountSource {
    MountSource::Nfs {
        server: "nas1.example.com".into(),
        path: "/k8s/pvc-prod-data".into(),
        options: vec!["port=2050".into()],
        version: "4.1",
    }
}

/// A volume of its own, and the member that the goldens know, in this mode.
fn planned(mount: MountMode, access: Access) -> [NewPv; 2] {
    let mut made = Vec::new();
    scenarios::every(&mut |_, plan| {
        made.extend(plan.actions.iter().filter_map(|a| match a {
            Action::CreatePv(pv) => Some((**pv).clone()),
            _ => None,
        }));
    });
    let one = |member: bool| made.iter().find(|pv| pv.joined.is_some() == member).unwrap().clone();
    let (owner, member) = (one(false), one(true));
    [
        NewPv { mount, ..owner },
        NewPv {
            mount,
            access,
            ..member
        },
    ]
}

#[test]
fn by_kubelet_it_is_its_own_nfs_volume() {
    for pv in planned(MountMode::Kubelet, Access::ReadOnly) {
        let spec = persistent_volume(&pv, &nfs()).spec.unwrap();
        let source = spec.nfs.unwrap();
        assert_eq!(source.path, "/k8s/pvc-prod-data");
        assert!(spec.csi.is_none());
    }
}

#[test]
fn by_the_node_plugin_it_is_a_csi_volume_with_what_that_reads_and_a_handle_of_its_own() {
    let made = planned(MountMode::Csi, Access::ReadOnly);
    for (pv, read_only) in made.iter().zip([None, Some(true)]) {
        let object = persistent_volume(pv, &nfs());
        let spec = object.spec.clone().unwrap();
        let expected = serde_json::json!({
            "driver": names::PROVISIONER, "volumeHandle": pv.name.as_str(),
            "volumeAttributes": {"server": "nas1.example.com", "share": "/k8s/pvc-prod-data"},
        });
        let mut found = serde_json::to_value(spec.csi.unwrap()).unwrap();
        let said = found.as_object_mut().unwrap().remove("readOnly");
        assert_eq!((found, said), (expected, read_only.map(Into::into)));
        assert!(spec.nfs.is_none() && spec.host_path.is_none());
        // Options, and with them `ro`, are the PersistentVolume's in either mode.
        let options = spec.mount_options.unwrap();
        assert!(options.contains(&"port=2050".to_owned()), "{options:?}");
        assert_eq!(options.contains(&"ro".to_owned()), read_only.is_some(), "{options:?}");
        assert_eq!(spec.node_affinity, pv.node_affinity);
    }
    let [owner, member] = made;
    assert_ne!(owner.name, member.name, "to kubelet, two of one handle are one volume");
}

#[test]
fn a_directory_of_a_node_has_one_way_to_it() {
    let source = MountSource::HostPath {
        path: "/srv/pvc-prod-data".into(),
        node: "node1".into(),
    };
    for pv in planned(MountMode::Csi, Access::ReadWrite) {
        let spec = persistent_volume(&pv, &source).spec.unwrap();
        assert!(spec.csi.is_none() && spec.host_path.is_some());
    }
}

#[test]
fn what_is_made_is_read_back_as_ours_and_in_its_mode() {
    for mount in [MountMode::Kubelet, MountMode::Csi] {
        for pv in planned(mount, Access::ReadOnly) {
            let mut object = persistent_volume(&pv, &nfs());
            object.metadata.uid = Some("u".into());
            let read = Pv::of(&object).unwrap();
            assert_eq!(read.mount, mount);
            assert_eq!(read.ours.unwrap().handle, pv.handle);
        }
    }
}

/// The handle of a CSI volume is no authority: what makes it ours is the annotation, as with every other.
#[test]
fn a_volume_of_the_driver_without_our_annotation_is_a_stranger_s() {
    let [_, member] = planned(MountMode::Csi, Access::ReadWrite);
    let mut object = persistent_volume(&member, &nfs());
    object.metadata.uid = Some("u".into());
    let _ = object
        .metadata
        .annotations
        .as_mut()
        .unwrap()
        .remove(names::ANNOTATION_HANDLE);
    object.metadata.finalizers = None;
    let read = Pv::of(&object).unwrap();
    assert!(read.ours.is_none() && !read.bare && read.volume().is_none());
    // And one of another driver is not mounted by ours.
    object.spec.as_mut().unwrap().csi.as_mut().unwrap().driver = "nfs.csi.k8s.io".into();
    assert_eq!(Pv::of(&object).unwrap().mount, MountMode::Kubelet);
}

#[test]
fn options_have_defaults_and_are_not_repeated() {
    let s = |list: &[&str]| list.iter().map(|o| (*o).to_owned()).collect::<Vec<_>>();
    let port = s(&["port=2050"]);
    assert_eq!(
        mount_options(&[], &port, "4.1", false),
        ["nfsvers=4.1", "hard", "port=2050"]
    );
    assert_eq!(
        mount_options(&s(&["soft", "vers=3"]), &[], "4.1", true),
        ["soft", "vers=3", "ro"]
    );
    let inherited = s(&["nfsvers=4.1", "hard", "port=2050"]);
    assert_eq!(
        mount_options(&inherited, &port, "4.1", true),
        ["nfsvers=4.1", "hard", "port=2050", "ro"]
    );
}
