//! What a filer is told: by its own configuration file, or by the StorageBackend of a controller that is the filer itself.

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use super::{Filer, host};
use crate::certificates;

impl Filer {
    pub(super) fn write_configuration(&self) -> Result<()> {
        let identity = certificates::of_server(self.processes.directory())?;
        if !self.file("tokens").exists() {
            // Not a credential of anything: it lives as long as the cluster, on loopback.
            let token = format!(
                "development-only-{:016x}-{:016x}",
                std::process::id(),
                self.endpoint.api_port
            );
            self.set_tokens(&[&token])?;
        }
        for directory in ["exports.d", "recovery"] {
            std::fs::create_dir_all(self.file(directory)).with_context(|| format!("creating {directory}"))?;
        }
        let config = json!({
            "listen": format!("{}:{}", self.endpoint.server, self.endpoint.api_port),
            "metrics": format!("127.0.0.1:{}", self.endpoint.metrics_port),
            "tls": {"certificate": identity.certificate, "key": identity.key},
            "clients": {"tokens": self.file("tokens")},
            "backend": {"filer": self.driver()},
        });
        // YAML reads JSON.
        std::fs::write(self.file("filer.yaml"), serde_json::to_vec_pretty(&config)?).context("writing filer.yaml")
    }

    fn driver(&self) -> Value {
        json!({
            "root": host::pool(self.processes.directory()),
            "exportsDir": self.file("exports"),
            "stateDir": self.file("state"),
            "configDir": self.file("exports.d"),
            "networks": ["127.0.0.0/8"],
            "advertise": {"host": self.endpoint.server, "port": self.endpoint.port, "mountPort": self.endpoint.mount_port},
            "protocols": "3,4",
            "bus": {"address": self.bus().address()},
        })
    }

    /// The driver block of a StorageBackend whose controller runs on the host itself, instead of `tombolo-filer`.
    pub fn block(&self) -> Value {
        json!({
            "root": host::pool(self.processes.directory()),
            "exportsDir": self.file("exports"),
            "stateDir": self.file("state"),
            "configDir": self.file("exports.d"),
            "networks": ["127.0.0.0/8"],
            "advertise": self.endpoint.server,
            "port": self.endpoint.port,
            "bus": self.bus().address(),
        })
    }
}
