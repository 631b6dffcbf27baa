//! The configuration file, parsed once. What it does not know it refuses.

use crate::driver::Driver;
use anyhow::Context;
use serde::Deserialize;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use tombolo_backend_remote::server::{Bounds, Files};

/// What to serve, where, and to whom.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Config {
    /// Where to listen.
    pub listen: SocketAddr,
    /// The server's certificate and key. Without it there is no service but on loopback, and only if that is asked for.
    pub tls: Option<Tls>,
    /// Who may call.
    pub clients: Clients,
    /// Where to show metrics: a loopback address.
    pub metrics: Option<SocketAddr>,
    /// How much one client may ask.
    #[serde(default)]
    pub limits: Limits,
    /// The backend.
    pub backend: Driver,
}

/// Files of the server.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tls {
    /// Certificate with its chain, in PEM.
    pub certificate: PathBuf,
    /// Its key, in PEM.
    pub key: PathBuf,
}

/// How clients are recognised: by one of these, or by either of both.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Clients {
    /// A file with one bearer token a line.
    pub tokens: Option<PathBuf>,
    /// Certificates, in PEM, of the authority that signs those of clients.
    pub authority: Option<PathBuf>,
}

/// How much one client may ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Limits {
    /// Requests a second.
    pub per_second: Option<NonZeroU32>,
    /// Requests at once after a pause.
    pub burst: Option<NonZeroU32>,
}

impl Config {
    /// Reads a file.
    pub fn read(path: &Path) -> anyhow::Result<Self> {
        let text = std::fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
        Self::parse(&text).with_context(|| format!("reading {}", path.display()))
    }

    fn parse(text: &str) -> anyhow::Result<Self> {
        let config: Self = serde_saphyr::from_str(text)?;
        let clients = &config.clients;
        anyhow::ensure!(
            clients.tokens.is_some() || clients.authority.is_some(),
            "clients has neither tokens nor authority: nobody could call"
        );
        anyhow::ensure!(
            clients.authority.is_none() || config.tls.is_some(),
            "clients.authority needs tls: without it nobody shows a certificate"
        );
        let open = config.metrics.filter(|address| !address.ip().is_loopback());
        anyhow::ensure!(
            open.is_none(),
            "metrics is shown to anybody, so it listens on loopback only"
        );
        Ok(config)
    }

    /// Where the credentials are.
    pub fn files(&self) -> Files {
        Files {
            certificate: self.tls.as_ref().map(|tls| (tls.certificate.clone(), tls.key.clone())),
            client_authority: self.clients.authority.clone(),
            tokens: self.clients.tokens.clone(),
        }
    }

    /// How much one client may ask.
    pub fn bounds(&self) -> Bounds {
        let usual = Bounds::default();
        Bounds {
            per_second: self.limits.per_second.unwrap_or(usual.per_second),
            burst: self.limits.burst.unwrap_or(usual.burst),
            ..usual
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXAMPLE: &str = include_str!("../../../deploy/filer/filer.yaml");
    #[cfg(feature = "filer")]
    const FILER_EXAMPLE: &str = include_str!("../../../deploy/filer/filer-btrfs.yaml");

    #[test]
    fn the_example_is_understood() {
        let config = Config::parse(EXAMPLE).unwrap();
        assert!(config.tls.is_some() && config.metrics.is_some());
        #[cfg(feature = "filer")]
        {
            let config = Config::parse(FILER_EXAMPLE).unwrap();
            assert!(matches!(config.backend, Driver::Filer(_)));
        }
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        for (from, to, why) in [
            ("listen:", "lisent:", "lisent"),
            ("metrics: 127.0.0.1", "metrics: 0.0.0.0", "loopback"),
            ("  tokens: /etc/tombolo/tokens", "  {}", "nobody could call"),
            ("path: /srv", "path: /tmp", "hostPath"),
            ("path: /srv", "path: srv", "absolute"),
        ] {
            assert!(EXAMPLE.contains(from), "{from}");
            let refused = Config::parse(&EXAMPLE.replace(from, to)).unwrap_err();
            assert!(format!("{refused:#}").contains(why), "{refused:#}");
        }
    }
}
