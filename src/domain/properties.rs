//! Whatever text arrives, reading it ends in a value or in a refusal; and what is written reads back.

use super::access::{Access, AccessModes, MountMode, OnRevoke};
use super::annotations::{Annotations, Spelled};
use super::claim::Claim;
use super::consent::{Grants, Labels};
use super::ids::{ClaimKey, ClaimUid, ClassName, Handle, Namespace, PvName, is_dns_label, is_dns_subdomain};
use super::pv::{Pv, Role};
use super::size;
use super::source::DataSource;
use super::token::{JoinNote, Token};
use crate::api::names;
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Text near to what is expected, so that parsers get further than their first character.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z0-9,*=./: _-]{0,40}",
        ".{0,40}",
        "[+0-9.eEkKMGTi-]{0,12}",
        Just("\0".to_owned()),
        Just("x,".repeat(3000))
    ]
}

fn keys() -> impl Strategy<Value = String> {
    let known = names::claim::OURS
        .iter()
        .chain(&names::claim::TRIDENT)
        .map(|k| (*k).to_owned());
    let known: Vec<String> = known.collect();
    let prefix = select(vec![names::PREFIX, names::TRIDENT_PREFIX]);
    let rest = prop_oneof![3 => select(known), 1 => text()];
    prop_oneof![4 => (prefix, rest).prop_map(|(p, r)| format!("{p}{r}")), 1 => text()]
}

fn annotations() -> impl Strategy<Value = BTreeMap<String, String>> {
    btree_map(keys(), text(), 0..6)
}

fn label() -> impl Strategy<Value = String> {
    "[a-z0-9]([a-z0-9-]{0,8}[a-z0-9])?"
}

/// JSON of any shape, to stand where an object's fields are expected.
fn anything() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        text().prop_map(Value::from)
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::from),
            btree_map("[a-zA-Z:]{1,8}", inner, 0..4).prop_map(|m| json!(m))
        ]
    })
}

proptest! {
    #[test]
    fn any_text_is_a_size_or_not(text in text()) {
        let _ = size::parse(&text);
    }

    #[test]
    fn a_size_that_is_written_reads_back(bytes in any::<u64>()) {
        prop_assert_eq!(size::parse(&size::format(bytes)), Some(bytes));
        prop_assert_eq!(size::parse(&bytes.to_string()), Some(bytes));
    }

    #[test]
    fn a_handle_reads_back_what_it_prints_and_nothing_else(text in text(), id in "[A-Za-z0-9-]{1,63}", path in "[A-Za-z0-9_-][A-Za-z0-9._-]{0,20}") {
        if let Some(handle) = Handle::parse(&text) {
            prop_assert_eq!(handle.to_string(), text);
        }
        let whole = format!("{id}:{path}");
        prop_assert_eq!(Handle::parse(&whole).map(|h| h.to_string()), Some(whole));
    }

    #[test]
    fn a_pv_s_name_and_its_claim_s_uid_are_one_to_one(uid in ".{1,20}") {
        prop_assert_eq!(ClaimUid::new(uid.clone()).pv_name().claim_uid(), Some(ClaimUid::new(uid.clone())));
        let back = PvName::new(uid.clone()).claim_uid().map(|u| u.pv_name().to_string());
        prop_assert!(back.is_none_or(|name| name == uid));
    }

    #[test]
    fn annotations_of_any_kind_are_read(all in annotations()) {
        let read = Annotations::of(Some(&all));
        for key in names::claim::OURS.iter().chain(&names::claim::TRIDENT) {
            if let Spelled::One(value) = read.get(key) {
                prop_assert_eq!(value, value.trim());
            }
        }
        if let Some((wrong, right)) = read.unknown() {
            prop_assert!(all.contains_key(&wrong) && wrong != right);
            prop_assert_eq!(Annotations::of(Some(&BTreeMap::from([(right, String::new())]))).unknown(), None);
        }
        let _ = read.clone_from();
    }

    #[test]
    fn nothing_is_granted_that_nobody_wrote(all in annotations(), namespace in label(), label_value in label()) {
        let labels = Labels::from([("team".to_owned(), label_value)]);
        let annotations = Annotations::of(Some(&all));
        let grants = Grants::of(&annotations);
        prop_assert!(grants.faults.len() <= 12 && grants.faults.iter().all(|f| f.len() < 600));
        if grants.to(&Namespace::new(namespace.clone()), &labels).is_some() {
            let written = |v: &String| v.split(',').any(|item| [namespace.as_str(), "*"].contains(&item.trim()));
            let selects = |k: &String| k.ends_with(names::claim::SHARE_TO_SELECTOR);
            prop_assert!(all.iter().any(|(k, v)| written(v) || selects(k)));
            prop_assert!(grants.any());
        }
    }

    #[test]
    fn a_name_on_a_list_is_granted_whatever_stands_beside_it(list in vec(text(), 0..4), name in label(), at in 0usize..5) {
        // What makes a list too long is cut off, and said.
        prop_assume!(list.iter().map(|item| item.split(',').count()).sum::<usize>() < 1000);
        let mut items = list;
        items.insert(at.min(items.len()), format!(" {name} "));
        let all = BTreeMap::from([("tombolo.dev/shareToNamespace".to_owned(), items.join(","))]);
        let granted = Grants::of(&Annotations::of(Some(&all))).to(&Namespace::new(name), &Labels::new());
        prop_assert_eq!(granted, Some(Access::ReadWrite));
    }

    #[test]
    fn a_note_reads_back_and_any_other_text_is_none(namespace in label(), name in label(), via in text(), other in text(), modes in any::<[bool; 4]>()) {
        let [rwo, rox, rwx, rwop] = modes;
        let note = JoinNote {
            claim: ClaimKey::new(namespace, name),
            access: Access::ReadOnly,
            via,
            on_revoke: OnRevoke::Cut,
            modes: AccessModes { rwo, rox, rwx, rwop },
            class: ClassName::new("gold"),
            mount: MountMode::Csi,
            source_uid: ClaimUid::new("s"),
        };
        prop_assert_eq!(JoinNote::parse(&note.to_text()), Some(note.clone()));
        prop_assert_eq!(JoinNote::parse(&other), None);
        let hostile = note.to_text().replace(&note.claim.to_string(), &other);
        if let Some(read) = JoinNote::parse(&hostile) {
            prop_assert!(is_dns_label(read.claim.namespace.as_str()) && is_dns_subdomain(&read.claim.name));
        }
    }

    #[test]
    fn any_finalizer_is_a_token_or_not(text in text()) {
        if let Some(token) = Token::of_finalizer(&text) {
            prop_assert_eq!(token.finalizer(), text);
        }
    }

    /// Whatever of it the API server's types let through.
    #[test]
    fn claims_and_volumes_of_any_shape_are_read(spec in anything(), status in anything(), annotations in annotations(), fields in anything()) {
        let object = json!({
            "metadata": {"name": "n", "namespace": "ns", "uid": "u", "annotations": annotations, "labels": annotations,
                "finalizers": annotations.keys().collect::<Vec<_>>(), "managedFields": [{"fieldsV1": {"f:spec": fields}}]},
            "spec": spec, "status": status,
        });
        if let Ok(claim) = serde_json::from_value(object.clone()) {
            prop_assert!(Claim::of(&claim).is_some());
            let _ = DataSource::of(&claim);
        }
        if let Ok(pv) = serde_json::from_value(object) {
            prop_assert!(Pv::of(&pv).is_some());
        }
    }

    /// An object of a member must never pass for a volume, whichever half of its marks is left.
    #[test]
    fn one_mark_of_a_member_is_enough(label in any::<bool>(), annotation in any::<bool>()) {
        let mut object = json!({"metadata": {"name": "pvc-m", "uid": "u", "labels": {}, "annotations": {"tombolo.dev/handle": "6d1f:pvc-o"}}});
        if label {
            object["metadata"]["labels"]["tombolo.dev/role"] = json!("member");
        }
        if annotation {
            object["metadata"]["annotations"]["tombolo.dev/sourceUID"] = json!("s");
        }
        let pv = Pv::of(&serde_json::from_value(object).unwrap()).unwrap();
        prop_assert_eq!(pv.is_member(), label || annotation);
        prop_assert_eq!(pv.ours.map(|o| o.role == Role::Owner), Some(!label && !annotation));
    }
}
