//! `crds/` is what the code says. `UPDATE=1 cargo test --test repo` rewrites it.

use crate::files;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

#[test]
fn crds_on_disk_are_the_generated_ones() {
    let generated = tombolo::api::crd_files().unwrap();
    let directory = files::root().join("crds");
    if std::env::var_os("UPDATE").is_some() {
        fs::create_dir_all(&directory).unwrap();
        for (name, text) in &generated {
            fs::write(directory.join(name), text).unwrap();
        }
    }
    let mut on_disk: BTreeSet<_> = files::below("crds").into_iter().collect();
    // What it must list is looked at where the other kustomizations are.
    on_disk.remove(Path::new("crds/Kustomization"));
    let expected: BTreeSet<_> = generated
        .iter()
        .map(|(name, _)| format!("crds/{name}").into())
        .collect();
    assert_eq!(on_disk, expected);
    for (name, text) in generated {
        let found = fs::read_to_string(directory.join(&name)).unwrap();
        assert!(
            found == text,
            "crds/{name} is not what the code generates; run: UPDATE=1 cargo test --test repo"
        );
    }
}
