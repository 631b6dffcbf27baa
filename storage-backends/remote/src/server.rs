//! The side that has the backend: a router over it, and a listener that keeps others away.
//!
//! The way of a request: [`listen`] (connections, TLS), [`entry`] (who is it, and not too much of it), [`answer`] (headers,
//! body, deadline, mark, audit), [`serve`] (the backend). Work that takes long goes to [`operations`].
//! Nobody gets past `entry` unrecognised, whatever the path, the method and the body; only liveness is told, and it tells nothing.

mod allowance;
mod answer;
mod asked;
mod body;
mod callers;
mod counts;
mod entry;
mod files;
mod listen;
mod long;
mod operations;
mod serve;
mod tls;
mod tokens;

pub use allowance::Bounds;
pub use callers::Callers;
pub use counts::Counts;
pub use files::{Credentials, Files, UnfitFile};
pub use listen::{Limits, Listening, listen};
pub use operations::{Operations, Room};
pub use tls::Security;
pub use tokens::{InvalidTokens, Tokens};

use crate::wire::calls::*;
use crate::wire::describe::Description;
use crate::wire::{Call, DESCRIPTION, LIVENESS, OPERATIONS, STOP};
use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::{get, post};
use std::sync::Arc;
use tombolo_backend_api::Backend;

/// What every request is answered from.
pub struct Shared {
    backend: Arc<dyn Backend>,
    description: Description,
    callers: Arc<Callers>,
    bounds: Bounds,
    allowances: allowance::Allowances,
    operations: Operations,
    counts: Counts,
}

impl Shared {
    /// Serves `backend` to `callers`.
    pub fn new(backend: Arc<dyn Backend>, callers: Arc<Callers>, bounds: Bounds, room: Room, counts: Counts) -> Self {
        Self {
            description: Description::of(&*backend, uuid::Uuid::new_v4()),
            operations: Operations::new(backend.clone(), room, counts.clone()),
            bounds,
            allowances: allowance::Allowances::new(bounds),
            backend,
            callers,
            counts,
        }
    }
}

/// The routes, behind the entry.
pub fn router(shared: Arc<Shared>) -> Router {
    let mut router = Router::new();
    macro_rules! route {
        ($call:ident) => {
            router = router.route($call::PATH, post(answer::call::<$call>));
        };
    }
    for_every_call!(route);
    let routes = router
        .route(DESCRIPTION, get(answer::describe))
        .route(OPERATIONS, post(long::start))
        .route(STOP, post(long::stop))
        .route(&format!("{OPERATIONS}/{{id}}"), get(long::look))
        .route(LIVENESS, get(entry::alive))
        .fallback(answer::nothing_here)
        .method_not_allowed_fallback(answer::not_this_method)
        .layer(from_fn_with_state(shared.clone(), entry::count))
        .with_state(shared.clone());
    // Around the whole router, not a layer in it: a router adds what it knows (`Allow`) to what its layers answer.
    Router::new()
        .fallback_service(routes)
        .layer(from_fn_with_state(shared, entry::enter))
}
