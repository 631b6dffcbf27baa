//! The calls to NFS-Ganesha over D-Bus, each with a deadline, one at a time.
//!
//! Whoever calls holds the lock of the exports. `RemoveExport` of 4.3 forgets to give an export back when another
//! operation is going on, and `UpdateExport` takes no lock at all (both in `src/support/export_mgr.c`), so that two at once are
//! not to be. `UpdateExport` does not change the protocols of an export (nfs-ganesha issue 1128): after a change of the
//! configuration's the server has to be restarted. An answer that the server is busy can still come, from somebody else's operation, and is waited out.

mod answer;
mod error;

pub(crate) use answer::{Client, Displayed, Shown};

use crate::config::Bus;
use crate::ids::ExportId;
use error::{Failure, Refusal};
use std::path::Path;
use std::time::Duration;
use tokio::sync::Mutex;
use tombolo_backend_api::{BackendError, Class};
use zbus::fdo::DBusProxy;
use zbus::names::BusName;
use zbus::{Connection, Message, connection::Builder};

/// The name that the server owns on the bus.
pub(crate) const SERVICE: &str = "org.ganesha.nfsd";
const PATH: &str = "/org/ganesha/nfsd/ExportMgr";
const INTERFACE: &str = "org.ganesha.nfsd.exportmgr";

/// How long the bus may take to let us in.
const CONNECTING: Duration = Duration::from_secs(5);
/// How long one call may take. A server that has just begun reads its exports before it answers.
const CALL: Duration = Duration::from_secs(15);
/// Waits between calls to a server that is busy with another operation, in milliseconds.
const BUSY: [u64; 6] = [20, 50, 100, 250, 500, 1000];

/// The server on its bus. Connects when it is first called, and again when the connection is lost.
#[derive(Debug)]
pub(crate) struct Ganesha {
    bus: Bus,
    connection: Mutex<Option<Connection>>,
}

impl Ganesha {
    pub(crate) fn new(bus: Bus) -> Self {
        Self {
            bus,
            connection: Mutex::new(None),
        }
    }

    /// A connection of its own, for whoever listens.
    pub(crate) async fn connect(&self) -> Result<Connection, BackendError> {
        let builder = match &self.bus {
            Bus::System => Builder::system(),
            Bus::Address(address) => Builder::address(address.as_str()),
        };
        match tokio::time::timeout(CONNECTING, builder.build()).await {
            Ok(Ok(connection)) => Ok(connection),
            Ok(Err(error)) => {
                Err(BackendError::not_done(Class::Waiting, "D-Bus is away: see systemctl status dbus").because(error))
            }
            Err(_) => Err(BackendError::not_done(
                Class::Waiting,
                format!("D-Bus lets nobody in within {CONNECTING:?}"),
            )),
        }
    }

    async fn connected(&self) -> Result<Connection, BackendError> {
        let mut held = self.connection.lock().await;
        if let Some(connection) = held.as_ref().filter(|connection| !connection.is_closed()) {
            return Ok(connection.clone());
        }
        let connection = self.connect().await?;
        *held = Some(connection.clone());
        Ok(connection)
    }

    /// Forgets the connection, so that the next call makes a new one.
    async fn disconnect(&self) {
        self.connection.lock().await.take();
    }

    async fn call<B>(&self, method: &'static str, body: &B) -> Result<Message, Failure>
    where
        B: serde::Serialize + zbus::wire::DynamicType,
    {
        let connection = self.connected().await.map_err(Failure::Away)?;
        let call = connection.call_method(Some(SERVICE), PATH, Some(INTERFACE), method, body);
        let failure = match tokio::time::timeout(CALL, call).await {
            Ok(Ok(answer)) => return Ok(answer),
            Ok(Err(error)) => Failure::of(method, error),
            Err(_) => Failure::late(method, CALL),
        };
        if matches!(failure, Failure::Lost(_)) {
            self.disconnect().await;
        }
        Err(failure)
    }

    /// A call that is made again while the server says that it is busy.
    async fn patient<B>(&self, method: &'static str, body: &B) -> Result<Message, Failure>
    where
        B: serde::Serialize + zbus::wire::DynamicType,
    {
        for wait in BUSY {
            match self.call(method, body).await {
                Err(Failure::Refused(Refusal { busy: true, .. })) => {
                    tokio::time::sleep(Duration::from_millis(wait)).await
                }
                other => return other,
            }
        }
        self.call(method, body).await
    }

    /// Adds the export of a file. One that is there already is `false`.
    pub(crate) async fn add(&self, file: &Path, id: ExportId) -> Result<bool, BackendError> {
        let arguments = (text(file)?, expression(id));
        match self.patient("AddExport", &arguments).await {
            Ok(_) => Ok(true),
            Err(Failure::Refused(Refusal { active: true, .. })) => Ok(false),
            Err(failure) => Err(failure.changing()),
        }
    }

    /// Makes an export what its file says; one that is not there is added.
    pub(crate) async fn update(&self, file: &Path, id: ExportId) -> Result<(), BackendError> {
        let arguments = (text(file)?, expression(id));
        let answer = self.patient("UpdateExport", &arguments).await;
        answer.map(drop).map_err(Failure::changing)
    }

    /// Removes an export. One that is not there is `false`.
    pub(crate) async fn remove(&self, id: ExportId) -> Result<bool, BackendError> {
        match self.patient("RemoveExport", &id.get()).await {
            Ok(_) => Ok(true),
            Err(Failure::Refused(Refusal { unknown: true, .. })) => Ok(false),
            Err(failure) => Err(failure.changing()),
        }
    }

    /// What the server knows of an id, if anything.
    pub(crate) async fn display(&self, id: ExportId) -> Result<Option<Displayed>, BackendError> {
        match self.patient("DisplayExport", &id.get()).await {
            Ok(answer) => Displayed::read(&answer).map(Some),
            Err(Failure::Refused(Refusal { unknown: true, .. })) => Ok(None),
            Err(failure) => Err(failure.reading()),
        }
    }

    /// All exports that the server has.
    pub(crate) async fn show(&self) -> Result<Vec<Shown>, BackendError> {
        let answer = self.patient("ShowExports", &()).await;
        Shown::read(&answer.map_err(Failure::reading)?)
    }
}

/// Whether NFS-Ganesha answers on a bus: how many exports it has.
///
/// # Errors
/// `Waiting` if the bus or the server on it is away, `Denied` if the bus lets us not call it.
pub async fn probe(bus: Bus) -> Result<usize, BackendError> {
    Ganesha::new(bus).show().await.map(|shown| shown.len())
}

/// The process that owns NFS-Ganesha's name on a bus.
///
/// # Errors
/// `Waiting` if the bus or the server on it is away.
pub async fn process_id(bus: Bus) -> Result<u32, BackendError> {
    let connection = Ganesha::new(bus).connect().await?;
    let asked = async {
        let name = BusName::try_from(SERVICE)?;
        let id = DBusProxy::new(&connection)
            .await?
            .get_connection_unix_process_id(name)
            .await?;
        Ok::<_, zbus::Error>(id)
    };
    match tokio::time::timeout(CALL, asked).await {
        Ok(Ok(id)) => Ok(id),
        Ok(Err(error)) => Err(BackendError::not_done(Class::Waiting, "NFS-Ganesha is not on the bus").because(error)),
        Err(_) => Err(BackendError::not_done(
            Class::Waiting,
            format!("D-Bus did not answer within {CALL:?}"),
        )),
    }
}

fn expression(id: ExportId) -> String {
    format!("EXPORT(Export_Id={id})")
}

fn text(file: &Path) -> Result<&str, BackendError> {
    let refuse = || BackendError::not_done(Class::Invalid, format!("{} is no name for D-Bus", file.display()));
    file.to_str().ok_or_else(refuse)
}
