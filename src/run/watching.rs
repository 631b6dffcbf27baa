//! The watches: which there are, and which of them a start waits for.

use crate::cli::RunArgs;
use crate::observe::watches::Feed;
use anyhow::Context;
use kube::Client;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinSet;

/// How long a start waits for the first word on kinds that it can do without.
const FOR_OPTIONAL: Duration = Duration::from_secs(5);

/// Begins all of them, and waits until the caches show what decisions rest on. Answers what changes when something is heard of
/// VolumePopulators.
///
/// # Errors
/// If one ended.
pub(super) async fn begin(
    tasks: &mut JoinSet<()>,
    client: &Client,
    args: &RunArgs,
    feed: &Feed,
) -> anyhow::Result<watch::Receiver<u64>> {
    let mut synced = the_rest(tasks, client, args, feed);
    let (known, mut of_grants) = watch::channel(false);
    tasks.spawn(feed.clone().grants(client.clone(), known));
    let (known, mut of_sources) = watch::channel(false);
    tasks.spawn(feed.clone().cross_sources(client.clone(), known));
    let (heard, of_populators) = watch::channel(0);
    tasks.spawn(feed.clone().populators(client.clone(), heard));
    for one in &mut synced {
        one.wait_for(|synced| *synced).await.context("a watch ended")?;
    }
    // A moment, so that no claim is told what is true for the first second only. Each of these kinds may be missing, and stay so.
    let known = async {
        let _ = of_grants.wait_for(|known| *known).await;
        let _ = of_sources.wait_for(|known| *known).await;
        let _ = of_populators.clone().wait_for(|heard| *heard > 0).await;
    };
    let _ = tokio::time::timeout(FOR_OPTIONAL, known).await;
    Ok(of_populators)
}

/// Those of kinds that are always there. Each answers when it is in the caches.
fn the_rest(tasks: &mut JoinSet<()>, client: &Client, args: &RunArgs, feed: &Feed) -> Vec<watch::Receiver<bool>> {
    let mut waiting = Vec::new();
    let mut synced = || {
        let (sender, receiver) = watch::channel(false);
        waiting.push(receiver);
        sender
    };
    tasks.spawn(feed.clone().claims(client.clone(), synced()));
    tasks.spawn(feed.clone().pvs(client.clone(), synced()));
    tasks.spawn(feed.clone().classes(client.clone(), synced()));
    tasks.spawn(feed.clone().namespaces(client.clone(), synced()));
    tasks.spawn(feed.clone().volume_references(client.clone(), synced()));
    // Not waited for: nothing is told of snapshots before they are known.
    tasks.spawn(feed.clone().all_of_snapshots(client.clone()));
    if args.trident_references {
        // Not waited for: its definition may never be installed.
        tasks.spawn(feed.clone().trident_references(client.clone(), watch::channel(false).0));
    }
    waiting
}
