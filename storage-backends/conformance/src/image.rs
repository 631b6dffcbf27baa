//! A file system of a test's own, in a sparse file: what it holds goes with it, and it touches no file system of the machine.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

/// A mounted file system. Dropping it takes away every mount below [`Image::scratch`], and with the last one its loop device.
pub struct Image {
    scratch: TempDir,
}

impl Image {
    /// Makes a btrfs of so many bytes, as filers want it, which are used only as they are written. Below 128 MiB mkfs.btrfs refuses. The error says what
    /// this machine lacks.
    pub fn new(bytes: u64) -> Result<Self, String> {
        Self::made_by(&["mkfs.btrfs", "-q", "--mixed"], bytes)
    }

    /// Makes a btrfs as it is made where nothing else is said.
    pub fn usual_btrfs(bytes: u64) -> Result<Self, String> {
        Self::made_by(&["mkfs.btrfs", "-q"], bytes)
    }

    /// Makes an ext4, likewise.
    pub fn ext4(bytes: u64) -> Result<Self, String> {
        Self::made_by(&["mkfs.ext4", "-q", "-F"], bytes)
    }

    fn made_by(mkfs: &[&str], bytes: u64) -> Result<Self, String> {
        let scratch = tempfile::tempdir().unwrap();
        // As the table of mounts spells it.
        assert_eq!(scratch.path().canonicalize().unwrap(), scratch.path());
        let image = Self { scratch };
        let file = image.scratch.path().join("image");
        File::create(&file).unwrap().set_len(bytes).unwrap();
        fs::create_dir(image.path()).unwrap();
        run(Command::new(mkfs[0]).args(&mkfs[1..]).arg(&file))?;
        // The kernel detaches a loop device of this kind by itself.
        run(Command::new("mount").args(["-o", "loop"]).arg(&file).arg(image.path()))?;
        Ok(image)
    }

    /// Where it is mounted.
    pub fn path(&self) -> PathBuf {
        self.scratch.path().join("mounted")
    }

    /// A directory beside it, on the machine's own file system, for mount points and other files.
    pub fn scratch(&self) -> &Path {
        self.scratch.path()
    }

    /// Writes everything to disk.
    pub fn sync(&self) {
        rustix::fs::syncfs(File::open(self.path()).unwrap()).unwrap();
    }
}

impl Drop for Image {
    fn drop(&mut self) {
        let mounts = fs::read_to_string("/proc/self/mounts").unwrap_or_default();
        let points = mounts.lines().filter_map(|line| line.split(' ').nth(1));
        // Those made last lie uppermost.
        for point in points
            .rev()
            .filter(|point| Path::new(point).starts_with(self.scratch.path()))
        {
            let _ = Command::new("umount").arg("--lazy").arg(point).status();
        }
    }
}

fn run(command: &mut Command) -> Result<(), String> {
    match command.output() {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => {
            let why = String::from_utf8_lossy(&output.stderr).trim().to_owned();
            Err(format!("{command:?} ended with {}: {why}", output.status))
        }
        Err(error) => Err(format!("{command:?} cannot be run: {error}")),
    }
}
