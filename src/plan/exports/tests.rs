//! What each export is to let through: by whom it is used, by what is known of their consent and for how long, by what was taken.

use super::*;
use crate::domain::cut::{Left, Side};
use crate::domain::pv::Role;
use crate::plan::testing::{claim_ref, member_pv, pv};
use jiff::Timestamp;
use tombolo_backend_api::{Access, Tenant, VolumePath};

mod losses;
mod steps;

const GRACE: Duration = Duration::from_secs(30);
const TERMS: Terms = Terms {
    revokes: true,
    grace: GRACE,
};

/// Long enough, and not yet.
const OLD: u64 = 30;
const YOUNG: u64 = 29;

fn export(tenant: &str) -> ExportKey {
    ExportKey {
        path: VolumePath::parse("pvc-prod-data").unwrap(),
        tenant: Tenant::parse(tenant).unwrap(),
        access: Access::ReadWrite,
    }
}

/// A member of `prod/data` who joined under `onRevoke: Cut`, and of whose consent nothing is known.
fn member(claim: &str) -> Member {
    let pv = member_pv(claim, "prod/data").ours(|ours| {
        if let Role::Member(joined) = &mut ours.role {
            joined.on_revoke = OnRevoke::Cut;
        }
    });
    Member {
        pv: Arc::new(pv),
        claim: Some(claim_ref(claim)),
        consent: None,
        age: Duration::ZERO,
    }
}

impl Member {
    fn consent(mut self, consent: Consent, age: u64) -> Self {
        (self.consent, self.age) = (Some(consent), Duration::from_secs(age));
        self
    }

    fn gone(self, age: u64) -> Self {
        self.consent(Consent::WithdrawnByOwner, age)
    }

    fn keeps(mut self) -> Self {
        let pv = (*self.pv).clone().ours(|ours| {
            if let Role::Member(joined) = &mut ours.role {
                joined.on_revoke = OnRevoke::Keep;
            }
        });
        self.pv = Arc::new(pv);
        self
    }

    /// It is written of it that this is left, since the beginning of time.
    fn cut(mut self, left: Left, by: Side) -> Self {
        let since = Timestamp::UNIX_EPOCH;
        let pv = (*self.pv).clone().ours(|ours| ours.cut = Some(Cut { since, left, by }));
        self.pv = Arc::new(pv);
        self
    }
}

fn users(members: impl IntoIterator<Item = Member>) -> Vec<User> {
    members.into_iter().map(User::Member).collect()
}

/// What the export of namespace `team` is to let through.
fn to(users: Vec<User>, from: Option<Admission>) -> Admission {
    change(&export("team"), &users, from, TERMS).to
}

fn app(consent: Consent, age: u64) -> Vec<User> {
    users([member("team/app").consent(consent, age)])
}

fn outlook(users: Vec<User>, from: Option<Admission>) -> Outlook {
    decide(&ForExports {
        found: &from.map(|from| (export("team"), from)).into_iter().collect(),
        users: &BTreeMap::from([(export("team"), users)]),
        terms: TERMS,
    })
}

const WITHDRAWN: [Consent; 2] = [Consent::WithdrawnByOwner, Consent::WithdrawnByReference];
const REDUCED: [Consent; 2] = [Consent::ReadOnlyNow(Side::Owner), Consent::ReadOnlyNow(Side::Reference)];
const EVERY: [Admission; 3] = [Admission::Cut, Admission::ReadOnly, Admission::Full];

#[test]
fn consent_that_has_been_gone_for_long_enough_is_cut_and_no_sooner() {
    for consent in WITHDRAWN {
        assert_eq!(to(app(consent, YOUNG), Some(Admission::Full)), Admission::Full);
        assert_eq!(to(app(consent, OLD), Some(Admission::Full)), Admission::Cut);
        assert_eq!(to(app(consent, OLD), Some(Admission::ReadOnly)), Admission::Cut);
    }
    let waits = outlook(app(Consent::WithdrawnByOwner, 10), Some(Admission::Full));
    assert_eq!(waits.again, Some(Duration::from_secs(20)), "and it is looked at then");
    assert_eq!((waits.soon, waits.narrower), (vec![export("team")], vec![]));
}

#[test]
fn a_grant_that_shrank_makes_the_export_read_only() {
    for consent in REDUCED {
        assert_eq!(to(app(consent, YOUNG), Some(Admission::Full)), Admission::Full);
        assert_eq!(to(app(consent, OLD), Some(Admission::Full)), Admission::ReadOnly);
        assert_eq!(
            to(app(consent, 0), Some(Admission::Cut)),
            Admission::ReadOnly,
            "what is left is given back at once"
        );
    }
}

#[test]
fn restored_consent_opens_the_export_at_once() {
    for from in EVERY {
        assert_eq!(to(app(Consent::Given, 0), Some(from)), Admission::Full);
        let cut = member("team/app")
            .consent(Consent::Given, 0)
            .cut(Left::Nothing, Side::Owner);
        assert_eq!(to(users([cut]), Some(from)), Admission::Full);
    }
}

#[test]
fn what_is_not_known_changes_nothing_in_either_direction() {
    for from in EVERY {
        assert_eq!(to(app(Consent::Unknown, 0), Some(from)), from);
        assert_eq!(
            to(users([member("team/app")]), Some(from)),
            from,
            "nor what was not read"
        );
        assert_eq!(to(vec![User::Unseen], Some(from)), from, "nor who is not seen");
    }
    for (left, admission) in [(Left::Nothing, Admission::Cut), (Left::ReadOnly, Admission::ReadOnly)] {
        let unread = member("team/app").cut(left, Side::Reference);
        assert_eq!(
            to(users([unread]), None),
            admission,
            "it is what is written where it is missing"
        );
    }
}

#[test]
fn whoever_joined_under_keep_keeps_it_for_all_of_the_namespace() {
    for from in EVERY {
        let both = users([member("team/app").gone(OLD), member("team/old").keeps().gone(OLD)]);
        assert_eq!(to(both, Some(from)), Admission::Full);
    }
    let alone = users([member("team/app").keeps().gone(OLD)]);
    assert_eq!(to(alone, Some(Admission::Full)), Admission::Full);
    let owned = vec![
        User::Owner(Arc::new(pv("team/own"))),
        User::Member(member("team/app").gone(OLD)),
    ];
    assert_eq!(to(owned, Some(Admission::Full)), Admission::Full, "as the owner does");
}

#[test]
fn an_export_of_several_is_cut_when_the_last_of_them_has_lost_consent_for_long_enough() {
    let both = |a: Member, b: Member| users([a, b]);
    let late = || member("team/late");
    for (what, other, expected) in [
        ("still has it", late().consent(Consent::Given, 0), Admission::Full),
        ("not read", late(), Admission::Full),
        ("younger", late().gone(YOUNG), Admission::Full),
        (
            "may read",
            late().consent(Consent::ReadOnlyNow(Side::Owner), OLD),
            Admission::ReadOnly,
        ),
        ("as well", late().gone(OLD), Admission::Cut),
    ] {
        let got = to(both(member("team/app").gone(OLD), other), Some(Admission::Full));
        assert_eq!(got, expected, "{what}");
    }
    let waits = outlook(
        both(member("team/app").gone(10), member("team/late").gone(5)),
        Some(Admission::Full),
    );
    assert_eq!(waits.again, Some(Duration::from_secs(25)), "the younger evidence");
    let kept = outlook(
        both(member("team/app").gone(10), late().consent(Consent::Given, 0)),
        Some(Admission::Full),
    );
    assert_eq!((kept.again, kept.soon.len()), (None, 0), "nothing is waited for");
    let joining = vec![User::Member(member("team/app").gone(OLD)), User::Unseen];
    assert_eq!(
        to(joining, Some(Admission::Full)),
        Admission::Full,
        "nor is a join cut off"
    );
}

#[test]
fn a_backend_that_cannot_revoke_is_never_asked_to() {
    let terms = Terms {
        revokes: false,
        ..TERMS
    };
    let users = users([member("team/app").gone(OLD)]);
    let change = change(&export("team"), &users, Some(Admission::Full), terms);
    assert_eq!(change.to, Admission::Full);
}

#[test]
fn what_was_taken_once_is_taken_again_without_new_evidence() {
    let cut = || member("team/app").gone(0).cut(Left::Nothing, Side::Owner);
    assert_eq!(
        to(users([cut()]), Some(Admission::Full)),
        Admission::Cut,
        "somebody opened it"
    );
    let less = member("team/app").gone(0).cut(Left::ReadOnly, Side::Owner);
    assert_eq!(
        to(users([less]), Some(Admission::ReadOnly)),
        Admission::ReadOnly,
        "more than was taken waits"
    );
}

#[test]
fn a_missing_export_is_made_for_those_who_mount_it_as_wide_as_they_may() {
    let made = |users: Vec<User>| {
        outlook(users, None)
            .missing
            .into_iter()
            .map(|c| c.to)
            .collect::<Vec<_>>()
    };
    assert_eq!(made(app(Consent::Given, 0)), [Admission::Full]);
    assert_eq!(made(users([member("team/app")])), [Admission::Full]);
    assert_eq!(made(vec![User::Owner(Arc::new(pv("prod/data")))]), [Admission::Full]);
    let cut = member("team/app").gone(0).cut(Left::Nothing, Side::Owner);
    assert_eq!(made(users([cut])), [], "there is nothing to cut");
    let reads = member("team/app")
        .consent(REDUCED[0], 0)
        .cut(Left::ReadOnly, Side::Owner);
    assert_eq!(made(users([reads])), [Admission::ReadOnly]);
    assert_eq!(
        made(app(Consent::WithdrawnByOwner, OLD)),
        [],
        "nor is it made only to be cut"
    );
    for gone in [pv("prod/data").released(), pv("prod/data").terminating()] {
        assert_eq!(made(vec![User::Owner(Arc::new(gone))]), [], "nobody mounts it any more");
    }
    assert_eq!(made(vec![User::Unseen]), []);
}

#[test]
fn an_export_that_nobody_needs_is_named_and_every_use_is_a_need() {
    let none = decide(&ForExports {
        found: &BTreeMap::from([(export("team"), Admission::Cut)]),
        users: &BTreeMap::new(),
        terms: TERMS,
    });
    assert_eq!(none.unneeded, [export("team")]);
    for user in [
        User::Unseen,
        User::Owner(Arc::new(pv("prod/data").released().terminating())),
        User::Member(member("team/app").gone(OLD)),
    ] {
        assert_eq!(outlook(vec![user], Some(Admission::Cut)).unneeded, []);
    }
}
