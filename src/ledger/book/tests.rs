//! The kept sums against counting, and staging against publishing.

use super::*;
use crate::domain::change::tests::{any_change, any_record};
use proptest::prelude::*;

const VOLUMES: &[&str] = &["pvc-7", "pvc-8", "pvc-9"];

fn members_are_found_by_name(book: &Book) {
    for record in book.all() {
        for pv in record.members.keys() {
            assert!(
                book.joined(pv).is_some_and(|found| found.members.contains_key(pv)),
                "{pv}"
            );
        }
    }
    for pv in book.read().joined.keys() {
        assert!(
            book.joined(pv).is_some_and(|found| found.members.contains_key(pv)),
            "{pv} has left"
        );
    }
}

fn usage_is_the_sum(book: &Book) {
    members_are_found_by_name(book);
    let all = book.all();
    for backend in ["nfs-a", "nfs-b"].map(BackendName::new) {
        for namespace in ["ns-data", "ns-other", "ns-app", "ns-web"].map(Namespace::new) {
            for namespace in [None, Some(&namespace)] {
                let counted = Usage::of(all.iter().map(AsRef::as_ref), &backend, namespace);
                assert_eq!(book.usage(&backend, namespace), counted, "{backend} {namespace:?}");
            }
        }
    }
}

proptest! {
    #[test]
    fn usage_is_what_counting_would_give(
        batches in prop::collection::vec(prop::collection::vec(any_change(VOLUMES), 1..4), 0..30),
        replaced in prop::collection::vec(any_record(VOLUMES), 0..3),
    ) {
        let book = Book::default();
        for batch in batches {
            if let Ok(edits) = book.stage(&Edits::default(), Request::Apply(batch)) {
                book.publish(edits);
            }
            usage_is_the_sum(&book);
        }
        if let Ok(edits) = book.stage(&Edits::default(), Request::ReplaceAll(replaced.clone())) {
            book.publish(edits);
            prop_assert_eq!(book.all().len(), replaced.len());
        }
        usage_is_the_sum(&book);
        let gone = book.stage(&Edits::default(), Request::ReplaceAll(Vec::new())).unwrap();
        book.publish(gone);
        prop_assert!(book.read().tally.is_empty(), "nothing is kept of namespaces that use nothing");
    }

    #[test]
    fn staging_on_top_is_publishing_in_between(
        first in prop::collection::vec(any_change(VOLUMES), 0..6),
        second in prop::collection::vec(any_change(VOLUMES), 0..6),
    ) {
        let (together, apart) = (Book::default(), Book::default());
        let mut staged = Edits::default();
        for batch in [first, second] {
            let edits = together.stage(&staged, Request::Apply(batch.clone()));
            let alone = apart.stage(&Edits::default(), Request::Apply(batch));
            prop_assert_eq!(edits.is_ok(), alone.is_ok());
            if let (Ok(edits), Ok(alone)) = (edits, alone) {
                staged.merge(edits);
                apart.publish(alone);
            }
        }
        together.publish(staged);
        prop_assert_eq!(together.all(), apart.all());
    }
}
