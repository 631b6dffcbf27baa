//! The repository's files, as `git` would list them without its help.

use std::fs;
use std::path::{Path, PathBuf};

/// The repository.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every file below `directory` (relative to the repository), sorted, relative to the repository; build output and what begins
/// with a dot is left out.
pub fn below(directory: &str) -> Vec<PathBuf> {
    let mut found = vec![];
    let mut open = vec![root().join(directory)];
    while let Some(directory) = open.pop() {
        let entries = fs::read_dir(&directory).unwrap_or_else(|e| panic!("{}: {e}", directory.display()));
        for entry in entries {
            let entry = entry.unwrap();
            let name = entry.file_name();
            if name.to_string_lossy().starts_with('.') || name == "target" {
                continue;
            }
            if entry.file_type().unwrap().is_dir() {
                open.push(entry.path());
            } else {
                found.push(entry.path().strip_prefix(root()).unwrap().to_owned());
            }
        }
    }
    found.sort();
    found
}

/// Every Rust file below `directory`.
pub fn rust_below(directory: &str) -> Vec<PathBuf> {
    let mut files = below(directory);
    files.retain(|f| f.extension().is_some_and(|e| e == "rs"));
    files
}

/// The text of a file given relative to the repository.
pub fn read(file: &Path) -> String {
    fs::read_to_string(root().join(file)).unwrap_or_else(|e| panic!("{}: {e}", file.display()))
}

/// The lines of a Rust file that are product code, with their numbers: no comments, and not the unit tests at its end.
pub fn code(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let product = text.split("\n#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    let lines = product.lines().enumerate().map(|(i, line)| (i + 1, line));
    lines.filter(|(_, line)| !line.trim_start().starts_with("//"))
}

/// Whether a file is unit tests that its module keeps beside itself, or what they are built with: files that are compiled for
/// tests alone.
pub fn is_unit_tests(file: &Path) -> bool {
    const FOR_TESTS_ALONE: [&str; 5] = ["tests", "testing", "golden", "properties", "trident_rows"];
    let directories = file.parent().into_iter().flat_map(Path::iter);
    let mut parts = file.file_stem().into_iter().chain(directories);
    parts.any(|part| FOR_TESTS_ALONE.iter().any(|name| part == *name))
}
