//! The harness itself: what the other tests stand on works, and nothing stays behind.

#![allow(clippy::unwrap_used, reason = "functions that only tests call are tests too")]

use std::path::PathBuf;
use std::time::{Duration, Instant};

use k8s_openapi::api::core::v1::{Namespace, PersistentVolume, PersistentVolumeClaim};
use kube::Api;
use serde_json::json;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tombolo_harness::process::Recorded;
use tombolo_harness::wait::{Look, until};
use tombolo_harness::{Cluster, ClusterOptions, EnvFile, NfsServer, NfsVersion, report_skipped};

const SOON: Duration = Duration::from_secs(30);

#[tokio::test]
async fn a_cluster_works_through_restarts_and_leaves_nothing() {
    if let Some(reason) = NfsServer::unavailable() {
        return report_skipped("a_cluster_works_through_restarts_and_leaves_nothing", &reason);
    }
    let cluster = Cluster::start(ClusterOptions::everything()).await.unwrap();
    let directory = cluster.directory().to_owned();
    let processes = cluster.processes().unwrap();
    assert!(processes.iter().all(|process| process.is_alive()), "{processes:#?}");
    assert_eq!(EnvFile::read(&directory.join("env")).unwrap(), cluster.env());

    let client = cluster.client().await.unwrap();
    let namespaces: Api<Namespace> = Api::all(client.clone());
    let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "primary"}});
    cluster.apply(&namespace.to_string()).await.unwrap();

    files_are_shared_between_versions(cluster.nfs().unwrap()).await;
    cluster.nfs().unwrap().restart().await.unwrap();
    cluster.nfs().unwrap().kill().await.unwrap();
    assert!(cluster.nfs().unwrap().client(NfsVersion::V3).list("").await.is_err());
    cluster.nfs().unwrap().resume().await.unwrap();
    for version in [NfsVersion::V3, NfsVersion::V4] {
        assert_eq!(
            cluster.nfs().unwrap().client(version).read("from-v3").await.unwrap(),
            b"three"
        );
    }

    if !cluster.is_external() {
        cluster.restart_api_server().await.unwrap();
    }
    // The client made before the restart is still good, and so is what was written.
    namespaces.get("primary").await.unwrap();
    a_volume_with_a_claim_reference_binds(&cluster, client).await;
    other_identities_have_their_own_rights(&cluster).await;

    let processes = cluster.processes().unwrap();
    cluster.stop().await.unwrap();
    assert!(processes.iter().all(|process| !process.is_alive()), "{processes:#?}");
    assert!(!directory.exists());
}

async fn files_are_shared_between_versions(nfs: &NfsServer) {
    let (v3, v4) = (nfs.client(NfsVersion::V3), nfs.client(NfsVersion::V4));
    v3.write("from-v3", b"three").await.unwrap();
    v4.write("from-v4", b"four").await.unwrap();
    assert_eq!(v4.read("from-v3").await.unwrap(), b"three");
    assert_eq!(v3.read("from-v4").await.unwrap(), b"four");
    for client in [v3, v4] {
        assert_eq!(client.list("").await.unwrap(), ["from-v3", "from-v4"]);
        assert!(client.exists("from-v4").await.unwrap());
        assert!(!client.exists("no/such/file").await.unwrap());
        assert!(client.read("no-such-file").await.is_err());
    }
    let local = nfs.endpoint().export_dir.join("from-v3");
    assert_eq!(std::fs::read(local).unwrap(), b"three");
}

async fn a_volume_with_a_claim_reference_binds(cluster: &Cluster, client: kube::Client) {
    let claim = json!({
        "apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "data", "namespace": "primary"},
        "spec": {"storageClassName": "elsewhere", "accessModes": ["ReadWriteMany"], "resources": {"requests": {"storage": "1Mi"}}},
    });
    let volume = json!({
        "apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": "pv-data"},
        "spec": {
            "storageClassName": "elsewhere", "accessModes": ["ReadWriteMany"], "capacity": {"storage": "1Mi"},
            "claimRef": {"namespace": "primary", "name": "data"}, "nfs": {"server": "127.0.0.1", "path": "/export"},
        },
    });
    let start = Instant::now();
    cluster.apply(&format!("{claim}\n---\n{volume}")).await.unwrap();
    let claims: Api<PersistentVolumeClaim> = Api::namespaced(client.clone(), "primary");
    until("the claim to be bound", SOON, async || {
        let status = claims.get("data").await?.status;
        let phase = status.as_ref().and_then(|status| status.phase.as_deref());
        Ok(Look::holds(phase == Some("Bound"), &status))
    })
    .await
    .unwrap();
    println!("bound within {:?}", start.elapsed());
    claims.delete("data", &Default::default()).await.unwrap();
    let volumes: Api<PersistentVolume> = Api::all(client);
    until("the volume to be released", SOON, async || {
        let status = volumes.get("pv-data").await?.status;
        let phase = status.as_ref().and_then(|status| status.phase.as_deref());
        Ok(Look::holds(phase == Some("Released"), &status))
    })
    .await
    .unwrap();
}

async fn other_identities_have_their_own_rights(cluster: &Cluster) {
    let claims = |client| -> Api<PersistentVolumeClaim> { Api::namespaced(client, "primary") };
    let forbidden = |error: kube::Error| matches!(error, kube::Error::Api(status) if status.code == 403);
    let alice = cluster.client_as("alice", &["team-a"]).await.unwrap();
    assert!(forbidden(claims(alice).list(&Default::default()).await.unwrap_err()));
    let account = cluster.client_of_service_account("primary", "default").await.unwrap();
    assert!(forbidden(claims(account).list(&Default::default()).await.unwrap_err()));

    let grant = [
        "create",
        "rolebinding",
        "view",
        "-n",
        "primary",
        "--clusterrole=view",
        "--group=team-a",
        "--serviceaccount=primary:default",
    ];
    cluster.kubectl(&grant).await.unwrap();
    for kubeconfig in [
        cluster.kubeconfig_as("alice", &["team-a"]).unwrap(),
        cluster
            .kubeconfig_of_service_account("primary", "default")
            .await
            .unwrap(),
    ] {
        // The flag given last counts.
        let kubeconfig = kubeconfig.to_str().unwrap();
        until("the role to count", SOON, async || {
            let arguments = [
                "auth",
                "can-i",
                "list",
                "persistentvolumeclaims",
                "-n",
                "primary",
                "--kubeconfig",
                kubeconfig,
            ];
            let output = cluster.kubectl_output(&arguments, None).await?;
            Ok(Look::holds(output.stdout == b"yes\n", output))
        })
        .await
        .unwrap();
    }
}

#[tokio::test]
async fn a_named_cluster_is_used_again_until_it_is_ended() {
    let name = format!("reuse-{}", std::process::id());
    let first = Cluster::up(&name, ClusterOptions::default()).await.unwrap();
    if first.is_external() {
        report_skipped(
            "a_named_cluster_is_used_again_until_it_is_ended",
            "E2E_KUBECONFIG is a cluster that is not ours",
        );
        assert!(Cluster::down(&name).unwrap());
        return;
    }
    let (directory, processes) = (first.directory().to_owned(), first.processes().unwrap());
    drop(first);

    let again = Cluster::up(&name, ClusterOptions::default()).await.unwrap();
    assert_eq!(again.processes().unwrap(), processes);
    again.kubectl(&["create", "namespace", "kept"]).await.unwrap();

    let options = ClusterOptions::default().feature_gate("CrossNamespaceVolumeDataSource", true);
    let other = Cluster::up(&name, options).await.unwrap();
    assert!(
        processes.iter().all(|process| !process.is_alive()),
        "the options differ, so it is started anew"
    );
    other.kubectl(&["get", "namespace", "kept"]).await.unwrap();

    let processes = other.processes().unwrap();
    assert!(Cluster::down(&name).unwrap());
    assert!(processes.iter().all(|process| !process.is_alive()), "{processes:#?}");
    assert!(!directory.exists());
    assert!(!Cluster::down(&name).unwrap());
}

/// Set for a copy of this test program which is to be killed.
const VICTIM: &str = "TOMBOLO_HARNESS_VICTIM";

#[tokio::test]
async fn servers_end_with_a_killed_owner() {
    if std::env::var_os(VICTIM).is_some() {
        let server = NfsServer::start().await.unwrap();
        let state = server.endpoint().export_dir.ancestors().nth(2).unwrap().to_owned();
        println!("\nstarted in {}", state.display());
        return std::future::pending().await;
    }
    if let Some(reason) = NfsServer::unavailable() {
        return report_skipped("servers_end_with_a_killed_owner", &reason);
    }
    let mut victim = tokio::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "servers_end_with_a_killed_owner", "--nocapture"])
        .env(VICTIM, "1")
        .stdout(std::process::Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(victim.stdout.take().unwrap()).lines();
    let directory = loop {
        let line = lines.next_line().await.unwrap().expect("the copy ended");
        if let Some(directory) = line.strip_prefix("started in ") {
            break PathBuf::from(directory);
        }
    };
    let record = |name: &str| -> Recorded {
        serde_json::from_slice(&std::fs::read(directory.join(format!("processes/{name}.json"))).unwrap()).unwrap()
    };
    let servers = [record("ganesha"), record("dbus")];
    assert!(servers.iter().all(Recorded::is_alive));
    victim.kill().await.unwrap();
    until("the servers to end", SOON, async || {
        Ok(Look::holds(!servers.iter().any(Recorded::is_alive), &servers))
    })
    .await
    .unwrap();
    // The next start removes the files, and ends what changed its user and so lost the parent-death signal.
    drop(NfsServer::start().await.unwrap());
    assert!(!directory.exists());
}
