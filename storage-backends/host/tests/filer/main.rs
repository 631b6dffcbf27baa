//! The binary as systemd and an admin run it, with the drivers `local` and `filer`.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod checks;
mod differences;
mod look;
mod serve;
mod served;
mod stage;
mod unit;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use tombolo_backend_api::*;
use tombolo_backend_local::Local;

const TOKEN: &str = "a-token-of-this-test-0123456789abcdef";

/// A host: a root, credentials, a configuration.
struct Host {
    directory: tempfile::TempDir,
    authority: String,
    /// Everything but the backend.
    config: String,
}

impl Host {
    fn new(more: &str) -> Self {
        let host = Self::with(more);
        let root = host.at("root");
        std::fs::create_dir(&root).unwrap();
        host.configure(&format!("{{local: {{path: {}, node: node-1}}}}", root.display()));
        host
    }

    /// One whose backend is not configured yet.
    fn with(more: &str) -> Self {
        // The driver refuses paths with a component `tmp`, and the directory that cargo gives to tests has one.
        let place = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
        let directory = tempfile::Builder::new().prefix("filer-").tempdir_in(place).unwrap();
        let at = |name: &str| directory.path().join(name);
        let rcgen::CertifiedKey { cert, signing_key } =
            rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
        secret(&at("tls.crt"), &cert.pem());
        secret(&at("tls.key"), &signing_key.serialize_pem());
        secret(&at("tokens"), TOKEN);
        let here = directory.path().display();
        let config = format!(
            "listen: 127.0.0.1:0\ntls: {{certificate: {here}/tls.crt, key: {here}/tls.key}}\n\
             clients: {{tokens: {here}/tokens}}\n{more}"
        );
        Self {
            config,
            authority: cert.pem(),
            directory,
        }
    }

    /// Writes the configuration, with a backend in YAML.
    fn configure(&self, backend: &str) {
        let text = format!("{}\nbackend: {backend}\n", self.config);
        std::fs::write(self.at("filer.yaml"), text).unwrap();
    }

    fn at(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn backend(&self) -> Local {
        Local::at(&self.at("root"), "node-1")
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tombolo-filer"));
        command
            .args(words)
            .arg("--config")
            .arg(self.at("filer.yaml"))
            .env_remove("NOTIFY_SOCKET");
        command
    }

    /// Runs a command to its end.
    fn run(&self, words: &[&str]) -> (bool, String) {
        Self::said(&mut self.command(words))
    }

    fn said(command: &mut Command) -> (bool, String) {
        let Output { status, stdout, stderr } = command.output().unwrap();
        let said = String::from_utf8_lossy(&stdout).into_owned() + &String::from_utf8_lossy(&stderr);
        (status.success(), said)
    }
}

fn secret(path: &Path, text: &str) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::write(path, text).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
}

fn volume(at: &str) -> CreateVolume {
    CreateVolume {
        path: VolumePath::parse(at).unwrap(),
        mode: 0o777,
        bytes: 1 << 20,
    }
}

fn mark() -> Mark {
    Mark {
        backend_id: BackendId::parse("b-1").unwrap(),
        cluster_id: ClusterId("c-1".to_owned()),
    }
}
