//! What a filer is told: by its own configuration file, or by the StorageBackend of a controller that is the filer itself.

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use super::{Filer, ReachedBy, host, server};
use crate::{bus, certificates};

impl Filer {
    pub(super) fn write_configuration(&self) -> Result<()> {
        let identity = certificates::of_server(self.processes.directory(), &self.endpoint.server)?;
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
        self.described(json!({
            "advertise": {"host": self.endpoint.server, "port": self.endpoint.port, "mountPort": self.endpoint.mount_port},
            "bus": {"address": bus::address(&server::bus_name(self.endpoint.port))},
            // There is no rpcbind in a network of its own.
            "protocols": match self.endpoint.reached_by {
                ReachedBy::Loopback => "3,4",
                ReachedBy::Nodes => "4",
            },
        }))
    }

    /// The driver block of a StorageBackend whose controller runs on the host itself, instead of `tombolo-filer`.
    pub fn block(&self) -> Value {
        self.described(json!({
            "advertise": self.endpoint.server,
            "port": self.endpoint.port,
            "bus": bus::address(&server::bus_name(self.endpoint.port)),
        }))
    }

    /// What both say alike, and more.
    fn described(&self, more: Value) -> Value {
        let alike = json!({
            "root": host::pool(self.processes.directory()),
            "exportsDir": self.file("exports"),
            "stateDir": self.file("state"),
            "configDir": self.file("exports.d"),
            "networks": [self.network()],
            "nodeAccess": self.access(),
        });
        let fields = [alike, more].into_iter().filter_map(|value| match value {
            Value::Object(fields) => Some(fields),
            _ => None,
        });
        Value::Object(fields.flatten().collect())
    }

    fn network(&self) -> &'static str {
        match self.endpoint.reached_by {
            ReachedBy::Loopback => "127.0.0.0/8",
            ReachedBy::Nodes => "10.192.0.0/10",
        }
    }

    fn access(&self) -> &'static str {
        match self.endpoint.reached_by {
            ReachedBy::Loopback => "Networks",
            ReachedBy::Nodes => "Nodes",
        }
    }

    /// A StorageBackend of that name, and the Secret that it has its credentials from, in the controller's namespace.
    pub fn manifests(&self, name: &str, namespace: &str) -> Result<[Value; 2]> {
        let secret = json!({
            "apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "namespace": namespace},
            "stringData": {"token": self.token()?},
        });
        let backend = json!({
            "apiVersion": "tombolo.dev/v1alpha1", "kind": "StorageBackend", "metadata": {"name": name},
            "spec": {"remote": self.remote(name)?, "trashRetention": "0s"},
        });
        Ok([secret, backend])
    }
}
