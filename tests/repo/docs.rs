//! What the documents say of the code is so. `UPDATE=1 cargo test --test repo` rewrites the tables that are made from it.

mod promises;
mod rows;
mod sources;
mod tables;

use crate::files::{self, below, read, rust_below};
use clap::CommandFactory;
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use tombolo::cli::Cli;

/// Fails with everything that was found, one a line.
fn none(rule: &str, found: Vec<String>) {
    assert!(found.is_empty(), "{rule}:\n  {}", found.join("\n  "));
}

/// Every document, with its text.
fn documents() -> Vec<(PathBuf, String)> {
    let mut all = below("");
    all.retain(|file| file.extension().is_some_and(|e| e == "md"));
    all.into_iter().map(|file| (file.clone(), read(&file))).collect()
}

/// The fenced blocks of a document: language and text.
fn blocks(text: &str) -> Vec<(String, String)> {
    let mut found: Vec<(String, String)> = vec![];
    let mut inside = false;
    // A block in a list is indented as the list is.
    let mut indent = 0;
    for line in text.lines() {
        match (line.trim_start().strip_prefix("```"), inside) {
            (Some(language), false) => {
                indent = line.len() - line.trim_start().len();
                found.push((language.to_owned(), String::new()));
            }
            (Some(_), true) => {}
            (None, true) => {
                let (_, block) = found.last_mut().unwrap();
                block.push_str(line.get(indent..).unwrap_or_default());
                block.push('\n');
                continue;
            }
            (None, false) => continue,
        }
        inside = !inside;
    }
    assert!(!inside, "a block is not closed");
    found
}

/// What is set in backticks, outside of blocks.
fn spans(text: &str) -> Vec<String> {
    let outside = text.split("```").step_by(2);
    outside
        .flat_map(|t| t.split('`').skip(1).step_by(2))
        .map(str::to_owned)
        .collect()
}

/// Lines of code: those of shell blocks without their remarks, and what is set in backticks.
fn code(text: &str) -> Vec<String> {
    let shell = blocks(text).into_iter().filter(|(l, _)| l == "bash" || l.is_empty());
    let lines: Vec<String> = shell
        .flat_map(|(_, t)| t.lines().map(str::to_owned).collect::<Vec<_>>())
        .collect();
    let bare = |line: String| line.split(" #").next().unwrap_or_default().trim().to_owned();
    lines.into_iter().chain(spans(text)).map(bare).collect()
}

/// A heading as a link spells it.
fn anchor(heading: &str) -> String {
    let kept = heading.trim().to_lowercase();
    let kept = kept
        .chars()
        .filter(|c| c.is_alphanumeric() || [' ', '-', '_'].contains(c));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
}

#[test]
fn links_lead_somewhere() {
    let mut found = vec![];
    let mut followed = 0;
    for (file, text) in documents() {
        for target in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            if target.contains("://") {
                continue;
            }
            followed += 1;
            let (path, heading) = target.split_once('#').unwrap_or((target, ""));
            let there = match path {
                "" => file.clone(),
                path => file.parent().unwrap().join(path),
            };
            let exists = files::root().join(&there).exists();
            let headed = heading.is_empty()
                || exists
                    && read(&there)
                        .lines()
                        .any(|l| l.starts_with('#') && anchor(l.trim_start_matches('#')) == heading);
            if !exists || !headed {
                found.push(format!("{}: {target}", file.display()));
            }
        }
    }
    assert!(followed > 10);
    none("a link that leads nowhere", found);
}

/// Whether a path stands for many: `src/api/<kind>.rs`, or for the driver `x` that somebody adds.
fn is_pattern(path: &str) -> bool {
    let parts = Path::new(path).iter().map(|part| part.to_string_lossy().into_owned());
    path.contains(['*', '<', '…']) || parts.into_iter().any(|part| part == "x" || part.starts_with("x."))
}

#[test]
fn files_that_are_named_exist() {
    const PLACES: [&str; 6] = [".ci/", "crds/", "deploy/", "src/", "storage-backends/", "tests/"];
    let mut found = vec![];
    for (file, text) in documents() {
        let code = code(&text);
        let words = code.iter().flat_map(|line| line.split_whitespace());
        let named = words.filter(|w| PLACES.iter().any(|p| w.starts_with(p)) && !is_pattern(w));
        let gone = named.filter(|w| !files::root().join(w).exists());
        found.extend(gone.map(|word| format!("{}: {word}", file.display())));
    }
    none("a file that is named and is not there", found);
}

#[test]
fn commands_exist() {
    let makefile = read(Path::new("Makefile"));
    let phony = makefile.lines().find_map(|l| l.strip_prefix(".PHONY: ")).unwrap();
    let targets: BTreeSet<&str> = phony.split(' ').collect();
    let mut found = vec![];
    let mut met = BTreeSet::new();
    for (file, text) in documents() {
        for line in code(&text) {
            let words: Vec<_> = line.split_whitespace().collect();
            let made = words.windows(2).filter(|pair| pair[0] == "make").map(|pair| pair[1]);
            for target in made {
                met.insert(target.to_owned());
                if !targets.contains(target) {
                    found.push(format!("{}: make {target}", file.display()));
                }
            }
            let ours = line
                .strip_prefix("tombolo ")
                .or_else(|| line.split_once("cargo run -- ").map(|(_, rest)| rest));
            if let Some(wrong) = ours.and_then(not_understood) {
                found.push(format!("{}: {line}: {wrong}", file.display()));
            }
        }
    }
    assert!(met.contains("demo") && met.contains("test"), "{met:?}");
    none("a command that does not exist", found);
}

/// The first word of a command line of ours that the program does not know.
fn not_understood(line: &str) -> Option<String> {
    let mut command = Cli::command();
    let globals: Vec<_> = command
        .get_arguments()
        .filter_map(|a| a.get_long().map(str::to_owned))
        .collect();
    let mut at_command = true;
    for word in line
        .split_whitespace()
        .take_while(|word| !["&", "|", ";"].contains(word))
    {
        if let Some(flag) = word.strip_prefix("--") {
            let flag = flag.split('=').next().unwrap_or_default();
            let known = command.get_arguments().any(|a| a.get_long() == Some(flag));
            if !known && !globals.iter().any(|g| g == flag) && flag != "help" {
                return Some(word.to_owned());
            }
            continue;
        }
        let next = command.find_subcommand(word).cloned();
        match next {
            Some(next) => command = next,
            None if at_command && command.has_subcommands() => return Some(word.to_owned()),
            None => at_command = false,
        }
    }
    None
}

#[test]
fn variables_exist() {
    let mut known: String = ["src", "storage-backends", "tests"]
        .iter()
        .flat_map(|d| rust_below(d))
        .map(|f| read(&f))
        .collect();
    known.push_str(&read(Path::new("Makefile")));
    let mut found = vec![];
    for (file, text) in documents() {
        for word in spans(&text).iter().flat_map(|s| s.split(['=', ' '])) {
            let variable = word.contains('_')
                && word
                    .chars()
                    .all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_');
            if variable && !known.contains(word) {
                found.push(format!("{}: {word}", file.display()));
            }
        }
    }
    none("a variable that nothing reads", found);
}

#[test]
fn manifests_are_the_examples() {
    let examples: Vec<Value> = below("deploy/examples").iter().flat_map(|f| yaml(&read(f))).collect();
    for (file, text) in documents() {
        let manifests = blocks(&text).into_iter().filter(|(language, _)| language == "yaml");
        for document in manifests.flat_map(|(_, text)| yaml(&text)) {
            let copied = file != Path::new("README.md") || examples.contains(&document);
            assert!(copied, "{}: no example is {document:#}", file.display());
        }
    }
    let readme = read(Path::new("README.md"));
    let first = blocks(&readme)
        .into_iter()
        .find(|(language, _)| language == "yaml")
        .unwrap()
        .1;
    let kinds: Vec<_> = yaml(&first)
        .iter()
        .map(|d| d["kind"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(
        kinds,
        ["PersistentVolumeClaim", "VolumeReference", "PersistentVolumeClaim"],
        "the three people"
    );
}

fn yaml(text: &str) -> Vec<Value> {
    serde_saphyr::from_multiple(text).unwrap_or_else(|e| panic!("{e}:\n{text}"))
}

#[test]
fn the_readme_is_short_and_names_the_version_that_is_tested() {
    let readme = read(Path::new("README.md"));
    let written = readme.lines().filter(|line| !line.starts_with('|')).count();
    assert!(written < 160, "{written} lines besides tables");
    let modules = read(Path::new("tests/harness/controlplane/go.mod"));
    let version = modules
        .lines()
        .find_map(|l| l.trim().strip_prefix("k8s.io/kubernetes v"))
        .unwrap();
    let version = version.split(' ').next().unwrap();
    assert!(
        readme.contains(&format!("Kubernetes {version} ")),
        "Kubernetes {version}"
    );
    assert!(readme.contains(&format!("**Status: {}, ", env!("CARGO_PKG_VERSION"))));
}
