//! Contents that cannot be taken as things are: who looks at them again, and when.

use super::*;
use crate::controllers::backends::wake_pending;
use crate::report::memory::say_again;

#[tokio::test(start_paused = true)]
async fn one_that_waits_for_a_change_is_not_looked_at_until_it_is_said_again() {
    let (w, objects) = begun().await;
    objects.unsourced();
    for _ in 0..3 {
        assert_eq!(look(&w).await, Next::After(say_again()));
    }
    let (w, _) = begun().await;
    let name = crate::domain::ids::BackendName::new("nas1");
    let mut root = w.ctx.roots.get(&name).unwrap();
    root.terminating = true;
    w.ctx.roots.put(name, root);
    assert!(matches!(look(&w).await, Next::After(soon) if soon <= Duration::from_secs(60)));
}

#[tokio::test(start_paused = true)]
async fn one_that_waits_for_room_is_looked_at_when_there_may_be_some() {
    let (w, _) = begun().await;
    w.caches(|index| index.put_content(content()));
    wake_pending(&w.ctx);
    assert!(w.woken().await.contains(&Work::Content(content().name)));
}
