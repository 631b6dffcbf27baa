//! Does NFS-Ganesha see the mounts of volumes? It does not, if it or the filer has a mount namespace that keeps them.
//!
//! Options of systemd such as `PrivateTmp=` and `ProtectSystem=` give a unit a mount namespace of its own, to which the host's mounts
//! come, and from which none of its own go (systemd.exec(5), `MountFlags=`).

use crate::check::Verdict;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// Compares what the server of this process id has mounted with what this process has.
pub(super) fn verdict(exports_dir: &Path, server: Option<u32>) -> Verdict {
    let Some(server) = server else {
        return Verdict::Unknown("NFS-Ganesha is not on the bus".to_owned());
    };
    let read = |process: &str| fs::read_to_string(Path::new("/proc").join(process).join("mountinfo"));
    let (Ok(here), Ok(there)) = (read("self"), read(&server.to_string())) else {
        return Verdict::Unknown("the tables of mounts cannot be read".to_owned());
    };
    let (here, there) = (below(&here, exports_dir), below(&there, exports_dir));
    match here.symmetric_difference(&there).next() {
        None if here.is_empty() => Verdict::Unknown(format!("nothing is mounted below {}", exports_dir.display())),
        None => Verdict::Passed(format!(
            "NFS-Ganesha sees the {} mounts that this process sees",
            here.len()
        )),
        Some(one) => Verdict::failed(
            format!("NFS-Ganesha and this process do not see the same at {one}"),
            "take options that make a mount namespace (PrivateTmp=, ProtectSystem=, PrivateMounts= and the like) out of \
             nfs-ganesha.service and tombolo-filer.service, run this outside of any, and restart both, tombolo-filer first",
        ),
    }
}

/// Mount points at or below a directory, as proc_pid_mountinfo(5) spells them: the fifth field. Paths of volumes need no escapes.
fn below(table: &str, directory: &Path) -> BTreeSet<String> {
    let points = table.lines().filter_map(|line| line.split(' ').nth(4));
    let points = points.filter(|point| Path::new(point).starts_with(directory));
    points.map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_mounts_of_volumes_are_compared() {
        let table = "44 27 0:39 / /srv rw - btrfs /dev/loop0 rw\n\
            45 27 0:40 / /run/exports rw - tmpfs tombolo rw\n\
            46 45 0:41 /a /run/exports/a rw shared:1 - btrfs /dev/loop0 rw\n\
            47 45 0:41 /a /run/exports-not/a rw - btrfs /dev/loop0 rw\n";
        let found = below(table, Path::new("/run/exports"));
        assert_eq!(
            found.into_iter().collect::<Vec<_>>(),
            ["/run/exports", "/run/exports/a"]
        );
    }
}
