//! One request after the other to the far side, with deadlines, and repeated where [`verdict`](super::verdict) allows.

use super::config::{Config, Credentials};
use super::connection::{Connection, connection, receive, silence};
use super::verdict::{Failure, Reply, Silence, Then, of_reply, of_silence, repeats};
use crate::wire::describe::Description;
use crate::wire::headers::{DEADLINE, REQUEST, REVISION, ROOT, Revision};
use crate::wire::{Call, DESCRIPTION, Effect, JSON};
use http::{Method, header};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{PoisonError, RwLock};
use std::time::Duration;
use tokio::time::Instant;
use tombolo_backend_api::{BackendError, BackendId, Class};

/// The far side stops waiting at the deadline, and then says how it stands: so much longer is listened.
const LAST_WORD: Duration = Duration::from_secs(2);
/// How often a call is made again, and how long is waited before the first time.
const REPEATS: u32 = 2;
const PAUSE: Duration = Duration::from_millis(200);

/// The way to the far side.
#[derive(Debug)]
pub(super) struct Link {
    config: Config,
    connection: RwLock<Connection>,
    revision: RwLock<Option<Revision>>,
    root: RwLock<Option<BackendId>>,
    outdated: AtomicBool,
}

/// One request, before it is sent.
#[derive(Debug)]
pub(super) struct Asking {
    pub method: Method,
    pub path: String,
    pub body: Option<Vec<u8>>,
    pub effect: Effect,
    /// Whether the root's mark is to be looked at first.
    pub guarded: bool,
}

impl Link {
    pub fn new(config: Config) -> Result<Self, BackendError> {
        Ok(Self {
            connection: RwLock::new(connection(&config, &config.credentials)?),
            config,
            revision: RwLock::default(),
            root: RwLock::default(),
            outdated: AtomicBool::new(false),
        })
    }

    pub fn renew(&self, credentials: Credentials) -> Result<(), BackendError> {
        let renewed = connection(&self.config, &credentials)?;
        *self.connection.write().unwrap_or_else(PoisonError::into_inner) = renewed;
        Ok(())
    }

    /// From now on the far side has to be of this revision.
    pub fn expect(&self, revision: Revision) {
        *self.revision.write().unwrap_or_else(PoisonError::into_inner) = Some(revision);
    }

    /// Remembers whose root was seen.
    pub fn saw(&self, root: Option<BackendId>) {
        *self.root.write().unwrap_or_else(PoisonError::into_inner) = root;
    }

    pub fn is_outdated(&self) -> bool {
        self.outdated.load(Ordering::Relaxed)
    }

    pub async fn describe(&self) -> Result<Description, BackendError> {
        let asking = Asking {
            method: Method::GET,
            path: DESCRIPTION.to_owned(),
            body: None,
            effect: Effect::Reads,
            guarded: false,
        };
        self.repeated(&asking).await.map_err(|failure| failure.error)
    }

    /// Makes a call; a change goes with the root's mark as it was seen last.
    pub async fn call<C: Call>(&self, request: &C::Request) -> Result<C::Answer, BackendError> {
        self.call_guarded::<C>(request, C::EFFECT == Effect::Changes).await
    }

    pub async fn call_guarded<C: Call>(&self, request: &C::Request, guarded: bool) -> Result<C::Answer, BackendError> {
        let asking = Asking {
            method: Method::POST,
            path: C::PATH.to_owned(),
            body: Some(json(request)?),
            effect: C::EFFECT,
            guarded,
        };
        self.repeated(&asking).await.map_err(|failure| failure.error)
    }

    async fn repeated<A: DeserializeOwned>(&self, asking: &Asking) -> Result<A, Failure> {
        let deadline = Instant::now() + asking.effect.deadline();
        let mut repeat = 0;
        loop {
            let failure = match self.once(asking, deadline).await {
                Ok(answer) => return Ok(answer),
                Err(failure) => failure,
            };
            let pause = PAUSE * 2_u32.pow(repeat);
            let in_time = Instant::now() + pause < deadline;
            if repeat == REPEATS || !in_time || !repeats(asking.effect, failure.then) {
                return Err(failure);
            }
            repeat += 1;
            tokio::time::sleep(pause).await;
        }
    }

    /// Asks once.
    pub async fn once<A: DeserializeOwned>(&self, asking: &Asking, deadline: Instant) -> Result<A, Failure> {
        if self.is_outdated() {
            return Err(outdated());
        }
        let answer = match self.send(asking, deadline).await {
            Ok(reply) => of_reply(asking.effect, &reply),
            Err(silence) => Err(of_silence(asking.effect, silence)),
        };
        if let Err(Failure {
            then: Then::OpenAnew, ..
        }) = &answer
        {
            self.outdated.store(true, Ordering::Relaxed);
            return Err(outdated());
        }
        answer
    }

    async fn send(&self, asking: &Asking, deadline: Instant) -> Result<Reply, Silence> {
        let Connection { client, bearer } = self.connection.read().unwrap_or_else(PoisonError::into_inner).clone();
        let mut url = self.config.url.clone();
        let (path, query) = asking
            .path
            .split_once('?')
            .map_or((&*asking.path, None), |(p, q)| (p, Some(q)));
        url.set_path(path);
        url.set_query(query);
        let left = deadline
            .duration_since(Instant::now())
            .max(crate::wire::headers::SHORTEST);
        let mut request = client
            .request(asking.method.clone(), url)
            .timeout(left + LAST_WORD)
            .header(DEADLINE, left.as_millis().to_string())
            .header(REQUEST, uuid::Uuid::new_v4().to_string());
        if let Some(bearer) = bearer {
            request = request.header(header::AUTHORIZATION, bearer);
        }
        if let Some(revision) = &*self.revision.read().unwrap_or_else(PoisonError::into_inner) {
            request = request.header(REVISION, revision.as_str());
        }
        if let (true, Some(root)) = (
            asking.guarded,
            &*self.root.read().unwrap_or_else(PoisonError::into_inner),
        ) {
            request = request.header(ROOT, root.as_str());
        }
        if let Some(body) = &asking.body {
            request = request.header(header::CONTENT_TYPE, JSON).body(body.clone());
        }
        receive(request.send().await.map_err(|e| silence(&e))?).await
    }
}

fn outdated() -> Failure {
    let message = "the far side is another backend than it was when this one was opened (capabilities or root): \
                   it must be opened anew";
    Failure {
        error: BackendError::not_done(Class::Waiting, message),
        then: Then::Tell,
    }
}

pub(super) fn json(value: &impl Serialize) -> Result<Vec<u8>, BackendError> {
    serde_json::to_vec(value).map_err(|e| BackendError::not_done(Class::Bug, "a request does not serialise").because(e))
}
