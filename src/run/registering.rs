//! Registering our own kind of data source once somebody has installed the definition of VolumePopulators: at the start, or later.
//!
//! Only then, and not whenever the object is gone: whoever deletes it may have a reason, and the next start asks again.

use crate::domain::served::Served;
use crate::execute::registration::{Registered, register};
use crate::observe::gather::{self, Caches};
use crate::plan::registration::missing;
use kube::Client;
use std::time::Duration;
use tokio::sync::watch;

/// How long until it is tried again.
const AGAIN: Duration = Duration::from_secs(60);

/// Follows the news of VolumePopulators.
pub(super) async fn follow(client: Client, caches: Caches, mut news: watch::Receiver<u64>) {
    let mut before = Served::Unknown;
    loop {
        let served = gather::with(&caches, |index| index.populators_served());
        let appeared = served == Served::Yes && before != Served::Yes;
        let heard = if appeared && !is_registered(&client, &caches).await {
            tokio::time::timeout(AGAIN, news.changed()).await.unwrap_or(Ok(()))
        } else {
            before = served;
            news.changed().await
        };
        if heard.is_err() {
            // Whoever told of them has ended, and with it soon everything.
            return std::future::pending().await;
        }
    }
}

async fn is_registered(client: &Client, caches: &Caches) -> bool {
    let Some(new) = gather::with(caches, |index| missing(index.populators_served(), index.populators())) else {
        return true;
    };
    match register(client, &new).await {
        Ok(Registered::Made) => {
            tracing::info!(name = new.name, "CrossNamespaceSource is registered as a data source");
            true
        }
        Ok(Registered::NameTaken) => {
            tracing::warn!(
                name = new.name,
                "a VolumePopulator of that name registers another kind; it is left as it is"
            );
            true
        }
        Err(error) => {
            tracing::warn!(%error, "CrossNamespaceSource could not be registered; it is tried again");
            false
        }
    }
}
