//! The controller's own host as a filer: opened with its NFS-Ganesha, and kept as it should be while it is open.

use super::{Opened, Still, Tending, wrong};
use crate::api::storage_backend::{FilerDriver, Limits, NodeAccess, QuotaMode};
use crate::domain::size;
use async_trait::async_trait;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use tombolo_backend_api::BackendError;
use tombolo_backend_filer::{Served, ServedConfig, Settled, Settling};

/// How often mounts and exports are compared with what should be, when nothing happens.
const EVERY: Duration = Duration::from_secs(60);

pub(super) async fn open(driver: &FilerDriver, limits: Option<&Limits>) -> Result<Opened, BackendError> {
    let config: ServedConfig = serde_json::from_value(described(driver, limits)).map_err(wrong)?;
    let (served, first) = Served::open(&config).await?;
    tell(&first);
    let settling = served.keep_settled(EVERY, tell);
    Ok(Opened {
        driver: Arc::new(served.filer().clone()),
        node: None,
        tending: Some(Arc::new(Kept { _settling: settling })),
    })
}

/// The driver's own configuration. What is absent has its default there.
fn described(driver: &FilerDriver, limits: Option<&Limits>) -> Value {
    let (bytes, overcommit) = limits.map(Limits::in_all).unwrap_or_default();
    let mut config = json!({
        "root": driver.root,
        "exportsDir": driver.exports_dir,
        "networks": driver.networks,
        "nodeAccess": match driver.node_access {
            NodeAccess::Networks => "Networks",
            NodeAccess::Nodes => "Nodes",
        },
        "advertise": {"host": driver.advertise, "port": driver.port},
        "quota": match driver.quota {
            QuotaMode::Simple => "Simple",
            QuotaMode::Full => "Full",
        },
        "overcommit": overcommit,
    });
    let optional = [
        ("stateDir", driver.state_dir.as_ref().map(|path| json!(path))),
        ("configDir", driver.config_dir.as_ref().map(|path| json!(path))),
        ("bus", driver.bus.as_ref().map(|address| json!({"address": address}))),
        (
            "bytes",
            bytes.and_then(|text| size::parse(&text)).map(|bytes| json!(bytes)),
        ),
    ];
    for (field, value) in optional.into_iter().filter_map(|(field, value)| Some((field, value?))) {
        if let Some(fields) = config.as_object_mut() {
            fields.insert(field.to_owned(), value);
        }
    }
    config
}

fn tell(settled: &Result<Settled, BackendError>) {
    match settled {
        Ok(settled) => {
            for (path, why) in &settled.failed {
                tracing::warn!(%path, why, "a volume that has exports cannot be mounted");
            }
            let mended = settled.mounted + settled.unmounted + settled.exports.mended;
            if mended > 0 || settled.exports.failed > 0 {
                tracing::info!(?settled, "mounts and exports were compared with what should be");
            }
        }
        Err(error) => tracing::warn!(%error, "mounts and exports could not be compared with what should be"),
    }
}

/// Keeps mounts and exports as they should be for as long as the driver is open.
struct Kept {
    _settling: Settling,
}

#[async_trait]
impl Tending for Kept {
    async fn tend(&self) -> Result<Still, BackendError> {
        Ok(Still::Open)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_driver_understands_what_the_schema_allows() {
        let least = json!({"root": "/srv/tombolo", "exportsDir": "/run/tombolo", "networks": ["10.0.0.0/16"], "advertise": "nas1"});
        let driver: FilerDriver = serde_json::from_value(least.clone()).unwrap();
        let config: ServedConfig = serde_json::from_value(described(&driver, None)).unwrap();
        assert_eq!((config.storage().bytes(), config.storage().overcommit()), (None, false));

        let mut all = least;
        for (field, value) in [
            ("stateDir", json!("/var/lib/x")),
            ("configDir", json!("/etc/x")),
            ("nodeAccess", json!("Nodes")),
            ("port", json!(12049)),
            ("quota", json!("Full")),
            ("bus", json!("unix:path=/run/x")),
        ] {
            all[field] = value;
        }
        let driver: FilerDriver = serde_json::from_value(all).unwrap();
        let limits = Limits {
            bytes: Some("1Gi".into()),
            overcommit: Some(true),
            ..Limits::default()
        };
        let config: ServedConfig = serde_json::from_value(described(&driver, Some(&limits))).unwrap();
        assert_eq!(
            (config.storage().bytes(), config.storage().overcommit()),
            (Some(1 << 30), true)
        );
        let written = serde_json::to_value(&config).unwrap();
        assert_eq!(written["bus"], json!({"address": "unix:path=/run/x"}));
        assert_eq!(
            (&written["nodeAccess"], &written["quota"]),
            (&json!("Nodes"), &json!("Full"))
        );
    }
}
