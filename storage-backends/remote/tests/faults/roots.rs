//! A root that goes, a backend that becomes another.

use super::*;
use tombolo_backend_fake::{ALL, Op, Tree};

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_goes_between_the_look_and_the_change_changes_nothing() {
    let (fake, far) = far().await;
    let client = far.client().await;
    assert_eq!(client.read_mark().await.unwrap(), Some(mark("b")));
    let disk = fake.swap_root(Tree::default());
    fake.take_calls();
    let error = client.create(&volume("new")).await.unwrap_err();
    assert_eq!(
        (error.class, error.certainty),
        (Class::Waiting, Certainty::NotDone),
        "{error}"
    );
    let error = client.purge(&id("t"), &()).await.unwrap_err();
    assert_eq!(
        (error.class, error.certainty),
        (Class::Waiting, Certainty::NotDone),
        "{error}"
    );
    assert!(
        fake.calls().iter().all(|call| call.op() == Op::ReadMark),
        "{:?}",
        fake.calls()
    );
    let _ = fake.swap_root(disk);
    client.create(&volume("new")).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn under_another_description_nothing_is_done_until_it_is_opened_anew() {
    let (_fake, mut far) = far().await;
    let client = far.client().await;
    far.stop().await;
    let less = Capabilities { revoke: false, ..ALL };
    let other = Fake::new("fake", less);
    far.run(Arc::new(other.clone())).await;
    // A question, so that the connection that was kept may be gone.
    let error = client.inspect(&path("v")).await.unwrap_err();
    assert!(error.message.contains("opened anew"), "{error}");
    assert!(client.is_outdated());
    let error = client.create(&volume("new")).await.unwrap_err();
    assert_eq!((error.class, error.certainty), (Class::Waiting, Certainty::NotDone));
    assert!(error.message.contains("opened anew"), "{error}");
    assert_eq!(other.calls(), []);
    let anew = far.client().await;
    assert_eq!(anew.capabilities(), less);
    assert!(anew.revoke().is_none() && anew.share().is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_alone_changes_nothing() {
    let (fake, mut far) = far().await;
    let client = far.client().await;
    let before = client.description().instance;
    far.stop().await;
    far.run(Arc::new(fake.clone())).await;
    client.read_mark().await.unwrap();
    client.create(&volume("new")).await.unwrap();
    assert!(!client.is_outdated());
    assert_ne!(far.client().await.description().instance, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_admin_is_to_know_follows_the_far_side() {
    let (fake, far) = far().await;
    let client = far.client().await;
    assert_eq!(client.notice(), None);
    for notice in [Some("it is over-committed"), None] {
        fake.set_notice(notice);
        client.space().await.unwrap();
        assert_eq!(client.notice().as_deref(), notice);
        assert_eq!(far.client().await.notice().as_deref(), notice, "opened anew");
    }
    assert!(!client.is_outdated());
}
