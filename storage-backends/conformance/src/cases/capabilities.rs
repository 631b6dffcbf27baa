//! What a backend declares holds, and what it does not declare it does not pretend.
#![allow(missing_docs, reason = "a case is its name")]

use crate::plant::*;
use crate::{Outcome, Subject};
use tombolo_backend_api::CreateVolume;

pub async fn capabilities_and_root_are_constant(subject: &dyn Subject) -> Outcome {
    let (one, two) = (subject.backend().await, marked(subject).await);
    assert_eq!(one.capabilities(), two.capabilities());
    assert_eq!(one.root(), two.root());
    assert!(one.root().overlaps(&two.root()));
    let declared = one.capabilities();
    assert!(
        declared.share || !declared.revoke,
        "access to what is not shared cannot be revoked"
    );
    let root = one.root();
    assert_eq!(root.host, root.host.to_lowercase());
    assert!(
        root.path.is_empty() || root.path.starts_with('/') && !root.path.ends_with('/'),
        "{root:?}"
    );
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
