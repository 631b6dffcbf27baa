//! The kinds of the external-snapshotter, which may be missing, come later, go again, or be closed to us.

use super::Feed;
use crate::domain::ids::{ContentName, SnapshotClassName};
use crate::domain::snapshot::{Kind, SnapshotKey};
use crate::observe::index::{Index, Wake};
use crate::observe::optional::{self, News};
use crate::observe::project::snapshots as project;
use kube::core::DynamicObject;
use kube::{Client, ResourceExt};

/// How one of the kinds enters the caches.
struct Way<T> {
    kind: Kind,
    read: fn(&DynamicObject) -> Option<T>,
    put: fn(&mut Index, T) -> Wake,
    reset: fn(&mut Index, Vec<T>) -> Wake,
    remove: fn(&mut Index, &DynamicObject) -> Wake,
}

impl<T> Way<T> {
    fn change(&self, index: &mut Index, news: News) -> Wake {
        match news {
            News::Served(served) => index.snapshots_are(self.kind, served),
            News::All(all) => (self.reset)(index, all.iter().filter_map(self.read).collect()),
            News::There(object) => (self.read)(&object).map_or_else(Wake::new, |new| (self.put)(index, new)),
            News::Gone(object) => (self.remove)(index, &object),
        }
    }
}

impl Feed {
    /// VolumeSnapshots, their contents and their classes, if there are any.
    pub async fn all_of_snapshots(self, client: Client) {
        let (snapshots, contents) = (
            self.clone().snapshots(client.clone()),
            self.clone().snapshot_contents(client.clone()),
        );
        tokio::join!(snapshots, contents, self.snapshot_classes(client));
    }

    async fn snapshots(self, client: Client) {
        let way = Way {
            kind: Kind::Snapshot,
            read: project::snapshot,
            put: Index::put_snapshot,
            reset: Index::reset_snapshots,
            remove: |index, object| {
                let namespace = object.namespace().unwrap_or_default();
                index.remove_snapshot(&SnapshotKey::new(namespace, object.name_any()))
            },
        };
        self.follow_foreign(client, project::SNAPSHOTS, way).await;
    }

    async fn snapshot_contents(self, client: Client) {
        let way = Way {
            kind: Kind::Content,
            read: project::content,
            put: Index::put_content,
            reset: Index::reset_contents,
            remove: |index, object| index.remove_content(&ContentName::new(object.name_any())),
        };
        self.follow_foreign(client, project::CONTENTS, way).await;
    }

    async fn snapshot_classes(self, client: Client) {
        let way = Way {
            kind: Kind::Class,
            read: project::class,
            put: Index::put_snapshot_class,
            reset: Index::reset_snapshot_classes,
            remove: |index, object| index.remove_snapshot_class(&SnapshotClassName::new(object.name_any())),
        };
        self.follow_foreign(client, project::CLASSES, way).await;
    }

    async fn follow_foreign<T>(self, client: Client, kind: optional::Foreign, way: Way<T>) {
        let tell = |news| self.change(|index| way.change(index, news));
        optional::follow(client, kind, tell).await;
    }
}
