//! The file system that volumes lie on, and the quotas of the kernel.

use super::{check, refused};
use crate::check::{Check, Verdict};
use tombolo_backend_api::Class;
use tombolo_backend_filer::{Config, Division, FileSystem, Filer, QuotaMode, Quotas};

/// The first Linux with simple quotas.
const SIMPLE_QUOTAS: (u32, u32) = (6, 7);

pub(super) async fn checks(config: &Config) -> Vec<Check> {
    let found = Filer::file_system(config).await;
    let mut checks = vec![check("root", super::super::local::directory_at(config.root()))];
    let verdict = match &found {
        Ok(FileSystem::Btrfs(..)) => Verdict::Passed("a btrfs that holds nothing else".to_owned()),
        Ok(FileSystem::Other) => Verdict::Passed(
            "it holds nothing else, and is no btrfs: volumes are directories, sizes are no limits, clones are copies"
                .to_owned(),
        ),
        Err(error) if error.class == Class::Invalid => refused(
            error,
            "mkfs.btrfs --mixed a disk of its own, mount all of it above the root, and keep nothing else on it",
        ),
        Err(error) => refused(error, "mount its disk where the root is configured"),
    };
    checks.push(check("file system", verdict));
    if let Ok(FileSystem::Btrfs(quotas, division)) = found {
        checks.push(check("quotas", judge(quotas, config.quota(), kernel())));
        checks.push(check("room", Verdict::Passed(promised(division))));
    }
    if config.overcommit() {
        let why = "overcommit is configured: a tenant within their limit may meet a full file system";
        checks.push(check("overcommit", Verdict::Unknown(why.to_owned())));
    }
    checks.push(check("mount points", mount_points(config)));
    checks
}

fn kernel() -> Option<(u32, u32)> {
    let uname = rustix::system::uname();
    version(uname.release().to_str().ok()?)
}

fn version(release: &str) -> Option<(u32, u32)> {
    let mut numbers = release.split(|c: char| !c.is_ascii_digit());
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

fn judge(found: Quotas, wanted: QuotaMode, kernel: Option<(u32, u32)>) -> Verdict {
    let old = kernel.is_some_and(|kernel| kernel < SIMPLE_QUOTAS);
    match (found, wanted) {
        (Quotas::Simple, _) => Verdict::Passed("simple quotas are on".to_owned()),
        (Quotas::Full, QuotaMode::Full) => {
            Verdict::Passed("full quota groups are on, as configured: deletions are slow with them".to_owned())
        }
        (Quotas::Full, QuotaMode::Simple) => Verdict::failed(
            "full quota groups are on: they make deletions slow, and snapshots escape their limits",
            "btrfs quota disable the mount point, and simple ones are switched on at the next start; or configure quota: Full",
        ),
        (Quotas::Off, QuotaMode::Full) => Verdict::failed(
            "quota: Full is configured, and no quotas are on",
            "leave quota out of the configuration for simple ones, or btrfs quota enable the mount point",
        ),
        (Quotas::Off, QuotaMode::Simple) if old => Verdict::failed(
            "this kernel has no simple quotas",
            "start a Linux of 6.7 or later: on Debian 12 the package linux-image-amd64 of bookworm-backports",
        ),
        (Quotas::Off, QuotaMode::Simple) => {
            Verdict::Passed("none are on yet: simple ones are switched on at the first start".to_owned())
        }
    }
}

/// How much can be promised to volumes, unless `bytes` is configured.
fn promised(division: Division) -> String {
    match division.promisable(90) {
        90 => "90 % of it can be promised to volumes: data and metadata share their block groups".to_owned(),
        share => format!(
            "{share} % of it can be promised to volumes, because data and metadata have block groups of their own; of one made with \
             mkfs.btrfs --mixed it would be 90 %"
        ),
    }
}

/// The directory above the mount points has to be there, and not among the volumes.
fn mount_points(config: &Config) -> Verdict {
    let directory = config.exports_dir();
    let above = directory.parent().unwrap_or(directory);
    if above.is_dir() {
        Verdict::Passed(format!("{} can be made, or is there", directory.display()))
    } else {
        Verdict::failed(
            format!(
                "{} is not there, so that exportsDir cannot be made in it",
                above.display()
            ),
            format!("mkdir -p {}, or name a directory below /run", above.display()),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotas_are_those_that_are_configured_or_can_be() {
        let passes = |found, wanted, kernel| matches!(judge(found, wanted, kernel), Verdict::Passed(_));
        let (old, new) = (Some((6, 1)), Some((6, 18)));
        assert!(passes(Quotas::Off, QuotaMode::Simple, new) && passes(Quotas::Simple, QuotaMode::Simple, new));
        assert!(passes(Quotas::Full, QuotaMode::Full, old));
        assert!(!passes(Quotas::Off, QuotaMode::Simple, old) && !passes(Quotas::Off, QuotaMode::Full, new));
        assert!(!passes(Quotas::Full, QuotaMode::Simple, new));
    }

    #[test]
    fn a_kernel_is_known_by_two_numbers() {
        assert_eq!(version("6.18.3-1-amd64"), Some((6, 18)));
        assert_eq!(version("6.7-rc1"), Some((6, 7)));
        assert_eq!(version("strange"), None);
        assert!(version("6.7.0").unwrap() >= SIMPLE_QUOTAS && version("5.19").unwrap() < SIMPLE_QUOTAS);
    }
}
