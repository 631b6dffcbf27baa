use super::*;
use crate::domain::ids::ResourceVersion;
use crate::domain::reference::ReferenceKind;
use crate::observe::index::Index;
use crate::plan::testing::{claim, key, member_pv, pv, reference};

/// Caches with the member `team/app` of `prod/data`, which is shared with `list`.
fn of(list: &str) -> Index {
    let mut index = Index::default();
    let _ = index.grants_are(crate::domain::served::Served::NotInstalled);
    let (member, asker) = (member_pv("team/app", "prod/data"), claim("team/app").bound());
    let _ = index.put_pv(pv("prod/data"));
    let _ = index.put_pv(member);
    let _ = index.put_claim(claim("prod/data").bound().shares(list));
    let _ = index.put_claim(asker);
    let _ = index.reset_references(ReferenceKind::Volume, vec![reference("team/ref", "prod/data")]);
    index
}

/// What they show of it.
fn shown(list: &str) -> (PvName, Shown) {
    let (member, asker) = (member_pv("team/app", "prod/data"), claim("team/app").bound());
    let shown = Shown::of(&of(list), &asker, &member).unwrap();
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
fn what_decides_nothing_leaves_a_verdict_as_it_is() {
    let verdicts = Verdicts::default();
    let (member, before) = shown("others");
    verdicts.note(&member, before, Consent::WithdrawnByOwner);
    let mut index = of("others");
    let mut owner = (**index.claim(&key("prod/data")).unwrap()).clone();
    (owner.version, owner.request) = (ResourceVersion::new("77"), Some(1));
    let _ = index.put_claim(owner);
    let _ = index.put_reference(reference("team/other", "prod/other"));
    let (asker, pv) = (claim("team/app").bound(), member_pv("team/app", "prod/data"));
    let after = Shown::of(&index, &asker, &pv).unwrap();
    assert_eq!(verdicts.of(&member, &after), Some(Consent::WithdrawnByOwner));
    let _ = index.put_reference(reference("team/ref", "prod/other"));
    let unreferenced = Shown::of(&index, &asker, &pv).unwrap();
    assert_eq!(verdicts.of(&member, &unreferenced), None);
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
