//! Who is let in, and how that changes while everything runs.

use super::support::certificates::Authority;
use super::support::{NEXT_TOKEN, TOKEN, certificate, token, write};
use super::*;
use std::os::unix::fs::PermissionsExt;
use tombolo_backend_remote::Remote;
use tombolo_backend_remote::client::Config;
use tombolo_backend_remote::server::Credentials;

fn denied<T>(answer: Result<T, BackendError>) {
    let error = answer.err().unwrap();
    assert_eq!(
        (error.class, error.certainty),
        (Class::Denied, Certainty::NotDone),
        "{error}"
    );
}

fn unreachable<T>(answer: Result<T, BackendError>) {
    let error = answer.err().unwrap();
    assert_eq!(
        (error.class, error.certainty),
        (Class::Waiting, Certainty::NotDone),
        "{error}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_replaced_on_both_sides_without_a_restart() {
    let (_fake, far) = far().await;
    let client = far.client().await;
    denied(far.connect(token(NEXT_TOKEN)).await);
    write(&far.file("tokens"), &format!("{NEXT_TOKEN}\n{TOKEN}\n"));
    until("the new token", || async {
        far.connect(token(NEXT_TOKEN)).await.is_ok()
    })
    .await;
    client.read_mark().await.unwrap();
    client.renew(token(NEXT_TOKEN)).unwrap();
    client.read_mark().await.unwrap();
    write(&far.file("tokens"), NEXT_TOKEN);
    until("the end of the old token", || async {
        far.connect(token(TOKEN)).await.is_err()
    })
    .await;
    denied(far.connect(token(TOKEN)).await);
    client.read_mark().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_with_a_token_that_ended_is_denied_and_changes_nothing() {
    let (fake, far) = far().await;
    let client = far.client().await;
    write(&far.file("tokens"), NEXT_TOKEN);
    until("the end of the token", || async { client.read_mark().await.is_err() }).await;
    let before = fake.tree();
    denied(client.create(&volume("new")).await);
    denied(client.purge(&id("t"), &()).await);
    assert_eq!(fake.tree(), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_s_certificate_and_its_authority_are_replaced_without_a_restart() {
    let (_fake, far) = far().await;
    let next = Authority::new("next");
    let config =
        |authority: &Authority| Config::parse(&far.url(), Some(authority.pem().into_bytes()), token(TOKEN)).unwrap();
    unreachable(Remote::connect(config(&next)).await);
    far.install(&next.server());
    until("the new certificate", || async {
        Remote::connect(config(&next)).await.is_ok()
    })
    .await;
    unreachable(Remote::connect(config(&far.authority)).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn files_that_cannot_be_used_leave_the_former_ones_in_use() {
    let (_fake, far) = far().await;
    write(&far.file("tokens"), "short");
    write(&far.file("tls.crt"), "no certificate");
    tokio::time::sleep(Duration::from_millis(300)).await;
    far.client().await;
    std::fs::remove_file(far.file("tokens")).unwrap();
    tokio::time::sleep(Duration::from_millis(300)).await;
    far.client().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_certificate_is_accepted_from_its_authority_alone() {
    let (_fake, far) = far().await;
    let client = far.connect(certificate(&far.authority.client())).await.unwrap();
    client.create(&volume("new")).await.unwrap();
    let foreign = Authority::new("foreign");
    for bad in [far.authority.expired_client(), foreign.client()] {
        denied(far.connect(certificate(&bad)).await);
    }
    // A server's certificate is no client's (RFC 5280, section 4.2.1.12).
    denied(far.connect(certificate(&far.authority.server())).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_clients_authority_is_replaced_without_a_restart() {
    let (_fake, far) = far().await;
    let next = Authority::new("next");
    denied(far.connect(certificate(&next.client())).await);
    write(&far.file("client-ca.crt"), &next.pem());
    until("the new authority", || async {
        far.connect(certificate(&next.client())).await.is_ok()
    })
    .await;
    denied(far.connect(certificate(&far.authority.client())).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_far_side_of_another_authority_is_not_believed() {
    let (_fake, far) = far().await;
    let foreign = Authority::new("foreign").pem();
    let config = Config::parse(&far.url(), Some(foreign.into_bytes()), token(TOKEN)).unwrap();
    unreachable(Remote::connect(config).await);
    // Nor without an authority of one's own: those of the system do not know it.
    unreachable(Remote::connect(Config::parse(&far.url(), None, token(TOKEN)).unwrap()).await);
}

#[tokio::test]
async fn a_secret_that_everybody_can_read_is_refused() {
    let (_fake, far) = far().await;
    for name in ["tokens", "tls.key"] {
        let file = far.file(name);
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o604)).unwrap();
        let refused = Credentials::read(far.files()).err().unwrap().to_string();
        assert!(refused.contains("everybody"), "{refused}");
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o640)).unwrap();
    }
    Credentials::read(far.files()).unwrap();
}
