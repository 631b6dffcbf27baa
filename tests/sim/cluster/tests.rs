//! What the store refuses.

use super::*;

/// The real server's answers, so that what follows rests on something.
#[test]
fn the_store_refuses_what_an_api_server_refuses() {
    let mut store = Store::default();
    let pv = |finalizer: Option<&str>| k8s_openapi::api::core::v1::PersistentVolume {
        metadata: ObjectMeta {
            name: Some("a".into()),
            finalizers: finalizer.map(|f| vec![f.into()]),
            ..ObjectMeta::default()
        },
        ..k8s_openapi::api::core::v1::PersistentVolume::default()
    };
    let (name, any) = (PvName::new("a"), Expect::default());
    let fault = |result: Result<(), ApiError>| result.err().map(|e| e.fault);
    store.create_pv(pv(Some("keep"))).unwrap();
    assert_eq!(fault(store.create_pv(pv(None))), Some(Fault::Exists));
    let first = store.pv(&name).unwrap();
    store
        .edit_pv(&name, any, |pv| add_finalizer(&mut pv.metadata, "keep"))
        .unwrap();
    assert_eq!(
        store.pv(&name).unwrap().version,
        first.version,
        "a patch that changes nothing is no new version"
    );
    store
        .edit_pv(&name, exactly(&(&*first).into()), |pv| {
            add_finalizer(&mut pv.metadata, "two")
        })
        .unwrap();
    assert_eq!(
        fault(store.delete_pv(&name, exactly(&(&*first).into()))),
        Some(Fault::Conflict)
    );
    store.delete_pv(&name, any).unwrap();
    assert_eq!(
        fault(store.edit_pv(&name, any, |pv| add_finalizer(&mut pv.metadata, "new"))),
        Some(Fault::Terminating)
    );
    store
        .edit_pv(&name, any, |pv| {
            drop(
                pv.metadata
                    .labels
                    .get_or_insert_default()
                    .insert("still".into(), "works".into()),
            )
        })
        .unwrap();
    store.edit_pv(&name, any, |pv| pv.metadata.finalizers = None).unwrap();
    assert_eq!(fault(store.delete_pv(&name, any)), Some(Fault::NotFound));
    store.create_pv(pv(None)).unwrap();
    assert_eq!(
        fault(store.edit_pv(&name, this(first.uid.as_str()), |_| ())),
        Some(Fault::Conflict),
        "another one of its name"
    );
    assert!(refuse::<()>(Fault::Away, "").is_err());
}
