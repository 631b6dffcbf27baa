use super::read::{Part, parse};
use super::*;
use proptest::prelude::*;

/// Texts of the characters that mean something in the language, and of any others.
fn hostile() -> impl Strategy<Value = String> {
    let special = prop_oneof![
        Just("\"".to_owned()),
        Just("\\".to_owned()),
        Just(";".to_owned()),
        Just("{".to_owned()),
        Just("}".to_owned()),
        Just("#".to_owned()),
        Just("\n".to_owned()),
        Just("\0".to_owned()),
        Just("'".to_owned()),
        Just("=".to_owned()),
        Just("%include \"/etc/passwd\"".to_owned()),
        Just("EXPORT { Export_Id = 0; }".to_owned()),
        "[a-z/ ,.*-]{1,4}",
        any::<char>().prop_map(String::from),
    ];
    proptest::collection::vec(special, 1..12).prop_map(|parts| parts.concat())
}

proptest! {
    #[test]
    fn a_hostile_text_is_refused_or_comes_back_as_one_value(text in hostile()) {
        let Ok(quoted) = Quoted::new(&text) else { return Ok(()) };
        let block = Block::new("EXPORT").set("Path", Value::Text(quoted)).set("Export_Id", Value::Number(7));
        let path = Part::Item { name: "path".into(), values: vec![text] };
        let id = Part::Item { name: "export_id".into(), values: vec!["7".into()] };
        prop_assert_eq!(parse(&block.to_string()), Ok(vec![Part::Block { name: "export".into(), parts: vec![path, id] }]));
    }

    #[test]
    fn reading_ends_whatever_the_text(text in hostile()) {
        let _ = parse(&text);
    }

    #[test]
    fn an_include_path_has_nothing_that_its_lexer_does_not_read(text in hostile()) {
        if let Ok(path) = IncludePath::new(&text) {
            let read = parse(&Directive::Include(path).to_string());
            prop_assert_eq!(read, Ok(vec![Part::Include(text)]));
        }
    }
}

#[test]
fn texts_that_could_end_their_quotes_are_refused() {
    let long = "a".repeat(4096);
    for bad in ["", "a\"b", "a\\b", "a\nb", "a\0b", "a\tb", "é", "a\u{7f}", &long] {
        assert_eq!(Quoted::new(bad).unwrap_err().class, Class::Invalid, "{bad:?}");
    }
    for good in ["/a b", "/a;b", "/a{b}", "/a#b", "/a'b", "/a%b$c"] {
        assert!(Quoted::new(good).is_ok(), "{good:?}");
    }
}

#[test]
fn include_paths_are_plain() {
    for bad in ["", "relative", "/", "/a b", "/a//b", "/a/", "/a\"b", "/a*"] {
        assert!(IncludePath::new(bad).is_err(), "{bad:?}");
    }
    assert!(IncludePath::new("/var/lib/x-1/a_b.conf").is_ok());
}

#[test]
fn a_block_is_written_as_people_write_it() {
    let block = Block::new("EXPORT")
        .set("Export_Id", Value::Number(7))
        .set("Filesystem_Id", Value::Pair(1, 7))
        .list("Protocols", vec![Value::Number(3), Value::Number(4)])
        .list("Nothing", vec![])
        .set("Manage_Gids", false.into())
        .block(
            Block::new("CLIENT").list(
                "Clients",
                ["10.0.0.0/8", "192.0.2.1/32", "fd00::1/128"]
                    .map(|net| Value::Network(net.parse().unwrap()))
                    .into(),
            ),
        );
    assert_eq!(
        block.to_string(),
        "EXPORT {\n    Export_Id = 7;\n    Filesystem_Id = 1.7;\n    Protocols = 3, 4;\n    Manage_Gids = false;\n    \
         CLIENT {\n        Clients = 10.0.0.0/8, 192.0.2.1, fd00::1;\n    }\n}\n"
    );
}

#[test]
fn files_of_people_are_read() {
    let text = "# a comment { \nNFSv4 { Graceless=TRUE; Minor_Versions = 1 , 2; # why\n  INNER{ a = 'x;y'; }\n}\n%include /a/b\n\
                %dir \"/c/*.conf\"\nX { s = \"a\\\"b\\\\c\\nd\"; }\n";
    let item = |name: &str, values: &[&str]| Part::Item {
        name: name.into(),
        values: values.iter().map(ToString::to_string).collect(),
    };
    let block = |name: &str, parts| Part::Block {
        name: name.into(),
        parts,
    };
    assert_eq!(
        parse(text),
        Ok(vec![
            block(
                "nfsv4",
                vec![
                    item("graceless", &["TRUE"]),
                    item("minor_versions", &["1", "2"]),
                    block("inner", vec![item("a", &["x;y"])]),
                ]
            ),
            Part::Include("/a/b".into()),
            Part::Directory("/c/*.conf".into()),
            block("x", vec![item("s", &["a\"b\\c\nd"])]),
        ])
    );
    for (bad, line) in [
        ("X {", 1),
        ("X", 1),
        ("\n}", 2),
        ("X { a = \"b; }", 1),
        ("\n\nX { a b; }", 3),
        ("= 1;", 1),
    ] {
        assert_eq!(parse(bad).map_err(|e| e.line), Err(line), "{bad:?}");
    }
    assert!(parse(&"X {".repeat(10_000)).is_err());
}
