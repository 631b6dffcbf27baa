//! Programs that have to be installed.

use std::path::PathBuf;
use std::process::{Command, Output};

pub(super) fn on_path(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let system = ["/usr/sbin", "/sbin", "/usr/bin", "/bin"].map(PathBuf::from);
    let mut places = std::env::split_paths(&path).chain(system);
    places.find_map(|place| Some(place.join(program)).filter(|file| file.is_file()))
}

/// Which of the programs is not installed.
pub fn missing(programs: &[&str]) -> Option<String> {
    let absent = programs.iter().find(|program| on_path(program).is_none())?;
    Some(format!(
        "{absent} is not installed (Debian: nfs-ganesha nfs-ganesha-vfs dbus rpcbind libnfs-utils nftables iproute2 util-linux)"
    ))
}

/// An independent client of NFS, from libnfs-utils.
#[derive(Debug, Clone)]
pub struct Utility {
    /// Words before the program's name, such as those that enter a network namespace.
    pub within: Vec<String>,
    /// Port of the server, and of MOUNT for version 3.
    pub port: u16,
    pub mount_port: Option<u16>,
    /// Address of the server.
    pub host: String,
    /// 3 or 4.
    pub version: u8,
}

impl Utility {
    fn url(&self, path: &str) -> String {
        let mount_port = self
            .mount_port
            .map(|port| format!("&mountport={port}"))
            .unwrap_or_default();
        format!(
            "nfs://{}{path}?version={}&nfsport={}{mount_port}",
            self.host, self.version, self.port
        )
    }

    fn run(&self, program: &str, arguments: &[String]) -> Result<Vec<u8>, String> {
        let program = on_path(program).unwrap();
        let program = program.to_str().unwrap().to_owned();
        // It waits for ever for a server that does not answer.
        let limit = ["timeout", "20"].map(String::from).to_vec();
        let words: Vec<_> = [self.within.clone(), limit, vec![program], arguments.to_vec()].concat();
        let Output { status, stdout, stderr } = Command::new(&words[0]).args(&words[1..]).output().unwrap();
        let said = [stdout.clone(), stderr].concat();
        status
            .success()
            .then_some(stdout)
            .ok_or_else(|| format!("{status}: {}", String::from_utf8_lossy(&said)))
    }

    /// Names in a directory of an export.
    pub fn list(&self, path: &str) -> Result<Vec<String>, String> {
        let listed = self.run("nfs-ls", &[self.url(path)])?;
        let listed = String::from_utf8_lossy(&listed).into_owned();
        Ok(listed
            .lines()
            .filter_map(|line| line.split_whitespace().last())
            .map(String::from)
            .collect())
    }

    /// The contents of a file of an export.
    pub fn read(&self, path: &str) -> Result<Vec<u8>, String> {
        self.run("nfs-cat", &[self.url(path)])
    }

    /// Writes a file of an export.
    pub fn write(&self, path: &str, contents: &[u8]) -> Result<(), String> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), contents).unwrap();
        self.run("nfs-cp", &[file.path().to_str().unwrap().into(), self.url(path)])
            .map(drop)
    }
}
