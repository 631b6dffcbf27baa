//! `deploy/` is what the code says. `UPDATE=1 cargo test --test repo` rewrites the roles.

use crate::files::{self, below, read};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use tombolo::api::access::rbac_manifests;
use tombolo::api::names;
use tombolo::domain::class::Class;

const KUSTOMIZE: &str = "deploy/kustomize";

fn documents(file: &Path) -> Vec<Value> {
    serde_saphyr::from_multiple(&read(file)).unwrap_or_else(|e| panic!("{}: {e}", file.display()))
}

fn base(file: &str) -> String {
    read(&Path::new(KUSTOMIZE).join("base").join(file))
}

#[test]
fn roles_are_made_from_the_table() {
    for (name, text) in rbac_manifests() {
        let file = Path::new(KUSTOMIZE).join(name);
        if std::env::var_os("UPDATE").is_some() {
            fs::write(files::root().join(&file), &text).unwrap();
        }
        assert!(
            read(&file) == text,
            "{} is not what src/api/access.rs says; run: UPDATE=1 cargo test --test repo",
            file.display()
        );
    }
}

/// The files that a kustomization names, relative to the repository; directories it names are kustomizations of their own.
fn named(kustomization: &Path) -> BTreeSet<PathBuf> {
    let directory = kustomization.parent().unwrap();
    let document = documents(kustomization).remove(0);
    let resources = document
        .get("resources")
        .and_then(Value::as_array)
        .cloned()
        .unwrap_or_default();
    let paths = resources.iter().map(|r| directory.join(r.as_str().unwrap()));
    paths.filter(|path| !files::root().join(path).is_dir()).collect()
}

#[test]
fn kustomizations_leave_no_file_out() {
    let mut kustomizations = below(KUSTOMIZE);
    kustomizations.retain(|file| file.ends_with("kustomization.yaml"));
    kustomizations.push("crds/Kustomization".into());
    for kustomization in kustomizations {
        let directory = kustomization.parent().unwrap();
        let mut there: BTreeSet<_> = below(directory.to_str().unwrap()).into_iter().collect();
        there.retain(|file| file.parent() == Some(directory) && *file != kustomization);
        assert_eq!(named(&kustomization), there, "{}", kustomization.display());
    }
}

#[test]
fn manifests_use_the_names_of_the_code() {
    let guard = base("policy-persistent-volumes.yaml");
    for key in [names::LABEL_VOLUME, names::LABEL_ROLE, names::FINALIZER_VOLUME] {
        assert!(guard.contains(&format!("'{key}'")), "{key}");
    }
}

#[test]
fn examples_say_what_the_code_understands() {
    let (mut classes, mut keys) = (0, 0);
    for file in below("deploy/examples") {
        for document in documents(&file) {
            if document["kind"] == "StorageClass" {
                let class = Class::of(&serde_json::from_value(document.clone()).unwrap());
                let class = class.unwrap_or_else(|| panic!("{}: not a class of ours", file.display()));
                class
                    .parameters
                    .unwrap_or_else(|e| panic!("{}: {}: {e}", file.display(), class.name));
                classes += 1;
            }
            let annotations = document["metadata"]["annotations"]
                .as_object()
                .cloned()
                .unwrap_or_default();
            for key in annotations.keys() {
                let known = key
                    .strip_prefix(names::PREFIX)
                    .is_some_and(|key| names::claim::OURS.contains(&key));
                assert!(known, "{}: {key}", file.display());
                keys += 1;
            }
        }
    }
    assert!(classes > 0 && keys > 0);
}

#[test]
fn the_image_is_this_version_built_with_this_compiler() {
    let image = format!("image: tombolo:{}\n", env!("CARGO_PKG_VERSION"));
    assert!(base("deployment.yaml").contains(&image), "deployment.yaml: {image}");
    let toolchain = read(Path::new("rust-toolchain.toml"));
    let channel = toolchain
        .lines()
        .find_map(|line| line.strip_prefix("channel = "))
        .unwrap();
    let builder = format!("ARG RUST={}\n", channel.trim_matches('"'));
    assert!(
        read(Path::new("Containerfile")).contains(&builder),
        "Containerfile: {builder}"
    );
}
