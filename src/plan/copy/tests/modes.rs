//! Volume modes of a claim and its source, as manifests say them: `Block`, `Filesystem`, or nothing.

use super::*;
use k8s_openapi::api::core::v1::{PersistentVolume, PersistentVolumeClaim};
use serde_json::{Value, json};

const BLOCK: Option<&str> = Some("Block");
const FILESYSTEM: Option<&str> = Some("Filesystem");

fn spec(mode: Option<&str>) -> Value {
    let object = json!({"metadata": {"namespace": "n", "name": "x", "uid": "u"}, "spec": {}});
    match mode {
        Some(mode) => {
            let mut object = object;
            object["spec"]["volumeMode"] = json!(mode);
            object
        }
        None => object,
    }
}

fn of_claim(mode: Option<&str>) -> bool {
    let claim: PersistentVolumeClaim = serde_json::from_value(spec(mode)).unwrap();
    Claim::of(&claim).unwrap().block
}

fn of_pv(mode: Option<&str>) -> bool {
    let pv: PersistentVolume = serde_json::from_value(spec(mode)).unwrap();
    Pv::of(&pv).unwrap().block
}

/// A claim of a mode that wants a copy of one whose volume has a mode.
fn modes(claim: Option<&str>, source: Option<&str>) -> Scene {
    scene()
        .with(|s| s.claim.block = of_claim(claim))
        .source(|c| c.with(|c| c.block = of_claim(source)))
        .pv(|p| p.with(|p| p.block = of_pv(source)))
}

/// Whether ReferenceGrants are read makes no difference within a namespace.
fn begins(claim: Option<&str>, source: Option<&str>) -> bool {
    let all = [Served::Yes, Served::NotInstalled, Served::Forbidden];
    let begin = all.map(|served| modes(claim, source).with(|s| s.served = served).begins());
    assert!(begin.iter().all(|begins| *begins == begin[0]));
    begin[0]
}

#[test]
fn cl_21_a_block_device_of_a_block_device_is_not_served() {
    assert_eq!(modes(BLOCK, BLOCK).reason(), Some(R::AccessModeMismatch));
}

#[test]
fn cl_22_nor_is_one_of_a_file_system() {
    assert_eq!(modes(BLOCK, FILESYSTEM).reason(), Some(R::AccessModeMismatch));
}

#[test]
fn cl_23_nor_is_one_of_a_source_that_says_nothing() {
    assert_eq!(modes(BLOCK, None).reason(), Some(R::AccessModeMismatch));
}

#[test]
fn cl_24_cl_31_who_says_nothing_gets_a_copy_of_one_who_says_nothing() {
    assert!(begins(None, None));
}

#[test]
fn cl_25_cl_30_a_file_system_of_a_file_system() {
    assert!(begins(FILESYSTEM, FILESYSTEM));
    assert!(begins(None, FILESYSTEM));
}

#[test]
fn cl_26_a_file_system_of_a_block_device_is_refused() {
    assert_eq!(modes(FILESYSTEM, BLOCK).reason(), Some(R::AccessModeMismatch));
    assert_eq!(modes(None, BLOCK).reason(), Some(R::AccessModeMismatch));
    // Either of the source's objects is enough.
    let by_claim = modes(FILESYSTEM, None).source(|c| c.with(|c| c.block = true));
    let by_pv = modes(FILESYSTEM, None).pv(|p| p.with(|p| p.block = true));
    for s in [by_claim, by_pv] {
        assert_eq!(s.reason(), Some(R::AccessModeMismatch));
    }
}

#[test]
fn cl_27_a_file_system_of_a_source_that_says_nothing() {
    assert!(begins(FILESYSTEM, None));
}
