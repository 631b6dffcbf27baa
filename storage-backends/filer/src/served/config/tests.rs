use super::*;
use serde_json::{Value, json};

fn least() -> Value {
    json!({
        "root": "/srv/tombolo", "exportsDir": "/run/tombolo-exports", "networks": ["10.0.0.0/8"],
        "advertise": {"host": "NAS.example"}
    })
}

fn parse(text: &Value) -> Result<ServedConfig, String> {
    serde_json::from_value(text.clone()).map_err(|error| error.to_string())
}

#[test]
fn what_is_not_said_has_its_default() {
    let config = parse(&least()).unwrap();
    assert_eq!(config.storage().host(), "nas.example");
    let exporter = config.exporter();
    assert_eq!(exporter.advertise.host.as_str(), "NAS.example");
    assert_eq!(exporter.state, Path::new("/var/lib/tombolo-filer/exports"));
    assert_eq!(exporter.config_dir, Path::new("/etc/ganesha/tombolo"));
    assert_eq!(exporter.node_access, NodeAccessMode::Networks);
    assert_eq!(
        (exporter.quarantine.as_secs(), exporter.deadline.as_secs()),
        (604_800, 60)
    );
    assert_eq!(config.storage().quota(), QuotaMode::Simple);
}

#[test]
fn what_is_written_reads_back() {
    let mut all = least();
    for (field, value) in [
        ("stateDir", json!("/var/lib/x")),
        ("configDir", json!("/etc/x")),
        ("nodeAccess", json!("Nodes")),
        ("protocols", json!("3,4")),
        ("quota", json!("Full")),
        ("bytes", json!(7)),
        ("overcommit", json!(true)),
        ("bus", json!({"address": "unix:path=/run/x"})),
        ("quarantineSeconds", json!(8)),
        ("deadlineSeconds", json!(9)),
        (
            "advertise",
            json!({"host": "nas", "port": 12049, "mountPort": 20048, "version": "3"}),
        ),
    ] {
        all[field] = value;
    }
    let config = parse(&all).unwrap();
    assert_eq!(serde_json::to_value(&config).unwrap(), all);
    let least = parse(&least()).unwrap();
    assert_eq!(parse(&serde_json::to_value(&least).unwrap()).unwrap(), least);
}

#[test]
fn nothing_but_volumes_lies_where_tenants_reach_it() {
    for (field, value, why) in [
        ("stateDir", "/srv/tombolo/state", "stateDir lies in the root"),
        ("stateDir", "/srv", "stateDir lies in the root"),
        ("configDir", "/srv/tombolo", "configDir lies in the root"),
        ("stateDir", "/run/tombolo-exports/state", "stateDir lies in exportsDir"),
        ("configDir", "/run/tombolo-exports", "configDir lies in exportsDir"),
        ("stateDir", "/etc/ganesha/tombolo/state", "lie in each other"),
        ("stateDir", "var", "stateDir \"var\" must be absolute"),
        ("configDir", "/etc/a b", "configDir \"/etc/a b\" must be absolute"),
        ("exportsDir", "/srv/tombolo/exports", "root and exportsDir"),
        ("surprise", "x", "surprise"),
    ] {
        let mut text = least();
        text[field] = value.into();
        let refused = parse(&text).unwrap_err();
        assert!(refused.contains(why), "{field} {value}: {refused}");
    }
    let mut text = least();
    text["advertise"]["version"] = "3".into();
    assert!(parse(&text).unwrap_err().contains("advertise.version"));
    text["protocols"] = "3,4".into();
    assert!(parse(&text).is_ok());
}
