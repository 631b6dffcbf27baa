//! Exports that are missing, and exports that are left.

use super::*;

#[tokio::test(start_paused = true)]
async fn a_missing_export_is_made_again_and_one_that_is_cut_is_not() {
    let s = scene(&["team/app", "late/app"]).await;
    s.live.annotate(
        "prod/data",
        &[
            ("tombolo.dev/shareToNamespace", "late"),
            ("tombolo.dev/onRevoke", "Cut"),
        ],
    );
    s.sync();
    s.look().await.unwrap();
    after(30).await;
    s.look().await.unwrap();
    s.sync();
    for namespace in ["prod", "team", "late"] {
        s.w.fake.release(&export(namespace)).await.unwrap();
    }
    s.look().await.unwrap();
    assert_eq!(s.admission("prod").await, Some(Admission::Full));
    assert_eq!(s.admission("late").await, Some(Admission::Full));
    assert_eq!(s.admission("team").await, None, "it is nothing to cut");
    // Nor is one made for an object that only the caches still show.
    s.w.fake.release(&export("late")).await.unwrap();
    s.live.state().pvs.remove(&pv_name("late/app"));
    s.exports().await.unwrap();
    assert_eq!(s.admission("late").await, None);
}

#[tokio::test(start_paused = true)]
async fn an_export_goes_when_nobody_has_needed_it_for_a_while() {
    let s = scene(&["team/app"]).await;
    s.w.fake.mount(&export("late")).await.unwrap();
    assert_eq!(s.look().await.unwrap(), Next::After(IDLE));
    after(59).await;
    s.look().await.unwrap();
    assert!(s.admission("late").await.is_some());
    after(1).await;
    assert_eq!(s.look().await.unwrap(), Next::Change);
    assert_eq!(s.admission("late").await, None);
    assert!(s.admission("prod").await.is_some() && s.admission("team").await.is_some());
}

#[tokio::test(start_paused = true)]
async fn an_export_for_which_a_live_read_shows_somebody_stays() {
    let s = scene(&["team/app"]).await;
    for (namespace, live) in [("late", "a token"), ("new", "an object")] {
        s.w.fake.mount(&export(namespace)).await.unwrap();
        let claim = format!("{namespace}/app");
        match live {
            "a token" => s.live.token(&claim),
            _ => s.live.joined(&claim),
        }
    }
    s.look().await.unwrap();
    after(60).await;
    s.exports().await.unwrap();
    assert!(s.admission("late").await.is_some() && s.admission("new").await.is_some());
    let released =
        s.w.fake
            .calls()
            .into_iter()
            .filter(|call| matches!(call, Call::Release(_)));
    assert_eq!(released.count(), 0);
}

#[tokio::test(start_paused = true)]
async fn whoever_is_about_to_need_an_idle_export_starts_its_time_again() {
    let s = scene(&["team/app"]).await;
    s.w.fake.mount(&export("late")).await.unwrap();
    s.look().await.unwrap();
    after(50).await;
    s.live.joined("late/app");
    s.sync();
    s.look().await.unwrap();
    s.live.state().pvs.remove(&pv_name("late/app"));
    s.sync();
    after(20).await;
    s.look().await.unwrap();
    assert!(s.admission("late").await.is_some());
    assert_eq!(
        s.w.ctx.idle_exports.at(&export("late").path),
        Some(BackendName::new("nas1"))
    );
}

#[tokio::test(start_paused = true)]
async fn a_backend_without_exports_is_not_asked_for_any() {
    use tombolo_backend_api::{BackendId, Capabilities, Mark};
    let s = scene(&["team/app"]).await;
    let paths = Capabilities {
        share: true,
        ..Capabilities::default()
    };
    let fake = tombolo_backend_fake::Fake::new("paths", paths);
    let mark = Mark {
        backend_id: BackendId::parse(crate::plan::testing::ROOT).unwrap(),
        cluster_id: s.w.ctx.cluster_id.clone(),
    };
    fake.place_mark(&mark).await.unwrap();
    let name = BackendName::new("nas1");
    let mut root = s.w.ctx.roots.get(&name).unwrap();
    root.state = RootState::Ready(Guarded::new(std::sync::Arc::new(fake.clone()), mark));
    s.w.ctx.roots.put(name, root);
    let _ = fake.take_calls();
    assert_eq!(s.exports().await.unwrap(), Next::Change);
    assert_eq!(fake.calls(), []);
}
