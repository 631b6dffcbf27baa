//! Answers that are lost on their way.

use super::proxy::Proxy;
use super::support::{TOKEN, token};
use super::*;
use tombolo_backend_fake::{Call, Op};
use tombolo_backend_remote::Remote;
use tombolo_backend_remote::client::Config;

/// A client behind a proxy, with a connection that is open: what is lost next is an answer, and no handshake.
async fn behind_a_proxy(far: &Far) -> (Proxy, Remote) {
    let proxy = Proxy::before(far.address).await;
    let url = format!("https://{}", proxy.address);
    let config = Config::parse(&url, Some(far.authority.pem().into_bytes()), token(TOKEN)).unwrap();
    let client = Remote::connect(config).await.unwrap();
    client.read_mark().await.unwrap();
    // Its connection is back where the next request finds it.
    tokio::time::sleep(Duration::from_millis(500)).await;
    (proxy, client)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_whose_answer_was_lost_is_maybe_done_and_a_repeat_succeeds() {
    let (fake, far) = far().await;
    let (proxy, client) = behind_a_proxy(&far).await;
    proxy.lose(1);
    let error = client.create(&volume("new")).await.unwrap_err();
    assert_eq!(
        (error.class, error.certainty),
        (Class::Transient, Certainty::MaybeDone),
        "{error}"
    );
    let asked = || fake.calls().iter().filter(|call| call.op() == Op::Create).count();
    until("the create", || async { asked() == 1 }).await;
    client.create(&volume("new")).await.unwrap();
    assert_eq!(asked(), 2, "it was not repeated behind our back");
    assert!(client.inspect(&path("new")).await.unwrap().is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_whose_answer_was_lost_is_asked_again() {
    let (fake, far) = far().await;
    let (proxy, client) = behind_a_proxy(&far).await;
    proxy.lose(1);
    assert!(client.inspect(&path("v")).await.unwrap().is_some());
    assert_eq!(proxy.left(), 0);
    let asked = fake
        .calls()
        .iter()
        .filter(|call| matches!(call, Call::Inspect(_)))
        .count();
    assert_eq!(asked, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operation_is_followed_through_lost_answers() {
    let (fake, far) = far().await;
    let (proxy, client) = behind_a_proxy(&far).await;
    proxy.lose(1);
    client.purge(&id("t"), &()).await.unwrap();
    assert_eq!(proxy.left(), 0);
    assert_eq!(fake.trash().await.unwrap(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_far_side_that_is_not_there_has_done_nothing() {
    let (_fake, mut far) = far().await;
    let client = far.client().await;
    far.crash();
    // Notices that the connection which it kept is gone.
    client.read_mark().await.unwrap_err();
    let error = client.create(&volume("new")).await.unwrap_err();
    assert_eq!(error.class, Class::Waiting);
    assert_eq!(error.certainty, Certainty::NotDone, "{error}");
    let error = Remote::connect(far.config(token(TOKEN))).await.unwrap_err();
    assert_eq!((error.class, error.certainty), (Class::Waiting, Certainty::NotDone));
}
