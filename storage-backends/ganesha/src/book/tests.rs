use super::*;
use tombolo_backend_api::{Access, Admission, Tenant};

const REST: Duration = Duration::from_secs(100);

fn at(second: i64) -> jiff::Timestamp {
    jiff::Timestamp::from_second(second).unwrap()
}

fn id(id: u16) -> ExportId {
    ExportId::new(id).unwrap()
}

fn key(volume: &str, tenant: &str) -> ExportKey {
    ExportKey {
        path: VolumePath::parse(volume).unwrap(),
        tenant: Tenant::parse(tenant).unwrap(),
        access: Access::ReadWrite,
    }
}

fn live(volume: &str) -> Live {
    Live {
        key: key(volume, "t"),
        directory: "/x".into(),
        admission: Admission::Full,
    }
}

fn record(number: u16, sequence: u64, state: State) -> Record {
    Record {
        id: id(number),
        sequence,
        state,
    }
}

/// A book of these records, in a directory that lives as long as the first value.
fn book(records: Vec<Record>) -> (tempfile::TempDir, Book) {
    let scratch = tempfile::tempdir().unwrap();
    let (disk, _) = Records::open(scratch.path(), at(0)).unwrap();
    for record in &records {
        disk.write(record).unwrap();
    }
    let found = Found { records, damaged: 0 };
    (scratch, Book::new(disk, found, at(0)))
}

fn again(scratch: &tempfile::TempDir, book: Book) -> Book {
    drop(book);
    let (disk, found) = Records::open(scratch.path(), at(0)).unwrap();
    Book::new(disk, found, at(0))
}

#[tokio::test]
async fn ids_go_on_after_a_restart_where_they_were() {
    let (scratch, mut book) = book(vec![record(
        65535,
        3,
        State::Gone {
            since: at(0),
            key: None,
        },
    )]);
    let taken = book.take(at(1), REST).unwrap();
    assert_eq!(taken, id(1));
    book.give(live("a"), taken).await.unwrap();
    let mut book = again(&scratch, book);
    assert_eq!(book.of(&live("a").key).unwrap().id, id(1));
    assert_eq!(book.take(at(1), REST).unwrap(), id(2));
}

#[tokio::test]
async fn of_two_records_of_a_key_the_younger_counts_and_the_other_goes() {
    for (old, young) in [(5, 6), (6, 5)] {
        let records = vec![
            record(young, 2, State::Live(live("a"))),
            record(old, 1, State::Live(live("a"))),
        ];
        let (_scratch, book) = book(records);
        assert_eq!(book.of(&live("a").key).unwrap().id, id(young));
        assert_eq!(book.leaving(&live("a").key), [id(old)]);
    }
}

#[tokio::test]
async fn what_goes_is_no_longer_found_and_its_id_rests() {
    let (scratch, mut book) = book(vec![record(7, 1, State::Live(live("a")))]);
    let key = live("a").key;
    book.put(record(7, 1, State::Leaving(key.clone()))).await.unwrap();
    assert!(book.of(&key).is_none());
    assert_eq!(book.leaving(&key), [id(7)]);
    assert_eq!(book.keys_of(&key.path), [key.clone()].into());
    book.put(record(
        7,
        1,
        State::Gone {
            since: at(5),
            key: None,
        },
    ))
    .await
    .unwrap();
    assert!(book.leaving(&key).is_empty());
    assert_eq!(book.counts(), (0, 1));
    assert_eq!(again(&scratch, book).counts(), (0, 1));
}

#[tokio::test]
async fn what_has_rested_is_forgotten_on_disk_too_but_for_the_last() {
    let gone = |number, sequence| {
        record(
            number,
            sequence,
            State::Gone {
                since: at(0),
                key: None,
            },
        )
    };
    let (scratch, mut book) = book(vec![gone(1, 1), gone(2, 2)]);
    assert_eq!(book.forget(at(99), REST).await.unwrap(), 0);
    assert_eq!(book.forget(at(100), REST).await.unwrap(), 1);
    let book = again(&scratch, book);
    assert_eq!(book.records().map(|record| record.id).collect::<Vec<_>>(), [id(2)]);
}

#[tokio::test]
async fn the_id_that_a_key_had_last_is_its_own_while_it_rests() {
    let gone = |key| State::Gone {
        since: at(0),
        key: Some(key),
    };
    let records = vec![
        record(9, 1, gone(key("a", "t"))),
        record(3, 2, gone(key("a", "t"))),
        record(4, 3, gone(key("a", "u"))),
        record(5, 4, gone(key("b", "t"))),
    ];
    let (scratch, mut book) = book(records);
    let of = |book: &Book, volume| book.resting_of(&key(volume, "t")).map(|record| record.id);
    assert_eq!((of(&book, "a"), of(&book, "c")), (Some(id(3)), None));
    let used = record(3, 2, State::Live(live("a")));
    book.put(used.clone()).await.unwrap();
    assert_eq!((of(&book, "a"), book.counts()), (Some(id(9)), (1, 3)));
    let mut book = again(&scratch, book);
    assert_eq!(book.of(&live("a").key), Some(&used));
    // What was given last is still known.
    assert_eq!(book.take(at(1), REST).unwrap(), id(6));
}

#[tokio::test]
async fn what_rests_after_a_tenant_is_counted_until_it_has_rested() {
    let gone = |since, key| State::Gone { since: at(since), key };
    let (_scratch, book) = book(vec![
        record(1, 1, gone(30, Some(key("a", "t")))),
        record(2, 2, gone(10, Some(key("b", "t")))),
        record(3, 3, gone(10, Some(key("b", "u")))),
        record(4, 4, gone(10, None)),
        record(5, 5, State::Live(live("c"))),
    ]);
    let tenant = Tenant::parse("t").unwrap();
    assert_eq!(book.resting_of_tenant(&tenant, at(109), REST), [at(10), at(30)]);
    assert_eq!(book.resting_of_tenant(&tenant, at(110), REST), [at(30)]);
}

#[tokio::test]
async fn an_id_that_could_not_be_recorded_is_not_given_again_soon() {
    let (scratch, mut book) = book(vec![record(
        9,
        1,
        State::Gone {
            since: at(0),
            key: None,
        },
    )]);
    let taken = book.take(at(1), REST).unwrap();
    std::fs::remove_dir_all(scratch.path().join("exports")).unwrap();
    book.give(live("a"), taken).await.unwrap_err();
    assert!(book.is_unsure(taken));
    book.give_back(taken, at(1));
    assert!(book.of(&live("a").key).is_none());
    assert_ne!(book.take(at(1), REST).unwrap(), taken);
}

#[tokio::test]
async fn without_records_ids_begin_anywhere() {
    let scratch = tempfile::tempdir().unwrap();
    let first = |now| {
        let (disk, found) = Records::open(scratch.path(), now).unwrap();
        Book::new(disk, found, now).take(now, REST).unwrap()
    };
    assert_ne!(first(at(1000)), first(at(2000)));
}
