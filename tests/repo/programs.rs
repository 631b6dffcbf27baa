//! The product runs no shell, and no program but two: what tenants write can be no command.
//!
//! One is `nft`, by the crate `nftables`, which gives it a document on its standard input and fixed words. The other is `timedatectl`, which
//! the command `check` asks, with fixed words as well.

use crate::files::{code, is_unit_tests, read, rust_below};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// What would start a program, in a line of Rust.
const STARTS: [&str; 6] = [
    "Command::new(",
    "process::Command",
    "tokio::process",
    "posix_spawn",
    "CommandExt",
    "execv",
];
/// Shells, as words of a program that starts one.
const SHELLS: [&str; 6] = ["\"sh\"", "\"bash\"", "\"dash\"", "/bin/sh", "/bin/bash", "\"-c\""];
/// The crate that starts `nft`.
const NFT: &str = "nftables::helper";
/// What starts a program, and the file that may have it.
const ALLOWED: [(&str, &str); 4] = [
    (NFT, "storage-backends/ganesha/src/firewall.rs"),
    (NFT, "storage-backends/ganesha/src/firewall/found.rs"),
    ("process::Command", "storage-backends/host/src/check/clock.rs"),
    ("Command::new(", "storage-backends/host/src/check/clock.rs"),
];

fn found(text: &str) -> Vec<(usize, &'static str)> {
    let words = STARTS.into_iter().chain(SHELLS).chain([NFT]);
    let in_line = |(number, line): (usize, &str)| {
        let met = words.clone().filter(|word| line.contains(word));
        met.map(|word| (number, word)).collect::<Vec<_>>()
    };
    code(text).flat_map(in_line).collect()
}

/// Whether a file is part of what is installed: the suite is tests, and so is what only they are built with.
fn is_product(file: &Path) -> bool {
    let in_sources = file.starts_with("src") || file.iter().nth(2).is_some_and(|part| part == "src");
    in_sources && !file.starts_with("storage-backends/conformance") && !is_unit_tests(file)
}

#[test]
fn what_starts_a_program_is_found() {
    for line in [
        "let ended = std::process::Command::new(\"sh\").arg(\"-c\").arg(&text).status();",
        "use tokio::process::Command;",
        "Command::new(program).args(words)",
        "use nftables::helper;",
    ] {
        assert_ne!(found(line), [], "{line}");
    }
    for line in [
        "use clap::CommandFactory;",
        "// Command::new(",
        "Command::Run(args) => run(args),",
    ] {
        assert_eq!(found(line), [], "{line}");
    }
}

#[test]
fn the_product_runs_no_shell_and_no_program_but_two() {
    let mut files: Vec<PathBuf> = rust_below("src");
    files.extend(rust_below("storage-backends"));
    files.retain(|file| is_product(file));
    let mut met = BTreeSet::new();
    let mut wrong = vec![];
    for file in &files {
        for (number, word) in found(&read(file)) {
            let allowed = ALLOWED.iter().find(|(what, at)| *what == word && Path::new(at) == file);
            if let Some(allowed) = allowed {
                met.insert(allowed);
            } else {
                wrong.push(format!("{}:{number}: {word}", file.display()));
            }
        }
    }
    assert_eq!(
        met.len(),
        ALLOWED.len(),
        "what is allowed and not there: only {met:?} is"
    );
    assert!(
        wrong.is_empty(),
        "the product starts no program; where it has to, name the file and the program here, and never a shell:\n  {}",
        wrong.join("\n  ")
    );
}
