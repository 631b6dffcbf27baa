//! The annotations that people write on claims: two prefixes, one meaning, and no typo that passes in silence.

use super::consent::Grants;
use crate::api::names::{PREFIX, TRIDENT_PREFIX, claim as keys};
use std::collections::BTreeMap;
use std::sync::OnceLock;

/// What a claim carries under our two prefixes.
#[derive(Debug, Clone, Default)]
pub struct Annotations {
    written: BTreeMap<String, String>,
    /// What they grant, read once: an owner's list may be long, and is looked at for each of its members.
    pub(super) grants: OnceLock<Grants>,
}

impl PartialEq for Annotations {
    fn eq(&self, other: &Self) -> bool {
        self.written == other.written
    }
}

impl Eq for Annotations {}

/// What one key says, both spellings taken together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Spelled<'a> {
    /// Neither spelling is there.
    Absent,
    /// The value, whichever spelling has it.
    One(&'a str),
    /// The two spellings differ: ours, and the compatible one.
    Differ(&'a str, &'a str),
}

impl Annotations {
    /// Keeps what is ours of an object's annotations.
    pub fn of(all: Option<&BTreeMap<String, String>>) -> Self {
        // The API server takes prefixes in any case, and so does whoever mistypes one.
        let ours = |key: &String| under(PREFIX, key).is_some() || under(TRIDENT_PREFIX, key).is_some();
        let written = all.into_iter().flatten().filter(|(key, _)| ours(key));
        Self {
            written: written.map(|(k, v)| (k.clone(), v.clone())).collect(),
            grants: OnceLock::new(),
        }
    }

    /// Reads one key. The compatible spelling counts only where Trident knows the key.
    pub fn get(&self, key: &str) -> Spelled<'_> {
        let own = self.written.get(&format!("{PREFIX}{key}")).map(|v| v.trim());
        let compatible = keys::TRIDENT
            .contains(&key)
            .then(|| self.written.get(&format!("{TRIDENT_PREFIX}{key}")))
            .flatten()
            .map(|v| v.trim());
        match (own, compatible) {
            (None, None) => Spelled::Absent,
            (Some(value), None) | (None, Some(value)) => Spelled::One(value),
            (Some(a), Some(b)) if a == b => Spelled::One(a),
            (Some(a), Some(b)) => Spelled::Differ(a, b),
        }
    }

    /// Whether a key is there, in any spelling.
    pub fn has(&self, key: &str) -> bool {
        self.get(key) != Spelled::Absent
    }

    /// The first clone annotation that is there, with its prefix.
    pub fn clone_from(&self) -> Option<String> {
        [
            keys::CLONE_FROM_PVC,
            keys::CLONE_FROM_SNAPSHOT,
            keys::CLONE_FROM_NAMESPACE,
        ]
        .into_iter()
        .map(|key| format!("{TRIDENT_PREFIX}{key}"))
        .find(|key| self.written.contains_key(key))
    }

    /// The first key that looks meant for us and is none of ours, and the known key nearest to it.
    ///
    /// Under our own prefix every unknown key counts. Under `trident.netapp.io/` only those that begin with `share` or
    /// `clone` in any case: the rest are Trident's settings for its own drivers, and harmless.
    pub fn unknown(&self) -> Option<(String, String)> {
        self.written.keys().find_map(|key| {
            if let Some(rest) = under(PREFIX, key) {
                let known = key.starts_with(PREFIX) && keys::OURS.contains(&rest);
                (!known).then(|| (key.clone(), nearest(PREFIX, rest, &keys::OURS)))
            } else {
                let rest = under(TRIDENT_PREFIX, key)?;
                let folded = rest.to_ascii_lowercase();
                let meant = folded.starts_with("share") || folded.starts_with("clone");
                let known = key.starts_with(TRIDENT_PREFIX) && keys::TRIDENT.contains(&rest);
                (meant && !known).then(|| (key.clone(), nearest(TRIDENT_PREFIX, rest, &keys::TRIDENT)))
            }
        })
    }
}

/// What follows `prefix`, in whatever case that is written.
fn under<'a>(prefix: &str, key: &'a str) -> Option<&'a str> {
    let (head, rest) = key.split_at_checked(prefix.len())?;
    head.eq_ignore_ascii_case(prefix).then_some(rest)
}

/// The known key that was most likely meant: one of which the wrong one is a part first, then by letters to change.
fn nearest(prefix: &str, wrong: &str, known: &[&str]) -> String {
    let wrong: String = wrong.to_lowercase().chars().take(64).collect();
    let letters: Vec<char> = wrong.chars().collect();
    let best = known.iter().min_by_key(|known| {
        let known = known.to_lowercase();
        let part = known.starts_with(&wrong) || wrong.starts_with(&known);
        (!part, distance(&letters, &known.chars().collect::<Vec<_>>()))
    });
    format!("{prefix}{}", best.unwrap_or(&""))
}

/// Levenshtein distance over one row at a time.
fn distance(a: &[char], b: &[char]) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, ca) in a.iter().enumerate() {
        let mut next = vec![i + 1];
        for (cb, pair) in b.iter().zip(row.windows(2)) {
            let &[diagonal, above] = pair else { continue };
            let left = next.last().copied().unwrap_or_default();
            next.push((diagonal + usize::from(ca != cb)).min(above + 1).min(left + 1));
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(pairs: &[(&str, &str)]) -> Annotations {
        Annotations::of(Some(
            &pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect(),
        ))
    }

    #[test]
    fn both_spellings_are_one_unless_they_differ() {
        let key = keys::SHARE_FROM;
        assert_eq!(with(&[]).get(key), Spelled::Absent);
        assert_eq!(
            with(&[("trident.netapp.io/shareFromPVC", " a/b ")]).get(key),
            Spelled::One("a/b")
        );
        let same = with(&[
            ("trident.netapp.io/shareFromPVC", "a/b"),
            ("tombolo.dev/shareFromPVC", "a/b "),
        ]);
        assert_eq!(same.get(key), Spelled::One("a/b"));
        let differ = with(&[
            ("trident.netapp.io/shareFromPVC", "a/b"),
            ("tombolo.dev/shareFromPVC", "a/c"),
        ]);
        assert_eq!(differ.get(key), Spelled::Differ("a/c", "a/b"));
    }

    #[test]
    fn a_typo_names_the_key_that_was_meant() {
        let cases = [
            ("tombolo.dev/shareFromPvc", "tombolo.dev/shareFromPVC"),
            ("tombolo.dev/shareTo", "tombolo.dev/shareToNamespace"),
            ("tombolo.dev/shareToNamespaces", "tombolo.dev/shareToNamespace"),
            ("tombolo.dev/onrevoke", "tombolo.dev/onRevoke"),
            ("trident.netapp.io/sharefromPVC", "trident.netapp.io/shareFromPVC"),
            ("trident.netapp.io/ShareFromPVC", "trident.netapp.io/shareFromPVC"),
            ("trident.netapp.io/cloneFromPvc", "trident.netapp.io/cloneFromPVC"),
            ("Tombolo.dev/shareFromPVC", "tombolo.dev/shareFromPVC"),
            ("Trident.NetApp.io/shareFromPVC", "trident.netapp.io/shareFromPVC"),
            (
                "trident.netapp.io/shareReadOnlyToNamespace",
                "trident.netapp.io/shareToNamespace",
            ),
        ];
        for (wrong, right) in cases {
            assert_eq!(
                with(&[(wrong, "x")]).unknown(),
                Some((wrong.to_owned(), right.to_owned()))
            );
        }
        for fine in [
            "tombolo.dev/onRevoke",
            "trident.netapp.io/exportPolicy",
            "Trident.netapp.io/exportPolicy",
            "tombolo.de",
            "ä",
            "trident.netapp.io/shareToNamespace",
            "a/b",
        ] {
            assert_eq!(with(&[(fine, "x")]).unknown(), None, "{fine}");
        }
    }
}
