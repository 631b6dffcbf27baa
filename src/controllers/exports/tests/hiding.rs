//! What happens beside a withdrawal does not hide it.

use super::live::{Scene, scene};
use super::*;
use crate::domain::ids::ResourceVersion;

#[tokio::test(start_paused = true)]
async fn a_change_that_says_nothing_of_consent_delays_no_cut() {
    for beside in [
        |s: &Scene| {
            let mut state = s.live.state();
            let owner = state.claims.get_mut(&key("prod/data")).unwrap();
            owner.version = ResourceVersion::new("77");
        },
        |s: &Scene| {
            let mut state = s.live.state();
            let all = state.references.get_or_insert_default();
            all.push(reference("team/other", "prod/other"));
        },
    ] {
        let s = scene(&["team/app"]).await;
        s.owner_says(ALONE);
        s.look().await.unwrap();
        after(20).await;
        beside(&s);
        s.sync();
        // Nobody is woken by it, so only what the queue remembers looks again.
        assert_eq!(s.exports().await.unwrap(), Next::After(Duration::from_secs(10)));
        after(10).await;
        s.exports().await.unwrap();
        assert_eq!(s.admission("team").await, Some(Admission::Cut));
    }
}

#[tokio::test(start_paused = true)]
async fn consent_that_ends_again_before_the_caches_show_that_it_was_back_is_read_again() {
    let s = scene(&["team/app"]).await;
    s.owner_says(ALONE);
    s.look().await.unwrap();
    after(30).await;
    s.live.annotate("prod/data", SHARED);
    s.exports().await.unwrap();
    assert_eq!(s.admission("team").await, Some(Admission::Full), "it is back");
    s.owner_says(ALONE);
    s.look().await.unwrap();
    after(29).await;
    s.look().await.unwrap();
    assert_eq!(s.admission("team").await, Some(Admission::Full));
    after(1).await;
    s.look().await.unwrap();
    assert_eq!(s.admission("team").await, Some(Admission::Cut));
}

#[tokio::test(start_paused = true)]
async fn a_namespace_that_goes_is_cut_by_its_owner_s_word_and_not_by_its_references() {
    for (by_owner, left) in [(true, Admission::Cut), (false, Admission::Full)] {
        let s = scene(&["team/app"]).await;
        s.live.state().terminating.push("team".into());
        if by_owner {
            s.owner_says(ALONE);
        } else {
            s.live.state().references = Some(Vec::new());
            s.sync();
        }
        s.look().await.unwrap();
        after(29).await;
        s.look().await.unwrap();
        assert_eq!(s.admission("team").await, Some(Admission::Full));
        after(1).await;
        s.look().await.unwrap();
        assert_eq!(s.admission("team").await, Some(left));
    }
}
