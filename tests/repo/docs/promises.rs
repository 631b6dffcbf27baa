//! What ARCHITECTURE.md promises is held by tests of the names that it gives, and what SECURITY.md says is shown by those it links.

use super::{none, spans};
use crate::files::{read, rust_below};
use std::collections::BTreeSet;
use std::path::Path;

/// Files whose functions a macro makes into tests.
const SUITES: [&str; 3] = [
    "src/ledger/suite.rs",
    "storage-backends/conformance/src/cases",
    "storage-backends/nfs/tests/on_ganesha",
];

/// Names of all tests.
fn tests() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for file in ["src", "storage-backends", "tests"].iter().flat_map(|d| rust_below(d)) {
        let text = read(&file);
        let lines: Vec<&str> = text.lines().map(str::trim).collect();
        for (i, line) in lines.iter().enumerate() {
            let Some((_, name)) = line.split_once("fn ") else {
                continue;
            };
            let name = name.split(['(', '<']).next().unwrap_or_default();
            let attributes = lines
                .iter()
                .take(i)
                .rev()
                .take_while(|l| l.starts_with("#[") || l.starts_with("//"));
            let is_test = attributes
                .clone()
                .any(|l| l.starts_with("#[test]") || l.starts_with("#[tokio::test"));
            if is_test || SUITES.iter().any(|suite| file.starts_with(suite)) {
                found.insert(name.to_owned());
            }
        }
    }
    found
}

fn names_in(text: &str) -> Vec<String> {
    let is_name = |s: &String| {
        s.contains('_')
            && s.chars()
                .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
    };
    spans(text).into_iter().filter(is_name).collect()
}

#[test]
fn every_invariant_names_tests_that_exist() {
    let tests = tests();
    let document = read(Path::new("ARCHITECTURE.md"));
    let section = document.split("\n## Invariants\n").nth(1).unwrap();
    let section = section.split("\n## ").next().unwrap();
    let mut found = vec![];
    let mut expected = 1;
    for item in section
        .split("\n\n")
        .filter(|item| item.starts_with(|c: char| c.is_ascii_digit()))
    {
        let start: String = item.chars().take(60).collect();
        if !item.starts_with(&format!("{expected}. ")) {
            found.push(format!("{start}: not number {expected}"));
        }
        expected += 1;
        let names = names_in(item);
        if names.is_empty() {
            found.push(format!("{start}: names no test"));
        }
        found.extend(
            names
                .iter()
                .filter(|n| !tests.contains(*n))
                .map(|n| format!("{start}: no test {n}")),
        );
    }
    assert!(expected > 10, "the invariants were not found");
    none("an invariant that nothing holds", found);
}

#[test]
fn the_hazards_of_the_ledger_name_tests_that_exist() {
    let tests = tests();
    let text = read(Path::new("src/ledger/mod.rs"));
    let rows: Vec<&str> = text.lines().filter(|line| line.starts_with("//! |")).collect();
    assert!(rows.len() > 5);
    let named = rows.iter().flat_map(|row| names_in(row));
    none("no such test", named.filter(|name| !tests.contains(name)).collect());
}

/// A test is quoted as a link with its name to its file.
#[test]
fn the_tests_that_security_quotes_are_in_the_files_that_it_links() {
    let all = tests();
    let text = read(Path::new("SECURITY.md"));
    let quoted = text
        .split("[`")
        .skip(1)
        .filter_map(|rest| rest.split_once("`]("))
        .filter_map(|(name, rest)| {
            let file = rest.split(')').next()?;
            file.ends_with(".rs").then(|| (name.to_owned(), file.to_owned()))
        });
    let quoted: Vec<_> = quoted.collect();
    assert!(quoted.len() > 20, "{quoted:?}");
    let is_there =
        |(name, file): &(String, String)| all.contains(name) && read(Path::new(file)).contains(&format!("fn {name}("));
    let gone = quoted.iter().filter(|quote| !is_there(quote));
    none(
        "a test that SECURITY.md quotes and that is not there",
        gone.map(|(name, file)| format!("{file}: {name}")).collect(),
    );
}
