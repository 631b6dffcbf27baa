use super::*;
use crate::record::Live;
use std::collections::BTreeMap;
use tombolo_backend_api::{Access, Admission, Tenant, VolumePath};

fn live(volume: &str) -> State {
    let key = ExportKey {
        path: VolumePath::parse(volume).unwrap(),
        tenant: Tenant::parse("t").unwrap(),
        access: Access::ReadWrite,
    };
    State::Live(Live {
        key,
        directory: "/x".into(),
        admission: Admission::Cut,
    })
}

fn id(id: u16) -> ExportId {
    ExportId::new(id).unwrap()
}

fn shown(id: u16, pseudo: &str) -> Shown {
    Shown {
        id,
        pseudo: pseudo.into(),
    }
}

#[test]
fn what_has_no_record_is_stale_if_it_is_ours_and_foreign_if_not() {
    let since = jiff::Timestamp::UNIX_EPOCH;
    let states = [(1, live("a")), (2, live("b")), (3, State::Gone { since, key: None })];
    let records = states.map(|(number, state)| {
        (
            id(number),
            Record {
                id: id(number),
                sequence: 1,
                state,
            },
        )
    });
    let records: BTreeMap<_, _> = records.into();
    let found = strange(
        |id| records.get(&id),
        &[
            shown(0, "/"),
            // Ours, as recorded; what it lets through is judged elsewhere.
            shown(1, "/tombolo/a/t/rw"),
            // Ours, but of another id, of no record, of an id that rests, and of no key.
            shown(2, "/tombolo/a/t/ro"),
            shown(3, "/tombolo/c/t/rw"),
            shown(4, "/tombolo/b/t/rw"),
            shown(5, "/tombolo/x"),
            // Not ours, one of them with an id of ours.
            shown(6, "/srv"),
            shown(7, "/tombolos/a/t/rw"),
            shown(8, "/tombolo"),
            shown(65535, ""),
        ],
    );
    let expected = Strange {
        stale: [2, 3, 4, 5].map(id).into(),
        foreign: 5,
        foreign_ids: [6, 7, 8, 65535].map(id).into(),
    };
    assert_eq!(found, expected);
}

#[test]
fn clean_means_that_nothing_was_done_and_nothing_is_left() {
    assert!(
        Reconciled {
            unchanged: 3,
            foreign: 1,
            damaged: 1,
            ..Reconciled::default()
        }
        .is_clean()
    );
    let key = crate::pseudo::PseudoPath::parse("/tombolo/a/t/rw").unwrap();
    let failed = vec![(Unmended::Export(key), "why".into())];
    assert!(
        !Reconciled {
            failed,
            ..Reconciled::default()
        }
        .is_clean()
    );
    for settled in [Settled::Added, Settled::Updated, Settled::Removed] {
        let mut done = Reconciled::default();
        done.count(settled);
        assert!(!done.is_clean());
    }
}
