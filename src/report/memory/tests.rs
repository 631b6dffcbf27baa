use super::*;
use crate::api::reasons::ClaimReason;
use crate::domain::ids::{ClaimKey, ClaimRef, ClaimUid};
use crate::execute::testing::{Heard, SetClock};
use jiff::SignedDuration;

fn claim(uid: &str) -> Subject {
    Subject::Claim(ClaimRef {
        key: ClaimKey::new("n", "c"),
        uid: ClaimUid::new(uid),
    })
}

struct Told {
    clock: Arc<SetClock>,
    heard: Arc<Heard>,
    memory: Memory,
}

fn told() -> Told {
    let (clock, heard) = (Arc::new(SetClock::default()), Arc::new(Heard::default()));
    let memory = Memory::before(heard.clone(), clock.clone());
    Told { clock, heard, memory }
}

impl Told {
    fn say(&self, subject: Subject, reason: ClaimReason, text: &str) {
        self.memory.hear(&Announcement {
            subject,
            reason: crate::plan::action::Told::Refused(reason),
            text: text.into(),
        });
    }
}

#[test]
fn the_same_words_are_said_once_in_45_minutes() {
    let told = told();
    let say = |text| told.say(claim("u"), ClaimReason::NotShared, text);
    for text in ["a", "a", "b", "b"] {
        say(text);
    }
    told.clock.move_by(SAY_AGAIN_AFTER - SignedDuration::from_secs(1));
    say("b");
    assert_eq!(told.heard.words(), ["a", "b"]);
    told.clock.move_by(SignedDuration::from_secs(1));
    say("b");
    say("b");
    assert_eq!(told.heard.words(), ["a", "b", "b"]);
}

#[test]
fn another_claim_and_another_reason_have_a_memory_of_their_own() {
    let told = told();
    told.say(claim("u"), ClaimReason::NotShared, "a");
    told.say(claim("v"), ClaimReason::NotShared, "a");
    told.say(claim("u"), ClaimReason::TooLarge, "a");
    told.say(claim("u"), ClaimReason::NotShared, "a");
    assert_eq!(told.heard.words().len(), 3);
}

#[test]
fn whoever_looks_again_because_of_it_finds_it_worth_saying() {
    let wait = SignedDuration::try_from(say_again()).unwrap();
    assert!(
        wait >= SAY_AGAIN_AFTER && wait < SignedDuration::from_hours(1),
        "{wait}"
    );
}

#[test]
fn the_memory_is_bounded() {
    let told = told();
    for n in 0..=REMEMBERED {
        told.say(claim(&n.to_string()), ClaimReason::NotShared, "a");
    }
    assert!(told.memory.said.lock().unwrap().len() <= REMEMBERED);
}
