//! Every change leaves a line that says who, what and how it ended; a question leaves none, and no line has a secret in it.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod support;

use std::io;
use std::sync::{Arc, Mutex};
use support::{Far, TOKEN};
use tombolo_backend_api::*;
use tombolo_backend_fake::{Fake, Fault, Op};

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Lines {
    fn take(&self) -> Vec<serde_json::Value> {
        let bytes = std::mem::take(&mut *self.0.lock().unwrap());
        let lines = String::from_utf8(bytes).unwrap();
        lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

impl io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The process's log is one, so this file has one test.
#[tokio::test(flavor = "multi_thread")]
async fn every_change_is_told_once_with_who_and_how_it_ended() {
    let (lines, trace) = (Lines::default(), Lines::default());
    use tracing_subscriber::prelude::*;
    let (audit, everything) = (lines.clone(), trace.clone());
    let only = tracing_subscriber::filter::Targets::new().with_target("audit", tracing::Level::INFO);
    let json = |writer: Lines| {
        tracing_subscriber::fmt::layer()
            .json()
            .flatten_event(true)
            .with_writer(move || writer.clone())
    };
    let layers = vec![json(audit).with_filter(only).boxed(), json(everything).boxed()];
    let log = tracing_subscriber::registry().with(layers);
    tracing::subscriber::set_global_default(log).unwrap();

    let fake = Fake::default();
    let far = Far::start(Arc::new(fake.clone())).await;
    let client = far.client().await;
    let volume = CreateVolume {
        path: VolumePath::parse("pvc-1").unwrap(),
        mode: 0o777,
        bytes: 1,
    };
    client.create(&volume).await.unwrap();
    let line = lines.take();
    assert_eq!(line.len(), 1, "{line:?}");
    assert_eq!(
        (&line[0]["call"], &line[0]["outcome"]),
        (&"/v1/volumes/create".into(), &"done".into())
    );
    assert!(line[0]["subject"].as_str().unwrap().contains("pvc-1"));
    let who = line[0]["who"].as_str().unwrap();
    assert!(
        who.starts_with("token:") && line[0]["peer"].as_str().unwrap().starts_with("127.0.0.1:"),
        "{line:?}"
    );
    assert!(line[0]["request"].as_str().unwrap().len() == 36);

    client.inspect(&volume.path).await.unwrap();
    client.list().await.unwrap();
    assert_eq!(lines.take(), Vec::<serde_json::Value>::new(), "a question is no change");

    fake.fail_next(Op::Discard, Fault::Interrupted(Class::Waiting));
    let disposal = Disposal::Archive {
        id: TrashId::parse("a").unwrap(),
    };
    client.discard(&volume.path, &disposal).await.unwrap_err();
    let line = lines.take();
    assert_eq!(
        (&line[0]["outcome"], &line[0]["certainty"]),
        (&"failed".into(), &"MaybeDone".into()),
        "{line:?}"
    );

    client.purge(&TrashId::parse("t").unwrap(), &()).await.unwrap();
    let outcomes: Vec<_> = lines.take().iter().map(|line| line["outcome"].clone()).collect();
    assert_eq!(outcomes, ["started", "done"]);

    let all = trace.take();
    assert!(all.len() > 5);
    assert!(
        all.iter().all(|line| !line.to_string().contains(TOKEN)),
        "a token was logged"
    );
}
