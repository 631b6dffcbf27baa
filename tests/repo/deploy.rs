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

/// kubelet finds the plugin by the driver's name, at a socket that two containers and the host have to mean alike.
#[test]
fn the_node_plugin_is_run_under_the_name_and_at_the_socket_that_volumes_are_looked_for() {
    let component = Path::new(KUSTOMIZE).join("components/csi");
    let driver = documents(&component.join("driver.yaml")).remove(0);
    assert_eq!(driver["metadata"]["name"], names::PROVISIONER);
    let pod = documents(&component.join("node.yaml")).remove(0)["spec"]["template"]["spec"].take();
    let list = |of: &Value, key: &str| of[key].as_array().cloned().unwrap_or_default();
    let named = |name: &str| {
        let found = list(&pod, "containers").into_iter().find(|c| c["name"] == name);
        found.unwrap_or_else(|| panic!("no container {name}"))
    };
    let says = |container: &str, flag: &str| {
        let argument = list(&named(container), "args").into_iter().find_map(|argument| {
            let value = argument.as_str()?.strip_prefix(&format!("--{flag}="))?;
            Some(value.to_owned())
        });
        argument.unwrap_or_else(|| panic!("{container} has no --{flag}"))
    };
    let mounted = |container: &str, path: &str| {
        let mount = list(&named(container), "volumeMounts")
            .into_iter()
            .find(|m| m["mountPath"] == path);
        let volume = mount.unwrap_or_else(|| panic!("{container} has nothing at {path}"))["name"].clone();
        let volume = list(&pod, "volumes").into_iter().find(|v| v["name"] == volume);
        volume.unwrap()["hostPath"]["path"].as_str().unwrap().to_owned()
    };
    let registrar = "node-driver-registrar";
    assert_eq!(says("nfs", "drivername"), names::PROVISIONER);
    assert_eq!(says("nfs", "endpoint"), "unix:///csi/csi.sock");
    for other in [registrar, "liveness-probe"] {
        assert_eq!(says(other, "csi-address"), "/csi/csi.sock");
        assert_eq!(mounted(other, "/csi"), mounted("nfs", "/csi"));
    }
    let on_the_host = format!("{}/csi.sock", mounted("nfs", "/csi"));
    assert_eq!(says(registrar, "kubelet-registration-path"), on_the_host);
    // Where kubelet has pods' volumes has one path, inside and outside: it is told which by kubelet.
    let pods = "/var/lib/kubelet/pods";
    assert_eq!(mounted("nfs", pods), pods);
    for (of, at) in [("nfs", "liveness-probe"), (registrar, registrar)] {
        let probe = &named(of)["livenessProbe"]["httpGet"];
        let asked = format!("{}:{}", probe["host"].as_str().unwrap(), probe["port"]);
        assert_eq!(says(at, "http-endpoint"), asked);
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
