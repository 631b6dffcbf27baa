//! The tables of how Kubernetes' own provisioner, validator, populator library, snapshotter and resizer treat data sources: every row is
//! decided, by a test whose name begins with it, or by a line of tests/README.md that says why there is none.

use super::none;
use crate::files::{read, rust_below};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// The tables, each with how many rows it has.
const TABLES: [(&str, u32); 11] = [
    ("rg", 37),
    ("xn", 15),
    ("sn", 43),
    ("cl", 54),
    ("fn", 20),
    ("ap", 21),
    ("va", 14),
    ("ss", 23),
    ("rz", 29),
    (POPULATORS, 27),
    (HOSTS, 8),
];

/// The table of what a populator does.
const POPULATORS: &str = "lp";
/// The table beside it, of what a provisioner owes to populators; its rows are written `LP-P1`.
const HOSTS: &str = "lp-p";

const BEGIN: &str = "<!-- rows with tests: UPDATE=1 cargo test --test repo writes them -->\n";
const END: &str = "<!-- end of rows with tests -->\n";

type Row = (&'static str, u32);

/// The rows at the beginning of a name: `rg_33_rg_36_cl_34_within` names three, `cl_40_to_43_a` four.
fn rows(name: &str) -> BTreeSet<Row> {
    let mut found = BTreeSet::new();
    let (mut table, mut last, mut through) = (None, 0, false);
    for word in name.split('_') {
        let of_hosts = word.strip_prefix('p').filter(|_| table == Some(POPULATORS));
        let number = of_hosts.or(Some(word).filter(|w| w.len() == 2));
        let number = number.and_then(|w| w.parse::<u32>().ok());
        let at = if of_hosts.is_some() { Some(HOSTS) } else { table };
        match (TABLES.iter().find(|(t, _)| *t == word), at, number) {
            (Some((named, _)), ..) => table = Some(*named),
            (None, Some(table), Some(number)) => {
                let from = if through { last } else { number };
                found.extend((from..=number).map(|n| (table, n)));
                (last, through) = (number, false);
            }
            (None, Some(_), None) if word == "to" && last > 0 => through = true,
            (None, ..) => break,
        }
    }
    found
}

#[test]
fn rows_are_read_from_names() {
    let read = |name| {
        rows(name)
            .into_iter()
            .map(|(t, n)| format!("{t}{n}"))
            .collect::<Vec<_>>()
            .join(" ")
    };
    assert_eq!(read("rg_33_rg_36_cl_34_within"), "cl34 rg33 rg36");
    assert_eq!(read("cl_40_to_43_a_grant"), "cl40 cl41 cl42 cl43");
    assert_eq!(read("cl_05_52_a_claim_of_12"), "cl5 cl52");
    assert_eq!(read("lp_p3_lp_p7_until"), "lp-p3 lp-p7");
    assert_eq!(read("lp_p1_p2_p3_a_populator"), "lp-p1 lp-p2 lp-p3");
    assert_eq!(read("lp_07_lp_p1_lp_08_a"), "lp7 lp8 lp-p1");
    assert_eq!(read("lp_01_to_03_lp_p2_a"), "lp1 lp2 lp3 lp-p2");
    assert_eq!(read("a_cl_05"), "");
    assert_eq!(read("fn_is_a_word"), "");
}

/// The tests of every row, by file and name.
fn tested() -> BTreeMap<Row, BTreeSet<String>> {
    let mut tested: BTreeMap<Row, BTreeSet<String>> = BTreeMap::new();
    for file in rust_below("src").into_iter().chain(rust_below("tests")) {
        for line in read(&file).lines().map(str::trim) {
            let name = line.strip_prefix("async fn ").or_else(|| line.strip_prefix("fn "));
            // Rows of a macro are named before an arrow.
            let name = name.or_else(|| {
                line.split_once(" =>")
                    .map(|(name, _)| name)
                    .filter(|n| !n.contains(' '))
            });
            let name = name
                .map(|name| name.split('(').next().unwrap_or_default())
                .unwrap_or_default();
            for row in rows(name) {
                let at = format!("`{name}` in [{f}](../{f})", f = file.display());
                tested.entry(row).or_default().insert(at);
            }
        }
    }
    tested
}

fn label((table, number): Row) -> String {
    match table {
        HOSTS => format!("{}{number}", HOSTS.to_uppercase()),
        _ => format!("{}-{number:02}", table.to_uppercase()),
    }
}

fn written(tested: &BTreeMap<Row, BTreeSet<String>>) -> String {
    let mut text = "| row | test |\n|---|---|\n".to_owned();
    for (row, tests) in tested {
        let tests: Vec<_> = tests.iter().cloned().collect();
        text.push_str(&format!("| {} | {} |\n", label(*row), tests.join("<br>")));
    }
    text
}

/// The rows of the lines that say why there is no test: `| SN-01 to SN-43 | … |`.
fn reasons(document: &str) -> BTreeSet<Row> {
    let mut found = BTreeSet::new();
    for line in document.split(END).nth(1).unwrap_or_default().lines() {
        let Some(first) = line.strip_prefix("| ").and_then(|line| line.split(" |").next()) else {
            continue;
        };
        found.extend(rows(&first.to_lowercase().replace([' ', '-'], "_").replace(',', "")));
    }
    found
}

#[test]
fn every_row_of_the_tables_of_data_sources_has_a_test_or_a_reason() {
    let path = Path::new("tests/README.md");
    let (tested, document) = (tested(), read(path));
    let (before, rest) = document.split_once(BEGIN).unwrap();
    let (shown, after) = rest.split_once(END).unwrap();
    let now = written(&tested);
    if shown != now && std::env::var_os("UPDATE").is_some() {
        std::fs::write(
            crate::files::root().join(path),
            format!("{before}{BEGIN}{now}{END}{after}"),
        )
        .unwrap();
    } else {
        assert_eq!(shown, now, "UPDATE=1 writes it anew");
    }
    let reasons = reasons(&document);
    let all = || {
        TABLES
            .into_iter()
            .flat_map(|(table, last)| (1..=last).map(move |n| (table, n)))
    };
    let open = all().filter(|row| !tested.contains_key(row) && !reasons.contains(row));
    none("a row that nothing decides", open.map(label).collect());
    let both = reasons.iter().filter(|row| tested.contains_key(*row));
    none(
        "a row with a test and a reason why it has none",
        both.copied().map(label).collect(),
    );
}
