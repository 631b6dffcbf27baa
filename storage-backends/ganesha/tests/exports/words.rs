//! The server reads what was written as it was meant.

use crate::lab::{admitted, key, with};
use proptest::prelude::*;
use tombolo_backend_api::{Access, Admission, Class, SnapshotId, Tenant, TrashId, VolumePath};
use tombolo_ganesha::testing::Options;

/// What a caller may call things, by the types that every name is parsed into.
fn is_a_name(text: &str) -> [bool; 4] {
    [
        VolumePath::parse(text).is_ok(),
        Tenant::parse(text).is_ok(),
        TrashId::parse(text).is_some(),
        SnapshotId::parse(text).is_ok(),
    ]
}

proptest! {
    /// So nothing has to be escaped that is made of them: paths, files of exports, records.
    #[test]
    fn no_name_has_a_character_that_means_something_to_anybody(text in "[a-z]{0,3}(\\PC|[\"'{}();#$`%\\\\/. \n\r\t\0*?~=,&|<>+]){1,3}[a-z]{0,3}") {
        if is_a_name(&text).contains(&true) {
            prop_assert!(text.bytes().all(|b| b.is_ascii_alphanumeric() || b"/._-".contains(&b)), "{text:?}");
            prop_assert!(!text.split('/').any(|part| part.is_empty() || part.starts_with('.')), "{text:?}");
        }
    }
}

#[test]
fn hostile_names_are_no_names() {
    let long = "a/".repeat(2048) + "a";
    for text in [
        "",
        ".",
        "..",
        "a/..",
        "../a",
        "a/../b",
        "/a",
        "a/",
        "a//b",
        "a\0b",
        "a\nb",
        "a b",
        "é",
        "a\u{202e}b",
        "ａ",
        "a;b",
        "a\"b",
        "a{b",
        "a}b",
        "a#b",
        "%include",
        "$(a)",
        "`a`",
        "a'b",
        "a\\b",
        "a+b",
        "~",
        "*",
        ".tombolo",
        &"a".repeat(4096),
        &long,
    ] {
        assert_eq!(is_a_name(text), [false; 4], "{text:?}");
    }
    assert_eq!(is_a_name("a-1"), [true; 4]);
}

#[test]
fn a_directory_with_any_name_is_exported_or_refused() {
    with(Options::default(), async |lab| {
        let exporter = lab.ready().await;
        let names = [
            "a b",
            "a;b",
            "a{b}",
            "a#b",
            "a'b",
            "a=b",
            "a,b",
            "%include x",
            "$(x)",
            "`x`",
            "EXPORT { Export_Id = 1; }",
            "*",
            "~",
            "a\"b",
            "a\\b",
            "a\nb",
            "é",
            "a\tb",
        ];
        for (number, name) in names.into_iter().enumerate() {
            let directory = lab.server.volume(name);
            let export = crate::lab::Export {
                key: key(&format!("v{number}"), "t", Access::ReadWrite),
                directory,
            };
            match exporter.ensure(&export.key, &export.directory).await {
                Ok(_) => {
                    assert_eq!(admitted(&lab, &export), Admission::Full, "{name:?}");
                    assert_eq!(lab.server.utility(4).read(&export.file()).unwrap(), name.as_bytes());
                }
                Err(error) => assert_eq!(error.class, Class::Invalid, "{name:?}: {error}"),
            }
        }
        let made = exporter.exports().await.unwrap().len();
        assert_eq!(made, 13);
        // Also those that it reads when it starts.
        lab.server.kill();
        lab.server.resume();
        let done = exporter.reconcile().await.unwrap();
        assert!(done.is_clean() && done.unchanged == made, "{done:?}");
        assert_eq!(lab.server.bus().shown().await.len(), made);
    });
}

#[test]
fn networks_of_every_kind_are_read_back_as_they_were_said() {
    let networks = [
        "127.0.0.1",
        "10.0.0.0/8",
        "0.0.0.0/0",
        "192.0.2.128/25",
        "192.0.2.4/30",
        "::/0",
        "::1",
        "fd00::/8",
        "2001:db8::/32",
        "2001:db8:0:1::/64",
        "2001:db8::5",
        "2001:db8:1:2:3:4:5:6",
        "fe80::/10",
        "2001:db8:f000::/99",
    ];
    let options = Options {
        networks: networks.map(String::from).to_vec(),
        ..Options::default()
    };
    with(options, async |lab| {
        let exporter = lab.ready().await;
        let export = lab.export(&exporter, "vol", "t", Access::ReadWrite).await;
        assert_eq!(admitted(&lab, &export), Admission::Full);
        let done = exporter.reconcile().await.unwrap();
        assert!(done.is_clean(), "{done:?}");
        drop(exporter);
        lab.server.kill();
        lab.server.resume();
        let done = lab.open().await.reconcile().await.unwrap();
        assert!(done.is_clean(), "{done:?}");
    });
}
