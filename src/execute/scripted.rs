//! An API server that answers as a test says, in that order, and remembers what it was asked.
//!
//! For what only the wire shows: method, path, query, content type and body of each request, and what each answer is taken for.

use http::{Request, Response, StatusCode, header};
use kube::Client;
use kube::client::Body;
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex};

/// What is answered to one request.
#[derive(Debug, Clone)]
pub(crate) enum Answer {
    /// A status code and a body.
    Is(u16, Value),
    /// The connection ends before an answer.
    Cut,
    /// Nothing, ever.
    Silence,
    /// The events of a watch, whose stream then ends.
    Events(Vec<Value>),
}

/// One request.
#[derive(Clone, PartialEq)]
pub(crate) struct Asked {
    /// Method, path, and the query after a question mark, if there is one.
    pub(crate) line: String,
    /// The type of the body.
    pub(crate) content_type: String,
    /// The body; null if there is none.
    pub(crate) body: Value,
}

impl fmt::Debug for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} [{}] {}", self.line, self.content_type, self.body)
    }
}

/// What a scripted API server was asked.
#[derive(Clone, Default)]
pub(crate) struct Scripted(Arc<Mutex<Script>>);

#[derive(Default)]
struct Script {
    answers: VecDeque<Answer>,
    asked: Vec<Asked>,
}

/// A client whose server gives these answers, one to each request; whoever asks for more is refused.
pub(crate) fn server(answers: impl IntoIterator<Item = Answer>) -> (Client, Scripted) {
    let scripted = Scripted::default();
    scripted.0.lock().unwrap().answers.extend(answers);
    let script = scripted.clone();
    let service = tower::service_fn(move |request| {
        let script = script.clone();
        async move { script.answer(request).await }
    });
    (Client::new(service, "default"), scripted)
}

impl Scripted {
    /// The requests so far.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.0.lock().unwrap().asked.clone()
    }

    /// The requests so far, without their bodies.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.asked().into_iter().map(|asked| asked.line).collect()
    }

    /// The one request so far.
    pub(crate) fn only(&self) -> Asked {
        let asked = self.asked();
        assert_eq!(asked.len(), 1, "{asked:#?}");
        asked[0].clone()
    }

    async fn answer(&self, request: Request<Body>) -> Result<Response<Body>, std::io::Error> {
        let (head, body) = request.into_parts();
        let body = body.collect_bytes().await.unwrap();
        let given = head.headers.get(header::CONTENT_TYPE);
        let asked = Asked {
            line: line(head.method.as_str(), head.uri.path(), head.uri.query()),
            content_type: given.map(|v| v.to_str().unwrap().to_owned()).unwrap_or_default(),
            body: read(&body),
        };
        let answer = {
            let mut script = self.0.lock().unwrap();
            script.asked.push(asked);
            script.answers.pop_front()
        };
        match answer.unwrap_or_else(|| refusal(418, "Teapot", "the script has ended")) {
            Answer::Is(code, body) => Ok(response(code, body.to_string())),
            Answer::Events(events) => {
                let lines: Vec<String> = events.iter().map(|event| format!("{event}\n")).collect();
                Ok(response(200, lines.concat()))
            }
            Answer::Cut => Err(std::io::Error::other("cut off")),
            Answer::Silence => std::future::pending().await,
        }
    }
}

fn line(method: &str, path: &str, query: Option<&str>) -> String {
    let decode = |text: &str| text.replace("%2F", "/").replace("%3D", "=").replace("%2C", ",");
    let query: Vec<_> = query
        .into_iter()
        .flat_map(|q| q.split('&'))
        .filter(|q| !q.is_empty())
        .collect();
    match query.as_slice() {
        [] => format!("{method} {path}"),
        query => format!("{method} {path}?{}", decode(&query.join("&"))),
    }
}

fn read(body: &[u8]) -> Value {
    match body.is_empty() {
        true => Value::Null,
        false => serde_json::from_slice(body).unwrap(),
    }
}

fn response(code: u16, body: String) -> Response<Body> {
    let mut response = Response::new(Body::from(body.into_bytes()));
    *response.status_mut() = StatusCode::from_u16(code).unwrap();
    response
}

/// The object that was asked for or made.
pub(crate) fn ok(body: Value) -> Answer {
    Answer::Is(200, body)
}

/// A refusal as the API server words it.
pub(crate) fn refusal(code: u16, reason: &str, message: &str) -> Answer {
    let status = json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": message, "reason": reason, "code": code});
    Answer::Is(code, status)
}

/// There is no such object.
pub(crate) fn absent() -> Answer {
    refusal(404, "NotFound", "not found")
}

/// A list of these objects.
pub(crate) fn list(kind: &str, items: &[Value]) -> Answer {
    ok(
        json!({"kind": format!("{kind}List"), "apiVersion": "v1", "metadata": {"resourceVersion": "100"}, "items": items}),
    )
}
