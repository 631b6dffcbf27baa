//! What an unfinished copy is called: `<digest of the target>.<the leader's term>.<a name of its own>`.

use sha2::{Digest, Sha256};
use std::fmt::Write;
use tombolo_backend_api::{BackendError, Class, VolumePath};
use uuid::Uuid;

/// The path that a copy is to have, in the length of a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Target(String);

impl Target {
    pub(crate) fn of(path: &VolumePath) -> Self {
        let mut text = String::new();
        for byte in Sha256::digest(path.as_str().as_bytes()).iter().take(16) {
            // Writing to a string cannot fail.
            let _ = write!(text, "{byte:02x}");
        }
        Self(text)
    }
}

/// One attempt to make a copy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Attempt {
    target: Target,
    epoch: u64,
    own: String,
}

impl Attempt {
    pub(crate) fn new(target: Target, epoch: u64) -> Self {
        Self {
            target,
            epoch,
            own: Uuid::new_v4().simple().to_string(),
        }
    }

    pub(crate) fn name(&self) -> String {
        format!("{}.{}.{}", self.target.0, self.epoch, self.own)
    }
}

/// Which earlier attempts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Earlier {
    /// Those of this term and before; one of a later term is an error.
    UpTo(u64),
    All,
}

/// The names, among those given, of earlier attempts for a target.
pub(crate) fn earlier(names: &[String], target: &Target, which: Earlier) -> Result<Vec<String>, BackendError> {
    let mut found = Vec::new();
    for name in names {
        let Some(rest) = name.strip_prefix(&target.0).and_then(|rest| rest.strip_prefix('.')) else {
            continue;
        };
        let Some(epoch) = rest.split('.').next().and_then(|epoch| epoch.parse::<u64>().ok()) else {
            continue;
        };
        match which {
            Earlier::UpTo(own) if epoch > own => {
                let message = format!("a leader of term {epoch} copies here, and this one is of term {own}");
                return Err(BackendError::not_done(Class::Transient, message));
            }
            Earlier::UpTo(_) | Earlier::All => found.push(name.clone()),
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(path: &str) -> Target {
        Target::of(&VolumePath::parse(path).unwrap())
    }

    #[test]
    fn attempts_of_earlier_terms_give_way_and_those_of_later_ones_do_not() {
        let name = |path, epoch| Attempt::new(target(path), epoch).name();
        let others = [
            name("pvc-11", 9),
            "pvc-1.9.x".to_owned(),
            format!("{}.x.y", target("pvc-1").0),
        ];
        let (one, two) = (name("pvc-1", 1), name("pvc-1", 2));
        assert_ne!(one, name("pvc-1", 1));
        let all = [&others[..], &[one.clone(), two.clone()]].concat();
        let found = |which| earlier(&all, &target("pvc-1"), which);
        assert_eq!(found(Earlier::UpTo(2)).unwrap(), [one.clone(), two.clone()]);
        assert_eq!(found(Earlier::All).unwrap(), [one, two]);
        assert_eq!(found(Earlier::UpTo(1)).unwrap_err().class, Class::Transient);
        assert!(others.iter().chain(&all).all(|name| name.len() <= 255));
    }
}
