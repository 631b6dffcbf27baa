//! Bodies that are wrong, for calls that would change something if they were right.

use super::Row;
use serde_json::{Value, json};

fn call(path: &str, body: &[u8]) -> Row {
    let length = body.len();
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: far\r\nconnection: close\r\n{{credentials}}content-type: application/json\r\n\
         content-length: {length}\r\n\r\n"
    );
    let name: String = format!("{path} {}", String::from_utf8_lossy(body))
        .chars()
        .take(90)
        .collect();
    Row::new(name, [head.as_bytes(), body].concat())
}

/// Names that no parser lets through.
fn names() -> Vec<String> {
    let mut names: Vec<String> = [
        "",
        ".",
        "..",
        "../kept",
        "kept/..",
        "kept/../kept",
        "/kept",
        "kept/",
        "kept//x",
        "./kept",
        ".tombolo",
        ".tombolo/trash",
        "kept/.x",
        "a b",
        "a\0",
        "kept\0",
        "a\n",
        "a\r\nx: y",
        "é",
        "e\u{301}",
        "\u{202e}a",
        "\u{feff}a",
        "a\\b",
        "a%2fb",
        "%2e%2e",
        "$(id)",
        "`id`",
        "a;b",
        "a|b",
        "a&b",
        "a\"b",
        "a'b",
        "{a}",
        "a#b",
        "*",
        "~",
        "a:b",
        "a=b",
        "a,b",
        "-\u{0}",
        "日本語",
    ]
    .map(str::to_owned)
    .into();
    names.extend([
        "a".repeat(129),
        "a".repeat(4096),
        ["a"; 2000].join("/"),
        "../".repeat(1000),
    ]);
    names
}

fn create(path: Value, mode: Value, bytes: Value) -> Value {
    json!({ "path": path, "mode": mode, "bytes": bytes })
}

pub fn rows() -> Vec<Row> {
    let mut rows = vec![];
    for name in names() {
        let bodies = [
            ("/v1/volumes/create", create(json!(name), json!(493), json!(1))),
            (
                "/v1/volumes/discard",
                json!({ "path": name, "disposal": { "archive": { "id": "a" } } }),
            ),
            ("/v1/trash/forget", json!({ "id": name })),
            ("/v1/trash/restore", json!({ "id": "t", "path": name })),
            ("/v1/snapshots/remove", json!({ "id": name })),
            (
                "/v1/volumes/mount",
                json!({ "path": name, "tenant": "a", "access": "ReadOnly" }),
            ),
            (
                "/v1/volumes/mount",
                json!({ "path": "kept", "tenant": name, "access": "ReadOnly" }),
            ),
            (
                "/v1/operations",
                json!({ "by": "00000000-0000-4000-8000-000000000000", "work": { "purge": { "id": name } } }),
            ),
        ];
        rows.extend(bodies.map(|(path, body)| call(path, body.to_string().as_bytes())));
    }
    for [path, mode, bytes] in [
        ["\"a\"", "-1", "1"],
        ["\"a\"", "4096", "1"],
        ["\"a\"", "1e400", "1"],
        ["\"a\"", "493.5", "1"],
        ["\"a\"", "\"493\"", "1"],
        ["\"a\"", "493", "-1"],
        ["\"a\"", "493", "18446744073709551616"],
        ["\"a\"", "493", "1e3"],
        ["\"a\"", "493", "NaN"],
        ["\"a\"", "493", "null"],
        ["null", "493", "1"],
        ["[\"a\"]", "493", "1"],
        ["{}", "493", "1"],
        ["true", "493", "1"],
        ["\"\\ud800\"", "493", "1"],
        ["\"a\",\"path\":\"b\"", "493", "1"],
        ["\"a\",\"extra\":1", "493", "1"],
    ] {
        let body = format!("{{\"path\":{path},\"mode\":{mode},\"bytes\":{bytes}}}");
        rows.push(call("/v1/volumes/create", body.as_bytes()));
    }
    let deep = |open: &str, close: &str, levels: usize| open.repeat(levels) + &close.repeat(levels);
    let record =
        |record: &str| format!("{{\"path\":\"kept\",\"disposal\":{{\"trash\":{{\"id\":\"t\",\"record\":{record}}}}}}}");
    for (path, body) in [
        ("/v1/volumes/discard", record(&deep("[", "]", 30_000))),
        ("/v1/volumes/discard", record(&deep("[", "]", 100))),
        ("/v1/volumes/discard", record(&deep("[", "]", 40))),
        ("/v1/volumes/discard", record(&format!("\"{}\"", "x".repeat(70_000)))),
        ("/v1/volumes/create", deep("{\"path\":", "}", 10_000)),
        ("/v1/volumes/create", "[".repeat(60_000)),
        ("/v1/volumes/create", " ".repeat(70_000)),
        ("/v1/volumes/create", "x".repeat(2_000_000)),
        (
            "/v1/nodes/admit",
            format!("{{\"addresses\":[{}]}}", ["\"10.0.0.1\""; 20_000].join(",")),
        ),
        ("/v1/nodes/admit", "{\"addresses\":[\"10.0.0.1/8\"]}".to_owned()),
        (
            "/v1/nodes/admit",
            "{\"addresses\":[\"10.0.0.1; flush ruleset\"]}".to_owned(),
        ),
        (
            "/v1/operations",
            "{\"by\":\"x\",\"work\":{\"purge\":{\"id\":\"t\"}}}".to_owned(),
        ),
        (
            "/v1/operations",
            "{\"by\":\"00000000-0000-4000-8000-000000000000\",\"work\":{}}".to_owned(),
        ),
        (
            "/v1/operations/stop",
            "{\"id\":\"0123456789abcdef0123456789abcdef\"}".to_owned(),
        ),
        (
            "/v1/mark/place",
            "{\"backendID\":\"a/b\",\"clusterID\":\"c\"}".to_owned(),
        ),
        ("/v1/space/read", "{\"x\":1}".to_owned()),
        ("/v1/volumes/list", "null".to_owned()),
    ] {
        rows.push(call(path, body.as_bytes()));
    }
    for body in [
        &b""[..],
        b"{",
        b"}",
        b"{}",
        b"null",
        b"[]",
        b"\"",
        b"{\"path\":\"a\"",
        b"\xff\xfe{\0}\0",
        b"\xef\xbb\xbf{}",
        b"{} {}",
        b"\0",
        b"{\"path\":\"a\xff\",\"mode\":493,\"bytes\":1}",
        b"<xml/>",
        b"path=a&mode=493&bytes=1",
        b"\x1f\x8b\x08\0\0\0\0\0\0\x03",
    ] {
        rows.push(call("/v1/volumes/create", body));
    }
    rows
}
