//! The routes of operations.

use super::Shared;
use super::answer::{audit, found, read, refuse};
use super::asked::Asked;
use super::body::forget;
use super::callers::Caller;
use super::operations::Begun;
use crate::wire::headers::Revision;
use crate::wire::operation::{LONGEST_WAIT, Operation, State as Stands, ToStart, ToStop};
use crate::wire::problem::{Code, Problem};
use crate::wire::{LONGEST_BODY, STOP, Subject};
use axum::extract::rejection::PathRejection;
use axum::extract::{Extension, Path, Request, State};
use axum::response::Response;
use std::sync::Arc;
use std::time::Duration;
use uuid::Uuid;

/// Starts or joins.
pub(super) async fn start(
    State(shared): State<Arc<Shared>>,
    Extension(caller): Extension<Caller>,
    request: Request,
) -> Response {
    let fresh = Uuid::new_v4();
    let asked = Asked::parse(request.headers(), fresh);
    let read = read(request, LONGEST_BODY, shared.bounds.body).await;
    let asked = match asked {
        Ok(asked) => asked,
        Err(problem) => return refuse(problem, fresh),
    };
    let id = asked.request;
    match started(&shared, caller, asked, read).await {
        Ok(operation) => found(&operation, id),
        Err(problem) => refuse(problem, id),
    }
}

async fn started(
    shared: &Shared,
    caller: Caller,
    asked: Asked,
    read: Result<ToStart, Problem>,
) -> Result<Operation, Problem> {
    let to_start = read?;
    shared.same_description(&asked)?;
    let deadline = asked.deadline.unwrap_or(crate::wire::Effect::Changes.deadline());
    let late = |_| Err(Problem::late(tombolo_backend_api::Certainty::NotDone));
    tokio::time::timeout(deadline, shared.same_root(&asked))
        .await
        .unwrap_or_else(late)?;
    let (kind, subject) = (to_start.work.kind(), to_start.work.subject());
    let (who, peer, request) = (caller.who.clone(), caller.peer, asked.request);
    let about = subject.clone();
    let begun = shared.operations.start(to_start.work, to_start.by, move |end| {
        let problem = match end {
            Stands::Failed(problem) => Some(problem),
            Stands::Done(_) | Stands::Running(_) => None,
        };
        audit(&caller.who, caller.peer, request, kind, &about, problem);
    });
    let (operation, begun) = begun.inspect_err(|problem| {
        audit(&who, peer, request, kind, &subject, Some(problem));
    })?;
    let outcome = match begun {
        Begun::Started => "started",
        Begun::Joined => "joined",
    };
    tracing::info!(target: "audit", %who, %peer, %request, call = kind, subject, outcome, %operation);
    let wait = Duration::from_millis(to_start.wait).min(deadline);
    shared.operations.look(&operation, wait).await
}

/// Asks after one. The query is one number at most, so it is read by hand: what is not understood is refused.
pub(super) async fn look(
    State(shared): State<Arc<Shared>>,
    id: Result<Path<String>, PathRejection>,
    request: Request,
) -> Response {
    let fresh = Uuid::new_v4();
    let asked = Asked::parse(request.headers(), fresh);
    let parsed = asked.and_then(|asked| Ok((asked.request, named(id)?, wait(request.uri().query())?)));
    forget(request, shared.bounds.body).await;
    match parsed {
        Err(problem) => refuse(problem, fresh),
        Ok((request, id, wait)) => match shared.operations.look(&id, wait).await {
            Ok(operation) => found(&operation, request),
            Err(problem) => refuse(problem, request),
        },
    }
}

/// Stops one.
pub(super) async fn stop(
    State(shared): State<Arc<Shared>>,
    Extension(caller): Extension<Caller>,
    request: Request,
) -> Response {
    let fresh = Uuid::new_v4();
    let asked = Asked::parse(request.headers(), fresh);
    let read = read(request, LONGEST_BODY, shared.bounds.body).await;
    let asked = match asked {
        Ok(asked) => asked,
        Err(problem) => return refuse(problem, fresh),
    };
    let stopped = async {
        let ToStop { id } = read?;
        shared.same_description(&asked)?;
        let stopped = shared.operations.stop(&id).await;
        audit(
            &caller.who,
            caller.peer,
            asked.request,
            STOP,
            id.as_str(),
            stopped.as_ref().err(),
        );
        stopped
    };
    match stopped.await {
        Ok(operation) => found(&operation, asked.request),
        Err(problem) => refuse(problem, asked.request),
    }
}

fn named(id: Result<Path<String>, PathRejection>) -> Result<Revision, Problem> {
    let parsed = id.ok().and_then(|Path(id)| Revision::parse(&id).ok());
    parsed.ok_or_else(|| Problem::refused(Code::Malformed, "an operation's name is 32 hexadecimal digits"))
}

fn wait(query: Option<&str>) -> Result<Duration, Problem> {
    let Some(query) = query else {
        return Ok(Duration::ZERO);
    };
    let number = query
        .strip_prefix("wait=")
        .filter(|text| text.bytes().all(|b| b.is_ascii_digit()));
    let wait = number
        .and_then(|text| text.parse::<u64>().ok())
        .filter(|wait| *wait <= LONGEST_WAIT);
    let refused = || {
        Problem::refused(
            Code::Malformed,
            format!("the query is wait=0..{LONGEST_WAIT} or nothing"),
        )
    };
    wait.map(Duration::from_millis).ok_or_else(refused)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_is_bounded_and_literal() {
        assert_eq!(wait(None), Ok(Duration::ZERO));
        assert_eq!(wait(Some("wait=1500")), Ok(Duration::from_millis(1500)));
        for bad in [
            "",
            "wait",
            "wait=",
            "wait=20001",
            "wait=-1",
            "wait=1&wait=2",
            "wait=%31",
            "x=1",
        ] {
            assert_eq!(wait(Some(bad)).unwrap_err().code, Code::Malformed, "{bad}");
        }
    }
}
