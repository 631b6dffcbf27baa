//! A StorageClass of ours and its parameters. Read at provisioning only: an existing volume never looks at it again.

use super::access::{MountMode, OnDelete, OnOwnerDelete};
use super::ids::{BackendName, ClassName};
use super::pv::ReclaimPolicy;
use crate::api::names;
use k8s_openapi::api::storage::v1::StorageClass;
use std::collections::BTreeMap;
use std::fmt;

/// A class whose provisioner is ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Class {
    /// Its name.
    pub name: ClassName,
    /// Whether volumes wait until a pod wants them.
    pub waits_for_consumer: bool,
    /// Reclaim policy of its volumes.
    pub policy: ReclaimPolicy,
    /// Mount options of its volumes.
    pub mount_options: Vec<String>,
    /// Its parameters, or what is wrong with them.
    pub parameters: Result<Parameters, String>,
}

/// What a class's parameters say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parameters {
    /// Which backend.
    pub backend: BackendChoice,
    /// What deleting does with the data.
    pub on_delete: OnDelete,
    /// Whether the owner's claim waits for members.
    pub on_owner_delete: OnOwnerDelete,
    /// Who mounts its volumes, and its claims' ways to those of others.
    pub mount: MountMode,
}

/// How a class names its backend.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BackendChoice {
    /// This one.
    Named(BackendName),
    /// Any with these labels; the one with most room.
    Labelled(BTreeMap<String, String>),
}

impl BackendChoice {
    /// Whether it means the backend of this name, with these labels.
    pub fn means(&self, name: &str, labels: &BTreeMap<String, String>) -> bool {
        match self {
            Self::Named(named) => named.as_str() == name,
            Self::Labelled(wanted) => wanted.iter().all(|(key, value)| labels.get(key) == Some(value)),
        }
    }
}

impl fmt::Display for BackendChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Named(name) => write!(f, "{name}"),
            Self::Labelled(wanted) => {
                let labels: Vec<_> = wanted.iter().map(|(key, value)| format!("{key}={value}")).collect();
                write!(f, "with the labels {}", labels.join(","))
            }
        }
    }
}

/// Mount options that we append ourselves: a class that sets them would fight with us over the server's address.
const RESERVED_OPTIONS: [&str; 3] = ["port", "mountport", "ro"];

impl Class {
    /// Reads a class; `None` if it names another provisioner.
    pub fn of(class: &StorageClass) -> Option<Self> {
        if class.provisioner != names::PROVISIONER {
            return None;
        }
        let mount_options = class.mount_options.clone().unwrap_or_default();
        let parameters = Parameters::parse(class.parameters.as_ref().unwrap_or(&BTreeMap::new()))
            .and_then(|p| refuse_reserved(&mount_options).map(|()| p));
        Some(Self {
            name: ClassName::new(class.metadata.name.clone()?),
            waits_for_consumer: class.volume_binding_mode.as_deref() == Some("WaitForFirstConsumer"),
            policy: match class.reclaim_policy.as_deref() {
                Some("Retain") => ReclaimPolicy::Retain,
                _ => ReclaimPolicy::Delete,
            },
            mount_options,
            parameters,
        })
    }
}

fn refuse_reserved(options: &[String]) -> Result<(), String> {
    let reserved = options
        .iter()
        .flat_map(|o| o.split(','))
        .map(|o| o.split_once('=').map_or(o, |(key, _)| key).trim())
        .find(|key| RESERVED_OPTIONS.contains(key));
    match reserved {
        Some(key) => Err(format!(
            "mountOptions set {key:?}, which is set by Tombolo from the StorageBackend"
        )),
        None => Ok(()),
    }
}

impl Parameters {
    fn parse(given: &BTreeMap<String, String>) -> Result<Self, String> {
        let mut backend = None;
        let mut on_delete = OnDelete::default();
        let mut on_owner_delete = OnOwnerDelete::default();
        let mut mount = MountMode::default();
        for (key, value) in given {
            match key.as_str() {
                "backend" if !value.is_empty() => {
                    set_once(&mut backend, BackendChoice::Named(BackendName::new(value)))?
                }
                "backendSelector" => set_once(&mut backend, BackendChoice::Labelled(selector(value)?))?,
                "onDelete" => {
                    on_delete = OnDelete::parse(value).ok_or_else(|| one_of(key, value, "delete, retain, archive"))?
                }
                "onOwnerDelete" => {
                    on_owner_delete = OnOwnerDelete::parse(value).ok_or_else(|| one_of(key, value, "Detach, Hold"))?;
                }
                "permissions" if value == "World" => {}
                "adopt" if value == "false" => {}
                "mount" => mount = MountMode::parse(value).ok_or_else(|| one_of(key, value, "kubelet, csi"))?,
                "permissions" | "adopt" | "pathPattern" => {
                    return Err(format!("{key}: {value:?} is not served yet"));
                }
                "backend" => return Err("backend is empty".to_owned()),
                _ => return Err(format!("unknown parameter {key:?}")),
            }
        }
        let backend = backend.ok_or_else(|| "neither backend nor backendSelector is set".to_owned())?;
        Ok(Self {
            backend,
            on_delete,
            on_owner_delete,
            mount,
        })
    }
}

fn set_once(slot: &mut Option<BackendChoice>, choice: BackendChoice) -> Result<(), String> {
    match slot.replace(choice) {
        None => Ok(()),
        Some(_) => Err("both backend and backendSelector are set".to_owned()),
    }
}

fn one_of(key: &str, value: &str, known: &str) -> String {
    format!("{key} is {value:?}, not one of {known}")
}

fn selector(text: &str) -> Result<BTreeMap<String, String>, String> {
    let pairs: Option<BTreeMap<String, String>> = text
        .split(',')
        .map(|item| {
            item.trim()
                .split_once('=')
                .map(|(k, v)| (k.trim().to_owned(), v.trim().to_owned()))
        })
        .collect();
    pairs
        .filter(|p| p.keys().all(|k| !k.is_empty()))
        .ok_or_else(|| "backendSelector is not of the form key=value,key2=value2".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(pairs: &[(&str, &str)]) -> Result<Parameters, String> {
        Parameters::parse(&pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect())
    }

    #[test]
    fn defaults_are_safe() {
        let parameters = parse(&[("backend", "nas1")]).unwrap();
        assert_eq!(parameters.on_delete, OnDelete::Delete);
        assert_eq!(parameters.on_owner_delete, OnOwnerDelete::Detach);
        assert_eq!(parameters.mount, MountMode::Kubelet);
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        let bad: [&[(&str, &str)]; 14] = [
            &[],
            &[("backend", "")],
            &[("backend", "a"), ("backendSelector", "x=y")],
            &[("backendSelector", "x")],
            &[("backendSelector", "")],
            &[("backend", "a"), ("onDelete", "Delete")],
            &[("backend", "a"), ("onOwnerDelete", "hold")],
            &[("backend", "a"), ("pathPattern", "${pvc.name}")],
            &[("backend", "a"), ("mount", "CSI")],
            &[("backend", "a"), ("mount", "")],
            &[("backend", "a"), ("mount", "kubelet,csi")],
            &[("backend", "a"), ("permissions", "Gid")],
            &[("backend", "a"), ("adopt", "true")],
            &[("backend", "a"), ("server", "nas")],
        ];
        for pairs in bad {
            assert!(parse(pairs).is_err(), "{pairs:?}");
        }
        assert!(
            parse(&[
                ("backend", "a"),
                ("mount", "kubelet"),
                ("adopt", "false"),
                ("permissions", "World")
            ])
            .is_ok()
        );
        let csi = parse(&[("backend", "a"), ("mount", "csi")]).unwrap();
        assert_eq!(csi.mount, MountMode::Csi);
    }

    #[test]
    fn mount_options_of_ours_are_not_for_a_class() {
        for bad in ["ro", "port=2049", "hard,mountport=5"] {
            assert!(refuse_reserved(&[bad.to_owned()]).is_err(), "{bad}");
        }
        assert!(refuse_reserved(&["hard".into(), "nfsvers=3".into(), "rsize=4096".into()]).is_ok());
    }
}
