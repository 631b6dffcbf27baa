//! How kinds of other projects, which may be missing, come later, go again, or be closed to us, enter the caches.

use super::Feed;
use crate::domain::served::Served;
use crate::observe::index::{Index, Wake};
use crate::observe::optional::{self, News};
use kube::Client;
use kube::core::DynamicObject;

/// How one of the kinds does.
pub(super) struct Way<T> {
    pub(super) served: fn(&mut Index, Served) -> Wake,
    pub(super) read: fn(&DynamicObject) -> Option<T>,
    pub(super) put: fn(&mut Index, T) -> Wake,
    pub(super) reset: fn(&mut Index, Vec<T>) -> Wake,
    pub(super) remove: fn(&mut Index, &DynamicObject) -> Wake,
}

impl<T> Way<T> {
    fn change(&self, index: &mut Index, news: News) -> Wake {
        match news {
            News::Served(served) => (self.served)(index, served),
            News::All(all) => (self.reset)(index, all.iter().filter_map(self.read).collect()),
            News::There(object) => match (self.read)(&object) {
                Some(new) => (self.put)(index, new),
                // It concerns nothing of ours any more.
                None => (self.remove)(index, &object),
            },
            News::Gone(object) => (self.remove)(index, &object),
        }
    }
}

impl Feed {
    /// Follows one of the kinds; `told` is called after each news of it.
    pub(super) async fn follow_foreign<T>(
        self,
        client: Client,
        kind: optional::Foreign,
        way: Way<T>,
        told: impl Fn() + Send + Sync,
    ) {
        let tell = |news| {
            self.change(|index| way.change(index, news));
            told();
        };
        optional::follow(client, kind, tell).await;
    }
}
