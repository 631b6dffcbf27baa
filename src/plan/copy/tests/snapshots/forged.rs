//! What somebody has made up, and who consents to the annotations.

use super::*;

pub(super) fn other(uid: &str, namespace: &str) -> SnapshotHandle {
    SnapshotHandle {
        id: id_for(&SnapshotUid::new(uid), &testing::namespace(namespace)).unwrap(),
        ..own_handle()
    }
}

#[test]
fn a_forged_content_restores_nothing_though_the_snapshot_is_bound_to_it_and_ready() {
    let say = |handle: String| restoring().content(|c| c.status.as_mut().unwrap().handle = Some(handle));
    let forged = [
        say(other("victims", "victim").to_string()),
        say(other("victims", "team").to_string()),
        say(format!("ffff:{}", own_handle().id)),
        say("garbage".into()),
        // Under another name than the one that such a content has.
        restoring()
            .content(|c| c.name = ContentName::new("mine"))
            .snapshot(|s| s.content = Some(ContentName::new("mine"))),
        // Made to look like an import of a victim's.
        restoring().content(|c| {
            c.source = ContentSource::Snapshot(other("victims", "victim").to_string());
            c.status.as_mut().unwrap().handle = Some(other("victims", "victim").to_string());
        }),
    ];
    for (n, s) in forged.iter().enumerate() {
        assert!(!s.begins(), "{n}");
        assert!(
            matches!(s.reason(), Some(R::SourceNotReady | R::BackendUnavailable)),
            "{n}: {:?}",
            s.refusal()
        );
    }
}

#[test]
fn what_an_admin_has_imported_is_restored_in_that_namespace_only() {
    let foreign = other("victims", "victim");
    let imported = |to: &str| {
        restoring()
            .with(|s| s.backends[0].imports = Imports::parse(&format!("{to}/{}", foreign.id)))
            .content(|c| {
                c.source = ContentSource::Snapshot(foreign.to_string());
                c.status.as_mut().unwrap().handle = Some(foreign.to_string());
            })
    };
    assert!(imported("team").begins());
    assert!(!imported("other").begins());
}

/// `dev/app` asks by the annotations of Trident for `team/before`, whose claim `team/data` is given to it for copies.
fn annotated(pairs: &[(&str, &str)]) -> Scene {
    restoring().with(|s| {
        let all = [
            &[
                ("trident.netapp.io/cloneFromSnapshot", "before"),
                ("trident.netapp.io/cloneFromNamespace", "team"),
            ],
            pairs,
        ]
        .concat();
        s.claim = testing::claim("dev/app").annotated(&all);
        s.references = vec![testing::reference("dev/ref", "team/data")];
        s.source = Some(
            testing::claim("team/data")
                .bound()
                .annotated(&[("tombolo.dev/cloneToNamespace", "dev")]),
        );
    })
}

#[test]
fn by_annotation_the_owner_of_the_claim_that_it_is_of_consents() {
    assert!(begins_with_the_content(&annotated(&[])));
    let not_shared = annotated(&[]).source(|_| testing::claim("team/data").bound());
    assert_eq!(not_shared.reason(), Some(R::NotShared));
    let nobody = annotated(&[]).with(|s| s.source = None);
    assert_eq!(nobody.reason(), Some(R::NotShared));
    let unnamed = annotated(&[]).with(|s| s.references.clear());
    assert_eq!(unnamed.reason(), Some(R::NotShared));
}

#[test]
fn with_a_claim_named_as_well_the_snapshot_has_to_be_of_that_one() {
    let of = |claim| annotated(&[("trident.netapp.io/cloneFromPVC", claim)]);
    assert!(begins_with_the_content(&of("data")));
    let another = of("data").snapshot(|s| s.of = Some(testing::key("team/other")));
    assert!(another.text().contains("is not of claim data"), "{}", another.text());
}
