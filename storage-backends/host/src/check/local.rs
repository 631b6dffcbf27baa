//! What the driver `local` needs: a directory, on a file system of its own.

use super::{Check, Verdict};
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use tombolo_backend_local::Config;

/// Everything that it needs.
pub fn checks(config: &Config) -> Vec<Check> {
    let root = Path::new(config.path());
    let found = std::fs::symlink_metadata(root);
    let directory = Check {
        name: "root",
        verdict: directory(root, &found),
    };
    let apart = Check {
        name: "file system",
        verdict: match (&found, std::fs::metadata("/")) {
            (Ok(found), Ok(system)) => apart(root, found.dev(), system.dev()),
            (Err(_), _) => Verdict::Unknown("there is no root to look at".to_owned()),
            (_, Err(error)) => Verdict::Unknown(format!("/ cannot be looked at: {error}")),
        },
    };
    vec![directory, apart]
}

/// Whether a root is a directory.
#[cfg(feature = "filer")]
pub(super) fn directory_at(root: &Path) -> Verdict {
    directory(root, &std::fs::symlink_metadata(root))
}

fn directory(root: &Path, found: &std::io::Result<Metadata>) -> Verdict {
    let root = root.display();
    match found {
        Ok(found) if found.is_dir() => Verdict::Passed(format!("{root} is a directory")),
        Ok(_) => Verdict::failed(
            format!("{root} is no directory"),
            "name a directory, and not a link to one",
        ),
        Err(error) => Verdict::failed(
            format!("{root}: {error}"),
            format!("mount its disk, or mkdir -m 0711 {root}"),
        ),
    }
}

/// Whether a tenant who fills their volume fills somebody else's file system.
fn apart(root: &Path, device: u64, system: u64) -> Verdict {
    let root = root.display();
    if device == system {
        let why = format!("{root} is on the file system of /: whoever fills a volume stops this host");
        return Verdict::failed(why, "give the volumes a file system of their own, and mount it there");
    }
    Verdict::Passed(format!("{root} is not on the file system of /"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_root_is_a_directory_that_is_there() {
        let holder = tempfile::tempdir().unwrap();
        let look = |path: &Path| directory(path, &std::fs::symlink_metadata(path));
        assert!(matches!(look(holder.path()), Verdict::Passed(_)));
        let file = holder.path().join("file");
        std::fs::write(&file, "").unwrap();
        let link = holder.path().join("link");
        std::os::unix::fs::symlink(holder.path(), &link).unwrap();
        for bad in [file, link, holder.path().join("none")] {
            assert!(matches!(look(&bad), Verdict::Failed { .. }), "{}", bad.display());
        }
    }

    #[test]
    fn volumes_are_not_on_the_file_system_of_the_host() {
        assert!(matches!(apart(Path::new("/srv"), 1, 1), Verdict::Failed { .. }));
        assert!(matches!(apart(Path::new("/srv"), 1, 2), Verdict::Passed(_)));
    }
}
