//! How the process is told to end.

use tokio::signal::unix::{SignalKind, signal};

/// Returns when somebody says so.
pub(super) async fn told() {
    let (Ok(mut term), Ok(mut int)) = (signal(SignalKind::terminate()), signal(SignalKind::interrupt())) else {
        return std::future::pending().await;
    };
    tokio::select! { _ = term.recv() => {}, _ = int.recv() => {} }
}
