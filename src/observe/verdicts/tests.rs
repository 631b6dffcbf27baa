use super::*;
use crate::domain::reference::ReferenceKind;
use crate::observe::index::Index;
use crate::plan::testing::{claim, member_pv, pv, reference};

/// What the caches show of the member `team/app` of `prod/data`, which is shared with `list`.
fn shown(list: &str) -> (PvName, Shown) {
    let mut index = Index::default();
    let (member, asker) = (member_pv("team/app", "prod/data"), claim("team/app").bound());
    let _ = index.put_pv(pv("prod/data"));
    let _ = index.put_pv(member.clone());
    let _ = index.put_claim(claim("prod/data").bound().shares(list));
    let _ = index.put_claim(asker.clone());
    let _ = index.reset_references(ReferenceKind::Volume, vec![reference("team/ref", "prod/data")]);
    let shown = Shown::of(&index, &asker, &member).unwrap();
    (member.name, shown)
}

#[test]
fn what_stands_needs_no_evidence() {
    let (member, shown) = shown("team");
    assert_eq!(Verdicts::default().of(&member, &shown), Some(Consent::Given));
}

#[test]
fn what_seems_to_have_ended_is_open_until_it_was_read_live() {
    let verdicts = Verdicts::default();
    let (member, shown) = shown("others");
    assert_eq!(shown.state(), Consent::WithdrawnByOwner);
    assert_eq!(verdicts.of(&member, &shown), None);
    assert!(verdicts.note(&member, shown.clone(), Consent::Unknown));
    assert_eq!(
        verdicts.of(&member, &shown),
        Some(Consent::Unknown),
        "the live read counts"
    );
    assert!(!verdicts.note(&member, shown.clone(), Consent::Unknown), "no news");
    assert!(verdicts.note(&member, shown, Consent::WithdrawnByOwner));
}

#[test]
fn a_verdict_counts_until_the_caches_show_something_else() {
    let verdicts = Verdicts::default();
    let (member, before) = shown("others");
    verdicts.note(&member, before, Consent::WithdrawnByOwner);
    let (member, after) = shown("others,more");
    assert_eq!(verdicts.of(&member, &after), None);
}

#[test]
fn members_that_are_no_more_are_forgotten() {
    let verdicts = Verdicts::default();
    let (member, shown) = shown("others");
    verdicts.note(&member, shown.clone(), Consent::WithdrawnByOwner);
    verdicts.retain(|_| true);
    assert!(verdicts.of(&member, &shown).is_some());
    verdicts.retain(|_| false);
    assert_eq!(verdicts.of(&member, &shown), None);
}

/// Notes these verdicts of a member, ten seconds apart; how old is the evidence then, in seconds?
async fn age_after(verdicts_in_order: &[Option<Consent>]) -> u64 {
    let verdicts = Verdicts::default();
    let (member, shown) = shown("others");
    for consent in verdicts_in_order {
        match consent {
            Some(consent) => drop(verdicts.note(&member, shown.clone(), *consent)),
            None => verdicts.interrupted(&member),
        }
        tokio::time::advance(Duration::from_secs(10)).await;
    }
    verdicts.age(&member).as_secs()
}

#[tokio::test(start_paused = true)]
async fn evidence_ages_while_nothing_breaks_it_and_anything_else_starts_it_again() {
    use crate::domain::cut::Side::{Owner, Reference};
    use Consent::{Given, ReadOnlyNow, Unknown, WithdrawnByOwner as Gone, WithdrawnByReference as Unreferenced};
    for (verdicts, age) in [
        (&[Some(Gone)][..], 10),
        (&[Some(Gone), Some(Gone), Some(Gone)], 30),
        (&[Some(Gone), Some(Unreferenced)], 20),
        (&[Some(Gone), Some(Unknown), Some(Gone)], 10),
        (&[Some(Gone), Some(Given), Some(Gone)], 10),
        (&[Some(Gone), None, Some(Gone)], 10),
        (&[Some(Gone), None], 0),
        (&[Some(Gone), Some(Unknown)], 0),
        (&[Some(ReadOnlyNow(Owner)), Some(ReadOnlyNow(Reference))], 20),
        // Less than was withdrawn until now: seen for as long. More: not yet.
        (&[Some(Gone), Some(ReadOnlyNow(Owner))], 20),
        (&[Some(ReadOnlyNow(Owner)), Some(Gone)], 10),
        (&[Some(Gone), Some(ReadOnlyNow(Owner)), Some(Gone)], 10),
    ] {
        assert_eq!(age_after(verdicts).await, age, "{verdicts:?}");
    }
}
