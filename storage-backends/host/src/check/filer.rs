//! What the driver `filer` needs: a file system, an NFS-Ganesha that is told the right things, and nobody in between.
//!
//! It only looks. What cannot be looked at from here is unknown, never passed.

mod disk;
mod ganesha;
mod mounts;
mod network;
mod records;

use super::{Check, Verdict};
use std::path::Path;
use tombolo_backend_api::BackendError;
use tombolo_backend_filer::ServedConfig;

/// Everything that it needs, in the order in which it is to be mended.
pub async fn checks(config: &ServedConfig, ganesha_conf: &Path) -> Vec<Check> {
    let on_bus = tombolo_ganesha::probe(config.exporter().bus.clone()).await;
    let mut checks = vec![check("user", user())];
    checks.extend(disk::checks(config.storage()).await);
    let server = tombolo_ganesha::process_id(config.exporter().bus.clone()).await.ok();
    let (of_records, conf) = (config.clone(), ganesha_conf.to_owned());
    // Disks may hang; the runtime should not.
    let looked = tokio::task::spawn_blocking(move || {
        let mut checks = records::checks(&of_records);
        checks.extend(ganesha::checks(&of_records, &conf));
        checks.push(check(
            "mounts",
            mounts::verdict(of_records.storage().exports_dir(), server),
        ));
        checks
    });
    checks.extend(looked.await.unwrap_or_default());
    checks.push(check("d-bus", ganesha::bus(&on_bus)));
    checks.extend(network::checks(config, on_bus.is_ok()).await);
    checks
}

fn check(name: &'static str, verdict: Verdict) -> Check {
    Check { name, verdict }
}

/// What a refusal means; its own words say most.
fn refused(error: &BackendError, mend: &str) -> Verdict {
    Verdict::failed(error.to_string(), mend)
}

fn user() -> Verdict {
    if rustix::process::geteuid().is_root() {
        Verdict::Passed("root, who mounts volumes and calls NFS-Ganesha".to_owned())
    } else {
        Verdict::failed(
            "only root mounts volumes, asks for quotas, and may call NFS-Ganesha",
            "run this, and the service, as root",
        )
    }
}
