use super::*;

fn stocked() -> Host {
    let host = Host::new("");
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let backend = host.backend();
        backend.place_mark(&mark()).await.unwrap();
        backend.create(&volume("pvc-1")).await.unwrap();
        backend.create(&volume("gone")).await.unwrap();
        let disposal = Disposal::Trash {
            id: TrashId::parse("kept").unwrap(),
            record: serde_json::json!({}),
        };
        backend.discard(&volume("gone").path, &disposal).await.unwrap();
    });
    host
}

#[test]
fn check_says_what_is_wrong_and_how_to_mend_it() {
    let host = Host::new("");
    let (_, said) = host.run(&["check"]);
    for passed in ["ok       tls", "ok       tokens", "ok       listen", "ok       root"] {
        assert!(said.contains(passed), "{passed}: {said}");
    }
    std::fs::remove_dir(host.at("root")).unwrap();
    secret(&host.at("tokens"), "short");
    std::fs::remove_file(host.at("tls.key")).unwrap();
    let (well, said) = host.run(&["check"]);
    assert!(!well);
    for failed in ["FAILED   tls", "FAILED   tokens", "FAILED   root"] {
        assert!(said.contains(failed), "{failed}: {said}");
    }
    assert_eq!(
        said.matches("FAILED").count(),
        said.matches("mend it:").count(),
        "{said}"
    );
    assert!(!said.contains("short"), "a secret was printed: {said}");
}

#[test]
fn list_shows_what_there_is() {
    let (well, said) = stocked().run(&["list"]);
    assert!(well, "{said}");
    for line in [
        "of backend b-1 of cluster \"c-1\"",
        "volume pvc-1 ",
        "trash kept since ",
        "bytes free",
    ] {
        assert!(said.contains(line), "{line}: {said}");
    }
}

#[test]
fn fsck_finds_differences_and_mends_them_only_when_told() {
    let host = stocked();
    assert_eq!(host.run(&["fsck"]), (true, String::new()));
    let trash = host.at("root/.tombolo/trash");
    std::fs::create_dir_all(trash.join("purging-half/deep")).unwrap();
    std::fs::write(trash.join("alone.json"), "{}").unwrap();
    for _ in 0..2 {
        let (well, said) = host.run(&["fsck"]);
        assert!(
            !well && said.contains("trash half") && said.contains("trash alone"),
            "{said}"
        );
        assert!(trash.join("purging-half").exists() && trash.join("alone.json").exists());
    }
    let (well, said) = host.run(&["fsck", "--repair"]);
    assert!(well && said.matches(": mended").count() == 2, "{said}");
    assert!(!trash.join("purging-half").exists() && !trash.join("alone.json").exists());
    assert!(trash.join("kept").is_dir(), "what is whole stays");
    assert_eq!(host.run(&["fsck"]), (true, String::new()));
}

#[test]
fn a_root_without_a_mark_is_told_and_left_alone() {
    let host = Host::new("");
    let trash = host.at("root/.tombolo/trash");
    std::fs::create_dir_all(trash.join("purging-half")).unwrap();
    let (well, said) = host.run(&["fsck", "--repair"]);
    assert!(!well && said.contains("no mark"), "{said}");
    assert!(trash.join("purging-half").exists());
}

#[test]
fn a_configuration_that_is_wrong_is_named() {
    let host = Host::new("surprise: 1\n");
    let (well, said) = host.run(&["check"]);
    assert!(
        !well && said.contains("filer.yaml") && said.contains("surprise"),
        "{said}"
    );
}
