//! The `env` file of a cluster: a contract with scripts outside this repository.
//!
//! The names and their meaning do not change. Every line is `KEY=value`, quoted where a shell needs it.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

/// What a script needs to use a cluster. Without an NFS server the `NFS_…` values are empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnvFile {
    /// `KUBECONFIG`: the administrator's kubeconfig.
    pub kubeconfig: PathBuf,
    /// `KUBECTL`: a kubectl of the cluster's version.
    pub kubectl: PathBuf,
    /// `BIN_DIR`: the directory of the control plane's binaries.
    pub bin_dir: PathBuf,
    /// `NFS_SERVER`, `NFS_PORT`, `NFS_MOUNT_PORT`, `NFS_EXPORT`, `NFS_EXPORT_DIR`.
    pub nfs: Option<crate::NfsEndpoint>,
}

impl EnvFile {
    /// The file's text.
    pub fn render(&self) -> String {
        let nfs = self.nfs.as_ref();
        let text = |value: Option<String>| value.unwrap_or_default();
        let lines = [
            ("KUBECONFIG", self.kubeconfig.display().to_string()),
            ("KUBECTL", self.kubectl.display().to_string()),
            ("BIN_DIR", self.bin_dir.display().to_string()),
            ("NFS_SERVER", text(nfs.map(|nfs| nfs.server.clone()))),
            ("NFS_PORT", text(nfs.map(|nfs| nfs.port.to_string()))),
            ("NFS_MOUNT_PORT", text(nfs.map(|nfs| nfs.mount_port.to_string()))),
            ("NFS_EXPORT", text(nfs.map(|nfs| nfs.export.clone()))),
            (
                "NFS_EXPORT_DIR",
                text(nfs.map(|nfs| nfs.export_dir.display().to_string())),
            ),
        ];
        lines
            .iter()
            .map(|(key, value)| format!("{key}={}\n", quoted(value)))
            .collect()
    }

    /// Writes the file as a whole or not at all, so that a script never reads half of it.
    pub fn write(&self, path: &Path) -> Result<()> {
        let draft = path.with_extension("draft");
        std::fs::write(&draft, self.render()).with_context(|| format!("writing {}", draft.display()))?;
        std::fs::rename(&draft, path).with_context(|| format!("writing {}", path.display()))
    }

    /// Reads what [`EnvFile::write`] wrote.
    pub fn read(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
        Self::parse(&text).with_context(|| format!("in {}", path.display()))
    }

    fn parse(text: &str) -> Result<Self> {
        let value = |key: &str| -> Result<String> {
            let line = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='));
            Ok(unquoted(line.with_context(|| format!("{key} is missing"))?))
        };
        let port = |key: &str| -> Result<u16> { value(key)?.parse().with_context(|| format!("{key} is not a port")) };
        let nfs = match value("NFS_SERVER")? {
            server if server.is_empty() => None,
            server => Some(crate::NfsEndpoint {
                server,
                port: port("NFS_PORT")?,
                mount_port: port("NFS_MOUNT_PORT")?,
                export: value("NFS_EXPORT")?,
                export_dir: value("NFS_EXPORT_DIR")?.into(),
            }),
        };
        let kubeconfig = value("KUBECONFIG")?;
        if kubeconfig.is_empty() {
            bail!("KUBECONFIG is empty");
        }
        Ok(Self {
            kubeconfig: kubeconfig.into(),
            kubectl: value("KUBECTL")?.into(),
            bin_dir: value("BIN_DIR")?.into(),
            nfs,
        })
    }
}

fn quoted(value: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-./:@%+,".contains(c);
    if value.chars().all(plain) {
        value.to_owned()
    } else {
        format!("'{}'", value.replace('\'', r"'\''"))
    }
}

fn unquoted(value: &str) -> String {
    match value.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\'')) {
        Some(inner) => inner.replace(r"'\''", "'"),
        None => value.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example(directory: &str) -> EnvFile {
        EnvFile {
            kubeconfig: format!("{directory}/kubeconfig").into(),
            kubectl: format!("{directory}/bin/kubectl").into(),
            bin_dir: format!("{directory}/bin").into(),
            nfs: Some(crate::NfsEndpoint {
                server: "127.0.0.1".into(),
                port: 20001,
                mount_port: 20002,
                export: "/export".into(),
                export_dir: format!("{directory}/export").into(),
            }),
        }
    }

    #[test]
    fn has_exactly_the_names_of_the_contract() {
        let text = example("/d").render();
        let names: Vec<_> = text
            .lines()
            .filter_map(|line| line.split_once('='))
            .map(|(name, _)| name)
            .collect();
        let contract = [
            "KUBECONFIG",
            "KUBECTL",
            "BIN_DIR",
            "NFS_SERVER",
            "NFS_PORT",
            "NFS_MOUNT_PORT",
            "NFS_EXPORT",
            "NFS_EXPORT_DIR",
        ];
        assert_eq!(names, contract);
    }

    #[test]
    fn a_shell_reads_awkward_paths_back() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("env");
        let env = example("/with space/it's $HOME");
        env.write(&path).unwrap();
        assert_eq!(EnvFile::read(&path).unwrap(), env);
        let script = format!(". '{}' && printf %s \"$NFS_EXPORT_DIR\"", path.display());
        let shell = std::process::Command::new("sh").args(["-c", &script]).output().unwrap();
        assert_eq!(
            String::from_utf8(shell.stdout).unwrap(),
            "/with space/it's $HOME/export"
        );
    }

    #[test]
    fn without_a_server_the_names_stay() {
        let env = EnvFile {
            nfs: None,
            ..example("/d")
        };
        assert!(env.render().contains("NFS_SERVER=\n"));
        assert_eq!(EnvFile::parse(&env.render()).unwrap(), env);
    }

    #[test]
    fn a_missing_name_is_named() {
        let error = EnvFile::parse("KUBECONFIG=/x\n").unwrap_err();
        assert!(error.to_string().contains("NFS_SERVER is missing"), "{error}");
    }
}
