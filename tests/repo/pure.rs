//! Decisions are functions of what was seen, and of nothing else.

use crate::files::{code, is_unit_tests, read, rust_below};
use std::path::PathBuf;

/// What a decision must not use, by line.
fn impurities(text: &str) -> Vec<(usize, &'static str)> {
    const IDENTIFIERS: [&str; 18] = [
        "async",
        "await",
        "tokio",
        "sled",
        "tracing",
        "reqwest",
        "Api",
        "Client",
        "SystemTime",
        "Instant",
        "println",
        // Chance is a clock that nobody sets.
        "RandomState",
        "Uuid",
        "uuid",
        "rand",
        "fastrand",
        "thread",
        "process",
    ];
    const PATHS: [&str; 6] = [
        "Timestamp::now",
        "Zoned::now",
        "std::env",
        "std::fs",
        "std::net",
        "std::time",
    ];
    let mut found = vec![];
    for (number, line) in code(text) {
        let words: Vec<_> = line.split(|c: char| !c.is_alphanumeric() && c != '_').collect();
        let identifiers = IDENTIFIERS.into_iter().filter(|word| words.contains(word));
        // A length of time is a value, and asks nobody.
        let line = line.replace("std::time::Duration", "");
        let paths = PATHS.into_iter().filter(|path| line.contains(path));
        found.extend(identifiers.chain(paths).map(|word| (number, word)));
    }
    found
}

#[test]
fn what_is_not_pure_is_found() {
    for (line, word) in [
        ("use std::time::Instant;", "std::time"),
        ("let id = Uuid::new_v4();", "Uuid"),
        ("    RandomState::new().hash_one(0u8)", "RandomState"),
        ("std::thread::sleep(whole);", "thread"),
        ("let die = rand::random();", "rand"),
        ("async fn decide() {", "async"),
    ] {
        assert!(impurities(line).contains(&(1, word)), "{line}");
    }
    for line in [
        "use std::time::Duration;",
        "// async",
        "let threads = strand.waiting;",
        "fn operand(rest: &str) {",
    ] {
        assert_eq!(impurities(line), [], "{line}");
    }
}

#[test]
fn decisions_are_pure() {
    let pure =
        |file: &PathBuf| (file.starts_with("src/plan") || file.starts_with("src/domain")) && !is_unit_tests(file);
    let files: Vec<_> = rust_below("src").into_iter().filter(pure).collect();
    assert!(!files.is_empty());
    let of = |file: &PathBuf| {
        let found = impurities(&read(file)).into_iter();
        let lines: Vec<_> = found
            .map(|(number, word)| format!("{}:{number}: {word}", file.display()))
            .collect();
        lines
    };
    let found: Vec<_> = files.iter().flat_map(of).collect();
    assert!(
        found.is_empty(),
        "src/plan and src/domain decide, and neither read, write, wait, throw dice nor ask the time:\n  {}",
        found.join("\n  ")
    );
}
