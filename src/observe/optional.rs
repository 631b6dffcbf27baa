//! Watching kinds of other projects, whose definitions may be missing, come later, go again, or be closed to us.
//!
//! None of that may disturb anything else, so nobody waits for these watches, and each begins anew by asking which version there is. The
//! newest that is served is read; both versions of a kind hold the same objects.

use crate::domain::served::Served;
use futures::{StreamExt, pin_mut};
use kube::api::{ApiResource, DynamicObject, GroupVersionKind};
use kube::runtime::{WatchStreamExt, watcher};
use kube::{Api, Client};
use std::time::Duration;

/// How long until it is asked again which version is served.
const ASK_AGAIN: Duration = Duration::from_secs(5);

/// A kind of another project.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Foreign {
    /// Its API group.
    pub group: &'static str,
    /// Its name.
    pub kind: &'static str,
    /// Its name in paths.
    pub plural: &'static str,
    /// The versions that we read, the one that is preferred first.
    pub versions: &'static [&'static str],
}

/// What a watch tells.
#[derive(Debug)]
pub enum News {
    /// Whether the kind can be read.
    Served(Served),
    /// It can, and these are all objects that there are.
    All(Vec<DynamicObject>),
    /// This one is new, or has changed.
    There(DynamicObject),
    /// This one is gone.
    Gone(DynamicObject),
}

impl Foreign {
    /// The kind in one of its versions, to ask an API server for.
    pub fn in_version(self, version: &str) -> ApiResource {
        let gvk = GroupVersionKind::gvk(self.group, version, self.kind);
        ApiResource::from_gvk_with_plural(&gvk, self.plural)
    }

    /// The version to read; `None`: none of those that we know is served.
    ///
    /// # Errors
    /// If the API server cannot be asked.
    pub async fn served(self, client: &Client) -> kube::Result<Option<ApiResource>> {
        for version in self.versions {
            match client
                .list_api_group_resources(&format!("{}/{version}", self.group))
                .await
            {
                Ok(list) if list.resources.iter().any(|r| r.name == self.plural) => {
                    return Ok(Some(self.in_version(version)));
                }
                Ok(_) => {}
                Err(kube::Error::Api(status)) if status.code == 404 => {}
                Err(error) => return Err(error),
            }
        }
        Ok(None)
    }
}

/// Follows a kind for as long as it is polled.
pub async fn follow(client: Client, of: Foreign, tell: impl Fn(News) + Send) {
    loop {
        match of.served(&client).await {
            Ok(Some(resource)) => watch(&client, of, &resource, &tell).await,
            Ok(None) => tell(News::Served(Served::NotInstalled)),
            // What was known stays: an API server that is away has not lost a kind.
            Err(error) => {
                tracing::warn!(kind = of.kind, %error, "which version is served is not known; it is asked again")
            }
        }
        tokio::time::sleep(ASK_AGAIN).await;
    }
}

/// Watches one version until it is not served any more.
async fn watch(client: &Client, of: Foreign, resource: &ApiResource, tell: &(impl Fn(News) + Send)) {
    let api: Api<DynamicObject> = Api::all_with(client.clone(), resource);
    let events = watcher(api, watcher::Config::default()).default_backoff();
    pin_mut!(events);
    let mut listed = Vec::new();
    while let Some(event) = events.next().await {
        match event {
            Ok(watcher::Event::Init) => listed.clear(),
            Ok(watcher::Event::InitApply(object)) => listed.push(object),
            Ok(watcher::Event::InitDone) => tell(News::All(std::mem::take(&mut listed))),
            Ok(watcher::Event::Apply(object)) => tell(News::There(object)),
            Ok(watcher::Event::Delete(object)) => tell(News::Gone(object)),
            Err(error) if refused_with(&error) == Some(404) => return,
            // A watch that goes on when the right is given back would not list, nor tell what happened meanwhile.
            Err(error) if refused_with(&error) == Some(403) => {
                tracing::warn!(kind = of.kind, %error, "a kind may not be read");
                return tell(News::Served(Served::Forbidden));
            }
            Err(error) => {
                tracing::warn!(kind = of.kind, %error, "a watch failed; it is tried again");
            }
        }
    }
}

/// The code with which the API server refuses a watch, whether it is about to begin or to go on: a kind that goes away while it is
/// watched is never listed again.
pub(super) fn refused_with(error: &watcher::Error) -> Option<u16> {
    match error {
        watcher::Error::InitialListFailed(kube::Error::Api(status))
        | watcher::Error::WatchStartFailed(kube::Error::Api(status)) => Some(status.code),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
