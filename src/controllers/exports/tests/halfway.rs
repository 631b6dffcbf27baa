//! Changes that stop halfway: of the controller, and of the backend.

use super::live::{export, scene};
use super::*;
use tombolo_backend_api::Class;
use tombolo_backend_fake::{Fault, Op};

#[tokio::test(start_paused = true)]
async fn a_controller_that_died_after_the_call_says_and_writes_the_rest_later() {
    let s = scene(&["team/app"]).await;
    s.owner_says(ALONE);
    s.w.fake.admit(&export("team"), Admission::Cut).await.unwrap();
    s.look().await.unwrap();
    assert_eq!(
        s.admission("team").await,
        Some(Admission::Cut),
        "and opens nothing meanwhile"
    );
    assert!(s.told().contains(&"team/app AccessCut".to_owned()));
    s.sync();
    assert!(s.cut("team/app"));
    // The same on the way back.
    s.owner_says(SHARED);
    s.w.fake.admit(&export("team"), Admission::Full).await.unwrap();
    s.look().await.unwrap();
    s.sync();
    assert!(s.told().contains(&"team/app AccessRestored".to_owned()) && !s.cut("team/app"));
}

#[tokio::test(start_paused = true)]
async fn a_backend_that_is_away_is_asked_again_and_nothing_is_said_before() {
    let s = scene(&["team/app"]).await;
    s.owner_says(ALONE);
    s.look().await.unwrap();
    after(30).await;
    s.w.fake.fail_next(Op::Admit, Fault::Refused(Class::Waiting));
    assert!(s.look().await.is_err());
    s.sync();
    assert!(!s.cut("team/app") && !s.told().contains(&"team/app AccessCut".to_owned()));
    s.look().await.unwrap();
    assert_eq!(s.admission("team").await, Some(Admission::Cut));
    s.w.fake.set_away(true);
    assert!(s.exports().await.is_err());
}

#[tokio::test(start_paused = true)]
async fn nobody_is_told_of_a_change_that_is_recorded_and_was_not_carried_out() {
    let halfway = || Fault::Interrupted(Class::Transient);
    let s = scene(&["team/app"]).await;
    let serves = || s.w.fake.serves(&export("team")).unwrap();
    s.owner_says(ALONE);
    s.look().await.unwrap();
    after(30).await;
    for _ in 0..2 {
        s.w.fake.fail_next(Op::Admit, halfway());
        assert!(s.look().await.is_err());
        s.sync();
        assert_eq!(
            (s.admission("team").await, serves()),
            (Some(Admission::Cut), Admission::Full),
            "the list says what the server has not heard"
        );
        assert!(!s.cut("team/app") && !s.told().contains(&"team/app AccessCut".to_owned()));
    }
    s.look().await.unwrap();
    s.sync();
    assert_eq!(serves(), Admission::Cut);
    assert!(s.cut("team/app") && s.told().contains(&"team/app AccessCut".to_owned()));
    // The same on the way back.
    s.owner_says(SHARED);
    s.w.fake.fail_next(Op::Admit, halfway());
    assert!(s.look().await.is_err());
    s.sync();
    assert_eq!(
        (s.admission("team").await, serves()),
        (Some(Admission::Full), Admission::Cut)
    );
    assert!(s.cut("team/app") && !s.told().contains(&"team/app AccessRestored".to_owned()));
    s.look().await.unwrap();
    s.sync();
    assert_eq!(serves(), Admission::Full);
    assert!(!s.cut("team/app") && s.told().contains(&"team/app AccessRestored".to_owned()));
    let metrics = s.w.ctx.metrics.encode().unwrap();
    for what in ["cut", "restored"] {
        let line = format!(r#"tombolo_exports_changed_total{{backend="nas1",what="{what}"}} 1"#);
        assert!(metrics.contains(&line), "{line}\n{metrics}");
    }
}
