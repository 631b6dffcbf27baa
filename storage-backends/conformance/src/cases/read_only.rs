//! Read-only access that the server enforces, whatever mount options a client has.
#![allow(missing_docs, reason = "a case is its name")]

use crate::hands::Refused;
use crate::plant::*;
use crate::{Outcome, Skip, Subject};
use std::sync::Arc;
use tombolo_backend_api::{Admission, Backend};

async fn enforcer(subject: &dyn Subject) -> Result<Arc<dyn Backend>, Skip> {
    let backend = able(subject, |declared| declared.read_only_enforced).await?;
    backend.create(&volume("pvc-1")).await.unwrap();
    subject.write("pvc-1/file", b"kept");
    Ok(backend)
}

pub async fn a_way_to_read_refuses_writes(subject: &dyn Subject) -> Outcome {
    let backend = enforcer(subject).await?;
    let hands = mounted(subject, &*backend, &reader("pvc-1", "one")).await?;
    let before = contents(subject);
    assert_eq!(hands.read("file").await.unwrap(), b"kept");
    assert_eq!(hands.list().await.unwrap(), ["file".to_owned()].into());
    assert_eq!(hands.write("new", b"x").await, Err(Refused::ReadOnly));
    assert_eq!(contents(subject), before);
    Ok(())
}

pub async fn both_ways_of_one_tenant_are_what_they_are(subject: &dyn Subject) -> Outcome {
    let backend = enforcer(subject).await?;
    let (reads, writes) = (reader("pvc-1", "one"), export("pvc-1", "one"));
    assert_ne!(
        backend.mount(&reads).await.unwrap(),
        backend.mount(&writes).await.unwrap()
    );
    let reads = mounted(subject, &*backend, &reads).await?;
    let writes = mounted(subject, &*backend, &writes).await?;
    writes.write("new", b"new").await.unwrap();
    assert_eq!(reads.read("new").await.unwrap(), b"new");
    assert_eq!(reads.write("other", b"x").await, Err(Refused::ReadOnly));
    writes.write("other", b"other").await.unwrap();
    Ok(())
}

pub async fn a_way_to_read_never_lets_more_through(subject: &dyn Subject) -> Outcome {
    let backend = enforcer(subject).await?;
    let Some(revoke) = backend.revoke() else {
        return Err(Skip::because("it cannot be told to let anything through"));
    };
    let key = reader("pvc-1", "one");
    let hands = mounted(subject, &*backend, &key).await?;
    for admission in [Admission::Full, Admission::ReadOnly, Admission::Cut, Admission::Full] {
        revoke.admit(&key, admission).await.unwrap();
        let refused = hands.write("new", b"x").await.unwrap_err();
        match admission {
            Admission::Cut => assert_eq!(refused, Refused::Gone),
            Admission::ReadOnly | Admission::Full => assert_eq!(refused, Refused::ReadOnly),
        }
    }
    assert_eq!(hands.read("file").await.unwrap(), b"kept");
    Ok(())
}
