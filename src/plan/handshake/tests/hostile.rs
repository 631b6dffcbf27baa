//! Values that no honest person writes: nothing panics, nothing is granted, and no message grows with them.

use super::*;

/// An object's annotations may have 256 KiB in all; a test may have more.
const HUGE: usize = 1 << 20;

fn hostile() -> Vec<String> {
    vec![
        String::new(),
        "\0".into(),
        "\0".repeat(HUGE),
        "a".repeat(HUGE),
        "/".repeat(HUGE),
        ",".repeat(HUGE),
        "a/".repeat(HUGE / 2),
        "*,".repeat(HUGE / 4) + "!",
        "x!,".repeat(HUGE / 3),
        "\u{1f4be}/\u{1f4be}".into(),
        "\u{1f4be}".repeat(HUGE / 4),
        "\u{202e}prod/data".into(),
        "prod\u{200b}/data".into(),
        "prod/data\r\nX-Injected: 1".into(),
        "{\"a\":[[[[[[[[".into(),
        "${pvc.name}/%s%n".into(),
        "../../etc/passwd".into(),
        "=".repeat(HUGE),
        "a=b,".repeat(HUGE / 4),
    ]
}

#[test]
fn a_hostile_request_is_refused_in_few_words() {
    for value in hostile() {
        let scene = scene().with(|s| s.claim = s.claim.clone().asks(&value));
        assert_eq!(scene.outcome(), Err(R::InvalidShareFrom), "{:.20?}", value);
        assert!(scene.text().len() < 500);
    }
}

#[test]
fn a_hostile_list_grants_nothing_and_its_faults_are_bounded() {
    for value in hostile() {
        for key in [
            "shareToNamespace",
            "shareReadOnlyToNamespace",
            "shareToNamespaceSelector",
            "onRevoke",
        ] {
            let key = format!("tombolo.dev/{key}");
            let scene = scene().with(|s| s.shared(&[(&key, &value)]));
            let granted_to_all = value.starts_with("*,") && key.ends_with("ToNamespace");
            if !granted_to_all {
                assert_eq!(scene.outcome(), Err(R::NotShared), "{key} {:.20?}", value);
            }
            let source = scene.source.unwrap();
            let grants = Grants::of(&source.annotations);
            assert!(
                grants.faults.len() <= 8 && grants.faults.iter().all(|f| f.len() < 1000),
                "{key}"
            );
        }
    }
}

#[test]
fn a_hostile_key_is_shown_in_part() {
    for rest in hostile() {
        let key = format!("tombolo.dev/{rest}");
        let pairs = [("tombolo.dev/shareFromPVC", "prod/data"), (key.as_str(), "x")];
        let scene = scene().with(|s| s.claim = s.claim.clone().annotated(&pairs));
        assert_eq!(scene.outcome(), Err(R::UnknownAnnotation), "{:.20?}", rest);
        assert!(scene.text().len() < 1000, "{}", scene.text().len());
    }
}

#[test]
fn a_reference_that_names_nothing_or_nonsense_has_no_effect() {
    let key = || reference("team/ref", "prod/data").key;
    for value in hostile() {
        let odd = Reference::new(key(), false, Some(&value), Some("data"), Access::ReadWrite);
        let odder = Reference::new(key(), false, Some("prod"), Some(&value), Access::ReadWrite);
        let oddest = Reference::new(key(), false, None, None, Access::ReadWrite);
        for odd in [odd, odder, oddest] {
            let near = odd.source.is_some();
            let scene = scene().with(|s| s.references = vec![odd]);
            assert_eq!(scene.outcome(), Err(R::ReferenceMissing));
            assert!(!near && scene.text().len() < 500);
        }
    }
}
