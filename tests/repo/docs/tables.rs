//! Tables of the README that are made from the code.

use crate::files::{self, code, is_unit_tests, read, rust_below};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use tombolo::api::reasons::{
    BackendReason, ClaimReason, Class, CrossSourceReason, ReferenceReason, SharedVolumeReason,
};
use tombolo::api::storage_backend::StorageBackendSpec;
use tombolo::backends::{Drivers, Registry};
use tombolo_backend_api::{Backend, Capabilities};
use tombolo_backend_fake::Fake;

const README: &str = "README.md";

/// What the README has between the mark of that name and the next `<!-- end -->` is `wanted`.
fn is_written(name: &str, wanted: &str) {
    let text = read(Path::new(README));
    let begin = format!("<!-- {name}: written by UPDATE=1 cargo test --test repo -->\n");
    let (before, rest) = text
        .split_once(&begin)
        .unwrap_or_else(|| panic!("{README} has no {begin}"));
    let (found, after) = rest.split_once("<!-- end -->\n").unwrap();
    if found == wanted {
        return;
    }
    assert!(
        std::env::var_os("UPDATE").is_some(),
        "the table of {name} in {README} is not what the code says; run: UPDATE=1 cargo test --test repo"
    );
    fs::write(
        files::root().join(README),
        format!("{before}{begin}{wanted}<!-- end -->\n{after}"),
    )
    .unwrap();
}

/// One test, since two would write one file at once.
#[test]
fn tables_are_made_from_the_code() {
    is_written("capabilities", &capabilities());
    is_written("reasons", &reasons());
}

fn capabilities() -> String {
    let nfs = serde_json::json!({ "nfs": { "server": "nas", "export": "/exports" } });
    let local = serde_json::json!({ "local": { "path": "/volumes", "node": "n" } });
    let backends = read(Path::new("storage-backends/README.md"));
    let owned = |names: Vec<&str>| names.into_iter().map(str::to_owned).collect::<Vec<_>>();
    let drivers = [
        (
            "`nfs`",
            "any NFS export, by a client in user space",
            owned(declared_by(nfs)),
        ),
        ("`local`", "a directory of one node", owned(declared_by(local))),
        (
            "`filer`, btrfs",
            "a Linux host with an NFS server of its own; `nodeAccess` if configured",
            said(&backends, "`filer`, btrfs"),
        ),
        (
            "`filer`, directories",
            "the same on another file system",
            said(&backends, "`filer`, directories"),
        ),
    ];
    let all = Capabilities::ALL.names();
    let mut text = format!(
        "| driver | what it is | {} |\n|---|---{}|\n",
        all.join(" | "),
        "|---".repeat(all.len())
    );
    for (name, what, declared) in drivers {
        let cells: Vec<_> = all
            .iter()
            .map(|name| {
                if declared.iter().any(|d| d == name) {
                    "yes"
                } else {
                    "no"
                }
            })
            .collect();
        text.push_str(&format!("| {name} | {what} | {} |\n", cells.join(" | ")));
    }
    text
}

/// The table of the backends' own document, and what each of the first columns must say; the filer's are compared by the filer's
/// tests, which have one.
#[test]
fn the_table_of_backends_says_what_they_declare() {
    let table = read(Path::new("storage-backends/README.md"));
    for (column, declared) in [
        ("`fake`*", Fake::default().capabilities().names()),
        (
            "`local`",
            declared_by(serde_json::json!({ "local": { "path": "/volumes", "node": "n" } })),
        ),
        (
            "`nfs`",
            declared_by(serde_json::json!({ "nfs": { "server": "nas", "export": "/exports" } })),
        ),
    ] {
        assert_eq!(said(&table, column), declared, "{column}");
    }
}

/// The capabilities that a column of the table says more of than "no".
fn said(document: &str, column: &str) -> Vec<String> {
    let rows: Vec<Vec<&str>> = document
        .lines()
        .skip_while(|line| !line.starts_with("| capability |"))
        .take_while(|line| line.starts_with('|'))
        .map(|line| line.split('|').map(str::trim).collect())
        .collect();
    let heads = rows.first().unwrap();
    let place = heads.iter().position(|name| *name == column).unwrap();
    let there = rows.iter().skip(2).filter(|row| row.get(place) != Some(&"no"));
    there
        .filter_map(|row| Some(row.get(1)?.trim_matches('`').to_owned()))
        .collect()
}

fn declared_by(spec: serde_json::Value) -> Vec<&'static str> {
    let spec: StorageBackendSpec = serde_json::from_value(spec).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let opened = runtime.block_on(Registry::default().open(&spec));
    opened
        .unwrap_or_else(|e| panic!("{spec:?}: {e}"))
        .driver
        .capabilities()
        .names()
}

struct Row {
    on: &'static str,
    reason: &'static str,
    class: Option<Class>,
    next: &'static str,
}

fn rows() -> Vec<Row> {
    let mut rows = vec![];
    macro_rules! all {
        ($($kind:ident $on:literal)*) => {$(
            rows.extend($kind::ALL.iter().map(|r| Row { on: $on, reason: r.as_str(), class: r.class(), next: r.next_step() }));
        )*};
    }
    all!(ClaimReason "claim" BackendReason "StorageBackend" SharedVolumeReason "SharedVolume" ReferenceReason "reference" CrossSourceReason "CrossNamespaceSource");
    rows
}

/// What each reason means, in the order of the code: the line above its row.
fn meanings() -> Vec<(String, String)> {
    let text = read(Path::new("src/api/reasons.rs"));
    let mut found = vec![];
    let mut said = "";
    for line in text.lines().map(str::trim) {
        let name = line.split(':').next().unwrap_or_default();
        let is_row = ["Normal", "Warning"]
            .iter()
            .any(|t| line.starts_with(&format!("{name}: {t}")));
        match line.strip_prefix("/// ") {
            Some(text) => said = text,
            None if is_row => found.push((name.to_owned(), said.to_owned())),
            None => {}
        }
    }
    found
}

/// Reasons that some code gives. The others are there for parts that are not built yet.
fn given() -> BTreeSet<String> {
    let others = |file: &std::path::PathBuf| file != Path::new("src/api/reasons.rs") && !is_unit_tests(file);
    let files = rust_below("src").into_iter().filter(others);
    let text: String = files
        .flat_map(|f| code(&read(&f)).map(|(_, line)| format!("{line}\n")).collect::<Vec<_>>())
        .collect();
    let words = text.split(|c: char| !c.is_alphanumeric() && c != ':' && c != '_');
    let of = |word: &str| {
        let (kind, reason) = word.rsplit_once("::")?;
        (kind == "R" || kind.ends_with("Reason")).then(|| reason.to_owned())
    };
    words.filter_map(of).collect()
}

fn reasons() -> String {
    let (meanings, given) = (meanings(), given());
    let rows = rows();
    let named: Vec<_> = meanings.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(
        named,
        rows.iter().map(|r| r.reason).collect::<Vec<_>>(),
        "src/api/reasons.rs was not understood"
    );
    let mut text = "| reason | on | what it means | what to do |\n|---|---|---|---|\n".to_owned();
    let (mut news, mut later) = (vec![], vec![]);
    for (row, (_, meaning)) in rows.iter().zip(&meanings) {
        let (on, meaning) = match meaning.strip_prefix("On a PersistentVolume: ") {
            Some(rest) => ("PersistentVolume", capitalised(rest)),
            None => (row.on, meaning.clone()),
        };
        if !given.contains(row.reason) {
            later.push(format!("`{}`", row.reason));
        } else if row.class.is_none() {
            news.push(format!("`{}`", row.reason));
        } else if row.reason != ClaimReason::ProvisioningFailed.as_str() {
            let (reason, next) = (row.reason, row.next);
            text.push_str(&format!(
                "| `{reason}` | {on} | {} | {} |\n",
                shown(&meaning),
                shown(next)
            ));
        }
    }
    let list = |what: &str, names: &[String]| format!("{what}: {}.\n", names.join(", "));
    text + "\n" + &list("News, not failures", &news) + &list("Not given by anything yet", &later)
}

fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    letters
        .next()
        .into_iter()
        .flat_map(char::to_uppercase)
        .chain(letters)
        .collect()
}

/// As a document shows it: outside of backticks a `<` would begin a tag.
fn shown(text: &str) -> String {
    let parts = text.split('`').enumerate();
    let parts: Vec<_> = parts
        .map(|(i, part)| {
            if i % 2 == 0 {
                part.replace('<', "\\<")
            } else {
                part.to_owned()
            }
        })
        .collect();
    parts.join("`")
}
