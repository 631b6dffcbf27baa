//! The entry: nobody gets past it unrecognised, and nobody too often. It looks at the credentials and at nothing else.

use super::Shared;
use super::answer::{plain, refuse};
use super::body::forget;
use super::callers::{Caller, Peer};
use super::listen::Place;
use crate::wire::LIVENESS;
use crate::wire::problem::{Code, Problem};
use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, Method, header};
use std::sync::Arc;

pub(super) async fn enter(State(shared): State<Arc<Shared>>, mut request: Request, next: Next) -> Response {
    if request.method() == Method::GET && request.uri().path() == LIVENESS {
        return alive(State(shared), request).await;
    }
    let peer = request.extensions().get::<Peer>().cloned();
    let who = peer.and_then(|peer| Some((shared.callers.who(request.headers(), &peer)?, peer.address)));
    let Some((who, peer)) = who else {
        shared.counts.unrecognised();
        forget(request, shared.bounds.body).await;
        return unrecognised();
    };
    if let Some(place) = request.extensions_mut().remove::<Arc<Place>>() {
        place.recognised();
    }
    let Some(place) = shared.allowances.admit(&who) else {
        forget(request, shared.bounds.body).await;
        let problem = Problem::refused(Code::TooMany, "this caller asks too much at once");
        shared.counts.answered("none", problem.status());
        return refuse(problem, uuid::Uuid::new_v4());
    };
    let caller = Caller {
        who,
        peer,
        _place: Arc::new(place),
    };
    request.extensions_mut().insert(caller);
    next.run(request).await
}

/// Counts what recognised callers are answered, by route.
pub(super) async fn count(State(shared): State<Arc<Shared>>, request: Request, next: Next) -> Response {
    let matched = request.extensions().get::<MatchedPath>().cloned();
    let response = next.run(request).await;
    shared
        .counts
        .answered(matched.as_ref().map_or("none", MatchedPath::as_str), response.status());
    response
}

/// Tells that the process lives, and nothing else; the last answer on its connection.
pub(super) async fn alive(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    forget(request, shared.bounds.body).await;
    let headers = [(header::CONTENT_TYPE, "text/plain"), (header::CONNECTION, "close")];
    (headers, "alive\n").into_response()
}

/// The same for whatever was asked, byte for byte, and the last answer on its connection.
fn unrecognised() -> Response {
    let mut response = plain(&Problem::refused(
        Code::Unauthenticated,
        "no valid credentials were shown",
    ));
    let headers = response.headers_mut();
    headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    response
}
