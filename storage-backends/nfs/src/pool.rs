//! A few connections, used in turn and opened when first needed.
//!
//! Each carries many requests at once. All mounted connections agree on one export: when the server hands out another
//! handle for it (another disk lies there now), the older connections are given up, because a check of the mark by
//! one and a change by another must never concern two different directories.

use crate::{
    NfsConfig,
    connection::Connection,
    errors::{Fault, Kind},
};
use bytes::Bytes;
use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::time::{Instant, timeout_at};

const CONNECTIONS: usize = 4;

/// The connections to one export.
pub(crate) struct Pool {
    config: NfsConfig,
    slots: [tokio::sync::Mutex<Slot>; CONNECTIONS],
    next: AtomicUsize,
    /// Handle of the export as the newest connection got it.
    export: Mutex<Bytes>,
    unreserved: AtomicBool,
}

#[derive(Default)]
struct Slot {
    connection: Option<Arc<Connection>>,
    /// Why and when the last attempt failed, for those who were waiting for it.
    failed: Option<(Instant, Fault)>,
}

/// A connection and where it came from.
pub(crate) struct Lease {
    pub(crate) connection: Arc<Connection>,
    slot: usize,
}

impl Pool {
    pub(crate) fn new(config: NfsConfig) -> Self {
        Self {
            config,
            slots: std::array::from_fn(|_| tokio::sync::Mutex::default()),
            next: AtomicUsize::new(0),
            export: Mutex::new(Bytes::new()),
            unreserved: AtomicBool::new(false),
        }
    }

    pub(crate) fn config(&self) -> &NfsConfig {
        &self.config
    }

    /// Whether the newest connection comes from a port above 1023.
    pub(crate) fn unreserved(&self) -> bool {
        self.unreserved.load(Ordering::Relaxed)
    }

    /// A connection, opened if need be.
    pub(crate) async fn lease(&self, deadline: Instant) -> Result<Lease, Fault> {
        let turn = self.next.fetch_add(1, Ordering::Relaxed) % CONNECTIONS;
        self.lease_at(turn, deadline).await
    }

    /// A connection in the place of one that was given up: newer than the failure, where [`Pool::lease`] might answer
    /// one that died of the same cause without anybody having noticed yet.
    pub(crate) async fn replace(&self, lease: &Lease, deadline: Instant) -> Result<Lease, Fault> {
        self.lease_at(lease.slot, deadline).await
    }

    /// Makes the next look at the export start from its path again, instead of from a handle that may have outlived a
    /// disk.
    pub(crate) fn forget_export(&self) {
        self.known_export().clear();
    }

    async fn lease_at(&self, turn: usize, deadline: Instant) -> Result<Lease, Fault> {
        let asked = Instant::now();
        let late = || Fault::timed_out(deadline.saturating_duration_since(asked)).of_kind(Kind::Unreachable);
        let Some(place) = self.slots.get(turn) else {
            return Err(Fault::found(Kind::Other, "no such connection"));
        };
        let mut slot = timeout_at(deadline, place.lock()).await.map_err(|_| late())?;
        if let Some(connection) = &slot.connection {
            if connection.usable() && connection.export == *self.known_export() {
                return Ok(Lease {
                    connection: Arc::clone(connection),
                    slot: turn,
                });
            }
            slot.connection = None;
        }
        if let Some((at, fault)) = &slot.failed
            && *at >= asked
        {
            return Err(fault.retold());
        }
        let opened = timeout_at(deadline, Connection::open(&self.config))
            .await
            .unwrap_or_else(|_| Err(late()));
        match opened {
            Ok(connection) => {
                let connection = Arc::new(connection);
                self.unreserved.store(!connection.reserved, Ordering::Relaxed);
                *self.known_export() = connection.export.clone();
                *slot = Slot {
                    connection: Some(Arc::clone(&connection)),
                    failed: None,
                };
                Ok(Lease { connection, slot: turn })
            }
            Err(fault) => {
                slot.failed = Some((Instant::now(), fault.retold()));
                Err(fault)
            }
        }
    }

    fn known_export(&self) -> std::sync::MutexGuard<'_, Bytes> {
        // A poisoned lock guards a handle that is either old or new, and both are whole.
        self.export.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The deadline of one request: that of the whole call it belongs to, or its own.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Deadline {
    /// All requests together.
    Call(Instant, Duration),
    /// Each request; for work without a foreseeable end.
    Request(Duration),
}

impl Deadline {
    pub(crate) fn call(length: Duration) -> Self {
        Self::Call(Instant::now() + length, length)
    }

    pub(crate) fn instant(self) -> Instant {
        match self {
            Self::Call(end, _) => end,
            Self::Request(length) => Instant::now() + length,
        }
    }

    pub(crate) fn length(self) -> Duration {
        match self {
            Self::Call(_, length) | Self::Request(length) => length,
        }
    }
}
