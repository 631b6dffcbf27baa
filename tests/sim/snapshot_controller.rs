//! The snapshot-controller of kubernetes-csi, as far as snapshots of one claim meet it: groups and secrets are left out.
//!
//! One write per call, in the order of `pkg/common-controller` (external-snapshotter v8.6). It looks at the store itself; that it may be
//! late is the world's choice of when to call it. What makes it decide the same again after each write is what makes the real one do so
//! after a crash.

use crate::cluster::{add_finalizer, take_finalizer};
use crate::store::{Custom, Expect, Part, Store};
use serde_json::{Value, json};
use tombolo::api::names;
use tombolo::domain::access::MountMode;
use tombolo::domain::claim::{Claim, ClaimPhase};
use tombolo::domain::snapshot::Snapshot;
use tombolo::domain::snapshot::content::{Content, ContentSource, DeletionPolicy};
use tombolo::domain::snapshot::handle::content_name;
use tombolo::domain::source::DataSource;

const BOUND: &str = "snapshot.storage.kubernetes.io/volumesnapshot-bound-protection";

/// Makes the first change there is to make; `false`: nothing is to be done. Contents come first if `contents_first`.
pub fn step(store: &mut Store, contents_first: bool) -> bool {
    let order = if contents_first {
        [contents, snapshots]
    } else {
        [snapshots, contents]
    };
    order.into_iter().any(|change| change(store))
}

/// `syncContent`: what is bound does not go before it is let go. A VolumeSnapshot that is missing is no reason to delete anything.
fn contents(store: &mut Store) -> bool {
    let bare = |c: &Content| c.of_uid.is_some() && !c.terminating && !has(&c.finalizers, names::FINALIZER_CONTENT);
    store.shelf.all_contents().iter().any(|content| {
        if bare(content) {
            let keep = |c: &mut Custom| add_finalizer(&mut c.metadata, names::FINALIZER_CONTENT);
            return edit_content(store, content, Part::Object, keep);
        }
        let snapshot = store.shelf.snapshot(&content.of).filter(|s| is_of(content, s));
        snapshot.is_some_and(|s| is_to_go(&s)) && mark(store, content)
    })
}

/// `setAnnVolumeSnapshotBeingDeleted`.
fn mark(store: &mut Store, content: &Content) -> bool {
    edit_content(store, content, Part::Object, |c| {
        let annotations = c.metadata.annotations.get_or_insert_default();
        annotations.insert(names::ANNOTATION_BEING_DELETED.to_owned(), "yes".to_owned());
    })
}

/// `IsSnapshotDeletionCandidate`.
fn is_to_go(snapshot: &Snapshot) -> bool {
    snapshot.terminating
        && [names::FINALIZER_SNAPSHOT, BOUND]
            .iter()
            .any(|f| has(&snapshot.finalizers, f))
}

/// `syncSnapshot`.
fn snapshots(store: &mut Store) -> bool {
    store.shelf.all_snapshots().iter().any(|snapshot| {
        let_source_go(store, snapshot, false)
            || match snapshot.terminating {
                true => delete(store, snapshot),
                false => protect(store, snapshot) || (!is_done(snapshot) && create(store, snapshot)),
            }
    })
}

fn has(finalizers: &[String], finalizer: &str) -> bool {
    finalizers.iter().any(|f| f == finalizer)
}

fn is_done(snapshot: &Snapshot) -> bool {
    snapshot.ready == Some(true) && snapshot.content.is_some()
}

/// `IsVolumeSnapshotRefSet`.
fn is_of(content: &Content, snapshot: &Snapshot) -> bool {
    content.of == snapshot.key && content.of_uid.as_ref() == Some(&snapshot.uid)
}

/// Its content, by its status or by the name that it would have, if that is its own.
fn content(store: &Store, snapshot: &Snapshot) -> Option<Content> {
    let own = || snapshot.of.is_some().then(|| content_name(&snapshot.uid));
    let content = store.shelf.content(&snapshot.content.clone().or_else(own)?)?;
    is_of(&content, snapshot).then(|| (*content).clone())
}

fn edit_content(store: &mut Store, content: &Content, part: Part, edit: impl FnOnce(&mut Custom)) -> bool {
    let before = store.version();
    let expect = Expect {
        uid: Some(content.uid.as_str()),
        version: Some(content.version.as_str()),
    };
    store.edit_content(&content.name, expect, part, edit).is_ok() && store.version() != before
}

fn edit_snapshot(store: &mut Store, snapshot: &Snapshot, part: Part, edit: impl FnOnce(&mut Custom)) -> bool {
    let before = store.version();
    let expect = Expect {
        uid: Some(snapshot.uid.as_str()),
        version: Some(snapshot.version.as_str()),
    };
    store.edit_snapshot(&snapshot.key, expect, part, edit).is_ok() && store.version() != before
}

/// `checkandRemovePVCFinalizer`: nobody asks it but on the way of a VolumeSnapshot of that claim.
fn let_source_go(store: &mut Store, snapshot: &Snapshot, skip_current: bool) -> bool {
    let Some(claim) = snapshot.of.as_ref().and_then(|of| store.claim(of)) else {
        return false;
    };
    let waits = |other: &Snapshot| {
        other.of.as_ref() == Some(&claim.key)
            && other.ready != Some(true)
            && !(skip_current && other.key == snapshot.key)
    };
    if store.shelf.all_snapshots().iter().any(|other| waits(other)) {
        return false;
    }
    let before = store.version();
    let let_go = |c: &mut k8s_openapi::api::core::v1::PersistentVolumeClaim| {
        take_finalizer(&mut c.metadata, names::FINALIZER_SNAPSHOT_SOURCE)
    };
    let edit = store.edit_claim(&claim.key, Expect::default(), let_go);
    edit.is_ok() && store.version() != before
}

/// `checkandAddSnapshotFinalizers`.
fn protect(store: &mut Store, snapshot: &Snapshot) -> bool {
    let deletes = content(store, snapshot).is_some_and(|c| c.policy == DeletionPolicy::Delete);
    let bound = snapshot.content.is_some() && deletes;
    edit_snapshot(store, snapshot, Part::Object, |s| {
        add_finalizer(&mut s.metadata, names::FINALIZER_SNAPSHOT);
        if bound {
            add_finalizer(&mut s.metadata, BOUND);
        }
    })
}

/// `processSnapshotWithDeletionTimestamp`.
fn delete(store: &mut Store, snapshot: &Snapshot) -> bool {
    if !is_to_go(snapshot) {
        return false;
    }
    let content = content(store, snapshot);
    if content.is_some() && is_being_restored(store, snapshot) {
        return false;
    }
    if let Some(content) = &content {
        if mark(store, content) {
            return true;
        }
        if content.policy == DeletionPolicy::Delete && !content.terminating {
            return store.delete_content(&content.name).is_ok();
        }
    }
    let goes_with_it = content.is_some_and(|c| c.policy == DeletionPolicy::Delete);
    // As long as the VolumeSnapshot is there its claim can still be let go.
    let_source_go(store, snapshot, true)
        || edit_snapshot(store, snapshot, Part::Object, |s| {
            take_finalizer(&mut s.metadata, names::FINALIZER_SNAPSHOT);
            if !goes_with_it {
                take_finalizer(&mut s.metadata, BOUND);
            }
        })
}

/// `isVolumeBeingCreatedFromSnapshot`: it knows of claims of the same namespace only, and of `dataSource` only.
pub fn is_being_restored(store: &Store, snapshot: &Snapshot) -> bool {
    let asks = |claim: &Claim| match &claim.source {
        DataSource::Object(source) => source.as_snapshot().as_ref() == Some(&snapshot.key),
        _ => false,
    };
    let waits = |claim: &Claim| {
        claim.key.namespace == snapshot.key.namespace && claim.phase == ClaimPhase::Pending && asks(claim)
    };
    store.all_claims().iter().any(|claim| waits(claim))
}

/// `syncUnreadySnapshot`.
fn create(store: &mut Store, snapshot: &Snapshot) -> bool {
    let named = store.shelf.snapshots.get(&snapshot.key).cloned();
    let named = named.as_ref().and_then(|s| {
        s.data
            .pointer("/spec/source/volumeSnapshotContentName")?
            .as_str()
            .map(str::to_owned)
    });
    let name = match named {
        Some(name) => tombolo::domain::ids::ContentName::new(name),
        None => content_name(&snapshot.uid),
    };
    match store.shelf.content(&name) {
        Some(found) if is_of(&found, snapshot) => tell(store, snapshot, &found),
        Some(found) => bind(store, snapshot, &found),
        None => snapshot.of.is_some() && make(store, snapshot),
    }
}

/// `checkandBindSnapshotContent`, of a content that somebody has made for this VolumeSnapshot.
fn bind(store: &mut Store, snapshot: &Snapshot, content: &Content) -> bool {
    let free = content.of == snapshot.key && content.of_uid.is_none();
    if !free || !matches!(content.source, ContentSource::Snapshot(_)) {
        return false;
    }
    let uid = snapshot.uid.to_string();
    edit_content(store, content, Part::Object, |c| {
        c.data["spec"]["volumeSnapshotRef"]["uid"] = json!(uid)
    })
}

/// `updateSnapshotStatus`.
fn tell(store: &mut Store, snapshot: &Snapshot, content: &Content) -> bool {
    let said = content.status.clone().unwrap_or_default();
    let status = json!({
        "boundVolumeSnapshotContentName": content.name.as_str(),
        "readyToUse": said.ready,
        "restoreSize": said.restore_size.map_or(Value::Null, |bytes| json!(bytes.to_string())),
        "error": said.error.map_or(Value::Null, |text| json!({"message": text})),
    });
    edit_snapshot(store, snapshot, Part::Status, |s| s.data["status"] = status)
}

/// `createSnapshotContent`: for volumes of CSI drivers only; the claim is kept first.
fn make(store: &mut Store, snapshot: &Snapshot) -> bool {
    let claim = snapshot.of.as_ref().and_then(|of| store.claim(of));
    let Some(claim) = claim.filter(|c| c.phase == ClaimPhase::Bound) else {
        return false;
    };
    let Some(volume) = claim.volume_name.as_ref().and_then(|name| store.pv(name)) else {
        return false;
    };
    let class = snapshot.class.as_ref();
    let class = class.and_then(|name| store.shelf.classes.iter().find(|class| class.name == *name));
    let Some(class) = class.filter(|_| volume.mount == MountMode::Csi).cloned() else {
        return false;
    };
    let before = store.version();
    let keep = |c: &mut k8s_openapi::api::core::v1::PersistentVolumeClaim| {
        add_finalizer(&mut c.metadata, names::FINALIZER_SNAPSHOT_SOURCE)
    };
    // A claim that is going and is not kept is refused here.
    if store.edit_claim(&claim.key, Expect::default(), keep).is_err() {
        return false;
    }
    if store.version() != before {
        return true;
    }
    let spec = json!({
        "driver": names::PROVISIONER,
        "deletionPolicy": class.policy.as_str(),
        "volumeSnapshotClassName": class.name.as_str(),
        "source": {"volumeHandle": volume.name.as_str()},
        "sourceVolumeMode": "Filesystem",
        "volumeSnapshotRef": {
            "namespace": snapshot.key.namespace.as_str(), "name": snapshot.key.name, "uid": snapshot.uid.as_str(),
        },
    });
    store.create_content(&content_name(&snapshot.uid), spec).is_ok()
}
