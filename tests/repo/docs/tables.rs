//! Tables of the README that are made from the code.

use crate::files::{self, code, is_unit_tests, read, rust_below};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use tombolo::api::reasons::{BackendReason, ClaimReason, Class, ReferenceReason, SharedVolumeReason};
use tombolo::api::storage_backend::StorageBackendSpec;
use tombolo::backends::{Drivers, Registry};
use tombolo_backend_api::Capabilities;

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
    let drivers = [
        ("nfs", "any NFS export, by a client in user space", nfs),
        ("local", "a directory of one node", local),
    ];
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let all = Capabilities::ALL.names();
    let mut text = format!(
        "| driver | what it is | {} |\n|---|---{}|\n",
        all.join(" | "),
        "|---".repeat(all.len())
    );
    for (name, what, spec) in drivers {
        let spec: StorageBackendSpec = serde_json::from_value(spec).unwrap();
        let opened = runtime.block_on(Registry::default().open(&spec));
        let driver = opened.unwrap_or_else(|e| panic!("{name}: {e}")).driver;
        let declared = driver.capabilities().names();
        let cells: Vec<_> = all
            .iter()
            .map(|name| if declared.contains(name) { "yes" } else { "no" })
            .collect();
        text.push_str(&format!("| `{name}` | {what} | {} |\n", cells.join(" | ")));
    }
    text
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
    all!(ClaimReason "claim" BackendReason "StorageBackend" SharedVolumeReason "SharedVolume" ReferenceReason "reference");
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
