//! Rules about the shape of the repository that no compiler knows.

use crate::files::{self, below, code, is_unit_tests, read, rust_below};
use std::fs;
use std::path::{Path, PathBuf};

/// Directories with Rust in them.
const RUST: [&str; 3] = ["src", "storage-backends", "tests"];

/// Files of more than [`LONG`] lines that had better stay whole, or directories of such, each with the reason.
const LONG_FOR_A_REASON: [(&str, &str); 39] = [
    ("src/api/access.rs", "one table: the rights of the controller"),
    ("src/api/reasons.rs", "one table: every reason that people can read"),
    ("src/controllers/exports/tests/live.rs", "one double of the API server"),
    (
        "src/api/storage_backend.rs",
        "one kind with its schema, a comment for every field",
    ),
    (
        "src/domain/change/tests.rs",
        "histories of one state machine, which share its steps",
    ),
    (
        "src/domain/consent.rs",
        "one parser of lists; nearly half of it is its tests",
    ),
    ("src/domain/pv.rs", "one object, each field read in one place"),
    (
        "src/execute/api_server.rs",
        "one request for each action, beside the others of its kind",
    ),
    (
        "src/execute/publication.rs",
        "one status for each kind, written in one way",
    ),
    (
        "src/explain.rs",
        "one command; what it reads and how it prints belong together",
    ),
    (
        "src/leader/elect/tests.rs",
        "one paused clock and one Lease serve all of them",
    ),
    ("src/ledger/sled.rs", "the only file that names sled"),
    (
        "src/ledger/writer.rs",
        "one thread and its tests, which stand in its place",
    ),
    (
        "src/observe/gather.rs",
        "the order of live reads is to be read in one piece",
    ),
    ("src/observe/index.rs", "maps that are kept in step with one another"),
    ("src/observe/watches.rs", "one stream for each kind, all alike"),
    ("src/plan/claim/tests.rs", "the branches of one decision, in its order"),
    ("src/plan/golden/scenarios.rs", "one list of scenes"),
    ("src/plan/handshake.rs", "the rows in their order"),
    (
        "src/plan/properties/arbitrary.rs",
        "one generator, whose parts have to meet",
    ),
    ("src/explain/tests.rs", "one world, and what is told of it"),
    (
        "src/plan/properties/beside.rs",
        "one world for decisions that meet in it",
    ),
    (
        "src/plan/provision/tests.rs",
        "the branches of one decision, in its order",
    ),
    (
        "storage-backends/fake/src/backend.rs",
        "one operation after the other, as the trait has them",
    ),
    (
        "storage-backends/local/src/copies/shop.rs",
        "one operation after the other, as the trait has them",
    ),
    (
        "storage-backends/nfs/src/call.rs",
        "one deadline and one retry for every kind of call",
    ),
    (
        "storage-backends/nfs/src/copies/shop.rs",
        "one operation after the other, as the trait has them",
    ),
    (
        "storage-backends/nfs/src/errors.rs",
        "one table: what an NFS error means",
    ),
    (
        "storage-backends/nfs/src/purge.rs",
        "one walk, whose steps depend on each other",
    ),
    (
        "storage-backends/nfs/tests/ganesha/mod.rs",
        "one server, from its configuration to its end",
    ),
    (
        "storage-backends/nfs/tests/on_ganesha/purges.rs",
        "one subject, on one server",
    ),
    ("tests/e2e/", "stories, told in the order in which they happen"),
    ("tests/sim/chaos.rs", "the dice, and all that they may decide"),
    ("tests/sim/leader.rs", "one process, from its start to its end"),
    ("tests/sim/model.rs", "one model: a state, its steps and what must hold"),
    ("tests/sim/stories.rs", "one table: each story and the ends it may have"),
    ("tests/sim/world.rs", "one world, in which every story is played"),
    (
        "tests/harness/src/cluster.rs",
        "one cluster, from its first process to its last",
    ),
    ("tests/sim/checks.rs", "one end, and each thing that must hold of it"),
];
const LONG: usize = 300;
/// No reason is good enough for more.
const LONGEST: usize = 500;

/// Fails with everything that was found, one a line.
fn none(rule: &str, found: Vec<String>) {
    assert!(found.is_empty(), "{rule}:\n  {}", found.join("\n  "));
}

fn all_rust() -> Vec<PathBuf> {
    RUST.iter().flat_map(|directory| rust_below(directory)).collect()
}

#[test]
fn files_are_short_or_say_why_not() {
    let mut found = vec![];
    for file in all_rust() {
        let lines = read(&file).lines().count();
        let reason = LONG_FOR_A_REASON.iter().find(|(long, _)| file.starts_with(long));
        if lines > LONGEST || (lines > LONG && reason.is_none()) {
            found.push(format!("{}: {lines} lines", file.display()));
        }
    }
    let gone = LONG_FOR_A_REASON
        .iter()
        .filter(|(long, _)| !files::root().join(long).exists());
    found.extend(gone.map(|(long, _)| format!("{long} is gone")));
    none(
        "a file of more than 300 lines is split, or has a reason here; one of more than 500 is split",
        found,
    );
}

/// Where cargo begins to read in a package's directory, without being told (`autobins`, `autotests` and so on).
fn begins_target(package: &Path, file: &Path) -> bool {
    let Ok(inside) = file.strip_prefix(package) else {
        return false;
    };
    let parts: Vec<_> = inside.iter().filter_map(|part| part.to_str()).collect();
    match parts.as_slice() {
        ["build.rs"] | ["src", "lib.rs" | "main.rs"] => true,
        ["src", "bin", _] | ["src", "bin", _, "main.rs"] => true,
        ["tests" | "benches" | "examples", rest @ ..] => matches!(rest, [_] | [_, "main.rs"]),
        _ => false,
    }
}

/// The files that the `mod` lines of a file name, whether they exist or not.
fn modules(file: &Path, is_root: bool) -> Vec<PathBuf> {
    let parent = file.parent().unwrap_or(Path::new(""));
    let owns_directory = is_root || file.file_name().is_some_and(|name| name == "mod.rs");
    let directory = if owns_directory {
        parent.to_owned()
    } else {
        file.with_extension("")
    };
    let mut named = vec![];
    let text = read(file);
    let mut previous = "";
    for line in text.lines().map(str::trim) {
        let module = line.strip_suffix(';').and_then(|l| l.split("mod ").nth(1)).filter(|_| {
            ["mod ", "pub mod ", "pub(crate) mod ", "pub(super) mod "]
                .iter()
                .any(|start| line.starts_with(start))
        });
        if let Some(name) = module {
            match previous.strip_prefix("#[path = \"").and_then(|p| p.strip_suffix("\"]")) {
                Some(path) => named.push(parent.join(path)),
                None => named.extend([
                    directory.join(format!("{name}.rs")),
                    directory.join(name).join("mod.rs"),
                ]),
            }
        }
        previous = line;
    }
    named
}

#[test]
fn every_rust_file_is_compiled() {
    let mut packages = vec![PathBuf::new()];
    packages.extend(RUST.iter().flat_map(|d| below(d)).filter_map(|file| {
        let manifest = file.file_name().is_some_and(|name| name == "Cargo.toml");
        manifest.then(|| file.parent().map(Path::to_owned)).flatten()
    }));
    let all = all_rust();
    let mut open: Vec<_> = all
        .iter()
        .filter(|file| packages.iter().any(|package| begins_target(package, file)))
        .map(|file| (file.clone(), true))
        .collect();
    let mut reached: Vec<PathBuf> = vec![];
    while let Some((file, is_root)) = open.pop() {
        open.extend(
            modules(&file, is_root)
                .into_iter()
                .filter(|m| all.contains(m))
                .map(|m| (m, false)),
        );
        reached.push(file);
    }
    let lost = all.iter().filter(|file| !reached.contains(file));
    none(
        "no `mod` line and no target leads here",
        lost.map(|f| f.display().to_string()).collect(),
    );
}

#[test]
fn names_on_the_wire_are_written_once() {
    let mut found = vec![];
    let spells_none = |file: &PathBuf| file != Path::new("src/api/names.rs") && !is_unit_tests(file);
    for file in rust_below("src").into_iter().filter(spells_none) {
        for (number, line) in code(&read(&file)) {
            if line.contains("tombolo.dev/") || line.contains("trident.netapp.io/") {
                found.push(format!("{}:{number}: {}", file.display(), line.trim()));
            }
        }
    }
    none("keys on the wire are constants of src/api/names.rs", found);
}

#[test]
fn the_top_level_has_no_other_directories() {
    const DIRECTORIES: [&str; 5] = ["crds", "deploy", "src", "storage-backends", "tests"];
    let mut found = vec![];
    for entry in fs::read_dir(files::root()).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().to_string_lossy().into_owned();
        let built = name == "target" || name.starts_with('.');
        if entry.file_type().unwrap().is_dir() && !built && !DIRECTORIES.contains(&name.as_str()) {
            found.push(name);
        }
    }
    none("a directory at the top level that the layout does not have", found);
}

/// Texts that belong to a machine, not to the product. In pieces, so that this file passes its own test.
fn machine_words() -> Vec<String> {
    [
        ["/wo", "rk/"],
        ["/ro", "ot/"],
        ["/ho", "me/"],
        ["crates", ".io"],
        ["proxy.golang", ".org"],
        ["deb.debian", ".org"],
        // A test that is switched off is no test; say what a machine lacks instead.
        ["#[ign", "ore"],
    ]
    .map(|pieces| pieces.concat())
    .into()
}

#[test]
fn nothing_here_belongs_to_one_machine() {
    let words = machine_words();
    let mut found = vec![];
    // Lock files name the registries that their packages came from.
    for file in below("")
        .into_iter()
        .filter(|f| f.extension().is_none_or(|e| e != "lock" && e != "sum"))
    {
        let bytes = fs::read(files::root().join(&file)).unwrap();
        for (i, line) in String::from_utf8_lossy(&bytes).lines().enumerate() {
            let hits = words.iter().filter(|word| line.contains(word.as_str()));
            found.extend(hits.map(|word| format!("{}:{}: {word}", file.display(), i + 1)));
        }
    }
    none(
        "paths of a machine, hosts of package registries, tests that are switched off",
        found,
    );
}
