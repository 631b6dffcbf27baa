//! From a request to an answer, the same way for every call.

use super::Shared;
use super::asked::{Asked, says_json};
use super::body::{collect, forget};
use super::callers::{Caller, Who};
use super::serve::Serve;
use crate::wire::describe::Description;
use crate::wire::headers::LONGEST;
use crate::wire::problem::{Code, Problem};
use crate::wire::{Effect, JSON, PROBLEM_JSON, Subject, headers};
use axum::extract::{Extension, Request, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, header};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tombolo_backend_api::{BackendError, Certainty};
use uuid::Uuid;

/// Answers one call.
pub(super) async fn call<C: Serve>(
    State(shared): State<Arc<Shared>>,
    Extension(caller): Extension<Caller>,
    request: Request,
) -> Response {
    let fresh = Uuid::new_v4();
    let asked = Asked::parse(request.headers(), fresh);
    let read = read::<C::Request>(request, C::LONGEST_BODY, shared.bounds.body).await;
    let asked = match asked {
        Ok(asked) => asked,
        Err(problem) => return refuse(problem, fresh),
    };
    let id = asked.request;
    let known = read.and_then(|read| shared.same_description(&asked).map(|()| read));
    let outcome = match known {
        Err(problem) => Err(problem),
        // A change goes on, and is audited, also when whoever asked for it has gone.
        Ok(read) if C::EFFECT.changes() => {
            let work = tokio::spawn(async move {
                let subject = read.subject();
                let outcome = shared.bounded::<C>(&asked, read).await;
                audit(&caller.who, caller.peer, id, C::PATH, &subject, outcome.as_ref().err());
                outcome
            });
            work.await.unwrap_or_else(|_| Err(Problem::of(&broke())))
        }
        Ok(read) => shared.bounded::<C>(&asked, read).await,
    };
    match outcome {
        Ok(answer) => found(&answer, id),
        Err(problem) => refuse(problem, id),
    }
}

pub(super) fn broke() -> BackendError {
    BackendError::maybe_done(tombolo_backend_api::Class::Bug, "the call broke")
}

/// One line for every change: who, what, how it ended.
pub(super) fn audit(who: &Who, peer: SocketAddr, request: Uuid, call: &str, subject: &str, problem: Option<&Problem>) {
    match problem {
        None => tracing::info!(target: "audit", %who, %peer, %request, call, subject, outcome = "done"),
        Some(problem) => {
            let Problem {
                class,
                certainty,
                detail,
                ..
            } = problem;
            tracing::info!(target: "audit", %who, %peer, %request, call, subject, outcome = "failed", ?class, ?certainty, detail);
        }
    }
}

impl Shared {
    /// Refuses a caller who knows the backend by another description.
    pub(super) fn same_description(&self, asked: &Asked) -> Result<(), Problem> {
        match &asked.revision {
            Some(revision) if *revision != self.description.revision => Err(Problem::refused(
                Code::DescriptionChanged,
                "this backend is not as the caller knows it: it must be opened anew",
            )),
            _ => Ok(()),
        }
    }

    /// Refuses a caller who expects another root's mark.
    pub(super) async fn same_root(&self, asked: &Asked) -> Result<(), Problem> {
        let Some(expected) = &asked.root else {
            return Ok(());
        };
        let mark = self.backend.read_mark().await.map_err(|e| Problem::of(&told(e)))?;
        let found = mark.map(|mark| mark.backend_id);
        let wrong = || Problem::refused(Code::RootChanged, "the root does not carry the expected mark");
        (found.as_ref() == Some(expected)).then_some(()).ok_or_else(wrong)
    }

    /// The backend's answer, if it comes in time.
    async fn bounded<C: Serve>(&self, asked: &Asked, request: C::Request) -> Result<C::Answer, Problem> {
        let deadline = asked.deadline.unwrap_or(C::EFFECT.deadline()).min(LONGEST);
        let answer = async {
            if C::EFFECT == Effect::Changes {
                self.same_root(asked).await?;
            }
            C::serve(&*self.backend, request)
                .await
                .map_err(|e| Problem::of(&told(e)))
        };
        let certainty = if C::EFFECT.changes() {
            Certainty::MaybeDone
        } else {
            Certainty::NotDone
        };
        let late = |_| Err(Problem::late(certainty));
        tokio::time::timeout(deadline, answer).await.unwrap_or_else(late)
    }
}

/// Logs the whole of an error, of which only a part is answered.
pub(super) fn told(error: BackendError) -> BackendError {
    if error.source.is_some() {
        tracing::info!(class = ?error.class, certainty = ?error.certainty, "{error}");
    }
    error
}

/// Reads and parses a body, bounded in length, depth and time.
pub(super) async fn read<T: DeserializeOwned + Subject>(
    request: Request,
    longest: usize,
    time: Duration,
) -> Result<T, Problem> {
    let malformed = |why: String| Problem::refused(Code::Malformed, why);
    let json = says_json(request.headers());
    let bytes = collect(request.into_body(), longest, time).await?;
    if !json {
        return Err(Problem::refused(Code::UnsupportedType, format!("a request is {JSON}")));
    }
    let parsed = serde_json::from_slice::<T>(&bytes);
    let parsed = parsed.map_err(|e| malformed(format!("the body cannot be understood: {e}")))?;
    parsed.check().map_err(|why| malformed(why.to_owned()))?;
    Ok(parsed)
}

/// What is constant about the backend, and what the admin is to know at the moment.
pub(super) async fn describe(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let fresh = Uuid::new_v4();
    let asked = Asked::parse(request.headers(), fresh);
    forget(request, shared.bounds.body).await;
    match asked {
        Ok(asked) => found::<Description>(&shared.description.now(&*shared.backend), asked.request),
        Err(problem) => refuse(problem, fresh),
    }
}

pub(super) async fn nothing_here(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    forget(request, shared.bounds.body).await;
    refuse(
        Problem::refused(Code::NotFound, "there is nothing here"),
        Uuid::new_v4(),
    )
}

pub(super) async fn not_this_method(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    forget(request, shared.bounds.body).await;
    refuse(
        Problem::refused(Code::MethodNotAllowed, "not with this method"),
        Uuid::new_v4(),
    )
}

/// An answer that is what was asked for.
pub(super) fn found<T: Serialize>(answer: &T, request: Uuid) -> Response {
    match serde_json::to_vec(answer) {
        Ok(bytes) => named(([(header::CONTENT_TYPE, JSON)], bytes).into_response(), request),
        Err(_) => refuse(Problem::of(&broke()), request),
    }
}

/// An answer that is a problem.
pub(super) fn refuse(mut problem: Problem, request: Uuid) -> Response {
    problem.instance = Some(request.urn().to_string());
    named(plain(&problem), request)
}

/// A problem without a name.
pub(super) fn plain(problem: &Problem) -> Response {
    let bytes = serde_json::to_vec(problem).unwrap_or_default();
    let mut response = (problem.status(), [(header::CONTENT_TYPE, PROBLEM_JSON)], bytes).into_response();
    if matches!(problem.status().as_u16(), 429 | 503) {
        response
            .headers_mut()
            .insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    }
    response
}

fn named(mut response: Response, request: Uuid) -> Response {
    if let Ok(value) = HeaderValue::from_str(&request.to_string()) {
        response.headers_mut().insert(headers::REQUEST, value);
    }
    response
}
