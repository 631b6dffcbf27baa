//! The owner's side of consent: which namespaces a claim is shared with, and how far.
//!
//! Decides nothing about members; see `plan::handshake` (joining) and `plan::consent`.

use super::access::{Access, OnRevoke};
use super::annotations::{Annotations, Spelled};
use super::ids::{Namespace, is_dns_label};
use crate::api::names::claim as keys;
use std::collections::{BTreeMap, BTreeSet};

/// Bad items that are named.
const FAULTS: usize = 8;

/// Items of a list that count; an annotation has room for a hundred thousand.
const ITEMS: usize = 1000;

/// Labels of a namespace.
pub type Labels = BTreeMap<String, String>;

/// What an owner's annotations grant.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Grants {
    lists: Vec<(Access, List)>,
    copies: List,
    selector: Option<Selector>,
    /// What is wrong with them, in words for the owner. While there is any, what is good still grants, and nothing that is
    /// missing counts as withdrawn: half a list is no evidence.
    pub faults: Vec<String>,
    /// What the end of consent does.
    pub on_revoke: OnRevoke,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct List {
    everybody: bool,
    names: BTreeSet<Namespace>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Selector(Vec<(String, String)>);

/// How specific an entry is: of several that cover a namespace the most specific wins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Specificity {
    Everybody,
    Selector,
    Name,
}

impl Grants {
    /// Reads a claim's annotations, once for each state that they are in.
    pub fn of(annotations: &Annotations) -> &Self {
        annotations.grants.get_or_init(|| Self::read(annotations))
    }

    fn read(annotations: &Annotations) -> Self {
        let mut grants = Self::default();
        for (key, access) in [
            (keys::SHARE_TO, Access::ReadWrite),
            (keys::SHARE_READ_ONLY_TO, Access::ReadOnly),
        ] {
            match annotations.get(key) {
                Spelled::Absent => {}
                Spelled::One(text) => {
                    let list = List::parse(text, key, &mut grants.faults);
                    grants.lists.push((access, list));
                }
                Spelled::Differ(a, b) => {
                    let list = List::both(a, b, key, &mut grants.faults);
                    grants.lists.push((access, list));
                }
            }
        }
        grants.copies = match annotations.get(keys::CLONE_TO) {
            Spelled::Absent => List::default(),
            Spelled::One(text) => List::parse(text, keys::CLONE_TO, &mut grants.faults),
            Spelled::Differ(a, b) => List::both(a, b, keys::CLONE_TO, &mut grants.faults),
        };
        if let Spelled::One(text) = annotations.get(keys::SHARE_TO_SELECTOR) {
            match Selector::parse(text) {
                Some(selector) => grants.selector = Some(selector),
                None => grants.faults.push(format!(
                    "{} is not of the form key=value,key2=value2",
                    keys::SHARE_TO_SELECTOR
                )),
            }
        }
        match annotations.get(keys::ON_REVOKE) {
            Spelled::One(text) => match OnRevoke::parse(text) {
                Some(on_revoke) => grants.on_revoke = on_revoke,
                None => grants
                    .faults
                    .push(format!("{} is neither Keep nor Cut", keys::ON_REVOKE)),
            },
            Spelled::Absent | Spelled::Differ(..) => {}
        }
        grants
    }

    /// What `namespace` is granted. The more specific entry wins (name, selector, `*`); equally specific: read-only.
    pub fn to(&self, namespace: &Namespace, labels: &Labels) -> Option<Access> {
        let listed = self.lists.iter().filter_map(|(access, list)| {
            if list.names.contains(namespace) {
                Some((Specificity::Name, *access))
            } else {
                list.everybody.then_some((Specificity::Everybody, *access))
            }
        });
        let selected = self
            .selector
            .iter()
            .filter(|s| s.matches(labels))
            .map(|_| (Specificity::Selector, Access::ReadWrite));
        listed
            .chain(selected)
            .max_by(|(a, access_a), (b, access_b)| a.cmp(b).then(access_b.cmp(access_a)))
            .map(|(_, access)| access)
    }

    /// Whether `namespace` may have copies. That it may join says nothing of that.
    pub fn copies_to(&self, namespace: &Namespace) -> bool {
        self.copies.everybody || self.copies.names.contains(namespace)
    }

    /// Whether anything is granted by labels.
    pub const fn selects(&self) -> bool {
        self.selector.is_some()
    }

    /// All that is granted, each entry as people write it.
    pub fn entries(&self) -> impl Iterator<Item = (String, Access)> {
        let listed = self.lists.iter().flat_map(|(access, list)| {
            let everybody = list.everybody.then(|| "*".to_owned());
            let names = list.names.iter().map(ToString::to_string);
            everybody.into_iter().chain(names).map(|entry| (entry, *access))
        });
        let selected = self.selector.iter().map(|Selector(pairs)| {
            let pairs: Vec<_> = pairs.iter().map(|(key, value)| format!("{key}={value}")).collect();
            (pairs.join(","), Access::ReadWrite)
        });
        listed.chain(selected)
    }

    /// Whether anything is granted to anybody: whether this claim is meant to be a source.
    pub fn any(&self) -> bool {
        self.selector.is_some()
            || self
                .lists
                .iter()
                .any(|(_, list)| list.everybody || !list.names.is_empty())
    }
}

impl List {
    fn parse(text: &str, key: &str, faults: &mut Vec<String>) -> Self {
        let mut list = Self::default();
        let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
        for (at, item) in items.enumerate() {
            if at == ITEMS {
                // In place of the last one, if there are too many already: what is cut off is no evidence of anything.
                faults.truncate(FAULTS - 1);
                faults.push(format!(
                    "{key} has more than {ITEMS} items, and those after them do not count; use {}",
                    keys::SHARE_TO_SELECTOR
                ));
                break;
            }
            if item == "*" {
                list.everybody = true;
            } else if is_dns_label(item) {
                let _ = list.names.insert(Namespace::new(item));
            } else {
                let shown: String = item.chars().take(63).collect();
                if faults.len() < FAULTS {
                    faults.push(format!("{key} has the item {shown:?}, which is no namespace's name"));
                }
            }
        }
        list
    }

    /// What two spellings of one key agree on.
    fn both(a: &str, b: &str, key: &str, faults: &mut Vec<String>) -> Self {
        faults.push(format!(
            "the two spellings of {key} differ; write one, or the same in both"
        ));
        let (a, b) = (Self::parse(a, key, faults), Self::parse(b, key, faults));
        a.and(b)
    }

    /// What both lists agree on.
    fn and(self, other: Self) -> Self {
        let (mine, theirs) = (self.everybody, other.everybody);
        let in_both = |name: &Namespace| (mine || self.names.contains(name)) && (theirs || other.names.contains(name));
        let names = self.names.iter().chain(&other.names).filter(|n| in_both(n));
        Self {
            everybody: mine && theirs,
            names: names.cloned().collect(),
        }
    }
}

impl Selector {
    /// `matchLabels` as text. An empty selector would match every namespace and is refused: `*` says that in plain sight.
    fn parse(text: &str) -> Option<Self> {
        let mut pairs = Vec::new();
        for item in text.split(',').map(str::trim).filter(|item| !item.is_empty()) {
            let (key, value) = item.split_once('=')?;
            let (key, value) = (key.trim(), value.trim());
            let fits = |s: &str, max: usize| {
                s.len() <= max && s.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._/".contains(&b))
            };
            if key.is_empty() || !fits(key, 317) || !fits(value, 63) {
                return None;
            }
            pairs.push((key.to_owned(), value.to_owned()));
        }
        (!pairs.is_empty()).then_some(Self(pairs))
    }

    fn matches(&self, labels: &Labels) -> bool {
        self.0.iter().all(|(key, value)| labels.get(key) == Some(value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grants(pairs: &[(&str, &str)]) -> Grants {
        let all = pairs
            .iter()
            .map(|(k, v)| (format!("tombolo.dev/{k}"), (*v).to_owned()))
            .collect();
        Grants::of(&Annotations::of(Some(&all))).clone()
    }

    fn access(pairs: &[(&str, &str)], namespace: &str) -> Option<Access> {
        let labels = Labels::from([("team".to_owned(), namespace.to_owned())]);
        grants(pairs).to(&Namespace::new(namespace), &labels)
    }

    /// Trident's matching table (its `TestMatchNamespaceToAnnotation`) with our decisions: blanks are trimmed, and an empty
    /// list never matches anything.
    #[test]
    fn lists_match_names_and_the_star() {
        let rw = Some(Access::ReadWrite);
        let cases = [
            ("m01 exact", "test-ns", "test-ns", rw),
            ("m02 wildcard", "*", "any", rw),
            ("m03 first", "ns1,ns2,ns3", "ns1", rw),
            ("m04 middle", "ns1,ns2,ns3", "ns2", rw),
            ("m05 last", "ns1,ns2,ns3", "ns3", rw),
            ("m06 list with wildcard", "ns1,*,ns3", "any", rw),
            ("m07 no match", "ns1,ns2,ns3", "other-ns", None),
            ("m08 empty list", "", "test-ns", None),
            ("m09 empty namespace", "test-ns", "", None),
            ("m10 both empty: denied, unlike the original", "", "", None),
            ("blanks are trimmed, unlike the original", "ns1, ns2 ", "ns2", rw),
            ("empty items are harmless", "ns1,,ns2,", "ns2", rw),
            ("no globs", "team-*", "team-a", None),
            ("case counts", "NS2", "ns2", None),
        ];
        for (row, list, namespace, expected) in cases {
            assert_eq!(access(&[("shareToNamespace", list)], namespace), expected, "{row}");
        }
    }

    #[test]
    fn the_more_specific_entry_wins_and_ties_read_only() {
        let ro = Some(Access::ReadOnly);
        let rw = Some(Access::ReadWrite);
        assert_eq!(
            access(&[("shareToNamespace", "a"), ("shareReadOnlyToNamespace", "a")], "a"),
            ro
        );
        assert_eq!(
            access(&[("shareToNamespace", "*"), ("shareReadOnlyToNamespace", "a")], "a"),
            ro
        );
        assert_eq!(
            access(&[("shareToNamespace", "a"), ("shareReadOnlyToNamespace", "*")], "a"),
            rw
        );
        assert_eq!(
            access(&[("shareToNamespace", "*"), ("shareReadOnlyToNamespace", "*")], "a"),
            ro
        );
        assert_eq!(
            access(
                &[
                    ("shareToNamespaceSelector", "team=a"),
                    ("shareReadOnlyToNamespace", "*")
                ],
                "a"
            ),
            rw
        );
        assert_eq!(
            access(
                &[
                    ("shareToNamespaceSelector", "team=a"),
                    ("shareReadOnlyToNamespace", "a")
                ],
                "a"
            ),
            ro
        );
        assert_eq!(access(&[("shareToNamespaceSelector", "team=b")], "a"), None);
    }

    #[test]
    fn a_list_without_end_is_cut_and_said() {
        let names: Vec<String> = (0..50_000).map(|i| format!("n{i}")).collect();
        let cut = grants(&[("shareToNamespace", &names.join(","))]);
        assert_eq!(cut.faults.len(), 1, "{:?}", cut.faults);
        assert_eq!(cut.to(&Namespace::new("n999"), &Labels::new()), Some(Access::ReadWrite));
        assert_eq!(cut.to(&Namespace::new("n1000"), &Labels::new()), None);
    }

    #[test]
    fn annotations_are_read_once_however_many_members_ask() {
        let all = [("tombolo.dev/shareToNamespace".to_owned(), "a".to_owned())].into();
        let annotations = Annotations::of(Some(&all));
        assert!(std::ptr::eq(Grants::of(&annotations), Grants::of(&annotations)));
        assert_eq!(
            annotations,
            Annotations::of(Some(&all)),
            "having been read changes nothing"
        );
    }

    #[test]
    fn copies_and_shares_are_granted_each_by_itself() {
        let may = |pairs: &[(&str, &str)], namespace: &str| grants(pairs).copies_to(&Namespace::new(namespace));
        assert!(may(&[("cloneToNamespace", "a, b")], "b") && may(&[("cloneToNamespace", "*")], "b"));
        assert!(!may(&[("cloneToNamespace", "a")], "b") && !may(&[("shareToNamespace", "*")], "b"));
        assert_eq!(access(&[("cloneToNamespace", "*")], "a"), None);
        assert!(!grants(&[("cloneToNamespace", "*")]).any());
        assert_eq!(grants(&[("cloneToNamespace", "a,B!")]).faults.len(), 1);
    }

    #[test]
    fn entries_are_told_as_people_write_them() {
        let all = grants(&[
            ("shareToNamespace", "b, a,*"),
            ("shareReadOnlyToNamespace", "c"),
            ("shareToNamespaceSelector", "team=x, zone=y"),
        ]);
        let told: Vec<_> = all
            .entries()
            .map(|(entry, access)| format!("{entry} {access}"))
            .collect();
        assert_eq!(
            told,
            [
                "* ReadWrite",
                "a ReadWrite",
                "b ReadWrite",
                "c ReadOnly",
                "team=x,zone=y ReadWrite"
            ]
        );
        assert_eq!(grants(&[]).entries().count(), 0);
    }

    #[test]
    fn bad_items_are_faults_while_good_ones_grant() {
        let half = grants(&[("shareToNamespace", "a,B!,c")]);
        assert_eq!(half.to(&Namespace::new("c"), &Labels::new()), Some(Access::ReadWrite));
        assert_eq!(half.faults.len(), 1);
        assert_eq!(grants(&[("shareToNamespaceSelector", "")]).faults.len(), 1);
        assert_eq!(grants(&[("shareToNamespaceSelector", "a in (b)")]).faults.len(), 1);
        assert_eq!(grants(&[("onRevoke", "cut")]).faults.len(), 1);
        assert_eq!(grants(&[("onRevoke", "Cut")]).on_revoke, OnRevoke::Cut);
        assert!(!grants(&[("onRevoke", "Cut")]).any());
    }
}
