//! Announcements as events of `events.k8s.io/v1`, through one bounded queue and one recorder.
//!
//! Publishing is a network call, so whoever decides never waits for it: when the queue is full, or the namespace is being
//! deleted (the API server then refuses new events), the event is dropped and counted.

use crate::api::names;
use crate::api::reasons::ClaimReason;
use crate::execute::Audience;
use crate::plan::action::Told;
use crate::plan::{Announcement, Subject};
use k8s_openapi::api::core::v1::ObjectReference;
use kube::Client;
use kube::runtime::events::{Event, EventType, Recorder, Reporter};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::mpsc;

/// Events that may wait to be published.
const QUEUE: usize = 4096;
/// Longest note that the API server takes, in bytes.
const NOTE: usize = 1024;

/// Queues announcements for the recorder.
pub struct Publisher {
    queue: mpsc::Sender<Announcement>,
    dropped: Arc<AtomicU64>,
}

impl Publisher {
    /// Makes the queue, and the task that drains it until all publishers are gone.
    pub fn new(client: Client, instance: Option<String>) -> (Self, impl Future<Output = ()> + Send + 'static) {
        let (queue, waiting) = mpsc::channel(QUEUE);
        let dropped = Arc::new(AtomicU64::new(0));
        let recorder = Recorder::new(
            client,
            Reporter {
                controller: names::PROVISIONER.to_owned(),
                instance,
            },
        );
        (
            Self {
                queue,
                dropped: dropped.clone(),
            },
            drain(recorder, waiting, dropped),
        )
    }

    /// Events that were never published.
    pub fn dropped(&self) -> Arc<AtomicU64> {
        self.dropped.clone()
    }
}

impl Audience for Publisher {
    fn hear(&self, announcement: &Announcement) {
        if self.queue.try_send(announcement.clone()).is_err() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }
}

async fn drain(recorder: Recorder, mut waiting: mpsc::Receiver<Announcement>, dropped: Arc<AtomicU64>) {
    while let Some(announcement) = waiting.recv().await {
        let (event, object) = wire(&announcement);
        if let Err(error) = recorder.publish(&event, &object).await {
            dropped.fetch_add(1, Ordering::Relaxed);
            tracing::debug!(%error, reason = event.reason, "an event was not published");
        }
    }
}

/// The event, and the object it is about.
fn wire(announcement: &Announcement) -> (Event, ObjectReference) {
    let (type_, reason, note) = match announcement.reason {
        Told::Refused(reason) if matches!(reason.event_type(), EventType::Warning) => {
            let note = format!("{reason}: {}", announcement.text);
            (EventType::Warning, ClaimReason::ProvisioningFailed.as_str(), note)
        }
        Told::Refused(reason) | Told::Claim(reason) => {
            (reason.event_type(), reason.as_str(), announcement.text.clone())
        }
        Told::SharedVolume(reason) => (reason.event_type(), reason.as_str(), announcement.text.clone()),
    };
    let action = match announcement.subject {
        Subject::Claim(_) => "Provision",
        Subject::Pv(..) => "Reclaim",
    };
    let event = Event {
        type_,
        reason: reason.to_owned(),
        note: Some(cut(note)),
        action: action.to_owned(),
        secondary: None,
    };
    (event, object(&announcement.subject))
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
mod tests {
    use super::*;

    #[test]
    fn notes_are_cut_between_characters() {
        let long = "ä".repeat(1000);
        let short = cut(long);
        assert!(short.len() <= NOTE && short.ends_with('…'));
        assert_eq!(cut("short".into()), "short");
    }
}
