//! Requests that are wrong before their body begins.

use super::Row;

/// A request without a body, with these header lines besides.
fn bare(line: &str, headers: &str) -> Row {
    let bytes = format!("{line}\r\nhost: far\r\nconnection: close\r\n{{credentials}}{headers}\r\n");
    let name: String = format!("{line} {headers}").chars().take(90).collect();
    Row::new(name, bytes)
}

/// A call with a good body, with these header lines besides.
fn call(headers: &str) -> Row {
    framed(headers, "content-length: 15\r\n", r#"{"path":"kept"}"#)
}

/// A call with these header lines, this framing and this body.
fn framed(headers: &str, framing: &str, body: &str) -> Row {
    let line = "POST /v1/volumes/inspect HTTP/1.1\r\nhost: far\r\nconnection: close\r\n";
    let kind = if headers.contains("content-type") {
        ""
    } else {
        "content-type: application/json\r\n"
    };
    let name: String = format!("{headers}{framing}{body}").chars().take(90).collect();
    Row::new(name, format!("{line}{{credentials}}{kind}{headers}{framing}\r\n{body}"))
}

pub fn rows() -> Vec<Row> {
    let long = "a".repeat(4096);
    let mut rows = vec![];
    for path in [
        "/",
        "/v1",
        "/v1/",
        "//v1/backend",
        "/v1//backend",
        "/v1/backend/",
        "/V1/backend",
        "/v1/../v1/backend",
        "/v1/%2e%2e/%2e%2e/etc/passwd",
        "/../../etc/passwd",
        "/v1/volumes%2finspect",
        "/v1/backend%00",
        "/v1/backend%0a",
        "/v1/backend;x",
        "/%",
        "/%zz",
        "/v1/operations",
        "/v1/operations/",
        "/v1/operations/x",
        "/v1/operations/%00",
        "/v1/operations/..",
        "/v1/operations/..%2f..",
        "/v1/operations/%ff%fe",
        "/v1/operations/0123456789abcdef0123456789abcdef",
        "/v1/operations/0123456789abcdef0123456789abcdef?wait=99999",
        "/v1/operations/0123456789abcdef0123456789abcdef?wait=1&wait=1",
        "/v1/operations/0123456789abcdef0123456789abcdef?%00",
        "/.tombolo/backend.json",
        "/healthz/..",
        "/v1/volumes/inspect",
    ] {
        rows.push(bare(&format!("GET {path} HTTP/1.1"), ""));
        rows.push(bare(&format!("DELETE {path} HTTP/1.1"), ""));
    }
    for path in [&long, "é", "\u{202e}x", "a b", "\\..\\.."] {
        rows.push(bare(&format!("GET /v1/operations/{path} HTTP/1.1"), ""));
    }
    for method in [
        "HEAD", "PUT", "PATCH", "OPTIONS", "TRACE", "PROPFIND", "get", "GE\tT", "", "POST\0",
    ] {
        rows.push(bare(&format!("{method} /v1/backend HTTP/1.1"), ""));
        rows.push(bare(&format!("{method} /v1/volumes/create HTTP/1.1"), ""));
    }
    for line in [
        "GET http://elsewhere/v1/volumes/create HTTP/1.1",
        "GET https://user:pass@far/v1/trash/list HTTP/1.1",
        "OPTIONS * HTTP/1.1",
        "CONNECT elsewhere:443 HTTP/1.1",
        "GET /v1/nothing HTTP/1.0",
        "GET /v1/nothing HTTP/2.0",
        "GET /v1/nothing HTTP/9.9",
        "GET /v1/nothing",
        "PRI * HTTP/2.0",
        "\u{0}\u{1}\u{2}",
        "GET /v1/nothing\tHTTP/1.1",
    ] {
        rows.push(bare(line, ""));
    }
    rows.push(bare(&format!("GET /{} HTTP/1.1", "a".repeat(70_000)), ""));
    for headers in [
        "no colon here\r\n",
        "na me: x\r\n",
        ": x\r\n",
        "x: a\r\n b\r\n",
        "x: \0\r\n",
        "x: \u{1b}[31m\r\n",
        "host: another\r\n",
        "upgrade: websocket\r\nconnection: upgrade\r\n",
        "upgrade: h2c\r\nhttp2-settings: AAA\r\n",
        "expect: nonsense\r\n",
        "x-http-method-override: POST\r\n",
        "x-original-url: /v1/trash/list\r\n",
        "range: bytes=0-1\r\n",
    ] {
        rows.push(bare("GET /v1/nothing HTTP/1.1", headers));
    }
    rows.push(bare("GET /v1/nothing HTTP/1.1", &"x: y\r\n".repeat(200)));
    rows.push(bare(
        "GET /v1/nothing HTTP/1.1",
        &format!("x: {}\r\n", "y".repeat(40_000)),
    ));
    for headers in [
        "tombolo-root: a/b\r\n",
        "tombolo-root: another\r\ntombolo-root: b\r\n",
        "tombolo-root: ..\r\n",
        "tombolo-root: \r\n",
        "tombolo-revision: x\r\n",
        "tombolo-revision: 0123456789abcdef0123456789abcdef\r\n",
        "tombolo-deadline: 0\r\n",
        "tombolo-deadline: -1\r\n",
        "tombolo-deadline: 1e9\r\n",
        "tombolo-deadline: 99999999999999999999\r\n",
        "tombolo-deadline: 500\r\ntombolo-deadline: 500\r\n",
        "x-request-id: a b\r\n",
        "x-request-id: \u{1b}[2J\r\n",
        "content-type: text/plain\r\n",
        "content-type: application/xml\r\n",
        "content-type: multipart/form-data; boundary=x\r\n",
        "content-type: application/json; charset=utf-16\r\n",
        "content-type: application/json\r\ncontent-type: text/plain\r\n",
        "content-encoding: gzip\r\ncontent-type: text/plain\r\n",
    ] {
        rows.push(call(headers));
    }
    framings(&mut rows);
    rows
}

/// Bodies whose length is a riddle, on which two parsers might not agree (RFC 9112, section 6.3 and 11.2).
fn framings(rows: &mut Vec<Row>) {
    let create = "POST /v1/volumes/create HTTP/1.1\r\nhost: far\r\ncontent-length: 2\r\n\r\n{}";
    for (framing, body) in [
        (
            "content-length: 5\r\ntransfer-encoding: chunked\r\n",
            "0\r\n\r\n".to_owned() + create,
        ),
        (
            "transfer-encoding: chunked\r\ncontent-length: 5\r\n",
            "0\r\n\r\n".to_owned() + create,
        ),
        ("content-length: 2\r\ncontent-length: 3\r\n", "{}x".to_owned()),
        ("content-length: -1\r\n", String::new()),
        ("content-length: +2\r\n", "{}".to_owned()),
        ("content-length: 2, 2\r\n", "{}".to_owned()),
        ("content-length: 99999999999999999999\r\n", "{}".to_owned()),
        ("content-length: x\r\n", "{}".to_owned()),
        ("transfer-encoding: xchunked\r\n", "0\r\n\r\n".to_owned()),
        ("transfer-encoding: chunked, identity\r\n", "0\r\n\r\n".to_owned()),
        ("transfer-encoding: identity\r\n", "{}".to_owned()),
        ("transfer-encoding:\u{b}chunked\r\n", "0\r\n\r\n".to_owned()),
        ("transfer-encoding: chunked\r\n", "zz\r\n{}\r\n0\r\n\r\n".to_owned()),
        (
            "transfer-encoding: chunked\r\n",
            "fffffffffffffffff\r\n{}\r\n".to_owned(),
        ),
        (
            "transfer-encoding: chunked\r\n",
            format!("2;{}\r\n{{}}\r\n0\r\n\r\n", "x".repeat(40_000)),
        ),
        (
            "transfer-encoding: chunked\r\n",
            format!("0\r\n{}\r\n", "x: y\r\n".repeat(5000)),
        ),
        ("", String::new()),
        ("", create.to_owned()),
    ] {
        rows.push(framed("", framing, &body));
    }
    let head = "POST /v1/volumes/create HTTP/1.1\r\nhost: far\r\n{credentials}content-type: application/json\r\n";
    let chunk = format!(
        "{head}transfer-encoding: chunked\r\n\r\nffffff\r\n{}",
        "x".repeat(300_000)
    );
    rows.push(Row::new("unfinished chunk", chunk));
    rows.push(Row::new(
        "unfinished body",
        "POST /v1/volumes/create HTTP/1.1\r\nhost: far\r\n{credentials}content-type: application/json\r\ncontent-length: 99\r\n\r\n{",
    ));
    rows.push(Row::new(
        "unfinished head",
        "POST /v1/volumes/create HTTP/1.1\r\nhost: far\r\n{credentials}x",
    ));
}
