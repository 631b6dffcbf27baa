//! Claims that ask for more, on a backend in memory that enforces sizes, under a paused clock.

use super::*;
use crate::api::reasons::ClaimReason;
use crate::controllers::look_at;
use crate::controllers::testing::objects::Objects;
use crate::controllers::testing::{World, world};
use crate::domain::backend::{Limits, NamespaceLimits};
use crate::domain::ids::BackendName;
use crate::plan::action::Told;
use crate::plan::testing::{self, GI, id, key, pv, pv_name, record};
use futures::future::join;
use tombolo_backend_api::{Backend as _, Class as BackendClass, VolumePath};
use tombolo_backend_fake::{Call, Fault, Moment, Op};

struct Bench {
    w: World,
    cluster: Arc<Objects>,
}

/// Owners of 10Gi each.
async fn owners(names: &[&str]) -> Bench {
    let mut w = world(names.iter().map(|name| record(name)).collect(), []).await;
    let cluster = Arc::new(Objects::default());
    cluster.show(&w.ctx.caches);
    w.ctx.ports.cluster = cluster.clone();
    for name in names {
        w.directory(pv_name(name).as_str()).await;
        w.fake
            .resize()
            .unwrap()
            .resize_volume(&path(name), 10 * GI)
            .await
            .unwrap();
        cluster.put(pv(name));
        cluster.put_claim(testing::claim(name).bound().with(|c| c.growth.capacity = Some(10 * GI)));
    }
    let _ = w.fake.take_calls();
    Bench { w, cluster }
}

fn path(name: &str) -> VolumePath {
    VolumePath::parse(pv_name(name).as_str()).unwrap()
}

impl Bench {
    fn asks(&self, name: &str, bytes: u64) {
        self.cluster.edit_claim(&key(name), |c| c.request = Some(bytes));
    }

    async fn look(&self, name: &str) -> Result<Next, Failure> {
        look_at(&self.w.ctx, &Work::Claim(key(name))).await
    }

    async fn limit(&self, name: &str) -> Option<u64> {
        self.w.fake.inspect(&path(name)).await.unwrap().unwrap().enforced_bytes
    }

    /// The sizes that the backend was told of since this was asked last.
    fn told(&self) -> Vec<u64> {
        let calls = self.w.fake.take_calls().into_iter();
        let sizes = calls.filter_map(|call| match call {
            Call::ResizeVolume { bytes, .. } => Some(bytes),
            _ => None,
        });
        sizes.collect()
    }

    async fn has(&self, name: &str, bytes: u64) {
        let claim = gather::with(&self.w.ctx.caches, |index| index.claim(&key(name)).cloned()).unwrap();
        assert_eq!(claim.growth.capacity, Some(bytes));
        let object = self.cluster.object(&pv_name(name)).unwrap();
        assert_eq!((object.capacity, object.promised()), (bytes, bytes));
        assert_eq!(self.limit(name).await, Some(bytes));
    }

    fn last_word(&self) -> (Told, String) {
        let last = self.w.heard.all().pop().unwrap();
        (last.reason, last.text)
    }

    fn counted(&self, name: &str) -> u64 {
        self.w.ctx.ports.ledger.get(&id(name)).unwrap().bytes
    }
}

#[tokio::test(start_paused = true)]
async fn a_claim_grows_in_one_look_and_the_next_does_nothing() {
    let b = owners(&["prod/data"]).await;
    b.asks("prod/data", 20 * GI);
    assert_eq!(b.look("prod/data").await.unwrap(), Next::Change);
    b.has("prod/data", 20 * GI).await;
    assert_eq!(b.last_word().0, Told::Claim(ClaimReason::VolumeResizeSuccessful));
    let _ = b.told();
    assert_eq!(b.look("prod/data").await.unwrap(), Next::Change);
    assert!(b.told().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_refused_size_is_asked_for_again_after_a_while_and_a_smaller_one_at_once() {
    for (class, minutes) in [(BackendClass::Full, 1), (BackendClass::TooLarge, 5)] {
        let b = owners(&["prod/data"]).await;
        b.w.fake.fail_always(Op::ResizeVolume, Fault::Refused(class));
        b.asks("prod/data", 20 * GI);
        let Ok(Next::After(wait)) = b.look("prod/data").await else {
            panic!()
        };
        assert!(wait <= Duration::from_secs(minutes * 60), "{wait:?}");
        assert_eq!(b.last_word().0, Told::Claim(ClaimReason::VolumeResizeFailed));
        assert_eq!(b.told(), [20 * GI]);
        // By its own status the claim wakes itself.
        let Ok(Next::After(left)) = b.look("prod/data").await else {
            panic!()
        };
        assert!(left <= wait && b.told().is_empty());
        tokio::time::advance(wait).await;
        let _ = b.look("prod/data").await.unwrap();
        assert_eq!(b.told(), [20 * GI]);
        assert_eq!(b.counted("prod/data"), 20 * GI, "what may be given one day is counted");

        b.w.fake.mend();
        b.asks("prod/data", 15 * GI);
        assert_eq!(b.look("prod/data").await.unwrap(), Next::Change);
        b.has("prod/data", 15 * GI).await;
        assert!(b.told().iter().all(|bytes| *bytes == 15 * GI));
        let _ = look_at(&b.w.ctx, &Work::Volume(id("prod/data"))).await.unwrap();
        assert_eq!(b.counted("prod/data"), 15 * GI);
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_without_an_answer_is_made_again_as_it_was_whatever_is_asked_for_meanwhile() {
    let b = owners(&["prod/data"]).await;
    let lost = Fault::LostAnswer(BackendClass::Transient);
    b.w.fake.fail_next(Op::ResizeVolume, lost);
    b.asks("prod/data", 20 * GI);
    assert!(b.look("prod/data").await.is_err());
    assert_eq!(
        (b.limit("prod/data").await, b.counted("prod/data")),
        (Some(20 * GI), 20 * GI)
    );
    b.asks("prod/data", 15 * GI);
    let _ = b.look("prod/data").await.unwrap();
    b.has("prod/data", 20 * GI).await;
}

#[tokio::test(start_paused = true)]
async fn whoever_was_overtaken_after_telling_the_backend_tells_it_what_stands() {
    let b = owners(&["prod/data"]).await;
    let gate = b.w.fake.gate(Op::ResizeVolume, Moment::Before);
    b.asks("prod/data", 20 * GI);
    let meanwhile = async {
        gate.arrived(1).await;
        // Another controller finished this, and a larger size after it.
        b.cluster.put(pv("prod/data").with(|p| p.capacity = 30 * GI));
        b.cluster.edit_claim(&key("prod/data"), |c| {
            (c.request, c.growth.capacity, c.growth.step) = (Some(30 * GI), Some(30 * GI), None);
        });
        gate.open();
    };
    let (looked, ()) = join(b.look("prod/data"), meanwhile).await;
    assert_eq!(looked.unwrap(), Next::Change);
    assert_eq!(b.told(), [20 * GI, 30 * GI]);
    b.has("prod/data", 30 * GI).await;
}

/// A controller that leads no more, whose word took its time.
#[tokio::test(start_paused = true)]
async fn a_word_that_came_late_is_put_right_by_a_sweep() {
    let b = owners(&["prod/data"]).await;
    b.asks("prod/data", 20 * GI);
    b.look("prod/data").await.unwrap();
    b.w.fake
        .resize()
        .unwrap()
        .resize_volume(&path("prod/data"), 12 * GI)
        .await
        .unwrap();
    let _ = b.told();
    // Descriptions cannot be read here; limits do not depend on them.
    let _ = crate::controllers::sweep::reconcile(&b.w.ctx).await;
    assert_eq!(b.told(), [20 * GI]);
    b.has("prod/data", 20 * GI).await;
    let _ = crate::controllers::sweep::reconcile(&b.w.ctx).await;
    assert!(b.told().is_empty());
}

#[tokio::test(start_paused = true)]
async fn of_two_that_grow_at_once_only_as_much_grows_as_the_limit_lets() {
    let b = owners(&["prod/one", "prod/two"]).await;
    let limits = Limits {
        namespace: NamespaceLimits {
            bytes: Some(35 * GI),
            ..NamespaceLimits::default()
        },
        ..Limits::default()
    };
    let name = BackendName::new("nas1");
    let root = b.w.ctx.roots.get(&name).unwrap();
    b.w.ctx.roots.put(name, crate::observe::roots::Root { limits, ..root });
    for name in ["prod/one", "prod/two"] {
        b.asks(name, 20 * GI);
    }
    let (one, two) = Box::pin(join(b.look("prod/one"), b.look("prod/two"))).await;
    assert_eq!(
        (one.unwrap(), two.unwrap()),
        (Next::Change, Next::After(claims::WHILE_WAITING))
    );
    b.has("prod/one", 20 * GI).await;
    b.has("prod/two", 10 * GI).await;
    let waits = |a: &crate::plan::Announcement| a.text.starts_with("LimitReached: namespace prod has");
    assert!(b.w.heard.all().iter().any(waits), "{:?}", b.w.heard.words());
}

#[tokio::test(start_paused = true)]
async fn a_backend_that_is_away_and_a_ledger_that_does_not_know_the_volume_are_waited_for() {
    let b = owners(&["prod/data"]).await;
    b.asks("prod/data", 20 * GI);
    let record = (*b.w.ctx.ports.ledger.get(&id("prod/data")).unwrap()).clone();
    b.w.ctx.ports.ledger.replace_all(Vec::new()).await.unwrap();
    assert_eq!(b.look("prod/data").await.unwrap(), Next::After(claims::WHILE_WAITING));
    b.w.ctx.ports.ledger.replace_all(vec![record]).await.unwrap();
    let name = BackendName::new("nas1");
    let root = b.w.ctx.roots.get(&name).unwrap();
    b.w.ctx.roots.remove(&name);
    assert_eq!(b.look("prod/data").await.unwrap(), Next::After(claims::WHILE_WAITING));
    assert!(b.last_word().1.starts_with("BackendUnavailable"));
    b.w.ctx.roots.put(name, root);
    let _ = b.look("prod/data").await.unwrap();
    b.has("prod/data", 20 * GI).await;
}

#[tokio::test(start_paused = true)]
async fn a_refusal_that_could_not_be_written_is_written_by_the_next_look_without_asking_again() {
    let b = owners(&["prod/data"]).await;
    b.w.fake
        .fail_always(Op::ResizeVolume, Fault::Refused(BackendClass::Full));
    let gate = b.w.fake.gate(Op::ResizeVolume, Moment::Before);
    b.asks("prod/data", 20 * GI);
    let edited = async {
        gate.arrived(1).await;
        b.cluster.edit_claim(&key("prod/data"), |c| c.selector = !c.selector);
        gate.open();
    };
    let (looked, ()) = join(b.look("prod/data"), edited).await;
    assert!(looked.is_err_and(|failure| failure.is_stale()));
    let error = || {
        let claim = gather::with(&b.w.ctx.caches, |index| index.claim(&key("prod/data")).cloned());
        claim.unwrap().growth.error.clone()
    };
    assert_eq!((error(), b.told()), (None, vec![20 * GI]));
    let Ok(Next::After(_)) = b.look("prod/data").await else {
        panic!()
    };
    assert!(error().unwrap().contains("no room left") && b.told().is_empty());
}

/// Its status is written with the version that was read: each edit between is a conflict.
#[tokio::test(start_paused = true)]
async fn whoever_edits_a_claim_without_end_has_its_backend_told_with_growing_patience() {
    let b = owners(&["prod/data"]).await;
    b.asks("prod/data", 20 * GI);
    b.cluster.put(pv("prod/data").with(|p| p.capacity = 20 * GI));
    let first = b.w.fake.gate(Op::ResizeVolume, Moment::Before);
    let edits = async {
        first.arrived(1).await;
        let second = b.w.fake.gate(Op::ResizeVolume, Moment::Before);
        b.cluster.edit_claim(&key("prod/data"), |c| c.selector = !c.selector);
        first.open();
        second.arrived(1).await;
        b.cluster.edit_claim(&key("prod/data"), |c| c.selector = !c.selector);
        second.open();
    };
    let (looked, ()) = join(b.look("prod/data"), edits).await;
    assert!(looked.is_err_and(|failure| failure.is_stale()));
    assert_eq!(b.told().len(), 2);
}

/// The caches show it still.
#[tokio::test(start_paused = true)]
async fn rz_18_rz_19_a_claim_or_an_object_that_is_gone_by_now_is_not_resized() {
    for (what, claim_stays) in [("rz_18 the claim", false), ("rz_19 its object", true)] {
        let mut b = owners(&["prod/data"]).await;
        b.asks("prod/data", 20 * GI);
        let claim = gather::with(&b.w.ctx.caches, |index| index.claim(&key("prod/data")).cloned()).unwrap();
        let left = Objects::default();
        match claim_stays {
            true => left.put_claim((*claim).clone()),
            false => left.put(pv("prod/data")),
        }
        b.w.ctx.ports.cluster = Arc::new(left);
        assert_eq!(settle(&b.w.ctx, &claim).await.unwrap(), Next::Change, "{what}");
        assert!(b.told().is_empty() && b.w.heard.all().is_empty(), "{what}");
        assert_eq!(b.counted("prod/data"), 10 * GI, "{what}");
    }
}
