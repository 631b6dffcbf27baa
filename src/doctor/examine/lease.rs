//! Who leads: whoever renews the Lease while we look. No clocks are compared, since those of nodes and people differ.

use crate::api::names;
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use kube::{Api, Client};
use std::time::Duration;

/// Between two looks.
const PAUSE: Duration = Duration::from_millis(500);
/// A Lease that was given up says one second, and whoever comes next needs a moment.
const SHORTEST: i32 = 5;
/// Nobody waits longer for an answer.
const LONGEST: i32 = 30;

/// The Lease, as it was last seen.
#[derive(Debug, Default)]
pub(in crate::doctor) struct Held {
    /// Who has it; empty: nobody.
    pub(in crate::doctor) holder: String,
    /// Whether it was renewed while we looked.
    pub(in crate::doctor) renewed: bool,
}

/// Looks at the Lease until it is renewed, or would have run out.
pub(super) async fn held(client: &Client, namespace: &str) -> kube::Result<Option<Held>> {
    let leases: Api<Lease> = Api::namespaced(client.clone(), namespace);
    let first = leases.get_opt(names::LEASE).await?;
    let Some(first) = first.map(|lease| lease.spec.unwrap_or_default()) else {
        return Ok(None);
    };
    let seconds = first.lease_duration_seconds.unwrap_or(LONGEST).clamp(SHORTEST, LONGEST);
    let renewal = async {
        loop {
            tokio::time::sleep(PAUSE).await;
            let now = leases.get_opt(names::LEASE).await?.and_then(|lease| lease.spec);
            if let Some(now) = now.filter(|now| now.renew_time != first.renew_time) {
                return Ok::<_, kube::Error>(now);
            }
        }
    };
    let within = Duration::from_secs(u64::from(seconds.unsigned_abs()));
    Ok(Some(match tokio::time::timeout(within, renewal).await {
        Ok(now) => said(now?, true),
        Err(_) => said(first, false),
    }))
}

fn said(spec: LeaseSpec, renewed: bool) -> Held {
    let holder = spec.holder_identity.unwrap_or_default();
    Held {
        holder: holder.chars().filter(|c| !c.is_control()).take(128).collect(),
        renewed,
    }
}
