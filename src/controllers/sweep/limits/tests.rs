//! Limits that a late word to the backend has changed, on a backend in memory that enforces sizes.

use super::*;
use crate::controllers::look_at;
use crate::controllers::testing::objects::Objects;
use crate::controllers::testing::{World, world};
use crate::domain::ids::BackendName;
use crate::observe::roots::RootState;
use crate::plan::testing::{self, GI, id, key, pv, pv_name, record};
use tombolo_backend_api::{Backend as _, Class, VolumePath};
use tombolo_backend_fake::{Fault, Moment, Op};

struct Bench {
    w: World,
    cluster: Arc<Objects>,
}

/// Owners of 10Gi each, of which the backend was told something else.
async fn told_late(names: &[&str], bytes: u64) -> Bench {
    let mut w = world(names.iter().map(|name| record(name)).collect(), []).await;
    let cluster = Arc::new(Objects::default());
    cluster.show(&w.ctx.caches);
    w.ctx.ports.cluster = cluster.clone();
    for name in names {
        w.directory(pv_name(name).as_str()).await;
        let resize = w.fake.resize().unwrap();
        resize.resize_volume(&path(name), bytes).await.unwrap();
        cluster.put(pv(name));
        cluster.put_claim(testing::claim(name).bound().with(|c| c.growth.capacity = Some(10 * GI)));
    }
    Bench { w, cluster }
}

fn path(name: &str) -> VolumePath {
    VolumePath::parse(pv_name(name).as_str()).unwrap()
}

impl Bench {
    async fn sweep(&self) {
        let RootState::Ready(guarded) = self.w.ctx.roots.get(&BackendName::new("nas1")).unwrap().state else {
            panic!("it is away")
        };
        compare(&self.w.ctx, &guarded, &self.w.ctx.ports.ledger.all()).await;
    }

    /// What the backend enforces, what is counted, and what the object says is promised.
    async fn has(&self, name: &str) -> [u64; 3] {
        let found = self.w.fake.inspect(&path(name)).await.unwrap().unwrap();
        let counted = self.w.ctx.ports.ledger.get(&id(name)).unwrap().bytes;
        let object = self.cluster.object(&pv_name(name)).unwrap();
        [found.enforced_bytes.unwrap(), counted, object.promised()].map(|bytes| bytes / GI)
    }

    /// Looks at whoever was woken.
    async fn settle(&self) {
        for work in self.w.woken().await {
            look_at(&self.w.ctx, &work).await.unwrap();
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_limit_that_somebody_else_has_changed_is_what_was_granted_again() {
    for late in [5, 30] {
        let b = told_late(&["prod/data"], late * GI).await;
        b.sweep().await;
        b.settle().await;
        assert_eq!(b.has("prod/data").await, [10, 10, 10], "{late}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_the_backend_does_not_take_back_counts_until_it_does() {
    for class in [Class::TooLarge, Class::Transient] {
        let b = told_late(&["prod/data"], 30 * GI).await;
        b.w.fake.fail_always(Op::ResizeVolume, Fault::Refused(class));
        b.sweep().await;
        look_at(&b.w.ctx, &Work::Volume(id("prod/data"))).await.unwrap();
        assert_eq!(b.has("prod/data").await, [30, 30, 30], "{class:?}");
        let _ = look_at(&b.w.ctx, &Work::Claim(key("prod/data"))).await;
        assert_eq!(b.has("prod/data").await, [30, 30, 30], "{class:?}");
        b.w.fake.mend();
        tokio::time::advance(std::time::Duration::from_secs(600)).await;
        look_at(&b.w.ctx, &Work::Claim(key("prod/data"))).await.unwrap();
        look_at(&b.w.ctx, &Work::Volume(id("prod/data"))).await.unwrap();
        assert_eq!(b.has("prod/data").await, [10, 10, 10], "{class:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn volumes_are_not_looked_at_one_after_another() {
    let names: Vec<String> = (0..2 * AT_ONCE).map(|n| format!("prod/data{n}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let b = told_late(&names, 30 * GI).await;
    let gate = b.w.fake.gate(Op::Inspect, Moment::Before);
    let all_arrive = async {
        gate.arrived(AT_ONCE).await;
        assert_eq!(gate.waiting(), AT_ONCE, "and no more than that");
        gate.open();
    };
    let both = async { tokio::join!(b.sweep(), all_arrive) };
    tokio::time::timeout(std::time::Duration::from_secs(60), both)
        .await
        .expect("one waits for another");
    for name in names {
        assert_eq!(b.has(name).await[0], 10);
    }
}
