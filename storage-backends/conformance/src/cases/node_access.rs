//! Everybody but nodes kept away from the server. What that does is each backend's own tests' business.
#![allow(missing_docs, reason = "a case is its name")]

use crate::plant::*;
use crate::{Outcome, Subject};
use std::collections::BTreeSet;
use std::net::IpAddr;

pub async fn nodes_are_told_as_often_as_one_likes(subject: &dyn Subject) -> Outcome {
    let backend = able(subject, |declared| declared.node_access).await?;
    // Of those that documentation may use (RFC 5737, RFC 3849), and the subject's own.
    let addresses = ["127.0.0.1", "::1", "192.0.2.1", "198.51.100.255", "2001:db8::1"];
    let some: BTreeSet<IpAddr> = addresses.iter().map(|text| text.parse().unwrap()).collect();
    let many = (0..=255)
        .map(|n| IpAddr::from([192, 0, 2, n]))
        .chain(some.clone())
        .collect();
    let other = subject.backend().await;
    for nodes in [&some, &some, &many, &BTreeSet::new(), &some] {
        backend.node_access().unwrap().admit_nodes(nodes).await.unwrap();
        other.node_access().unwrap().admit_nodes(nodes).await.unwrap();
    }
    Ok(())
}
