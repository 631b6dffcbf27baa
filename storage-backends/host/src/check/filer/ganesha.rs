//! NFS-Ganesha: installed, on the bus, and told what this filer relies on.

use super::{check, refused};
use crate::check::{Check, Verdict};
use std::path::{Path, PathBuf};
use tombolo_backend_api::{BackendError, Class};
use tombolo_backend_filer::ServedConfig;
use tombolo_ganesha::check_file;

/// Where packages put its plug-ins: below one of these, in `ganesha`, with the machine's kind in between on Debian.
const LIBRARIES: [&str; 3] = ["/usr/lib", "/usr/lib64", "/usr/local/lib"];
const PLUG_IN: &str = "ganesha/libfsalvfs.so";

pub(super) fn checks(config: &ServedConfig, conf: &Path) -> Vec<Check> {
    let mut checks = vec![check("nfs-ganesha", installed())];
    let shown = conf.display();
    match check_file(conf, config.exporter()) {
        Ok(findings) if findings.is_empty() => {
            let said = format!("{shown} says what it has to");
            checks.push(check("ganesha.conf", Verdict::Passed(said)));
        }
        Ok(findings) => checks.extend(findings.iter().map(|finding| {
            let mend = format!("change {shown}, or write it anew: tombolo-filer ganesha-conf > {shown}; then systemctl restart nfs-ganesha");
            check("ganesha.conf", Verdict::failed(finding.to_string(), mend))
        })),
        Err(error) => checks.push(check(
            "ganesha.conf",
            refused(&error, &format!("write it anew: tombolo-filer ganesha-conf > {shown}")),
        )),
    }
    checks
}

fn installed() -> Verdict {
    let mend = "apt install nfs-ganesha nfs-ganesha-vfs";
    let Some(program) = on_path("ganesha.nfsd") else {
        return Verdict::failed("the program ganesha.nfsd is not there", mend);
    };
    let plugged = LIBRARIES.iter().any(|library| {
        let kinds = std::fs::read_dir(library).into_iter().flatten().filter_map(Result::ok);
        Path::new(library).join(PLUG_IN).exists() || kinds.into_iter().any(|kind| kind.path().join(PLUG_IN).exists())
    });
    if plugged {
        Verdict::Passed(format!("{} and its plug-in VFS are installed", program.display()))
    } else {
        Verdict::failed("its plug-in VFS is not there", mend)
    }
}

/// A program, also where the path of a person has no `sbin`.
pub(super) fn on_path(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut places = std::env::split_paths(&path).chain(["/usr/sbin", "/usr/bin"].map(PathBuf::from));
    places.find_map(|place| Some(place.join(program)).filter(|file| file.is_file()))
}

/// Whether it answers.
pub(super) fn bus(probed: &Result<usize, BackendError>) -> Verdict {
    match probed {
        Ok(exports) => Verdict::Passed(format!("NFS-Ganesha answers, and has {exports} exports")),
        Err(error) if error.class == Class::Denied => refused(error, "run this as root"),
        Err(error) => refused(
            error,
            "apt install dbus, then systemctl enable --now tombolo-filer nfs-ganesha, in this order",
        ),
    }
}
