//! Sources that are members of another namespace's volume: what is copied is that volume, if its owner allows it.

use super::*;
use crate::domain::cut::{Cut, Left, Side};
use crate::domain::token::AskedBy;
use crate::plan::copy::consent::{StillAgreeing, is_withdrawn};

/// `team/data` is a member of the volume of `prod/data`, whose owner lets its namespace have copies.
fn member() -> Scene {
    scene().with(|s| {
        s.source_pv = Some(member_pv("team/data", "prod/data"));
        s.owner_pv = Some(pv("prod/data"));
        s.owner = Some(testing::claim("prod/data").bound().shares("team"));
        s.owner = s
            .owner
            .take()
            .map(|owner| owner.annotated(&[("tombolo.dev/cloneToNamespace", "team")]));
    })
}

fn owner(edit: impl FnOnce(Claim) -> Claim) -> Scene {
    member().with(|s| s.owner = s.owner.take().map(edit))
}

#[test]
fn with_its_owner_s_word_the_owner_s_volume_is_copied_for_the_consumer_s_account_and_that_is_written_down() {
    let s = member();
    let plan = s.plan();
    let [Action::Tell(said), Action::PutToken { pv, token, note }] = &plan.actions[..] else {
        panic!("{plan}");
    };
    assert_eq!(
        (pv.name.as_str(), token),
        ("pvc-prod-data", &Token::copying(uid("team/app")))
    );
    assert!(!format!("{said:?}").contains("prod"), "{said:?}");
    let note = note.copy().unwrap();
    assert_eq!(
        (note.claim.clone(), note.source_uid.clone()),
        (testing::key("team/app"), uid("prod/data").to_string())
    );
    let consent = ByConsent {
        source: Source::claim(testing::key("prod/data")),
        by: AskedBy::Member,
    };
    assert_eq!(note.consent, Some(consent));
    assert_eq!(
        plan.takes(s.owner_pv.as_ref()).unwrap().namespace,
        testing::namespace("team")
    );
    let source = s.owner_pv.as_ref().unwrap();
    let reading = Reading::of_volume(source, source.ours.as_ref().unwrap());
    let made = steps(&reading, token, note, copied("team/app", "prod/data"));
    let drops = |a: &Action| matches!(a, Action::Copy { drop_set_id: true, .. });
    assert!(
        made.actions.iter().any(drops),
        "what is another tenant's comes without set-id bits"
    );
}

#[test]
fn without_it_there_is_one_answer_that_tells_nothing_of_the_owner() {
    let spelt = |value: &'static str| {
        owner(|_| {
            testing::claim("prod/data")
                .bound()
                .annotated(&[("tombolo.dev/cloneToNamespace", value)])
        })
    };
    let all = [
        (
            "it only shares",
            owner(|_| testing::claim("prod/data").bound().shares("*")),
        ),
        ("it lets others", spelt("other")),
        ("it is being deleted", owner(Claim::terminating)),
        ("it has gone", member().with(|s| s.owner = None)),
        ("another has its name", owner(|c| c.with(|c| c.uid = uid("prod/other")))),
        ("its object is gone", member().with(|s| s.owner_pv = None)),
        ("nobody looked", member().with(|s| (s.owner, s.owner_pv) = (None, None))),
        (
            "its object is another claim's",
            member().with(|s| s.owner_pv.as_mut().unwrap().claim = None),
        ),
        (
            "it is of other data",
            member().with(|s| s.source_pv = Some(member_pv("team/data", "prod/other"))),
        ),
        (
            "a member's object",
            member().with(|s| s.owner_pv = Some(member_pv("prod/data", "far/data"))),
        ),
    ];
    let answers: Vec<_> = all.into_iter().map(|(what, s)| (what, s.refusal().unwrap())).collect();
    for (what, refusal) in &answers {
        assert_eq!(refusal.reason, R::SourceIsMember, "{what}");
        assert_eq!(refusal.text, answers[0].1.text, "{what}");
        assert!(!refusal.text.contains("prod") && refusal.text.contains("tombolo.dev/cloneToNamespace"));
    }
    assert!(spelt("team").begins() && spelt("*").begins());
}

#[test]
fn whose_access_was_taken_away_gets_no_copy_either() {
    let cut = |left| {
        member().with(|s| {
            let ours = s.source_pv.as_mut().unwrap().ours.as_mut().unwrap();
            ours.cut = Some(Cut {
                since: jiff::Timestamp::UNIX_EPOCH,
                left,
                by: Side::Reference,
            });
        })
    };
    let refusal = cut(Left::Nothing).refusal().unwrap();
    assert_eq!(refusal.reason, R::SourceIsMember);
    assert!(
        refusal.text.contains("was taken away") && !refusal.text.contains("prod"),
        "{}",
        refusal.text
    );
    assert!(cut(Left::ReadOnly).begins(), "who may read may copy");
}

#[test]
fn with_it_the_owner_s_volume_is_checked_like_any_other() {
    let of = |edit: fn(&mut Pv)| member().with(|s| edit(s.owner_pv.as_mut().unwrap()));
    let going = of(|p| p.terminating = true).refusal().unwrap();
    assert_eq!(going.reason, R::SourceTerminating);
    assert!(going.text.contains("the volume of"), "{}", going.text);
    assert_eq!(of(|p| p.phase = PvPhase::Released).reason(), Some(R::SourceNotReady));
    assert_eq!(of(|p| p.capacity = 11 * GI).reason(), Some(R::SourceTooLarge));
    let full = member().with(|s| {
        s.owner_pv = s
            .owner_pv
            .take()
            .map(|p| (0..64).fold(p, |p, n| p.copying(&format!("far/copy{n}"))));
    });
    assert_eq!(full.reason(), Some(R::LimitReached));
    let cached = member().with(|s| s.live = false);
    assert_eq!(cached.plan().verdict, Verdict::AskLive);
    let begun = member().with(|s| s.owner_pv = s.owner_pv.take().map(|p| p.copying("team/app")));
    assert_eq!(begun.plan(), Plan::settled());
}

#[test]
fn a_member_of_another_namespace_is_no_source_whoever_consents() {
    let elsewhere = member().with(|s| {
        s.claim.source = testing::volume_of("dev/data");
        s.source = Some(testing::claim("dev/data").bound());
        s.source_pv = Some(member_pv("dev/data", "prod/data"));
        s.grants = vec![testing::grant("dev", "team"), testing::grant("prod", "team")];
    });
    let refusal = elsewhere.refusal().unwrap();
    assert_eq!(refusal.reason, R::SourceIsMember);
    assert!(!refusal.text.contains("cloneToNamespace"), "{}", refusal.text);
}

#[test]
fn it_is_withdrawn_by_an_owner_that_is_there_and_says_no_and_by_nobody_else() {
    let source = Source::claim(testing::key("prod/data"));
    let withdrawn = |namespace: Option<bool>, owner: Option<&Claim>| {
        let agreeing = Agreeing {
            owner,
            ..Agreeing::default()
        };
        let s = StillAgreeing { namespace, agreeing };
        is_withdrawn(&testing::key("team/app"), &source, AskedBy::Member, &s)
    };
    let (willing, silent) = (member().owner.unwrap(), testing::claim("prod/data").bound());
    assert!(withdrawn(Some(false), Some(&silent)));
    assert!(!withdrawn(Some(false), Some(&willing)));
    assert!(!withdrawn(Some(false), None) && !withdrawn(Some(true), Some(&silent)) && !withdrawn(None, Some(&silent)));
    assert!(!withdrawn(Some(false), Some(&silent.clone().terminating())));
}
