//! What a backend declares holds, and what it does not declare it does not pretend.
#![allow(missing_docs, reason = "a case is its name")]

use crate::plant::*;
use crate::run::{say, subject_name};
use crate::{Outcome, Subject};
use tombolo_backend_api::{Capabilities, CreateVolume};

pub async fn capabilities_and_root_are_constant(subject: &dyn Subject) -> Outcome {
    let (one, two) = (subject.backend().await, marked(subject).await);
    assert_eq!(one.capabilities(), two.capabilities());
    assert_eq!(one.root(), two.root());
    assert!(one.root().overlaps(&two.root()));
    let root = one.root();
    assert_eq!(root.host, root.host.to_lowercase());
    assert!(
        root.path.is_empty() || root.path.starts_with('/') && !root.path.ends_with('/'),
        "{root:?}"
    );
    Ok(())
}

/// And says so, one line each: the table of what every backend can do.
pub async fn what_is_declared_is_given_out_and_nothing_else(subject: &dyn Subject) -> Outcome {
    let backend = subject.backend().await;
    let declared = backend.capabilities();
    let given = Capabilities {
        share: backend.share().is_some(),
        revoke: backend.revoke().is_some(),
        // A promise of `mount`, with no calls of its own.
        read_only_enforced: declared.read_only_enforced,
        snapshot: backend.snapshots().is_some(),
        clone: backend.clones().is_some(),
        resize: backend.resize().is_some(),
        quota: backend.quota().is_some(),
        usage: backend.measure().is_some(),
        node_access: backend.node_access().is_some(),
    };
    assert_eq!(given, declared);
    let names = declared.names();
    let rows = Capabilities::ALL.names().into_iter().map(|name| {
        let answer = if names.contains(&name) {
            "yes, its cases run"
        } else {
            "no, it is refused"
        };
        format!("backend {:<24} {name:<17} {answer}\n", subject_name())
    });
    say(&rows.collect::<String>());
    Ok(())
}

pub async fn a_quota_is_declared_iff_it_is_told(subject: &dyn Subject) -> Outcome {
    let backend = marked(subject).await;
    let wanted = CreateVolume {
        bytes: 64 << 20,
        ..volume("pvc-1")
    };
    let told = backend.create(&wanted).await.unwrap().enforced_bytes;
    assert_eq!(told, backend.capabilities().quota.then_some(wanted.bytes));
    assert_eq!(
        backend.inspect(&wanted.path).await.unwrap().unwrap().enforced_bytes,
        told
    );
    Ok(())
}
