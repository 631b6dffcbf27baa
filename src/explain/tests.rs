//! What is said of a claim, and what is called unknown.

use super::checks::{Check, Input, Outcome, Unseen};
use super::reading::Seen;
use super::story::tell;
use super::*;
use crate::api::reasons::ClaimReason as R;
use crate::domain::access::OnRevoke;
use crate::domain::backend::Backend;
use crate::domain::claim::Claim;
use crate::domain::ids::BackendName;
use crate::domain::pv::{Pv, Role};
use crate::ledger::memory::{MemoryDisk, MemoryLedger};
use crate::observe::gather::ClaimView;
use crate::observe::index::{Index, NamespaceView};
use crate::plan::testing::{self, backend, class, key, member_pv, pv, reference};

mod sizes;

/// Everything around `team/app`, which may join `prod/data`; tests edit it.
struct World {
    claims: Vec<Claim>,
    pvs: Vec<Pv>,
    references: bool,
    class: bool,
    backends: Vec<Backend>,
    unseen: Vec<Input>,
    word: Option<String>,
    paused: bool,
    populators: bool,
}

fn world() -> World {
    World {
        claims: vec![
            testing::claim("team/app").asks("prod/data"),
            testing::claim("prod/data").bound().shares("team"),
        ],
        pvs: vec![pv("prod/data")],
        references: true,
        class: true,
        backends: vec![backend("nas1")],
        unseen: Vec::new(),
        word: None,
        paused: false,
        populators: true,
    }
}

/// The same after the join.
fn joined() -> World {
    world().with(|w| {
        w.claims[0] = testing::claim("team/app").asks("prod/data").bound();
        w.pvs.push(member_pv("team/app", "prod/data"));
    })
}

impl World {
    fn with(mut self, edit: impl FnOnce(&mut Self)) -> Self {
        edit(&mut self);
        self
    }

    /// As whoever may not read this, and what hangs on it, sees it.
    fn without(mut self, input: Input) -> Self {
        self.unseen.push(input);
        match input {
            Input::Class => self.class = false,
            Input::References => self.references = false,
            Input::Namespace | Input::SourceNamespace | Input::CrossSource | Input::Grants => {}
            Input::Populators => self.populators = false,
            Input::Source => self.claims.retain(|c| c.key != key("prod/data")),
            Input::Volumes => self.pvs.clear(),
            Input::Backends => self.backends.clear(),
            Input::Events => self.word = None,
        }
        self
    }

    fn tell(&self, of: &str) -> Explanation {
        let mut index = Index::default();
        index.grants_are(crate::domain::served::Served::NotInstalled);
        if self.populators {
            index.reset_populators(vec![]);
        }
        if self.class {
            index.put_class(class("gold").name, Some(class("gold")));
        }
        for claim in &self.claims {
            index.put_claim(claim.clone());
        }
        index.reset_pvs(self.pvs.clone());
        if self.references {
            let kind = crate::domain::reference::ReferenceKind::Volume;
            index.reset_references(kind, vec![reference("team/ref", "prod/data")]);
        }
        index.put_namespace(key(of).namespace, Some(NamespaceView::default()));
        let ledger = MemoryLedger::open(&MemoryDisk::default()).unwrap().ledger;
        let mut unseen = Unseen::default();
        for input in &self.unseen {
            unseen.add(*input, format!("no {input:?}"));
        }
        let view = ClaimView::cached(&index, &ledger, self.backends.clone(), &key(of)).unwrap();
        let pause =
            serde_json::json!({"id": "abcd", "since": "2024-05-01T10:00:00Z", "exports": 60, "members": 70, "of": 200});
        let pause = (BackendName::new("nas1"), serde_json::from_value(pause).unwrap());
        tell(&Seen {
            view,
            index,
            word: self.word.clone(),
            paused: self.paused.then_some(pause).into_iter().collect(),
            unseen,
        })
    }
}

fn found<'a>(explanation: &'a Explanation, name: &str) -> &'a Check {
    explanation.checks.iter().find(|c| c.check == name).unwrap()
}

fn outcome(explanation: &Explanation, name: &str) -> Outcome {
    found(explanation, name).outcome
}

#[test]
fn a_claim_that_may_join_passes_every_check() {
    let told = world().tell("team/app");
    assert!(told.checks.iter().all(|c| c.outcome == Outcome::Passed), "{told:#?}");
    assert!(told.verdict.contains("about to join"), "{}", told.verdict);
    assert!(told.notes.is_empty() && told.unseen.is_empty());
}

#[test]
fn a_kind_that_nobody_registered_is_said_of_every_class_and_of_registrations_unread_nothing_is() {
    let kind = crate::domain::source::DataSource::Populator {
        group: "hello.example.com".into(),
        kind: "Hello".into(),
    };
    let asking = world().with(|w| w.claims[0] = testing::claim("team/app").with(|c| c.source = kind));
    let told = asking.tell("team/app");
    assert!(
        told.verdict.starts_with("UnrecognizedDataSourceKind: "),
        "{}",
        told.verdict
    );
    assert_eq!(outcome(&told, "Ours"), Outcome::Passed);
    let told = asking.with(|w| w.class = false);
    assert_eq!(outcome(&told.tell("team/app"), "Ours"), Outcome::Failed);
    assert!(
        told.tell("team/app")
            .verdict
            .starts_with("UnrecognizedDataSourceKind: ")
    );
    let unread = told.with(|w| w.class = true).without(Input::Populators);
    assert_eq!(unread.tell("team/app").verdict, "unknown: no Populators");
}

#[test]
fn what_may_not_be_read_is_unknown_and_never_failed() {
    for (input, row) in [
        (Input::References, "Referenced"),
        (Input::Source, "Granted"),
        (Input::Volumes, "SourceBound"),
        (Input::SourceNamespace, "SourceStays"),
        (Input::Backends, "BackendServes"),
    ] {
        let told = world().without(input).tell("team/app");
        let why = format!("no {input:?}");
        assert_eq!((outcome(&told, row), &found(&told, row).text), (Outcome::Unknown, &why));
        assert!(told.checks.iter().all(|c| c.outcome != Outcome::Failed), "{told:#?}");
        assert_eq!(told.verdict, format!("unknown: {why}"));
        assert!(
            told.next
                .is_some_and(|next| next.contains("kubectl describe pvc app -n team"))
        );
        assert_eq!(told.unseen, [why]);
    }
}

#[test]
fn what_failed_before_the_unknown_is_the_verdict_all_the_same() {
    let told = world()
        .with(|w| w.claims[0] = testing::claim("team/app").asks("nonsense"))
        .without(Input::Volumes)
        .tell("team/app");
    assert!(told.verdict.starts_with("InvalidShareFrom: "), "{}", told.verdict);
    assert_eq!(outcome(&told, "SourceBound"), Outcome::NotReached);
    let denied = world()
        .with(|w| w.claims[1] = testing::claim("prod/data").bound())
        .without(Input::Backends)
        .tell("team/app");
    assert!(denied.verdict.starts_with("NotShared: "), "{}", denied.verdict);
}

#[test]
fn a_class_that_may_not_be_read_is_known_by_what_kubernetes_made_of_it() {
    let asked = world().without(Input::Class).tell("team/app");
    assert_eq!(outcome(&asked, "Ours"), Outcome::Passed);
    // How it would be mounted, its class alone says.
    assert_eq!(outcome(&asked, "BackendServes"), Outcome::Unknown);
    assert_eq!(asked.verdict, "unknown: no Class");
    let not_yet = world().with(|w| w.claims[0].asked = None).without(Input::Class);
    let told = not_yet.tell("team/app");
    assert_eq!(
        (outcome(&told, "Ours"), told.verdict.as_str()),
        (Outcome::Unknown, "unknown: no Class")
    );
    let foreign = world().with(|w| w.class = false).tell("team/app");
    assert_eq!((foreign.checks.len(), outcome(&foreign, "Ours")), (1, Outcome::Failed));
    let plain = world()
        .with(|w| w.claims[0] = testing::claim("team/app"))
        .without(Input::Class);
    assert_eq!(plain.tell("team/app").verdict, "unknown: no Class");
}

#[test]
fn an_ordinary_claim_rests_on_its_backend_and_on_what_is_used_of_it() {
    let plain = || world().with(|w| w.claims[0] = testing::claim("team/app"));
    assert_eq!(plain().tell("team/app").verdict, "it is about to be provisioned");
    let limited = plain()
        .with(|w| w.backends[0].limits.volumes = Some(9))
        .tell("team/app");
    assert!(limited.verdict.contains("trash"), "{}", limited.verdict);
    for input in [Input::Backends, Input::Volumes] {
        let told = plain().without(input).tell("team/app");
        assert_eq!(told.verdict, format!("unknown: no {input:?}"));
    }
    let full = plain()
        .with(|w| w.backends[0].limits.volumes = Some(0))
        .tell("team/app");
    assert!(full.verdict.starts_with("LimitReached: ") && full.next.is_some());
    let typo = plain().with(|w| w.claims[0] = testing::claim("team/app").annotated(&[("tombolo.dev/x", "y")]));
    assert!(
        typo.without(Input::Backends)
            .tell("team/app")
            .verdict
            .starts_with("UnknownAnnotation: ")
    );
}

#[test]
fn consent_after_the_join_is_told_in_words() {
    let given = joined().tell("team/app");
    assert_eq!(
        (outcome(&given, "Referenced"), outcome(&given, "Granted")),
        (Outcome::Passed, Outcome::Passed)
    );
    assert_eq!((given.verdict.as_str(), given.phase), ("bound", "Bound"));
    let story = given.volume.unwrap().story;
    assert!(
        story.starts_with("this claim joined the volume of prod/data (ReadWrite), by "),
        "{story}"
    );

    let ended = joined().with(|w| w.claims[1] = testing::claim("prod/data").bound().shares("other"));
    let told = ended.tell("team/app");
    assert_eq!(
        (outcome(&told, "Referenced"), outcome(&told, "Granted")),
        (Outcome::NotReached, Outcome::Failed)
    );
    assert_eq!(told.notes, [found(&told, "Granted").text.clone()]);
    assert!(told.notes[0].starts_with(R::ConsentWithdrawn.as_str()));

    let text = given.checks.iter().map(|c| c.text.as_str()).collect::<String>();
    assert!(!text.contains("Given"), "no words of the program's: {text}");
}

#[test]
fn consent_that_rests_on_the_unreadable_is_unknown() {
    let told = joined().without(Input::Source).tell("team/app");
    assert_eq!(
        (outcome(&told, "Referenced"), outcome(&told, "Granted")),
        (Outcome::Passed, Outcome::Unknown)
    );
    assert!(told.notes.is_empty());
    let told = joined().without(Input::References).tell("team/app");
    assert_eq!(
        (outcome(&told, "Referenced"), outcome(&told, "Granted")),
        (Outcome::Unknown, Outcome::Passed)
    );
    assert!(told.notes.is_empty());
    let told = joined().without(Input::Volumes).tell("team/app");
    assert_eq!(
        (outcome(&told, "Referenced"), outcome(&told, "Granted")),
        (Outcome::Unknown, Outcome::Unknown)
    );
    assert!(told.volume.is_none() && told.verdict == "bound");
}

#[test]
fn a_soft_deleted_volume_keeps_the_consent_of_the_join() {
    let left = joined().with(|w| {
        w.claims.truncate(1);
        w.pvs[0] = pv("prod/data").released();
    });
    let told = left.tell("team/app");
    assert_eq!(
        (outcome(&told, "Referenced"), outcome(&told, "Granted")),
        (Outcome::Passed, Outcome::Passed)
    );
    assert!(found(&told, "Granted").text.contains("the owner has gone"));
    assert!(
        told.volume
            .unwrap()
            .story
            .ends_with("its data stays while a member has it")
    );
    assert!(told.notes.is_empty());
}

#[test]
fn an_owner_sees_who_may_join_and_who_has() {
    let told = joined()
        .with(|w| {
            w.claims[1] = testing::claim("prod/data").bound().annotated(&[
                ("tombolo.dev/shareToNamespace", "team,x!"),
                ("tombolo.dev/shareReadOnlyToNamespace", "*"),
                ("tombolo.dev/onRevoke", "Cut"),
            ]);
        })
        .tell("prod/data");
    let volume = told.volume.as_ref().unwrap();
    assert_eq!(volume.shared_with, ["team (ReadWrite)", "* (ReadOnly)"]);
    assert_eq!(volume.members, ["team/app (ReadWrite)"]);
    let notes = told.notes.join("\n");
    assert!(
        notes.contains("InvalidShareTo: ") && notes.contains("CutNotEnforced: "),
        "{notes}"
    );
    assert!(told.checks.is_empty());
    let text = told.to_text();
    assert!(
        text.contains("  joined    team/app (ReadWrite)\n") && text.contains("Note     InvalidShareTo"),
        "{text}"
    );
}

#[test]
fn long_lists_are_cut() {
    let many: Vec<String> = (0..200).map(|n| format!("n{n}")).collect();
    let told = world()
        .with(|w| w.claims[1] = testing::claim("prod/data").bound().shares(&many.join(",")))
        .tell("prod/data");
    let listed = told.volume.unwrap().shared_with;
    assert_eq!((listed.len(), listed.last().unwrap().as_str()), (51, "and 150 more"));
}

#[test]
fn a_lost_claim_says_what_it_lost_and_what_it_depends_on() {
    let told = world()
        .with(|w| {
            w.claims[1] = testing::claim("prod/data").lost();
            w.pvs.clear();
        })
        .tell("prod/data");
    assert!(told.verdict.contains("pvc-prod-data is gone") && told.next.is_some());
    assert_eq!(told.phase, "Lost");
}

#[test]
fn each_outcome_has_its_sign() {
    let text = world().without(Input::Volumes).tell("team/app").to_text();
    let signs: Vec<char> = text
        .lines()
        .filter_map(|line| line.strip_prefix("  ")?.chars().next())
        .collect();
    assert_eq!(signs.iter().filter(|c| **c == '✓').count(), 6, "{text}");
    assert_eq!(signs.iter().filter(|c| **c == '?').count(), 7, "{text}");
    let text = world().with(|w| w.references = false).tell("team/app").to_text();
    assert!(text.contains("✗ Referenced") && text.contains("· Granted"), "{text}");
}

#[test]
fn a_claim_that_wants_a_copy_is_told_what_it_waits_for() {
    let copying = || {
        world().with(|w| {
            let wants = |c: &mut Claim| c.source = testing::volume_of("team/data");
            w.claims = vec![
                testing::claim("team/app").with(wants),
                testing::claim("team/data").bound(),
            ];
            w.pvs = vec![pv("team/data")];
            w.backends = vec![testing::copier("nas1")];
        })
    };
    assert!(copying().tell("team/app").verdict.contains("about to copy its source"));
    let begun = copying().with(|w| w.pvs = vec![pv("team/data").copying("team/app")]);
    assert!(begun.tell("team/app").verdict.contains("is being copied"));
    let its_source = begun.tell("team/data").volume.unwrap().story;
    assert!(
        its_source.contains("another claim is being made from it"),
        "{its_source}"
    );
    let word = "at 2024-05-01T10:00:35Z: copied 2 GiB in 7 files, 40 % of all, at 70 MiB/s";
    let told = begun.with(|w| w.word = Some(word.into())).tell("team/app").verdict;
    assert_eq!(told, format!("its source is being copied; last told {word}"));
    let missing = copying().with(|w| w.claims.truncate(1)).tell("team/app");
    assert!(missing.verdict.starts_with("SourceNotReady: "), "{}", missing.verdict);
    for input in [Input::Volumes, Input::Backends] {
        assert_eq!(
            copying().without(input).tell("team/app").verdict,
            format!("unknown: no {input:?}")
        );
    }
}

#[test]
fn whoever_may_not_read_events_is_told_that_and_everything_else() {
    let begun = world().with(|w| {
        let wants = |c: &mut Claim| c.source = testing::volume_of("team/data");
        w.claims = vec![
            testing::claim("team/app").with(wants),
            testing::claim("team/data").bound(),
        ];
        w.pvs = vec![pv("team/data").copying("team/app")];
        w.backends = vec![testing::copier("nas1")];
    });
    let told = begun.without(Input::Events).tell("team/app");
    assert_eq!(told.verdict, "its source is being copied; events say how far that is");
    assert_eq!(told.unseen, ["no Events"]);
}

#[test]
fn a_pause_of_cuts_is_told_to_those_whom_it_concerns() {
    let expected = "MassRevocation: on storage backend nas1 cutting access waits for an admin since 2024-05-01T10:00:00Z: consent has \
                    ended for 70 of 200 members, on 60 exports";
    let is_told = |told: Explanation| told.notes.iter().any(|note| note == expected);
    let paused = |on_revoke| {
        joined().with(|w| {
            w.paused = true;
            let ours = w.pvs[1].ours.as_mut().unwrap();
            let Role::Member(joined) = &mut ours.role else { panic!() };
            joined.on_revoke = on_revoke;
        })
    };
    assert!(is_told(paused(OnRevoke::Cut).tell("team/app")));
    assert!(is_told(paused(OnRevoke::Cut).tell("prod/data")));
    assert!(
        !is_told(paused(OnRevoke::Keep).tell("team/app")),
        "nothing is taken from it"
    );
    assert!(!is_told(
        paused(OnRevoke::Cut).with(|w| w.paused = false).tell("team/app")
    ));
    let elsewhere = |w: &mut World| w.pvs[1].ours.as_mut().unwrap().backend = Some(BackendName::new("nas2"));
    assert!(!is_told(paused(OnRevoke::Cut).with(elsewhere).tell("team/app")));
}
