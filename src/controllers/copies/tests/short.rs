//! A backend that enforces sizes and makes less than was asked for.

use super::*;
use crate::execute::Failure;

#[tokio::test(start_paused = true)]
async fn an_ordinary_volume_that_is_too_small_is_removed_again_and_never_bound() {
    let b = bench().await;
    b.cluster.put_claim(testing::claim("team/app"));
    b.w.fake.set_short(true);
    let key = testing::key("team/app");
    let failed = claims::reconcile(&b.w.ctx, &key).await.unwrap_err();
    assert!(
        matches!(failed, Failure::Short { asked, given } if given == asked / 2),
        "{failed}"
    );
    assert!(b.object("team/app").is_none());
    assert!(
        !b.w.fake
            .tree()
            .paths()
            .any(|path| path.starts_with(pv_name("team/app").as_str()))
    );
    b.w.fake.set_short(false);
    claims::reconcile(&b.w.ctx, &key).await.unwrap();
    assert!(b.object("team/app").is_some());
}

#[tokio::test(start_paused = true)]
async fn cl_04_a_copy_that_is_too_small_is_deleted_again_and_made_anew_later() {
    let b = bench().await;
    b.w.fake.set_short(true);
    b.wants("team/app", "team/data").await;
    b.settle().await;
    assert!(b.said("Tombolo could not do this"));
    b.look("team/data").await;
    assert_eq!((b.object("team/app"), b.file_of("team/app")), (None, None));
    assert!(b.object("team/data").unwrap().tokens.is_empty() && b.state_of("team/app").is_none());
    b.w.fake.set_short(false);
    b.look_at_claim("team/app").await;
    b.look("team/data").await;
    b.settle().await;
    assert_eq!(b.clones_of("team/app"), 1, "not at once");
    tokio::time::sleep(Duration::from_secs(3600)).await;
    b.look("team/data").await;
    b.settle().await;
    assert_eq!(b.file_of("team/app"), Some(b"bytes".to_vec()));
    assert_eq!(b.object("team/app").unwrap().capacity, 10 * GI);
}
