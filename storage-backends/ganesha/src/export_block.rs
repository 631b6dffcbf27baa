//! The configuration of one export: what NFS-Ganesha is told of it, and what it is expected to show.

use crate::config::{ExporterConfig, Protocols};
use crate::ids::ExportId;
use crate::network::Network;
use crate::pseudo::PseudoPath;
use crate::record::{Live, Record};
use crate::syntax::{Block, Quoted, Value};
use ipnet::IpNet;
use std::collections::BTreeSet;
use std::path::Path;
use tombolo_backend_api::{Access, Admission, BackendError, Class};

/// Major part of the file system id that clients are shown; the minor one is the export's id. Each export is a file system of its
/// own to its clients, so that a node which has two of them mounted shares no state between them. Handles do not carry it: the
/// ones of FSAL_VFS carry the file system's own identity, which a remount and a restart leave as it is.
const FILESYSTEM: u64 = 0x746f_6d62;

/// An export as it is to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Export {
    pub(crate) id: ExportId,
    pub(crate) pseudo: PseudoPath,
    pub(crate) directory: String,
    pub(crate) access: Access,
    pub(crate) clients: BTreeSet<IpNet>,
    protocols: Protocols,
    text: String,
}

impl Export {
    /// The export that a record asks for; `None` if it asks for none, or for one that is cut.
    pub(crate) fn of(record: &Record, config: &ExporterConfig) -> Result<Option<Self>, BackendError> {
        let Some(live) = record.live() else { return Ok(None) };
        let Some(access) = access(live) else { return Ok(None) };
        let mut export = Self {
            id: record.id,
            pseudo: PseudoPath::of(&live.key)?,
            directory: directory(&live.directory)?.to_owned(),
            access,
            clients: config
                .networks
                .iter()
                .flat_map(|network: &Network| network.sayable())
                .collect(),
            protocols: config.protocols,
            text: String::new(),
        };
        export.text = export.block()?.to_string();
        Ok(Some(export))
    }

    /// The text of its file.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    fn block(&self) -> Result<Block, BackendError> {
        let id = u64::from(self.id.get());
        let versions = self.protocols.versions().iter();
        let block = Block::new("EXPORT")
            .set("Export_Id", Value::Number(id))
            .set("Path", Value::Text(Quoted::new(&self.directory)?))
            .set("Pseudo", Value::Text(Quoted::new(self.pseudo.as_str())?))
            .set("Filesystem_Id", Value::Pair(FILESYSTEM, id))
            // For whoever is in no CLIENT block.
            .set("Access_Type", Value::Word("None"))
            .set("Squash", Value::Word("None"))
            .set("SecType", Value::Word("sys"))
            .list(
                "Protocols",
                versions.map(|version| Value::Number(u64::from(*version))).collect(),
            )
            .set("Transports", Value::Word("TCP"))
            .block(Block::new("FSAL").set("Name", Value::Word("VFS")));
        // A block without clients is an error to NFS-Ganesha; no block is nobody.
        if self.clients.is_empty() {
            return Ok(block);
        }
        let word = match self.access {
            Access::ReadOnly => "RO",
            Access::ReadWrite => "RW",
        };
        let clients = self.clients.iter().map(|network| Value::Network(*network)).collect();
        Ok(block.block(
            Block::new("CLIENT")
                .list("Clients", clients)
                .set("Access_Type", Value::Word(word)),
        ))
    }
}

/// What an export lets through, if anything.
fn access(live: &Live) -> Option<Access> {
    match (live.admission, live.key.access) {
        (Admission::Cut, _) => None,
        (Admission::ReadOnly, _) | (Admission::Full, Access::ReadOnly) => Some(Access::ReadOnly),
        (Admission::Full, Access::ReadWrite) => Some(Access::ReadWrite),
    }
}

/// A directory as NFS-Ganesha shows it again: absolute, and in the one spelling that there is of it.
pub(crate) fn directory(path: &Path) -> Result<&str, BackendError> {
    let refuse = || BackendError::not_done(Class::Invalid, format!("{} cannot be exported", path.display()));
    let text = path.to_str().ok_or_else(refuse)?;
    let mut parts = text.strip_prefix('/').ok_or_else(refuse)?.split('/');
    let plain = parts.all(|part| !matches!(part, "" | "." | ".."));
    if plain {
        Quoted::new(text).map(|_| text)
    } else {
        Err(refuse())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::State;
    use tombolo_backend_api::{ExportKey, Tenant, VolumePath};

    fn config(networks: &[&str]) -> ExporterConfig {
        let value = serde_json::json!({
            "state": "/s", "configDir": "/c", "networks": networks, "advertise": {"host": "nas"}, "protocols": "3,4"
        });
        serde_json::from_value(value).unwrap()
    }

    fn record(access: Access, admission: Admission, directory: &str) -> Record {
        let key = ExportKey {
            path: VolumePath::parse("a/b").unwrap(),
            tenant: Tenant::parse("t").unwrap(),
            access,
        };
        let live = Live {
            key,
            directory: directory.into(),
            admission,
        };
        Record {
            id: ExportId::new(7).unwrap(),
            sequence: 1,
            state: State::Live(live),
        }
    }

    #[test]
    fn an_export_grants_to_its_networks_alone() {
        let record = record(Access::ReadWrite, Admission::Full, "/exports/a b");
        let export = Export::of(&record, &config(&["10.0.0.0/8", "fd00::1"]))
            .unwrap()
            .unwrap();
        assert_eq!(
            export.text(),
            "EXPORT {\n    Export_Id = 7;\n    Path = \"/exports/a b\";\n    Pseudo = \"/tombolo/a+b/t/rw\";\n    \
             Filesystem_Id = 1953459554.7;\n    Access_Type = None;\n    Squash = None;\n    SecType = sys;\n    \
             Protocols = 3, 4;\n    Transports = TCP;\n    FSAL {\n        Name = VFS;\n    }\n    CLIENT {\n        \
             Clients = 10.0.0.0/8, fd00::1;\n        Access_Type = RW;\n    }\n}\n"
        );
    }

    #[test]
    fn no_network_is_nobody() {
        let record = record(Access::ReadWrite, Admission::Full, "/x");
        let export = Export::of(&record, &config(&[])).unwrap().unwrap();
        assert!(!export.text().contains("CLIENT"));
        assert!(export.text().contains("Access_Type = None;"));
    }

    #[test]
    fn the_narrower_of_key_and_admission_counts() {
        let granted = |access, admission| {
            let export = Export::of(&record(access, admission, "/x"), &config(&["10.0.0.0/8"])).unwrap();
            export.map(|export| export.access)
        };
        assert_eq!(granted(Access::ReadWrite, Admission::Full), Some(Access::ReadWrite));
        assert_eq!(granted(Access::ReadWrite, Admission::ReadOnly), Some(Access::ReadOnly));
        assert_eq!(granted(Access::ReadOnly, Admission::Full), Some(Access::ReadOnly));
        for access in [Access::ReadOnly, Access::ReadWrite] {
            assert_eq!(granted(access, Admission::Cut), None);
        }
    }

    #[test]
    fn directories_that_could_mean_another_are_refused() {
        for bad in ["", "x", "/", "/a/../b", "/a//b", "/a/", "/a/./b", "/a\"; }", "/a\nb"] {
            let record = record(Access::ReadWrite, Admission::Full, bad);
            assert_eq!(
                Export::of(&record, &config(&[])).unwrap_err().class,
                Class::Invalid,
                "{bad:?}"
            );
        }
    }
}
