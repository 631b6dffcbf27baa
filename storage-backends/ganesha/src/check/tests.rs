use super::*;

fn exporter(value: serde_json::Value) -> ExporterConfig {
    let mut config = serde_json::json!({
        "state": "/var/lib/filer", "configDir": "/etc/filer", "networks": [], "advertise": {"host": "nas"}
    });
    config
        .as_object_mut()
        .unwrap()
        .extend(value.as_object().unwrap().clone());
    serde_json::from_value(config).unwrap()
}

const GOOD: &str = "NFS_CORE_PARAM { mount_path_pseudo = true; }\nNFSv4 { RecoveryBackend = fs; }\n%include \"/etc/filer/exports.conf\"\n";

fn found(text: &str) -> Vec<Finding> {
    check(text, &exporter(serde_json::json!({}))).unwrap()
}

#[test]
fn a_good_configuration_has_no_findings() {
    assert_eq!(found(GOOD), []);
}

#[test]
fn no_grace_is_refused_however_it_is_written() {
    for word in ["true", "TRUE", "Yes", "on"] {
        let text = format!("{GOOD}nfsV4{{GRACELESS={word};}}");
        assert_eq!(found(&text), [Finding::Graceless], "{word}");
    }
    assert_eq!(
        found(&format!(
            "{GOOD}# NFSv4 {{ Graceless = true; }}\nNFSv4 {{ Graceless = false; }}"
        )),
        []
    );
    assert!(Finding::Graceless.to_string().contains("remove it"));
}

#[test]
fn what_exports_rest_on_is_asked_for() {
    let index = PathBuf::from("/etc/filer/exports.conf");
    assert_eq!(found(""), [Finding::RealPaths, Finding::NotIncluded(index)]);
    let other = format!(
        "{GOOD}NFSv4 {{ RecoveryBackend = rados_ng; }} NFS_CORE_PARAM {{ Dbus_Name_Prefix = \"x\"; Protocols = 3; }}"
    );
    assert_eq!(
        found(&other),
        [
            Finding::Recovery("rados_ng".into()),
            Finding::BusName("x".into()),
            Finding::Protocol(4)
        ]
    );
}

#[test]
fn ports_are_those_that_nodes_are_told() {
    let advertise = serde_json::json!({"host": "nas", "port": 12049, "mountPort": 12050});
    let config = exporter(serde_json::json!({"advertise": advertise, "protocols": "3,4"}));
    let text = |ports: &str| format!("{GOOD}NFS_CORE_PARAM {{ {ports} }}");
    assert_eq!(
        check(&text("NFS_Port = 12049; MNT_Port = 12050;"), &config).unwrap(),
        []
    );
    assert_eq!(check(&text(""), &config).unwrap().len(), 2);
}

#[test]
fn included_files_are_looked_into() {
    let scratch = tempfile::tempdir().unwrap();
    let at = |name: &str| scratch.path().join(name);
    let main = format!("{GOOD}%include other.conf\n%dir {}\n", at("more/*.conf").display());
    std::fs::write(at("ganesha.conf"), main).unwrap();
    std::fs::write(at("other.conf"), "").unwrap();
    std::fs::create_dir(at("more")).unwrap();
    let config = exporter(serde_json::json!({}));
    assert_eq!(check_file(&at("ganesha.conf"), &config).unwrap(), []);
    for hidden in ["other.conf", "more/x.conf"] {
        std::fs::write(at(hidden), "NFSv4 { Graceless = true; }").unwrap();
        assert_eq!(
            check_file(&at("ganesha.conf"), &config).unwrap(),
            [Finding::Graceless],
            "{hidden}"
        );
        std::fs::write(at(hidden), "").unwrap();
    }
    std::fs::write(at("other.conf"), "%include other.conf").unwrap();
    assert_eq!(
        check_file(&at("ganesha.conf"), &config).unwrap(),
        [Finding::TooManyFiles]
    );
    std::fs::write(at("other.conf"), "NFSv4 {").unwrap();
    assert!(
        check_file(&at("ganesha.conf"), &config)
            .unwrap_err()
            .to_string()
            .contains("line 1")
    );
}

#[test]
fn what_survives_a_restart_is_kept_on_a_disk() {
    let scratch = tempfile::tempdir().unwrap();
    let conf = scratch.path().join("ganesha.conf");
    for (root, found) in [
        (
            "/dev/shm/not/there/yet",
            vec![Finding::Volatile("/dev/shm/not/there/yet".into())],
        ),
        (env!("CARGO_MANIFEST_DIR"), vec![]),
    ] {
        std::fs::write(&conf, format!("{GOOD}NFSv4 {{ RecoveryRoot = \"{root}\"; }}")).unwrap();
        assert_eq!(check_file(&conf, &exporter(serde_json::json!({}))).unwrap(), found);
    }
}
