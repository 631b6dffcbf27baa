//! Which directory on which node: parsed once, with the rules that keep other programs' hands off the data.

use serde::Deserialize;

/// A directory on a node, fit to hold `hostPath` volumes.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Unchecked")]
pub struct Config {
    path: String,
    node: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Unchecked {
    path: String,
    node: String,
}

/// Why a path and a node are no [`Config`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidConfig {
    /// The path cannot be taken literally.
    #[error(
        "path {0:?} must be absolute, not /, and without empty, . or .. components, a trailing slash or control characters"
    )]
    Path(String),
    /// Another program deletes there.
    #[error(
        "path {0:?} has a component named tmp: kube-controller-manager itself removes the directories of hostPath volumes \
         whose path contains /tmp/ (kubernetes pkg/volume/hostpath); use a directory elsewhere, such as /var/lib/tombolo"
    )]
    BelowTmp(String),
    /// No label value, so no node can carry it.
    #[error("node {0:?} is no value of the label kubernetes.io/hostname")]
    Node(String),
}

impl Config {
    /// Checks a path and a node.
    pub fn parse(path: &str, node: &str) -> Result<Self, InvalidConfig> {
        let components = path
            .strip_prefix('/')
            .ok_or_else(|| InvalidConfig::Path(path.to_owned()))?
            .split('/');
        let literal = |c: &str| !matches!(c, "" | "." | "..") && !c.chars().any(char::is_control);
        if !components.clone().all(literal) {
            return Err(InvalidConfig::Path(path.to_owned()));
        }
        if components.clone().any(|c| c == "tmp") {
            return Err(InvalidConfig::BelowTmp(path.to_owned()));
        }
        if !is_label_value(node) {
            return Err(InvalidConfig::Node(node.to_owned()));
        }
        Ok(Self {
            path: path.to_owned(),
            node: node.to_owned(),
        })
    }

    /// The directory.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The node.
    pub fn node(&self) -> &str {
        &self.node
    }
}

fn is_label_value(text: &str) -> bool {
    let ends = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
    text.len() <= 63
        && ends(text.chars().next())
        && ends(text.chars().next_back())
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
}

impl TryFrom<Unchecked> for Config {
    type Error = InvalidConfig;
    fn try_from(unchecked: Unchecked) -> Result<Self, InvalidConfig> {
        Self::parse(&unchecked.path, &unchecked.node)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinary_directories_parse() {
        for good in [
            "/data",
            "/var/lib/tombolo",
            "/mnt/disk 1",
            "/mnt/tmpfs",
            "/mnt/.x",
            "/mnt/..x",
        ] {
            assert_eq!(Config::parse(good, "node-1").unwrap().path(), good);
        }
    }

    #[test]
    fn a_path_that_is_not_literal_is_refused() {
        for bad in [
            "",
            "/",
            "data",
            "./data",
            "//data",
            "/data/",
            "/data//x",
            "/data/./x",
            "/data/../etc",
            "/..",
            "/a\n",
            "/a\0",
        ] {
            assert_eq!(Config::parse(bad, "n"), Err(InvalidConfig::Path(bad.to_owned())));
        }
    }

    /// Its pattern is unanchored, so a component anywhere is enough.
    #[test]
    fn directories_that_kube_controller_manager_removes_are_refused() {
        for bad in ["/tmp", "/tmp/x", "/var/tmp", "/var/tmp/x", "/data/tmp/x", "/data/tmp"] {
            let refused = Config::parse(bad, "n").unwrap_err();
            assert_eq!(refused, InvalidConfig::BelowTmp(bad.to_owned()));
            assert!(refused.to_string().contains("kube-controller-manager"));
        }
    }

    #[test]
    fn a_node_is_a_label_value() {
        for good in ["n", "node-1", "ip-10-0-0-1.ec2.internal"] {
            assert_eq!(Config::parse("/data", good).unwrap().node(), good);
        }
        for bad in ["", "-n", "n-", "a b", "a/b", &"n".repeat(64)] {
            assert_eq!(Config::parse("/data", bad), Err(InvalidConfig::Node(bad.to_owned())));
        }
    }

    #[test]
    fn unknown_fields_are_refused() {
        let parse = |text: &str| serde_json::from_str::<Config>(text);
        assert!(parse(r#"{"path":"/data","node":"n"}"#).is_ok());
        assert!(parse(r#"{"path":"/data","node":"n","mode":"0777"}"#).is_err());
        assert!(
            parse(r#"{"path":"/tmp/x","node":"n"}"#)
                .unwrap_err()
                .to_string()
                .contains("hostPath")
        );
    }
}
