//! What no client of ours would send: by somebody who may call, by somebody with a wrong token, and by anybody.
//!
//! Whoever may call gets a documented answer, never a server's error, and changes nothing with what is malformed. Anybody else gets
//! the same answer whatever they send, and the backend is never asked.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod bodies;
mod requests;
#[path = "../support/mod.rs"]
mod support;

use futures::{StreamExt, stream};
use std::sync::Arc;
use support::raw::Answer;
use support::{Far, NEXT_TOKEN, TOKEN};
use tombolo_backend_api::*;
use tombolo_backend_fake::Fake;

/// One hostile request: a name, and bytes in which `{credentials}` is a place for header lines.
struct Row {
    name: String,
    bytes: Vec<u8>,
}

impl Row {
    fn new(name: impl Into<String>, bytes: impl Into<Vec<u8>>) -> Self {
        Self {
            name: name.into(),
            bytes: bytes.into(),
        }
    }

    fn with(&self, credentials: &str) -> Vec<u8> {
        let place = b"{credentials}";
        let at = self.bytes.windows(place.len()).position(|window| window == place);
        let at = at.unwrap_or_else(|| panic!("{} has no place for credentials", self.name));
        [
            &self.bytes[..at],
            credentials.as_bytes(),
            &self.bytes[at + place.len()..],
        ]
        .concat()
    }
}

fn rows() -> Vec<Row> {
    let rows: Vec<_> = requests::rows().into_iter().chain(bodies::rows()).collect();
    assert!(rows.len() > 100, "{}", rows.len());
    rows
}

/// A far side with a fake that has something to lose.
async fn far() -> (Fake, Far) {
    let fake = Fake::default();
    let mark = Mark {
        backend_id: BackendId::parse("b").unwrap(),
        cluster_id: ClusterId("c".to_owned()),
    };
    fake.place_mark(&mark).await.unwrap();
    fake.write("kept/file", "kept");
    fake.take_calls();
    let far = Far::start(Arc::new(fake.clone())).await;
    (fake, far)
}

/// Sends all rows, a few at a time.
async fn send(far: &Far, credentials: &str) -> Vec<(String, Option<Answer>)> {
    let sent = rows()
        .into_iter()
        .map(|row| async move { (row.name.clone(), far.send(&row.with(credentials)).await) });
    stream::iter(sent).buffer_unordered(16).collect().await
}

/// The answers of the HTTP library to what is no HTTP at all: it knows nothing of paths or callers then.
fn is_no_http(answer: &Answer) -> bool {
    matches!(answer.status, 400 | 414 | 431) && answer.body.is_empty()
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_may_call_gets_a_documented_answer_and_changes_nothing() {
    let (fake, far) = far().await;
    let before = fake.tree();
    let (mut refused, mut silent) = (0, vec![]);
    for (name, answer) in send(&far, &format!("authorization: Bearer {TOKEN}\r\n")).await {
        let Some(answer) = answer else {
            silent.push(name);
            continue;
        };
        let documented = [200, 400, 401, 404, 405, 408, 409, 412, 413, 415].contains(&answer.status);
        assert!(documented || is_no_http(&answer), "{name}: {answer:?}");
        if answer.status >= 400 && !is_no_http(&answer) {
            refused += 1;
            assert_eq!(
                answer.header("content-type"),
                Some("application/problem+json"),
                "{name}: {answer:?}"
            );
            // Of a HEAD there is no body.
            if name.starts_with("HEAD") {
                continue;
            }
            assert_eq!(answer.json()["certainty"], "NotDone", "{name}");
            assert_eq!(answer.json()["status"], answer.status, "{name}");
        }
    }
    assert!(refused > 80, "{refused}");
    // Those that never end: nobody is answered who has not asked yet.
    assert!(silent.iter().all(|name| name.starts_with("unfinished")), "{silent:?}");
    assert_eq!(fake.tree(), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_may_not_call_gets_one_answer_and_reaches_nothing() {
    let (fake, far) = far().await;
    let before = fake.tree();
    let mut answers = vec![];
    for credentials in [
        "",
        &format!("authorization: Bearer {NEXT_TOKEN}\r\n"),
        "authorization: Bearer \r\n",
        "authorization: Basic dTpw\r\n",
        &format!("authorization: Bearer {TOKEN}\r\nauthorization: Bearer {TOKEN}\r\n"),
        &format!("authorization: Bearer {TOKEN}x\r\n"),
        &format!("authorization: {TOKEN}\r\n"),
        &format!("x-authorization: Bearer {TOKEN}\r\ncookie: token={TOKEN}\r\n"),
    ] {
        for (name, answer) in send(&far, credentials).await {
            answers.extend(answer.filter(|answer| !is_no_http(answer)).map(|answer| (name, answer)));
        }
    }
    assert!(answers.len() > 500, "{}", answers.len());
    let bare = |answer: &Answer| {
        let mut bare = answer.clone();
        bare.headers.retain(|(name, _)| name != "date");
        bare
    };
    let reference = bare(&far.ask("GET", "/v1/backend", "", "").await);
    assert_eq!(reference.status, 401);
    for (name, answer) in &answers {
        // Of a HEAD there is no body.
        let body = if name.starts_with("HEAD") { "" } else { &reference.body };
        let expected = Answer {
            body: body.to_owned(),
            ..reference.clone()
        };
        assert_eq!(bare(answer), expected, "{name}");
    }
    assert_eq!(fake.tree(), before);
    assert_eq!(fake.calls(), [], "the backend was asked something");
}

#[tokio::test(flavor = "multi_thread")]
async fn liveness_is_for_everybody_and_tells_nothing() {
    let (fake, far) = far().await;
    for credentials in ["", "authorization: Bearer wrong\r\n"] {
        let answer = far.ask("GET", "/healthz", credentials, "").await;
        assert_eq!((answer.status, answer.body.as_str()), (200, "alive\n"));
    }
    for (method, path) in [
        ("POST", "/healthz"),
        ("HEAD", "/healthz"),
        ("GET", "/healthz/"),
        ("GET", "//healthz"),
        ("GET", "/HEALTHZ"),
    ] {
        assert_eq!(far.ask(method, path, "", "").await.status, 401, "{method} {path}");
    }
    assert_eq!(fake.calls(), []);
}
