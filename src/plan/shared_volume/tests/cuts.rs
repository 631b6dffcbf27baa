//! What is said of access that was taken, and of access that was to be.

use super::*;
use crate::domain::cut::{Cut, Left};
use crate::domain::pv::Role;

/// A member who joined under `onRevoke: Cut`.
fn strict(claim: &str, left: Option<Left>, consent: Consent) -> (Arc<Pv>, Option<Consent>) {
    let pv = member_pv(claim, "prod/data").ours(|ours| {
        if let Role::Member(joined) = &mut ours.role {
            joined.on_revoke = OnRevoke::Cut;
        }
        ours.cut = left.map(|left| Cut {
            since: jiff::Timestamp::UNIX_EPOCH,
            left,
            by: Side::Owner,
        });
    });
    (Arc::new(pv), Some(consent))
}

fn said(members: &Members, revokes: bool) -> Vec<(&'static str, String)> {
    let volume = id("prod/data");
    let owner = pv("prod/data");
    let described = describe(&ForSharedVolume {
        volume: &volume,
        pv: Some(&owner),
        members,
        record: None,
        holding: false,
        cleanup: Cleanup::NotDue,
        backend: None,
        revokes: Some(revokes),
    });
    let conditions = described.unwrap().conditions.into_iter();
    conditions.map(|c| (c.reason, c.message)).collect()
}

const GONE: Consent = Consent::WithdrawnByOwner;
const READS: Consent = Consent::ReadOnlyNow(Side::Owner);

#[test]
fn of_those_who_lost_consent_it_is_said_how_many_are_cut() {
    let members = [strict("a/app", Some(Left::Nothing), GONE), strict("b/app", None, GONE)];
    let text = "consent has ended for 2 members, which keep the data; access of 1 of them is cut";
    assert_eq!(said(&members, true), [("ConsentWithdrawn", text.to_owned())]);
}

#[test]
fn access_that_was_reduced_is_nothing_to_complain_of() {
    assert_eq!(said(&[strict("a/app", Some(Left::ReadOnly), READS)], true), []);
    let text = "1 members may only read by now, and can still write";
    assert_eq!(
        said(&[strict("a/app", None, READS)], true),
        [("AccessNotReduced", text.to_owned())]
    );
}

#[test]
fn access_that_was_to_be_cut_and_stays_is_said_whoever_is_the_cause() {
    let text = "access of 1 members was to be cut, and stays";
    let not_reduced = |members: &Members, revokes| {
        let all = said(members, revokes);
        all.into_iter()
            .find(|(reason, _)| *reason == "AccessNotReduced")
            .map(|(_, text)| text)
    };
    let cut = strict("a/app", None, GONE);
    assert_eq!(
        not_reduced(std::slice::from_ref(&cut), false).as_deref(),
        Some(text),
        "the backend cannot"
    );
    assert_eq!(not_reduced(std::slice::from_ref(&cut), true), None, "it is about to be");
    let keeps = (Arc::new(member_pv("a/old", "prod/data")), Some(GONE));
    assert_eq!(
        not_reduced(&[cut.clone(), keeps], true).as_deref(),
        Some(text),
        "another claim of its namespace keeps it"
    );
    let elsewhere = (Arc::new(member_pv("b/old", "prod/data")), Some(GONE));
    assert_eq!(not_reduced(&[cut, elsewhere], true), None);
}
