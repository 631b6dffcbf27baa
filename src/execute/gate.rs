//! At most so many writes under way at once, whoever asks for them: beyond that the API server only queues them, before the
//! requests of others and before our own renewal of the Lease, which has a client of its own.
//!
//! Reads pass: a watch that waits would be blind.

use http::{Method, Request};
use kube::client::{Body, ClientBuilder};
use kube::{Client, Config};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::sync::Semaphore;
use tower::{Layer, Service};

/// Writes under way at once.
pub const WRITES: usize = 64;

/// A client whose writes pass the gate.
///
/// # Errors
/// If the configuration cannot be used.
pub fn client(config: Config) -> Result<Client, kube::Error> {
    let gate = Gate::new(WRITES);
    Ok(ClientBuilder::try_from(config)?.with_layer(&gate).build())
}

/// Lets through so many writes.
#[derive(Debug, Clone)]
struct Gate {
    slots: Arc<Semaphore>,
}

/// A service behind a gate.
#[derive(Debug, Clone)]
struct Gated<S> {
    inner: S,
    slots: Arc<Semaphore>,
}

impl Gate {
    fn new(writes: usize) -> Self {
        Self {
            slots: Arc::new(Semaphore::new(writes)),
        }
    }
}

impl<S> Layer<S> for Gate {
    type Service = Gated<S>;

    fn layer(&self, inner: S) -> Gated<S> {
        Gated {
            inner,
            slots: self.slots.clone(),
        }
    }
}

impl<S> Service<Request<Body>> for Gated<S>
where
    S: Service<Request<Body>>,
    S::Response: 'static,
    S::Error: 'static,
    S::Future: Send + 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let writes = !matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
        // Nothing is sent before this is polled.
        let answer = self.inner.call(request);
        if !writes {
            return Box::pin(answer);
        }
        let slots = self.slots.clone();
        Box::pin(async move {
            // The semaphore is never closed; if it were, there would be no bound to keep.
            let _slot = slots.acquire_owned().await.ok();
            answer.await
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::future::join_all;
    use std::convert::Infallible;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use tower::service_fn;

    /// How many are under way, and the most there ever were.
    #[derive(Default)]
    struct Traffic(AtomicUsize, AtomicUsize);

    async fn most_at_once(method: Method) -> usize {
        let traffic = Arc::new(Traffic::default());
        let counted = traffic.clone();
        let mut service = Gate::new(WRITES).layer(service_fn(move |_: Request<Body>| {
            let traffic = counted.clone();
            async move {
                let now = traffic.0.fetch_add(1, Ordering::SeqCst) + 1;
                traffic.1.fetch_max(now, Ordering::SeqCst);
                tokio::task::yield_now().await;
                traffic.0.fetch_sub(1, Ordering::SeqCst);
                Ok::<(), Infallible>(())
            }
        }));
        let request = || Request::builder().method(&method).body(Body::empty()).unwrap();
        let answers = join_all((0..500).map(|_| service.call(request()))).await;
        assert!(answers.iter().all(Result::is_ok));
        traffic.1.load(Ordering::SeqCst)
    }

    #[tokio::test]
    async fn so_many_writes_are_under_way_at_once_and_no_more() {
        for method in [Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
            assert_eq!(most_at_once(method).await, WRITES);
        }
    }

    #[tokio::test]
    async fn reads_do_not_wait() {
        assert_eq!(most_at_once(Method::GET).await, 500);
    }
}
