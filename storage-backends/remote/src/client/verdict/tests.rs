use super::*;

const EFFECTS: [Effect; 4] = [Effect::Reads, Effect::Lists, Effect::Changes, Effect::Arranges];

fn reply(status: u16, kind: &str, body: impl Into<Vec<u8>>) -> Reply {
    Reply {
        status,
        kind: kind.to_owned(),
        body: body.into(),
    }
}

fn problem(problem: &Problem) -> Reply {
    reply(problem.status, PROBLEM_JSON, serde_json::to_vec(problem).unwrap())
}

#[test]
fn a_change_whose_answer_was_lost_may_have_been_done_and_is_not_repeated() {
    for silence in [Silence::Lost, Silence::Late, Silence::TooLong] {
        for effect in EFFECTS {
            let failure = of_silence(effect, silence);
            let changes = matches!(effect, Effect::Changes | Effect::Arranges);
            assert_eq!(
                failure.error.certainty == Certainty::MaybeDone,
                changes,
                "{silence:?} {effect:?}"
            );
            assert!(!(changes && repeats(effect, failure.then)));
        }
    }
}

#[test]
fn what_was_never_sent_was_not_done_and_is_sent_again() {
    for effect in EFFECTS {
        let failure = of_silence(effect, Silence::NotSent);
        assert_eq!(failure.error.certainty, Certainty::NotDone);
        assert!(repeats(effect, failure.then));
    }
}

#[test]
fn the_far_side_s_word_on_class_and_certainty_counts() {
    for (class, certainty, again) in [
        (Class::Transient, Certainty::NotDone, true),
        (Class::Transient, Certainty::MaybeDone, false),
        (Class::Waiting, Certainty::NotDone, false),
        (Class::Invalid, Certainty::NotDone, false),
        (Class::Full, Certainty::MaybeDone, false),
    ] {
        let error = BackendError {
            class,
            certainty,
            message: "m".to_owned(),
            source: None,
        };
        let failure = of_reply::<()>(Effect::Changes, &problem(&Problem::of(&error))).unwrap_err();
        assert_eq!((failure.error.class, failure.error.certainty), (class, certainty));
        assert_eq!(repeats(Effect::Changes, failure.then), again, "{class:?} {certainty:?}");
    }
}

#[test]
fn an_answer_of_something_in_between_leaves_open_what_was_done() {
    let bad_gateway = Problem::refused(Code::Malformed, "x");
    for reply in [
        reply(502, "text/html", "<html>"),
        reply(503, PROBLEM_JSON, "{}"),
        reply(200, "text/html", "null"),
        reply(200, JSON, "{"),
        reply(204, "", ""),
        reply(302, "", ""),
        // A problem that was answered with another status than it says was not answered by whoever made it.
        Reply {
            status: 502,
            ..problem(&bad_gateway)
        },
    ] {
        let failure = of_reply::<u64>(Effect::Changes, &reply).unwrap_err();
        assert_eq!(failure.error.certainty, Certainty::MaybeDone, "{reply:?}");
        assert_eq!(failure.error.class, Class::Waiting, "{reply:?}");
        assert!(!repeats(Effect::Changes, failure.then));
        let failure = of_reply::<u64>(Effect::Reads, &reply).unwrap_err();
        assert_eq!(failure.error.certainty, Certainty::NotDone, "{reply:?}");
    }
}

#[test]
fn an_answer_is_read_as_what_was_asked() {
    assert_eq!(
        of_reply::<Option<u64>>(Effect::Reads, &reply(200, JSON, "null")).unwrap(),
        None
    );
    assert_eq!(
        of_reply::<Option<u64>>(Effect::Reads, &reply(200, JSON, "7")).unwrap(),
        Some(7)
    );
}

#[test]
fn a_far_side_that_has_changed_or_forgotten_is_told_apart() {
    let then = |code| {
        of_reply::<()>(Effect::Changes, &problem(&Problem::refused(code, "x")))
            .unwrap_err()
            .then
    };
    assert_eq!(then(Code::DescriptionChanged), Then::OpenAnew);
    assert_eq!(then(Code::RootChanged), Then::Tell);
    assert_eq!(then(Code::UnknownOperation), Then::StartOver);
    assert_eq!(then(Code::TooMany), Then::Again);
    assert_eq!(then(Code::Unauthenticated), Then::Tell);
}
