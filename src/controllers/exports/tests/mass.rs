//! Many consents that end at once: nothing is cut until an admin says so, and what is counted survives the process.

use super::live::{Scene, scene};
use super::{ALONE, SHARED, after};
use crate::api::conditions::{Statement, Status};
use crate::api::revocation::RevocationStatus;
use crate::domain::ids::{BackendName, ResourceVersion};
use crate::execute::cluster::{ApiError, Fault};
use crate::execute::revocations::{Revocation, Revocations};
use async_trait::async_trait;
use std::sync::{Arc, Mutex};
use tombolo_backend_api::{Admission, Class};
use tombolo_backend_fake::{Fault as Failing, Op};

/// The status of the StorageBackend.
pub(super) struct Counted {
    kept: Mutex<Revocation>,
    said: Mutex<Option<Statement>>,
    overtaken: Mutex<bool>,
    unreadable: Mutex<bool>,
}

impl Default for Counted {
    fn default() -> Self {
        Self {
            kept: Mutex::new(Revocation {
                status: RevocationStatus::default(),
                word: None,
                version: ResourceVersion::new("1"),
            }),
            said: Mutex::default(),
            overtaken: Mutex::default(),
            unreadable: Mutex::default(),
        }
    }
}

#[async_trait]
impl Revocations for Counted {
    async fn read(&self, _: &BackendName) -> Result<Option<Revocation>, ApiError> {
        if *self.unreadable.lock().unwrap() {
            return Err(ApiError::new(Fault::Away, "nobody answers"));
        }
        Ok(Some(self.kept.lock().unwrap().clone()))
    }
    async fn remember(
        &self,
        _: &BackendName,
        read: &Revocation,
        status: RevocationStatus,
        said: Statement,
    ) -> Result<(), ApiError> {
        let mut kept = self.kept.lock().unwrap();
        if *self.overtaken.lock().unwrap() || kept.version != read.version {
            return Err(ApiError::new(Fault::Conflict, "counted meanwhile"));
        }
        kept.version = ResourceVersion::new(format!("{}+", read.version));
        kept.status = status;
        *self.said.lock().unwrap() = Some(said);
        Ok(())
    }
}

impl Counted {
    fn paused(&self) -> Option<String> {
        let kept = self.kept.lock().unwrap();
        kept.status.paused.as_ref().map(|pause| pause.id.clone())
    }

    fn confirm(&self, word: &str) {
        self.kept.lock().unwrap().word = Some(word.to_owned());
    }
}

/// Eleven members, each in a namespace of its own.
async fn eleven() -> (Scene, Arc<Counted>) {
    let names: Vec<String> = (0..11).map(|n| format!("team-{n}/app")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut s = scene(&names).await;
    let counted = Arc::new(Counted::default());
    s.w.ctx.revocations = counted.clone();
    (s, counted)
}

impl Scene {
    /// The watch of StorageBackends has shown that cuts wait.
    fn watches_a_pause(&self) {
        let name = BackendName::new("nas1");
        let mut root = self.w.ctx.roots.get(&name).unwrap();
        root.paused = true;
        self.w.ctx.roots.put(name, root);
    }
}

async fn cut(s: &Scene) -> usize {
    let mut cut = 0;
    for n in 0..11 {
        cut += usize::from(s.admission(&format!("team-{n}")).await == Some(Admission::Cut));
    }
    cut
}

#[tokio::test(start_paused = true)]
async fn so_many_at_once_wait_for_an_admin_who_names_their_id() {
    let (s, counted) = eleven().await;
    s.cut_off(ALONE).await;
    assert_eq!(cut(&s).await, 0);
    let id = counted.paused().unwrap();
    let said = counted.said.lock().unwrap().clone().unwrap();
    assert_eq!(said.status, Status::True);
    assert!(
        said.message.ends_with(&format!("tombolo.dev/confirmRevocation={id}")),
        "{}",
        said.message
    );
    assert!(!s.told().iter().any(|told| told.ends_with("AccessCut")));
    after(3600).await;
    counted.confirm("something else");
    s.look().await.unwrap();
    assert_eq!(
        (cut(&s).await, counted.paused()),
        (0, Some(id.clone())),
        "the same id all the time"
    );
    counted.confirm(&id);
    s.look().await.unwrap();
    assert_eq!((cut(&s).await, counted.paused()), (11, None));
    assert_eq!(
        counted.said.lock().unwrap().as_ref().map(|said| said.status),
        Some(Status::False)
    );
}

#[tokio::test(start_paused = true)]
async fn a_pause_outlives_the_process() {
    let (s, counted) = eleven().await;
    s.cut_off(ALONE).await;
    let id = counted.paused();
    assert!(id.is_some());
    let (mut next, _) = eleven().await;
    next.w.ctx.revocations = counted.clone();
    next.watches_a_pause();
    next.owner_says(ALONE);
    // Before anybody has read any consent live.
    next.exports().await.unwrap();
    assert_eq!(counted.paused(), id);
    next.cut_off(ALONE).await;
    assert_eq!((cut(&next).await, counted.paused()), (0, id.clone()));
    counted.confirm(&id.unwrap());
    next.look().await.unwrap();
    assert_eq!((cut(&next).await, counted.paused()), (11, None));
}

#[tokio::test(start_paused = true)]
async fn a_kind_that_is_not_served_ends_no_pause() {
    let (s, counted) = eleven().await;
    s.live.state().references = Some(Vec::new());
    s.sync();
    s.look().await.unwrap();
    after(30).await;
    s.look().await.unwrap();
    s.watches_a_pause();
    let id = counted.paused();
    assert!(id.is_some());
    s.live.state().references = None;
    s.sync();
    for _ in 0..2 {
        s.look().await.unwrap();
        after(60).await;
    }
    assert_eq!((cut(&s).await, counted.paused()), (0, id));
}

/// The others of eleven keep theirs.
const ALL_BUT_FIRST: &[(&str, &str)] = &[
    (
        "tombolo.dev/shareToNamespace",
        "team-1,team-2,team-3,team-4,team-5,team-6,team-7,team-8,team-9,team-10",
    ),
    ("tombolo.dev/onRevoke", "Cut"),
];

#[tokio::test(start_paused = true)]
async fn one_that_is_cut_and_given_back_many_times_is_still_one() {
    let (s, counted) = eleven().await;
    for round in 0..12 {
        s.cut_off(ALL_BUT_FIRST).await;
        assert_eq!((cut(&s).await, counted.paused()), (1, None), "round {round}");
        s.owner_says(SHARED);
        s.look().await.unwrap();
        s.sync();
    }
}

#[tokio::test(start_paused = true)]
async fn what_could_not_be_cut_is_not_counted_as_often_as_it_was_tried() {
    let (s, counted) = eleven().await;
    s.owner_says(ALL_BUT_FIRST);
    s.look().await.unwrap();
    after(30).await;
    let refused = || Failing::Refused(Class::Waiting);
    for _ in 0..12 {
        s.w.fake.fail_next(Op::Admit, refused());
        assert!(s.look().await.is_err());
    }
    assert_eq!(counted.paused(), None);
    s.look().await.unwrap();
    assert_eq!(cut(&s).await, 1);
}

#[tokio::test(start_paused = true)]
async fn giving_back_is_never_paused_and_ends_a_pause_that_has_nothing_left_to_wait_for() {
    let (s, counted) = eleven().await;
    s.cut_off(ALL_BUT_FIRST).await;
    assert_eq!((cut(&s).await, counted.paused()), (1, None), "one alone is no mass");
    s.cut_off(ALONE).await;
    assert_eq!(cut(&s).await, 1, "the others wait");
    assert!(counted.paused().is_some());
    s.watches_a_pause();
    s.owner_says(SHARED);
    s.look().await.unwrap();
    s.sync();
    s.look().await.unwrap();
    assert_eq!((cut(&s).await, counted.paused()), (0, None));
}

#[tokio::test(start_paused = true)]
async fn a_pause_that_cannot_be_written_down_is_one_all_the_same() {
    let (s, counted) = eleven().await;
    *counted.overtaken.lock().unwrap() = true;
    s.owner_says(ALONE);
    s.look().await.unwrap();
    after(30).await;
    assert!(s.look().await.is_err());
    assert_eq!((cut(&s).await, counted.paused()), (0, None));
    *counted.overtaken.lock().unwrap() = false;
    s.look().await.unwrap();
    assert_eq!(cut(&s).await, 0);
    assert!(counted.paused().is_some());
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_counted_is_not_cut() {
    let (s, counted) = eleven().await;
    *counted.unreadable.lock().unwrap() = true;
    s.owner_says(ALL_BUT_FIRST);
    s.look().await.unwrap();
    after(30).await;
    assert!(s.look().await.is_err());
    assert_eq!(cut(&s).await, 0);
    *counted.unreadable.lock().unwrap() = false;
    s.look().await.unwrap();
    assert_eq!(cut(&s).await, 1);
}
