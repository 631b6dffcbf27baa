//! Which kinds count as registered, and which claims hear of it.

use super::*;
use crate::domain::claim::Claim;
use crate::plan::testing;

fn populator(name: &str, group: &str, kind: &str) -> Populator {
    Populator {
        name: name.into(),
        group: group.into(),
        kind: kind.into(),
    }
}

fn of(group: &str, kind: &str) -> DataSource {
    DataSource::Populator {
        group: group.into(),
        kind: kind.into(),
    }
}

fn hello() -> DataSource {
    of("hello.example.com", "Hello")
}

fn claim(key: &str, source: DataSource) -> Claim {
    testing::claim(key).with(|c| c.source = source)
}

/// A claim that waits for a populator, one that waits for another, one that has what it asked for, and one that asks for nothing.
fn index() -> Index {
    let mut index = Index::default();
    index.put_claim(claim("team/waits", hello()));
    index.put_claim(claim("team/other", of("other.example.com", "Hello")));
    index.put_claim(claim("team/has", hello()).bound());
    index.put_claim(claim("team/plain", DataSource::None));
    index
}

fn woken(keys: &[&str]) -> Wake {
    keys.iter().map(|key| Work::Claim(testing::key(key))).collect()
}

#[test]
fn va_07_va_08_a_kind_is_registered_by_its_group_and_its_name_together() {
    let mut index = index();
    index.reset_populators(vec![
        populator("a", "hello.example.com", "Hello"),
        populator("b", "x.example.com", "PersistentVolumeClaim"),
    ]);
    assert_eq!(index.registration(&hello()), Registration::Registered);
    assert_eq!(
        index.registration(&of("x.example.com", "PersistentVolumeClaim")),
        Registration::Registered
    );
    for (group, kind) in [
        ("hello.example.com", "Hi"),
        ("example.com", "Hello"),
        ("hello.example.com", "hello"),
        ("", "Hello"),
        ("y.example.com", "PersistentVolumeClaim"),
        ("x.example.com", "VolumeSnapshot"),
    ] {
        let found = index.registration(&of(group, kind));
        assert_eq!(found, Registration::Unregistered, "{kind}.{group}");
    }
}

#[test]
fn va_09_whoever_waits_for_a_kind_hears_of_its_registration_and_of_its_end() {
    let mut index = index();
    assert_eq!(index.reset_populators(vec![]), woken(&["team/waits", "team/other"]));
    assert_eq!(index.registration(&hello()), Registration::Unregistered);
    let registered = || populator("hello", "hello.example.com", "Hello");
    assert_eq!(index.put_populator(registered()), woken(&["team/waits"]));
    assert_eq!(index.registration(&hello()), Registration::Registered);
    assert_eq!(index.put_populator(registered()), Wake::new(), "nothing has changed");
    let turned = populator("hello", "other.example.com", "Hello");
    assert_eq!(index.put_populator(turned), woken(&["team/waits", "team/other"]));
    assert_eq!(index.registration(&hello()), Registration::Unregistered);
    assert_eq!(index.remove_populator("hello"), woken(&["team/other"]));
    assert_eq!(index.remove_populator("hello"), Wake::new());
}

#[test]
fn what_vanished_while_the_watch_was_down_is_found_by_the_next_list() {
    let mut index = index();
    index.reset_populators(vec![populator("hello", "hello.example.com", "Hello")]);
    assert_eq!(index.reset_populators(vec![]), woken(&["team/waits"]));
    assert_eq!(index.registration(&hello()), Registration::Unregistered);
}

#[test]
fn nothing_is_known_of_a_kind_while_registrations_cannot_be_read() {
    let mut index = index();
    assert_eq!(
        index.registration(&hello()),
        Registration::Unknown,
        "before the first word"
    );
    index.reset_populators(vec![populator("hello", "hello.example.com", "Hello")]);
    let waiting = woken(&["team/waits", "team/other"]);
    assert_eq!(index.populators_are(Served::Forbidden), waiting);
    assert_eq!(index.registration(&hello()), Registration::Unknown);
    assert_eq!(index.populators_are(Served::NotInstalled), waiting);
    assert_eq!(index.registration(&hello()), Registration::NotInstalled);
    assert_eq!(index.populators_are(Served::NotInstalled), Wake::new());
    assert_eq!(index.reset_populators(vec![]), waiting);
    assert_eq!(
        index.registration(&hello()),
        Registration::Unregistered,
        "what was registered went with the definition"
    );
    assert_eq!(index.registration(&DataSource::None), Registration::Unknown);
}
