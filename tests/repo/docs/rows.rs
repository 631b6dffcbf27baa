//! Every row of Trident's own tests is decided: by a test whose name begins with it, or by a line that says why there is none.

use super::none;
use crate::files::{read, rust_below};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// The rows, by letter; A20 was left out when they were numbered.
const ROWS: [(char, u32); 12] = [
    ('m', 10),
    ('p', 22),
    ('r', 20),
    ('b', 12),
    ('a', 39),
    ('q', 56),
    ('z', 35),
    ('d', 36),
    ('s', 5),
    ('u', 19),
    ('e', 13),
    ('t', 9),
];

/// A row's letter and number.
fn row(word: &str) -> Option<(char, u32)> {
    let mut letters = word.chars();
    let letter = letters.next()?.to_ascii_lowercase();
    let digits = letters.as_str();
    let is_row = digits.len() == 2 && digits.chars().all(|c| c.is_ascii_digit());
    is_row
        .then(|| digits.parse().ok())
        .flatten()
        .map(|number| (letter, number))
}

/// The rows at the beginning of a text: `q03_q10_q28_to_q33_members` names eight.
fn rows(text: &str) -> BTreeSet<(char, u32)> {
    let mut found = BTreeSet::new();
    let (mut last, mut through) = (None, false);
    for word in text.split([' ', ',', '_']).filter(|word| !word.is_empty()) {
        match (row(word), last, word) {
            (Some((letter, to)), Some((_, from)), _) if through => found.extend((from..=to).map(|n| (letter, n))),
            (Some(row), ..) => drop(found.insert(row)),
            (None, Some(_), "to") => {
                through = true;
                continue;
            }
            (None, ..) => return found,
        }
        (last, through) = (row(word), false);
    }
    found
}

#[test]
fn rows_are_read_alone_in_lists_and_in_ranges() {
    let numbers = |text| rows(text).into_iter().map(|(_, n)| n).collect::<Vec<_>>();
    assert_eq!(numbers("d04_a_member_leaves_d05"), [4]);
    assert_eq!(numbers("q03_q10_q28_to_q30_members"), [3, 10, 28, 29, 30]);
    assert_eq!(
        numbers("A17, D12 to D14, D16"),
        [17, 12, 13, 14, 16],
        "in the order of their letters"
    );
    assert_eq!(numbers("to_be_or_not"), [0; 0]);
}

#[test]
fn every_row_of_trident_s_tests_has_a_test_or_a_reason() {
    let mut decided: BTreeMap<(char, u32), Vec<String>> = BTreeMap::new();
    for file in rust_below("src") {
        for line in read(&file).lines().map(str::trim) {
            let name = line.strip_prefix("fn ").or_else(|| line.strip_prefix("async fn "));
            for row in name.map(rows).unwrap_or_default() {
                decided.entry(row).or_default().push(line.to_owned());
            }
        }
    }
    let document = read(Path::new("src/plan/trident_rows.rs"));
    let reasons = document
        .split("//! Rows that do not apply, or not yet:")
        .nth(1)
        .unwrap();
    for line in reasons.lines().filter(|line| line.starts_with("//! | ")) {
        for row in rows(line.trim_start_matches("//! | ")) {
            decided.entry(row).or_default().push(line.to_owned());
        }
    }
    let all = ROWS
        .into_iter()
        .flat_map(|(letter, last)| (1..=last).map(move |number| (letter, number)));
    let open = all.filter(|row| *row != ('a', 20) && !decided.contains_key(row));
    none(
        "a row that nothing decides",
        open.map(|(l, n)| format!("{l}{n:02}")).collect(),
    );
}
