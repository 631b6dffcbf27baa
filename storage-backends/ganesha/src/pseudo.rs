//! Where an export appears in the server's tree: a path that follows from its key alone, so that an export made again is
//! found where it was.
//!
//! `/tombolo/<volume with + for />/<tenant>/<rw or ro>`. A volume's path has no `+`, and neither part has a slash, so that two
//! keys have two paths; all have the same depth, so that none lies within another.

use tombolo_backend_api::{Access, BackendError, Class, ExportKey, Tenant, VolumePath};

/// First component of every pseudo path of ours: below it everything is ours. It alone and everything elsewhere is not.
const ROOT: &str = "tombolo";
/// In place of the slash of a volume's path; no volume's path has one.
const SLASH: &str = "+";
/// Longest component that NFS clients take (`NAME_MAX`).
const LONGEST: usize = 255;

/// Pseudo path of an export of ours.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PseudoPath(String);

impl PseudoPath {
    /// The path of an export.
    ///
    /// # Errors
    /// `Invalid` if the volume's path is too long for one component.
    pub fn of(key: &ExportKey) -> Result<Self, BackendError> {
        let volume = key.path.as_str().replace('/', SLASH);
        if volume.len() > LONGEST {
            let message = format!(
                "the path of a volume to be exported has at most {LONGEST} bytes: {}",
                key.path
            );
            return Err(BackendError::not_done(Class::Invalid, message));
        }
        let access = access_name(key.access);
        Ok(Self(format!("/{ROOT}/{volume}/{}/{access}", key.tenant)))
    }

    /// Whether a path is one that [`of`](Self::of) makes; answers its key.
    pub fn parse(path: &str) -> Option<ExportKey> {
        let mut parts = path.strip_prefix('/')?.split('/');
        let (root, volume, tenant, access) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let access = match access {
            "rw" => Access::ReadWrite,
            "ro" => Access::ReadOnly,
            _ => return None,
        };
        let key = ExportKey {
            path: VolumePath::parse(&volume.replace(SLASH, "/")).ok()?,
            tenant: Tenant::parse(tenant).ok()?,
            access,
        };
        (root == ROOT && parts.next().is_none()).then_some(key)
    }

    /// Whether a path lies where only ours do: below the first component. An export of that component itself is somebody else's.
    pub fn is_ours(path: &str) -> bool {
        path.strip_prefix('/')
            .and_then(|path| path.strip_prefix(ROOT))
            .is_some_and(|rest| rest.starts_with('/'))
    }

    /// The path as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for PseudoPath {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

fn access_name(access: Access) -> &'static str {
    match access {
        Access::ReadWrite => "rw",
        Access::ReadOnly => "ro",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn keys() -> impl Strategy<Value = ExportKey> {
        let path = "[A-Za-z0-9_-][A-Za-z0-9._-]{0,9}(/[A-Za-z0-9_-][A-Za-z0-9._-]{0,9}){0,3}";
        (path, "[a-z0-9]([a-z0-9-]{0,8}[a-z0-9])?", any::<bool>()).prop_map(|(path, tenant, writes)| ExportKey {
            path: VolumePath::parse(&path).unwrap(),
            tenant: Tenant::parse(&tenant).unwrap(),
            access: if writes { Access::ReadWrite } else { Access::ReadOnly },
        })
    }

    proptest! {
        #[test]
        fn a_path_tells_its_key_and_no_other(key in keys()) {
            let path = PseudoPath::of(&key).unwrap();
            prop_assert_eq!(PseudoPath::parse(path.as_str()), Some(key));
            prop_assert!(PseudoPath::is_ours(path.as_str()));
        }

        #[test]
        fn no_path_lies_within_another(one in keys(), other in keys()) {
            let (one, other) = (PseudoPath::of(&one).unwrap(), PseudoPath::of(&other).unwrap());
            let within = other.as_str().starts_with(&format!("{one}/"));
            prop_assert!(!within);
        }
    }

    #[test]
    fn what_others_export_is_not_ours() {
        for path in ["/", "/tombolo", "/tombolox", "/x/tombolo", "", "tombolo/a/b/rw", "/srv"] {
            assert!(!PseudoPath::is_ours(path), "{path}");
            assert_eq!(PseudoPath::parse(path), None, "{path}");
        }
        for path in [
            "/tombolo/a/b",
            "/tombolo/a/b/rw/c",
            "/tombolo/../b/rw",
            "/tombolo/a/B/rw",
        ] {
            assert!(PseudoPath::is_ours(path), "{path}");
            assert_eq!(PseudoPath::parse(path), None, "{path}");
        }
    }

    #[test]
    fn a_volume_path_that_is_too_long_is_refused() {
        let long = [&"a".repeat(128), "/", &"b".repeat(127)].concat();
        let key = ExportKey {
            path: VolumePath::parse(&long).unwrap(),
            tenant: Tenant::parse("t").unwrap(),
            access: Access::ReadWrite,
        };
        assert_eq!(PseudoPath::of(&key).unwrap_err().class, Class::Invalid);
    }
}
