//! Sources of copies in other namespaces: who names them, through what, and who consents.

use super::*;
use crate::domain::cross_source::{CrossSource, CrossSourceKey};
use crate::domain::served::Served;
use crate::domain::source::DataSource;
use crate::plan::testing::grant;

fn source_key(name: &str) -> CrossSourceKey {
    let key = key(name);
    CrossSourceKey {
        namespace: key.namespace,
        name: key.name,
    }
}

fn cross_source(name: &str, of: &str) -> CrossSource {
    let of = key(of);
    CrossSource::new(
        source_key(name),
        "",
        "PersistentVolumeClaim",
        of.namespace.as_str(),
        &of.name,
    )
}

/// `team/app` wants a copy of `prod/data` through `team/x`, `team/direct` wants one by itself; `team/here` wants one of its own
/// namespace, and `far/app` has its copy.
fn copying() -> Index {
    let mut index = Index::default();
    let indirect = |name: &str| plain(name).with(|c| c.source = DataSource::Indirect { name: "x".into() });
    let direct = |name: &str, of: &str| plain(name).with(|c| c.source = testing::volume_of(of));
    for claim in [
        plain("prod/data").bound(),
        plain("team/data").bound(),
        indirect("team/app"),
        direct("team/direct", "prod/data"),
        direct("team/here", "team/data"),
        direct("far/app", "prod/data").bound(),
    ] {
        index.put_claim(claim);
    }
    index.put_cross_source(cross_source("team/x", "prod/data"));
    index.reset_grants(vec![grant("else", "team")]);
    index
}

const WAITING: &[&str] = &["claim team/app", "claim team/direct", "cross source team/x"];

#[test]
fn xn_03_a_grant_wakes_those_of_other_namespaces_who_wait_for_it_and_says_it_of_their_sources() {
    let rows: [fn(&mut Index) -> Wake; 3] = [
        |i| i.put_grant(grant("prod", "team")),
        |i| {
            i.put_grant(grant("prod", "team"));
            i.remove_grant(&namespace("prod"), "grant")
        },
        |i| i.grants_are(Served::NotInstalled),
    ];
    for (row, change) in rows.into_iter().enumerate() {
        assert_eq!(words(&change(&mut copying())), WAITING, "{row}");
    }
    let mut index = copying();
    index.put_grant(grant("prod", "team"));
    assert_eq!(words(&index.put_grant(grant("prod", "team"))), [""; 0], "as it was");
    assert_eq!(
        words(&index.reset_grants(vec![])),
        WAITING,
        "it is in no event that one went while the watch was down"
    );
    assert_eq!(words(&index.remove_grant(&namespace("prod"), "grant")), [""; 0]);
    assert_eq!(index.grants_in(&namespace("else")).count(), 0);
}

#[test]
fn fn_08_a_source_that_is_being_deleted_is_looked_at_and_so_is_one_whose_copies_begin_or_end() {
    let source = "claim prod/data".to_owned();
    let mut index = copying();
    let looks = |wake: Wake| words(&wake).contains(&source);
    assert!(looks(index.put_claim(plain("prod/data").bound().terminating())));
    index.put_pv(testing::pv("prod/data"));
    assert!(
        looks(index.put_pv(testing::pv("prod/data").copying("team/app"))),
        "begins"
    );
    assert!(looks(index.put_pv(testing::pv("prod/data"))), "ends");
}

#[test]
fn lp_08_a_cross_namespace_source_wakes_who_names_it_and_its_source_does_while_it_does() {
    let wakes_app = |wake: Wake| words(&wake).contains(&"claim team/app".to_owned());
    let mut index = copying();
    assert!(wakes_app(index.remove_claim(&key("prod/data"))));
    index.put_claim(plain("prod/data").bound());
    let gone = index.remove_cross_source(&source_key("team/x"));
    assert_eq!(words(&gone), ["claim team/app", "cross source team/x"]);
    assert!(
        !wakes_app(index.remove_claim(&key("prod/data"))),
        "nothing says any more that it is meant"
    );
    assert_eq!(
        words(&index.put_cross_source(cross_source("team/x", "team/data"))),
        ["claim team/app", "cross source team/x"]
    );
    assert!(wakes_app(index.put_claim(plain("team/data").bound().terminating())));
    assert!(!wakes_app(index.put_claim(plain("prod/data").bound())));
    assert_eq!(
        words(&index.put_cross_source(cross_source("team/x", "team/data"))),
        [""; 0]
    );
    assert_eq!(
        words(&index.reset_cross_sources(vec![])),
        ["claim team/app", "cross source team/x"]
    );
}

#[test]
fn references_wake_claims_that_ask_for_copies_by_annotations() {
    let mut index = copying();
    index.put_claim(plain("team/old").annotated(&[
        ("trident.netapp.io/cloneFromPVC", "data"),
        ("trident.netapp.io/cloneFromNamespace", "prod"),
    ]));
    let woken = words(&index.put_reference(reference("team/ref", "prod/data")));
    assert_eq!(woken, ["claim team/old", "reference team/ref"]);
}

/// `team/old` is a member of `prod/data`, and `team/copy` waits for a copy of it.
fn of_a_member() -> Index {
    let mut index = Index::default();
    for claim in [
        plain("prod/data").bound(),
        plain("team/old").asks("prod/data").bound(),
        plain("team/copy").with(|c| c.source = testing::volume_of("team/old")),
        plain("far/copy").with(|c| c.source = testing::volume_of("far/old")),
    ] {
        index.put_claim(claim);
    }
    index.put_pv(testing::pv("prod/data"));
    index.put_pv(testing::member_pv("team/old", "prod/data"));
    index
}

#[test]
fn an_owner_s_word_and_what_becomes_of_its_volume_wake_who_wants_a_copy_of_a_member() {
    let many = |n: usize| (0..n).fold(testing::pv("prod/data"), |pv, n| pv.copying(&format!("far/copy{n}")));
    type Happens<'a> = &'a dyn Fn(&mut Index) -> Wake;
    let rows: [(&str, Happens<'_>); 4] = [
        ("its word", &|i| {
            i.put_claim(
                plain("prod/data")
                    .bound()
                    .annotated(&[("tombolo.dev/cloneToNamespace", "team")]),
            )
        }),
        ("it has gone", &|i| i.remove_claim(&key("prod/data"))),
        ("its volume", &|i| i.put_pv(testing::pv("prod/data").released())),
        ("a place", &|i| {
            i.put_pv(many(64));
            i.put_pv(many(63))
        }),
    ];
    for (what, change) in rows {
        let woken = words(&change(&mut of_a_member()));
        assert!(woken.contains(&"claim team/copy".to_owned()), "{what}: {woken:?}");
        assert!(!woken.contains(&"claim far/copy".to_owned()), "{what}: {woken:?}");
    }
}
