//! Contents under deletion: when their data goes, and what is asked for it.

use super::*;
use crate::api::reasons::SnapshotReason;
use crate::domain::token::Token;
use crate::plan::action::Told;
use crate::plan::testing::uid;

/// `team/before`, which was taken under this policy.
async fn taken(policy: DeletionPolicy) -> (World, Arc<Snapshots>) {
    let (w, objects) = begun_with(policy).await;
    look(&w).await;
    take(&w).await;
    look(&w).await;
    assert!(objects.now().is_ready());
    (w, objects)
}

#[tokio::test(start_paused = true)]
async fn all_contents_are_asked_for_once_for_each_whose_data_goes_and_for_no_other() {
    let (w, objects) = taken(DeletionPolicy::Delete).await;
    let token = Token::copying(uid("team/reader"));
    objects.edit(|c| drop(c.tokens.insert(token.clone(), None)));
    objects.deleted();
    look(&w).await;
    look(&w).await;
    assert_eq!(objects.lists(), 0, "it is read");
    objects.edit(|c| drop(c.tokens.remove(&token)));
    look(&w).await;
    assert_eq!((on_server(&w).await, objects.now().finalizers), (0, vec![]));
    look(&w).await;
    assert_eq!(objects.lists(), 1);

    let (w, objects) = taken(DeletionPolicy::Retain).await;
    objects.deleted();
    look(&w).await;
    assert_eq!((on_server(&w).await, objects.now().finalizers), (1, vec![]));
    assert_eq!(objects.lists(), 0);
}

#[tokio::test(start_paused = true)]
async fn ss_15_while_removing_fails_it_is_said_and_the_finalizer_stays_until_it_succeeds() {
    let (w, objects) = taken(DeletionPolicy::Delete).await;
    objects.deleted();
    for fault in [Fault::Refused(Class::Transient), Fault::LostAnswer(Class::Transient)] {
        let before = objects.now();
        let said = w.heard.all().len();
        w.fake.fail_next(Op::RemoveSnapshot, fault);
        assert!(reconcile(&w.ctx, &content().name).await.is_err(), "it is tried again");
        assert_eq!(objects.now(), before, "{fault:?}");
        let heard = w.heard.all().split_off(said);
        let reasons: Vec<_> = heard.iter().map(|told| told.reason).collect();
        assert_eq!(reasons, [Told::Snapshot(SnapshotReason::SnapshotDeleteError)]);
    }
    look(&w).await;
    assert_eq!((on_server(&w).await, objects.now().finalizers), (0, vec![]));
}
