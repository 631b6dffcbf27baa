//! The kinds of the external-snapshotter, which may be missing, come later, go again, or be closed to us.

use super::Feed;
use super::foreign::Way;
use crate::domain::ids::{ContentName, SnapshotClassName};
use crate::domain::snapshot::{Kind, SnapshotKey};
use crate::observe::index::Index;
use crate::observe::project::snapshots as project;
use kube::{Client, ResourceExt};

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
            served: |index, served| index.snapshots_are(Kind::Snapshot, served),
            read: project::snapshot,
            put: Index::put_snapshot,
            reset: Index::reset_snapshots,
            remove: |index, object| {
                let namespace = object.namespace().unwrap_or_default();
                index.remove_snapshot(&SnapshotKey::new(namespace, object.name_any()))
            },
        };
        self.follow_foreign(client, project::SNAPSHOTS, way, || {}).await;
    }

    async fn snapshot_contents(self, client: Client) {
        let way = Way {
            served: |index, served| index.snapshots_are(Kind::Content, served),
            read: project::content,
            put: Index::put_content,
            reset: Index::reset_contents,
            remove: |index, object| index.remove_content(&ContentName::new(object.name_any())),
        };
        self.follow_foreign(client, project::CONTENTS, way, || {}).await;
    }

    async fn snapshot_classes(self, client: Client) {
        let way = Way {
            served: |index, served| index.snapshots_are(Kind::Class, served),
            read: project::class,
            put: Index::put_snapshot_class,
            reset: Index::reset_snapshot_classes,
            remove: |index, object| index.remove_snapshot_class(&SnapshotClassName::new(object.name_any())),
        };
        self.follow_foreign(client, project::CLASSES, way, || {}).await;
    }
}
