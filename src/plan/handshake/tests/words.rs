//! Row 1 and 2: what the claim itself says, in every spelling.

use super::*;
use crate::domain::source::DropCause;

/// `shareFromPVC`, in one spelling.
fn asks(value: &str) -> Result<Access, R> {
    let own = scene().with(|s| s.claim = s.claim.clone().asks(value)).outcome();
    let pairs = [("trident.netapp.io/shareFromPVC", value)];
    let compatible = scene().with(|s| s.claim = s.claim.clone().annotated(&pairs)).outcome();
    assert_eq!(own, compatible, "both spellings of {value:?} mean the same");
    own
}

#[test]
fn share_from_is_namespace_slash_name_with_outer_blanks_trimmed() {
    for good in ["prod/data", " prod/data", "prod/data\n", "\t prod/data  "] {
        assert_eq!(asks(good), Ok(Access::ReadWrite), "{good:?}");
    }
    for bad in [
        "",
        " ",
        "/",
        "data",
        "prod/",
        "/data",
        "prod//data",
        "prod/data/",
        "a/prod/data",
        "prod /data",
        "prod/ data",
        "Prod/data",
        "prod/Data",
        "prod/da_ta",
        "prod.x/data",
        "-prod/data",
        "prod/-data",
        "prod\\data",
        "prod:data",
        "prod/data,prod/other",
        "*/data",
        "prod/*",
        "../data",
        "prod/..",
        "prod/da\0ta",
        "пром/data",
        "prod/💾",
        &format!("{}/data", "a".repeat(64)),
        &format!("prod/{}", "a".repeat(254)),
    ] {
        assert_eq!(asks(bad), Err(R::InvalidShareFrom), "{bad:?}");
    }
    assert_eq!(
        asks("prod/da.ta-1"),
        Err(R::ReferenceMissing),
        "a claim's name may have dots"
    );
}

#[test]
fn a_claim_of_the_same_namespace_is_no_source_not_even_itself() {
    assert_eq!(asks("team/app"), Err(R::InvalidShareFrom));
    assert_eq!(asks("team/other"), Err(R::InvalidShareFrom));
}

#[test]
fn two_spellings_count_as_one_or_are_refused() {
    let both = |own: &str, compatible: &str| {
        let pairs = [
            ("tombolo.dev/shareFromPVC", own),
            ("trident.netapp.io/shareFromPVC", compatible),
        ];
        scene().with(|s| s.claim = s.claim.clone().annotated(&pairs)).outcome()
    };
    assert_eq!(both("prod/data", " prod/data "), Ok(Access::ReadWrite));
    assert_eq!(both("prod/data", "prod/other"), Err(R::InvalidShareFrom));
    assert_eq!(both("prod/data", ""), Err(R::InvalidShareFrom), "empty is a value");
}

#[test]
fn the_owner_s_two_spellings_grant_what_both_say() {
    let shared = |own: &str, compatible: &str| {
        let pairs = [
            ("tombolo.dev/shareToNamespace", own),
            ("trident.netapp.io/shareToNamespace", compatible),
        ];
        scene().with(|s| s.shared(&pairs)).outcome()
    };
    assert_eq!(shared("team", "team"), Ok(Access::ReadWrite));
    assert_eq!(shared("team,a", "b, team"), Ok(Access::ReadWrite));
    assert_eq!(shared("*", "team"), Ok(Access::ReadWrite));
    assert_eq!(shared("*", "*,b"), Ok(Access::ReadWrite));
    assert_eq!(shared("team", "other"), Err(R::NotShared));
    assert_eq!(shared("", "team"), Err(R::NotShared));
}

#[test]
fn a_misspelt_key_never_passes_and_the_message_names_the_right_one() {
    for (wrong, right) in [
        ("tombolo.dev/shareFromPvc", "tombolo.dev/shareFromPVC"),
        ("tombolo.dev/ShareFromPVC", "tombolo.dev/shareFromPVC"),
        ("tombolo.dev/cloneFromPVC", "tombolo.dev/shareFromPVC"),
        ("tombolo.dev/anything", ""),
        ("tombolo.dev/", ""),
        ("trident.netapp.io/SHAREFROMPVC", "trident.netapp.io/shareFromPVC"),
        ("trident.netapp.io/sharefrom", "trident.netapp.io/shareFromPVC"),
        (
            "trident.netapp.io/clonetoNamespace",
            "trident.netapp.io/cloneToNamespace",
        ),
        (
            "trident.netapp.io/shareToNamespaceSelector",
            "trident.netapp.io/shareToNamespace",
        ),
    ] {
        let pairs = [("tombolo.dev/shareFromPVC", "prod/data"), (wrong, "x")];
        let scene = scene().with(|s| s.claim = s.claim.clone().annotated(&pairs));
        assert_eq!(scene.outcome(), Err(R::UnknownAnnotation), "{wrong}");
        assert!(
            scene.text().contains(wrong) && scene.text().contains(right),
            "{}",
            scene.text()
        );
    }
    for harmless in [
        "trident.netapp.io/exportPolicy",
        "trident.netapp.io/splitOnClone",
        "example.com/shareFrom",
        "share",
    ] {
        let pairs = [("tombolo.dev/shareFromPVC", "prod/data"), (harmless, "x")];
        assert_eq!(
            scene().with(|s| s.claim = s.claim.clone().annotated(&pairs)).outcome(),
            Ok(Access::ReadWrite),
            "{harmless}"
        );
    }
}

#[test]
fn whatever_else_the_claim_asks_for_conflicts() {
    let served = || testing::snapshot("team/s");
    let populator = || DataSource::Populator {
        group: "example.com".into(),
        kind: "Hello".into(),
    };
    let clone = |key: &str| {
        let pairs = [("tombolo.dev/shareFromPVC", "prod/data"), (key, "x")];
        testing::claim("team/app").annotated(&pairs)
    };
    let asks = || testing::claim("team/app").asks("prod/data");
    for (what, claim) in [
        ("a clone or snapshot", asks().with(|c| c.source = served())),
        ("a populator", asks().with(|c| c.source = populator())),
        (
            "a source that the API server dropped",
            asks().with(|c| c.source = DataSource::Dropped(DropCause::GateOff)),
        ),
        ("a selector", asks().with(|c| c.selector = true)),
        (
            "a volume",
            asks().with(|c| c.volume_name = Some(testing::pv_name("x/y"))),
        ),
        ("cloneFromPVC", clone("trident.netapp.io/cloneFromPVC")),
        ("cloneFromSnapshot", clone("trident.netapp.io/cloneFromSnapshot")),
        ("cloneFromNamespace", clone("trident.netapp.io/cloneFromNamespace")),
    ] {
        assert_eq!(
            scene().with(|s| s.claim = claim).outcome(),
            Err(R::ConflictingSource),
            "{what}"
        );
    }
    let attributes = asks().with(|c| c.attributes_class = Some("fast".into()));
    assert_eq!(
        scene().with(|s| s.claim = attributes).outcome(),
        Err(R::AttributesClassNotSupported)
    );
}

#[test]
fn a_claim_that_is_bound_lost_or_going_is_not_examined() {
    for claim in [
        testing::claim("team/app").asks("prod/data").bound(),
        testing::claim("team/app").asks("prod/data").lost(),
        testing::claim("team/app").asks("prod/data").terminating(),
    ] {
        assert_eq!(scene().with(|s| s.claim = claim).outcome(), Err(R::ShareFromChanged));
    }
}
