//! Announcements as events of `events.k8s.io/v1`, through one bounded queue.
//!
//! Publishing is a network call, so whoever decides never waits for it: when the queue is full, or the namespace is being
//! deleted (the API server then refuses new events), the event is dropped and counted.
//!
//! An event's name is a function of what it says. So what was said before a restart is not said twice, and words that change
//! are a new event, where kube's `Recorder` folds everything with one reason into the first one's words.

use crate::api::names;
use crate::api::reasons::ClaimReason;
use crate::execute::api_server::fault;
use crate::execute::cluster::{ApiError, Fault};
use crate::execute::{Audience, Clock};
use crate::metrics::Metrics;
use crate::plan::action::Told;
use crate::plan::{Announcement, Subject};
use futures::{StreamExt, stream};
use k8s_openapi::api::core::v1::ObjectReference;
use k8s_openapi::api::events::v1::Event;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta};
use kube::api::{Patch, PatchParams, PostParams};
use kube::runtime::events::EventType;
use kube::{Api, Client};
use serde_json::json;
use sha2::{Digest, Sha256};
use std::sync::Arc;
use tokio::sync::mpsc;

/// Events that may wait to be published.
const QUEUE: usize = 4096;
/// Events that are published at once: enough to keep pace with what is done, few enough to leave the writes to that.
const AT_ONCE: usize = 8;
/// Longest note that the API server takes, in bytes.
const NOTE: usize = 1024;

/// Queues announcements for the writer.
pub struct Publisher {
    queue: mpsc::Sender<Heard>,
    clock: Arc<dyn Clock>,
    metrics: Metrics,
}

/// An announcement, and when it was made: several are published at once, and people read them in the order of their times.
struct Heard {
    announcement: Announcement,
    at: MicroTime,
}

impl Publisher {
    /// Makes the queue, and the task that drains it until all publishers are gone.
    pub fn new(
        client: Client,
        instance: String,
        clock: Arc<dyn Clock>,
        metrics: Metrics,
    ) -> (Self, impl Future<Output = ()> + Send + 'static) {
        let (queue, waiting) = mpsc::channel(QUEUE);
        let writer = Writer { client, instance };
        (
            Self {
                queue,
                clock,
                metrics: metrics.clone(),
            },
            drain(writer, waiting, metrics),
        )
    }
}

impl Audience for Publisher {
    fn hear(&self, announcement: &Announcement) {
        let heard = Heard {
            announcement: announcement.clone(),
            at: MicroTime(self.clock.now()),
        };
        if self.queue.try_send(heard).is_err() {
            self.metrics.event_dropped();
        }
    }
}

async fn drain(writer: Writer, waiting: mpsc::Receiver<Heard>, metrics: Metrics) {
    let (writer, metrics) = (&writer, &metrics);
    let waiting = stream::unfold(waiting, async |mut queue| Some((queue.recv().await?, queue)));
    let publish = async |heard: Heard| {
        if let Err(error) = writer.write(&heard).await {
            metrics.event_dropped();
            tracing::debug!(%error, reason = %heard.announcement.reason, "an event was not published");
        }
    };
    waiting.for_each_concurrent(AT_ONCE, publish).await;
}

struct Writer {
    client: Client,
    instance: String,
}

impl Writer {
    async fn write(&self, heard: &Heard) -> Result<(), ApiError> {
        let (announcement, now) = (&heard.announcement, heard.at.clone());
        let event = event(announcement, &self.instance, now.clone());
        let namespace = event.metadata.namespace.clone().unwrap_or_default();
        let api: Api<Event> = Api::namespaced(self.client.clone(), &namespace);
        let params = PostParams {
            field_manager: Some(names::FIELD_MANAGER.into()),
            ..PostParams::default()
        };
        match api.create(&params, &event).await.map_err(fault) {
            Ok(_) => Ok(()),
            Err(error) if error.fault == Fault::Exists => self.again(&api, &event, now).await,
            Err(error) => Err(error),
        }
    }

    /// It was said before: count it, so that it does not expire while it is true.
    async fn again(&self, api: &Api<Event>, event: &Event, now: MicroTime) -> Result<(), ApiError> {
        let name = event.metadata.name.clone().unwrap_or_default();
        let Some(found) = api.get_opt(&name).await.map_err(fault)? else {
            return Ok(());
        };
        let count = found.series.map_or(1, |s| s.count).saturating_add(1);
        let patch = json!({"series": {"count": count, "lastObservedTime": now}});
        api.patch(&name, &PatchParams::default(), &Patch::Merge(patch))
            .await
            .map(drop)
            .map_err(fault)
    }
}

fn event(announcement: &Announcement, instance: &str, now: MicroTime) -> Event {
    let (type_, reason, note) = match announcement.reason {
        Told::Refused(reason) if matches!(reason.event_type(), EventType::Warning) => {
            let note = format!("{reason}: {}", announcement.text);
            (EventType::Warning, ClaimReason::ProvisioningFailed.as_str(), note)
        }
        Told::Refused(reason) | Told::Claim(reason) => {
            (reason.event_type(), reason.as_str(), announcement.text.clone())
        }
        Told::Snapshot(reason) => (reason.event_type(), reason.as_str(), announcement.text.clone()),
        Told::SharedVolume(reason) => (reason.event_type(), reason.as_str(), announcement.text.clone()),
    };
    let action = match announcement.subject {
        Subject::Claim(_) => "Provision",
        Subject::Pv(..) => "Reclaim",
        Subject::Snapshot(..) | Subject::Content(..) => "Snapshot",
    };
    let regarding = object(&announcement.subject);
    let note = cut(note);
    let name = name(&regarding, reason, &note);
    Event {
        metadata: ObjectMeta {
            name: Some(name),
            // Events about objects without a namespace live in `default`.
            namespace: Some(regarding.namespace.clone().unwrap_or_else(|| "default".to_owned())),
            ..ObjectMeta::default()
        },
        action: Some(action.to_owned()),
        event_time: Some(now),
        note: Some(note),
        reason: Some(reason.to_owned()),
        regarding: Some(regarding),
        reporting_controller: Some(names::PROVISIONER.to_owned()),
        reporting_instance: Some(instance.to_owned()),
        type_: Some(wire_type(&type_).to_owned()),
        ..Event::default()
    }
}

fn wire_type(type_: &EventType) -> &'static str {
    match type_ {
        EventType::Normal => "Normal",
        EventType::Warning => "Warning",
    }
}

/// The object's name, as far as it fits, and a digest of everything that is said.
fn name(regarding: &ObjectReference, reason: &str, note: &str) -> String {
    let mut digest = Sha256::new();
    for part in [regarding.uid.as_deref().unwrap_or_default(), reason, note] {
        digest.update(part.as_bytes());
        digest.update([0]);
    }
    let digest: String = digest
        .finalize()
        .iter()
        .take(8)
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let object: String = regarding
        .name
        .as_deref()
        .unwrap_or_default()
        .chars()
        .take(200)
        .collect();
    format!("{}.{digest}", object.trim_end_matches(['.', '-']))
}

fn object(subject: &Subject) -> ObjectReference {
    let of = |kind: &str| ObjectReference {
        api_version: Some("v1".to_owned()),
        kind: Some(kind.to_owned()),
        ..ObjectReference::default()
    };
    match subject {
        Subject::Claim(claim) => ObjectReference {
            namespace: Some(claim.key.namespace.to_string()),
            name: Some(claim.key.name.clone()),
            uid: Some(claim.uid.to_string()),
            ..of("PersistentVolumeClaim")
        },
        Subject::Pv(name, uid) => ObjectReference {
            name: Some(name.to_string()),
            uid: Some(uid.to_string()),
            ..of("PersistentVolume")
        },
        Subject::Snapshot(key, uid) => ObjectReference {
            api_version: Some(format!("{}/{}", names::SNAPSHOT_GROUP, names::SNAPSHOT_VERSION)),
            namespace: Some(key.namespace.to_string()),
            name: Some(key.name.clone()),
            uid: Some(uid.to_string()),
            ..of("VolumeSnapshot")
        },
        Subject::Content(name, uid) => ObjectReference {
            api_version: Some(format!("{}/{}", names::SNAPSHOT_GROUP, names::SNAPSHOT_VERSION)),
            name: Some(name.to_string()),
            uid: Some(uid.to_string()),
            ..of("VolumeSnapshotContent")
        },
    }
}

fn cut(mut note: String) -> String {
    if note.len() > NOTE {
        let end = (0..=NOTE - 3)
            .rev()
            .find(|i| note.is_char_boundary(*i))
            .unwrap_or_default();
        note.truncate(end);
        note.push('…');
    }
    note
}

#[cfg(test)]
mod tests;
