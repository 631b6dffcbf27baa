//! How much may be cut within which time, and what an admin's word is good for.

use super::*;
use tombolo_backend_api::{Access, Tenant, VolumePath};

const START: i64 = 1_000_000;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(START + seconds).unwrap()
}

/// So many members, spread over exports, who lose access; their names begin with `who`.
fn losses(who: &str, exports: usize, members: usize, since: Option<Timestamp>) -> Vec<Loss> {
    let loss = |n: usize| Loss {
        export: ExportKey {
            path: VolumePath::parse(&format!("pvc-{who}-{}", n % exports)).unwrap(),
            tenant: Tenant::parse("team").unwrap(),
            access: Access::ReadWrite,
        },
        member: PvName::new(format!("pvc-{who}-{n}")),
        since,
    };
    (0..members).map(loss).collect()
}

/// A backend of so many members, looked at again and again.
#[derive(Clone)]
struct Backend {
    status: RevocationStatus,
    of: u64,
    word: Option<&'static str>,
    fresh: &'static str,
    unsure: bool,
    /// What is written of members.
    cut: Vec<Loss>,
    looks: usize,
}

fn backend(of: u64) -> Backend {
    Backend {
        status: RevocationStatus::default(),
        of,
        word: None,
        fresh: "first",
        unsure: false,
        cut: Vec::new(),
        looks: 0,
    }
}

impl Backend {
    fn asks(&mut self, second: i64, wanted: &[Loss]) -> bool {
        let losses = [&self.cut, wanted].concat();
        let Ruling { go, status } = decide(&ForRevocation {
            before: &self.status,
            word: self.word,
            losses: &losses,
            unsure: self.unsure,
            of: self.of,
            fresh: self.fresh,
            now: at(second),
        });
        self.status = status;
        go
    }

    /// Others than ever before lose access, if they may.
    fn cuts(&mut self, second: i64, exports: usize, members: usize) -> bool {
        self.looks += 1;
        let who = self.looks.to_string();
        let go = self.asks(second, &losses(&who, exports, members, None));
        if go {
            self.cut.extend(losses(&who, exports, members, Some(at(second))));
        }
        go
    }

    fn id(&self) -> Option<&str> {
        self.status.paused.as_ref().map(|pause| pause.id.as_str())
    }
}

#[test]
fn both_bounds_have_to_be_passed_for_a_pause() {
    for (exports, members, of, go) in [
        (10, 10, 10, true),
        (10, 1000, 1000, true),
        (11, 11, 110, true),
        (11, 11, 109, false),
        (11, 12, 119, false),
        (500, 500, 5000, true),
        (500, 501, 5000, false),
        (11, 11, 0, false),
    ] {
        assert_eq!(backend(of).cuts(0, exports, members), go, "{exports} {members} of {of}");
    }
}

#[test]
fn cuts_add_up_within_five_minutes_and_not_beyond() {
    let mut steady = backend(20);
    for minute in 0..60 {
        assert!(steady.cuts(minute * 60, 1, 1), "minute {minute}");
    }
    let mut burst = backend(20);
    for n in 0..10 {
        assert!(burst.cuts(n * 20, 1, 1), "cut {n}");
    }
    assert!(!burst.cuts(201, 1, 1), "the eleventh");
}

#[test]
fn what_was_cut_counts_for_five_minutes() {
    let mut one = backend(20);
    assert!(one.cuts(0, 5, 5));
    assert!(one.cuts(29, 5, 5));
    assert!(!one.clone().cuts(299, 1, 1));
    assert!(one.cuts(301, 1, 1), "the first five are history");
    assert!(!one.cuts(302, 5, 5));
}

#[test]
fn who_is_cut_again_and_again_counts_once() {
    let mut toggled = backend(20);
    for round in 0..30 {
        let second = round * 10;
        assert!(toggled.asks(second, &losses("same", 2, 2, None)), "round {round}");
        toggled.cut = losses("same", 2, 2, Some(at(second)));
    }
    assert_eq!(toggled.status, RevocationStatus::default());
    // Nor do they hide others.
    assert!(!toggled.cuts(301, 9, 9));
    assert_eq!(toggled.status.paused.map(|p| (p.exports, p.members)), Some((11, 11)));
}

#[test]
fn what_is_tried_again_and_again_counts_once() {
    let mut stuck = backend(20);
    for look in 0..30 {
        assert!(stuck.asks(look, &losses("same", 2, 2, None)), "look {look}");
    }
    let both = [losses("same", 2, 2, None), losses("same", 2, 2, Some(at(30)))].concat();
    assert!(stuck.asks(31, &[both, losses("more", 8, 8, None)].concat()));
}

#[test]
fn of_those_that_end_together_none_is_cut_before_the_pause() {
    let mut mass = backend(100);
    assert!(!mass.asks(0, &losses("together", 50, 50, None)));
    assert_eq!(
        mass.status.paused.as_ref().map(|p| (p.exports, p.members, p.of)),
        Some((50, 50, 100))
    );
}

#[test]
fn a_pause_lasts_until_its_own_id_is_confirmed_however_long_that_takes() {
    let mut mass = backend(20);
    assert!(!mass.cuts(0, 11, 11));
    assert_eq!(mass.id(), Some("first"));
    mass.fresh = "second";
    for (second, word) in [
        (10, None),
        (20, Some("")),
        (30, Some("other")),
        (86_400, Some("second")),
    ] {
        mass.word = word;
        assert!(!mass.cuts(second, 1, 1), "{word:?}");
        assert_eq!(mass.id(), Some("first"), "and it is the same pause");
    }
    mass.word = Some("first");
    assert!(mass.cuts(86_410, 11, 11));
    assert_eq!(mass.id(), None);
}

#[test]
fn a_confirmation_is_good_for_five_minutes_and_for_no_later_pause() {
    let mut mass = backend(20);
    assert!(!mass.cuts(0, 11, 11));
    (mass.word, mass.fresh) = (Some("first"), "second");
    assert!(mass.cuts(10, 6, 6), "as many as one look takes");
    assert!(mass.cuts(300, 11, 11), "and the rest");
    assert!(mass.clone().cuts(311, 10, 10), "none of which counts later");
    assert!(!mass.cuts(311, 11, 11), "what ends afterwards is another matter");
    assert_eq!(mass.id(), Some("second"));
    assert!(!mass.cuts(312, 11, 11), "the old word is still there");
}

#[test]
fn when_consent_is_back_there_is_nothing_left_to_confirm() {
    let mut mass = backend(20);
    assert!(!mass.cuts(0, 11, 11));
    assert!(!mass.asks(10, &losses("one", 1, 1, None)), "one still waits");
    assert!(mass.asks(20, &[]));
    assert_eq!(mass.id(), None);
    assert!(mass.cuts(30, 1, 1), "nothing was cut, so nothing counts");
}

#[test]
fn a_pause_is_not_over_while_somebody_s_consent_is_not_known() {
    let mut mass = backend(20);
    assert!(!mass.cuts(0, 11, 11));
    (mass.unsure, mass.fresh) = (true, "second");
    assert!(!mass.asks(10, &[]));
    assert_eq!(mass.id(), Some("first"), "whoever writes its id now is heard");
    let mut confirmed = mass.clone();
    confirmed.word = Some("first");
    assert!(confirmed.asks(20, &[]));
    assert!(confirmed.cuts(30, 11, 11));
    mass.unsure = false;
    assert!(mass.asks(20, &losses("before", 2, 2, Some(at(0)))));
    assert_eq!(mass.id(), None);
}

#[test]
fn what_the_status_remembers_survives_writing_and_reading() {
    let mut before = backend(20);
    assert!(!before.cuts(1, 11, 11));
    before.word = Some("first");
    assert!(before.cuts(2, 11, 11));
    (before.word, before.fresh) = (None, "second");
    assert!(!before.cuts(303, 11, 11));
    assert!(before.status.paused.is_some() && before.status.confirmed.is_some());
    let wire = serde_json::to_value(&before.status).unwrap();
    let read: RevocationStatus = serde_json::from_value(wire).unwrap();
    assert_eq!(read, before.status);
    for odd in [serde_json::json!({}), serde_json::json!({"paused": 7, "confirmed": []})] {
        let read: RevocationStatus = serde_json::from_value(odd).unwrap();
        assert_eq!(read, RevocationStatus::default());
    }
}

#[test]
fn a_clock_that_was_set_back_pauses_nothing_for_ever() {
    let mut ahead = backend(20);
    assert!(ahead.cuts(1_000_000, 10, 10));
    assert!(ahead.cuts(0, 1, 1));
}

#[test]
fn the_condition_tells_what_to_type() {
    let mut mass = backend(20);
    assert!(!mass.cuts(0, 11, 12));
    let said = statement("nas1", &mass.status);
    assert_eq!((said.condition, said.reason), ("MassRevocation", "MassRevocation"));
    assert_eq!(said.status, Status::True);
    assert_eq!(
        said.message,
        "consent has ended for 12 of 20 members, on 11 exports, within 5 minutes: nothing more is cut. If that was meant: \
         kubectl annotate storagebackend nas1 --overwrite tombolo.dev/confirmRevocation=first"
    );
    assert_eq!(statement("nas1", &RevocationStatus::default()).status, Status::False);
}
