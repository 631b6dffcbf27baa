//! The records of exports: on a disk that stays, and nobody else's.

use super::check;
use crate::check::{Check, Verdict};
use rustix::fs::statfs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use tombolo_backend_filer::ServedConfig;

/// `TMPFS_MAGIC` and `RAMFS_MAGIC` of `linux/magic.h`.
const OF_MEMORY: [rustix::fs::FsWord; 2] = [0x0102_1994, 0x8584_58f6];

pub(super) fn checks(config: &ServedConfig) -> Vec<Check> {
    let exporter = config.exporter();
    vec![
        check("records", judge(&exporter.state, config.storage().root())),
        check(
            "files for nfs-ganesha",
            judge(&exporter.config_dir, config.storage().root()),
        ),
    ]
}

fn judge(directory: &Path, root: &Path) -> Verdict {
    let shown = directory.display();
    let Some(there) = directory.ancestors().find(|path| path.exists()) else {
        return Verdict::Unknown(format!("nothing above {shown} can be looked at"));
    };
    let missing = directory.parent().is_some_and(|above| !above.is_dir());
    if missing {
        return Verdict::failed(
            format!("the directory above {shown} is not there"),
            format!("mkdir -p -m 0755 {}", directory.parent().unwrap_or(directory).display()),
        );
    }
    let device = |path: &Path| std::fs::metadata(path).map(|found| found.dev()).ok();
    if device(there).is_some() && device(there) == device(root) {
        return Verdict::failed(
            format!("{shown} is on the file system of the volumes: whoever forges NFS handles reads it"),
            "name a directory of the host's own file system",
        );
    }
    if statfs(there).is_ok_and(|found| OF_MEMORY.contains(&found.f_type)) {
        return Verdict::failed(
            format!(
                "{shown} is on a file system of memory: after a restart ids of exports would be given twice, and old handles fit"
            ),
            "name a directory on a disk, such as one below /var/lib",
        );
    }
    let open = |found: &std::fs::Metadata| found.uid() != 0 || found.mode() & 0o022 != 0;
    match std::fs::symlink_metadata(directory) {
        Ok(found) if !found.is_dir() => Verdict::failed(format!("{shown} is no directory"), "move it away"),
        Ok(found) if open(&found) => Verdict::failed(
            format!("others than root may write in {shown}"),
            format!("chown root {shown} && chmod 0700 {shown}"),
        ),
        Ok(_) => Verdict::Passed(format!("{shown} is on a disk, and root's alone")),
        Err(_) => Verdict::Passed(format!("{shown} is made at the first start")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn failure(directory: &Path, root: &Path) -> Option<String> {
        match judge(directory, root) {
            Verdict::Failed { why, .. } => Some(why),
            Verdict::Passed(_) | Verdict::Unknown(_) => None,
        }
    }

    #[test]
    fn records_lie_on_a_disk_that_is_not_the_volumes() {
        let scratch = tempfile::tempdir_in(env!("CARGO_MANIFEST_DIR")).unwrap();
        let elsewhere = Path::new("/proc");
        let at = scratch.path().join("records");
        assert_eq!(failure(&at, elsewhere), None);
        assert!(failure(&at, scratch.path()).unwrap().contains("forges"));
        assert!(failure(&at.join("a/b"), elsewhere).unwrap().contains("above"));
        assert!(
            failure(Path::new("/dev/shm/records"), elsewhere)
                .unwrap()
                .contains("memory")
        );
        std::fs::create_dir(&at).unwrap();
        std::fs::set_permissions(&at, std::fs::Permissions::from_mode(0o777)).unwrap();
        if rustix::process::geteuid().is_root() {
            assert!(failure(&at, elsewhere).unwrap().contains("others than root"));
            std::fs::set_permissions(&at, std::fs::Permissions::from_mode(0o700)).unwrap();
            assert_eq!(failure(&at, elsewhere), None);
        }
    }
}
