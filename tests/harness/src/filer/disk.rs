//! The file system of a filer: a btrfs in a file, mounted through a loop device that the kernel takes away with the last mount.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};

use crate::directories;

/// Used only as it is written.
const SIZE: u64 = 8 << 30;
/// Simple quotas came with this version of Linux.
const KERNEL: (u32, u32) = (6, 7);

/// Where it is mounted.
pub(super) fn pool(filer: &Path) -> PathBuf {
    filer.join("pool")
}

/// Why this machine cannot have one, if so. Tries it.
pub(super) fn unavailable() -> Option<String> {
    tried().err().map(|error| format!("{error:#}"))
}

fn tried() -> Result<()> {
    let version = rustix::system::uname().release().to_string_lossy().into_owned();
    let mut numbers = version.split(['.', '-']).map_while(|part| part.parse::<u32>().ok());
    if numbers.next().zip(numbers.next()).is_none_or(|found| found < KERNEL) {
        bail!("simple quotas of btrfs need Linux {}.{}, and this is {version}", KERNEL.0, KERNEL.1);
    }
    let directory = directories::state_root()?.join(format!("trial-{}", std::process::id()));
    std::fs::create_dir_all(&directory)?;
    let mounted = mount(&directory);
    let unmounted = unmount(&directory);
    std::fs::remove_dir_all(&directory)?;
    mounted.and(unmounted)
}

/// Mounts it, if it is not; makes it, if there is none.
pub(super) fn mount(filer: &Path) -> Result<()> {
    let (image, pool) = (filer.join("image"), pool(filer));
    if mounted_below(&pool)?.contains(&pool) {
        return Ok(());
    }
    std::fs::create_dir_all(&pool).with_context(|| format!("creating {}", pool.display()))?;
    if !image.exists() {
        // Complete under its name or not there.
        let draft = filer.join("image.draft");
        std::fs::File::create(&draft)?.set_len(SIZE)?;
        run(Command::new("mkfs.btrfs").arg("--quiet").arg(&draft))?;
        std::fs::rename(&draft, &image)?;
    }
    run(Command::new("mount").args(["-o", "loop"]).arg(&image).arg(&pool))
}

/// Takes away every mount below a filer's directory, whoever still uses it.
pub(super) fn unmount(filer: &Path) -> Result<()> {
    // Those made last lie uppermost.
    for point in mounted_below(filer)?.iter().rev() {
        run(Command::new("umount").arg("--lazy").arg(point))?;
    }
    Ok(())
}

/// Mount points at or below a directory, in the order in which they were made.
fn mounted_below(directory: &Path) -> Result<Vec<PathBuf>> {
    let mounts = std::fs::read_to_string("/proc/self/mounts").context("reading the mounts")?;
    let points = mounts.lines().filter_map(|line| line.split(' ').nth(1)).map(plain);
    Ok(points.filter(|point| point.starts_with(directory)).collect())
}

/// A path as the kernel writes it there: white space and backslashes as octal numbers (proc_pid_mounts(5)).
fn plain(text: &str) -> PathBuf {
    let escapes = [("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")];
    let plain = escapes
        .iter()
        .fold(text.to_owned(), |text, (escaped, plain)| text.replace(escaped, plain));
    PathBuf::from(plain)
}

fn run(command: &mut Command) -> Result<()> {
    let output = command.stdin(Stdio::null()).output();
    let output = output.with_context(|| format!("running {command:?}"))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        bail!("{command:?} ended with {}: {}", output.status, said.trim());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mounts_are_found_below_a_directory_and_not_beside_it() {
        assert!(mounted_below(Path::new("/")).unwrap().contains(&PathBuf::from("/proc")));
        assert_eq!(mounted_below(Path::new("/no-such")).unwrap(), Vec::<PathBuf>::new());
        assert_eq!(plain("/a\\040b\\134c"), Path::new("/a b\\c"));
    }
}
