//! Notices that NFS-Ganesha was started anew, and makes its exports agree again.
//!
//! Nothing is done before the volumes are known to be in their places: before the first
//! [`Exporter::reconcile`](crate::Exporter::reconcile).

use crate::bus::SERVICE;
use crate::exporter::Inner;
use futures::StreamExt;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};
use std::time::Duration;
use tokio::task::JoinHandle;
use tombolo_backend_api::{BackendError, Class};
use zbus::Connection;
use zbus::fdo::{DBusProxy, NameOwnerChanged};

/// Waits between attempts to reach the bus, or a server that has just begun.
const FIRST_WAIT: Duration = Duration::from_millis(200);
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// The task that watches; it ends with this value.
#[derive(Debug)]
pub(crate) struct Watch(JoinHandle<()>);

impl Drop for Watch {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Watch {
    pub(crate) fn begin(inner: &Arc<Inner>) -> Self {
        Self(tokio::spawn(watch(Arc::downgrade(inner))))
    }
}

/// Watches until there is nobody left to watch for.
async fn watch(inner: Weak<Inner>) {
    let mut wait = FIRST_WAIT;
    // What happened while nobody watched is not known; at first nothing can have.
    let mut missed = false;
    loop {
        let Some(held) = inner.upgrade() else { return };
        let connected = held.ganesha.connect().await;
        drop(held);
        if let Ok(connection) = connected {
            wait = FIRST_WAIT;
            if let Err(error) = listen(&inner, &connection, missed).await {
                tracing::warn!(%error, "NFS-Ganesha is not watched at the moment");
            }
        }
        missed = true;
        tokio::time::sleep(wait).await;
        wait = LONGEST_WAIT.min(wait * 2);
    }
}

/// Ends when the bus goes away.
async fn listen(inner: &Weak<Inner>, connection: &Connection, missed: bool) -> zbus::Result<()> {
    let bus = DBusProxy::new(connection).await?;
    let mut changes = bus.receive_name_owner_changed_with_args(&[(0, SERVICE)]).await?;
    if missed {
        mend(inner).await;
    }
    loop {
        let change: Option<NameOwnerChanged> = tokio::select! {
            change = changes.next() => change,
            () = connection.closed() => None,
        };
        let Some(change) = change else { return Ok(()) };
        if change.args()?.new_owner().is_some() {
            mend(inner).await;
        }
    }
}

/// Reconciles, again and again while the server is away.
async fn mend(inner: &Weak<Inner>) {
    let mut wait = FIRST_WAIT;
    loop {
        let Some(held) = inner.upgrade() else { return };
        if !held.ready.load(Ordering::Relaxed) {
            return;
        }
        match held.reconcile().await {
            Ok(_) => return,
            Err(BackendError {
                class: Class::Waiting | Class::Transient,
                ..
            }) if wait < LONGEST_WAIT => {}
            // The next start of the server, or the next timer, tries again.
            Err(error) => return tracing::warn!(%error, "the exports of NFS-Ganesha could not be mended"),
        }
        tokio::time::sleep(wait).await;
        wait *= 2;
    }
}
