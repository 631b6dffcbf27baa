//! Whole plans as text, one file for each scenario under `golden/`. `UPDATE=1 cargo test` writes them anew: read the diff.

use super::Plan;
use super::rules;
use std::path::Path;

pub(crate) mod scenarios;

/// Looks at the plan of a scenario.
pub(crate) type See<'a> = &'a mut dyn FnMut(&str, &Plan);

/// Compares a plan with its file.
fn check(name: &str, plan: &Plan) {
    assert_eq!(rules::check_plan(plan), Ok(()), "{name} breaks a rule:\n{plan}");
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("src/plan/golden/{name}.txt"));
    let found = plan.to_string();
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, &found).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{name}.txt: {e}; run with UPDATE=1"));
    assert_eq!(found, expected, "plan {name} has changed; UPDATE=1 writes it anew");
}

#[test]
fn every_plan_reads_as_it_was_reviewed() {
    scenarios::every(&mut check);
}

/// A file that no scenario writes says nothing.
#[test]
fn every_golden_file_has_its_scenario() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/plan/golden");
    let scenarios = include_str!("golden/scenarios.rs");
    for entry in std::fs::read_dir(dir).unwrap() {
        let file = entry.unwrap().file_name().into_string().unwrap();
        if let Some(name) = file.strip_suffix(".txt") {
            assert!(
                scenarios.contains(&format!("\"{name}\"")),
                "{file} belongs to no scenario"
            );
        }
    }
}
