//! One connection to the server, mounted at the export.
//!
//! The client library takes a URL; this module writes it, tries the server's addresses in turn and chooses the local
//! port. It never retries: that is [`crate::pool`]'s and [`crate::call`]'s business.

use crate::{
    NfsConfig, SourcePort, Version,
    errors::{Fault, Kind},
};
use bytes::Bytes;
use nfs_rs::{Mount, NfsError};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::net::TcpSocket;

/// Bytes asked for in one listing: some hundred entries, so that many listings in flight stay small.
const LISTING_BYTES: u32 = 128 * 1024;
/// How long a first attempt to mount may take. NFS-Ganesha may overlook a connection that gets the file descriptor of one that
/// broke a moment ago (its log: "direction in hook failed"), and never answers it; the next one it sees.
const OVERLOOKED: Duration = Duration::from_secs(5);
/// How long the server gets to take its leave.
const FAREWELL: Duration = Duration::from_secs(10);
/// Kept as they are in the path of a URL; everything else is escaped.
const PATH: &AsciiSet = &NON_ALPHANUMERIC.remove(b'/').remove(b'-').remove(b'_');

/// A mounted export.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) mount: Arc<dyn Mount>,
    /// Handle of the export's directory.
    pub(crate) export: Bytes,
    /// Whether it comes from a port below 1024.
    pub(crate) reserved: bool,
    broken: AtomicBool,
}

impl Connection {
    /// Connects and mounts. Ends when the caller's deadline drops it.
    pub(crate) async fn open(config: &NfsConfig) -> Result<Self, Fault> {
        if config.version == Version::V3 && config.export.as_str() == "/" {
            return Err(Fault::found(
                Kind::Unfit,
                "the export / cannot be mounted with NFS version 3; use 4.1",
            ));
        }
        let server = config.server.as_str();
        let away = |e: io::Error| Fault::connecting(server, NfsError::Io(e));
        let addresses = tokio::net::lookup_host((server, config.port.get()))
            .await
            .map_err(away)?;
        let mut last = Fault::found(Kind::Unreachable, format!("{server} has no address"));
        for address in addresses {
            let first = tokio::time::timeout(OVERLOOKED, Self::open_address(config, address)).await;
            let opened = match first {
                Ok(opened) => opened,
                Err(_) => Self::open_address(config, address).await,
            };
            match opened {
                Ok(connection) => return Ok(connection),
                Err(error) => last = Fault::connecting(server, error),
            }
        }
        Err(last)
    }

    async fn open_address(config: &NfsConfig, address: SocketAddr) -> Result<Self, NfsError> {
        let mut reserved = config.source_port == SourcePort::Reserved && may_bind_reserved(address);
        let mut mounted = nfs_rs::parse_url_and_mount(&url(config, address, reserved)).await;
        if reserved && mounted.as_ref().is_err_and(ports_exhausted) {
            reserved = false;
            mounted = nfs_rs::parse_url_and_mount(&url(config, address, reserved)).await;
        }
        let mount: Arc<dyn Mount> = mounted?.into();
        let export = mount.getfh().await;
        Ok(Self {
            mount,
            export,
            reserved,
            broken: AtomicBool::new(false),
        })
    }

    /// Takes it out of use; whoever still waits for an answer on it may.
    pub(crate) fn give_up(&self) {
        self.broken.store(true, Ordering::Release);
    }

    pub(crate) fn usable(&self) -> bool {
        !self.broken.load(Ordering::Acquire)
    }
}

impl Drop for Connection {
    /// Ends the session on the server and the library's background tasks, which would otherwise keep each other alive.
    fn drop(&mut self) {
        let mount = Arc::clone(&self.mount);
        let Ok(runtime) = tokio::runtime::Handle::try_current() else {
            return;
        };
        runtime.spawn(async move {
            match tokio::time::timeout(FAREWELL, mount.umount()).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => tracing::debug!(%error, "the server was left without a farewell"),
                Err(_) => tracing::debug!("the server did not take a farewell in time"),
            }
        });
    }
}

/// The library's way to say all this. The address is numeric: the library would resolve a name by blocking its thread.
fn url(config: &NfsConfig, address: SocketAddr, reserved: bool) -> String {
    let host = match (address.ip(), config.version) {
        (IpAddr::V4(ip), _) => ip.to_string(),
        (IpAddr::V6(ip), Version::V4_1) => format!("[{ip}]"),
        // For version 3 the library does not understand an address in brackets, but a name.
        (IpAddr::V6(_), Version::V3) => config.server.to_string(),
    };
    let path = utf8_percent_encode(config.export.as_str(), PATH);
    let mut url = format!(
        "nfs://{host}{path}?version={}&nfsport={}&uid={}&gid={}&noresvport={}&readdir-buffer={LISTING_BYTES}",
        config.version.as_str(),
        config.port,
        config.uid,
        config.gid,
        !reserved,
    );
    if let Some(port) = config.mount_port {
        url.push_str(&format!("&mountport={port}"));
    }
    url
}

/// Whether this process may bind ports below 1024, which on Linux is `CAP_NET_BIND_SERVICE` or the sysctl
/// `net.ipv4.ip_unprivileged_port_start` (ip(7)). Asked of the kernel, because the library's refusal does not name
/// the cause.
fn may_bind_reserved(address: SocketAddr) -> bool {
    let (any, socket) = match address {
        SocketAddr::V4(_) => (IpAddr::V4(Ipv4Addr::UNSPECIFIED), TcpSocket::new_v4()),
        SocketAddr::V6(_) => (IpAddr::V6(Ipv6Addr::UNSPECIFIED), TcpSocket::new_v6()),
    };
    let Ok(socket) = socket else { return false };
    // Any answer but "not permitted" shows the right: a port in use is in use by somebody, and the library tries many.
    match socket.bind(SocketAddr::new(any, 1023)) {
        Ok(()) => true,
        Err(error) => error.kind() != io::ErrorKind::PermissionDenied,
    }
}

fn ports_exhausted(error: &NfsError) -> bool {
    matches!(
        error.transport_error_kind(),
        Some(io::ErrorKind::AddrInUse | io::ErrorKind::AddrNotAvailable)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_url_escapes_what_a_url_would_read_otherwise() {
        let config = serde_json::from_value(serde_json::json!({
            "server": "nas", "export": "/a b/c?d#e%20f/ü..", "version": "3", "mountPort": 7, "uid": 1, "gid": 2
        }))
        .unwrap();
        let text = url(&config, "10.0.0.1:2049".parse().unwrap(), true);
        assert_eq!(
            text,
            "nfs://10.0.0.1/a%20b/c%3Fd%23e%2520f/%C3%BC%2E%2E?version=3&nfsport=2049&uid=1&gid=2&noresvport=false\
             &readdir-buffer=131072&mountport=7"
        );
    }

    /// A server that answers the first request with `reply`, after the transaction id.
    async fn answering(reply: &'static [u32]) -> NfsConfig {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move {
            let (mut peer, _) = listener.accept().await.unwrap();
            let mut head = [0; 8];
            peer.read_exact(&mut head).await.unwrap();
            let mut record = (0x8000_0000 | (4 + 4 * reply.len() as u32)).to_be_bytes().to_vec();
            record.extend_from_slice(&head[4..]);
            record.extend(reply.iter().flat_map(|word| word.to_be_bytes()));
            peer.write_all(&record).await.unwrap();
            // The connection stays until the client leaves.
            while peer.read(&mut head).await.is_ok_and(|n| n > 0) {}
        });
        serde_json::from_value(serde_json::json!({
            "server": "127.0.0.1", "export": "/x", "version": "3", "port": port, "mountPort": port, "sourcePort": "Any"
        }))
        .unwrap()
    }

    #[tokio::test]
    async fn rejected_credentials_are_a_refusal() {
        // REPLY, MSG_DENIED, AUTH_ERROR, AUTH_TOOWEAK: RFC 5531 §9.
        let config = answering(&[1, 1, 1, 5]).await;
        assert_eq!(Connection::open(&config).await.unwrap_err().kind, Kind::Denied);
    }

    #[tokio::test]
    async fn nonsense_is_a_server_that_is_away() {
        let config = answering(&[7, 7]).await;
        assert_eq!(Connection::open(&config).await.unwrap_err().kind, Kind::Unreachable);
    }
}
