//! A lock that a client holds while the server restarts.

use crate::lab::{Export, Lab, with};
use std::time::{Duration, Instant};
use tombolo_backend_api::Access;
use tombolo_ganesha::testing::v4::{Client, Identity, Open};
use tombolo_ganesha::testing::{Grace, Options, Status};

/// Opens the file of an export, once the server lets anybody open anything. Until then all clients say that they live.
fn open(client: &mut Client, who: &Identity, export: &Export, other: Option<(&mut Client, &Identity)>) -> Open {
    let mut other = other;
    let begin = Instant::now();
    loop {
        let root = client.handle(&export.path()).unwrap();
        match client.open(who, &root, "file") {
            Err(Status::GRACE | Status::DELAY) if begin.elapsed() < Duration::from_secs(60) => {
                client.renew(who).unwrap();
                if let Some((other, who)) = &mut other {
                    other.renew(who).unwrap();
                }
                std::thread::sleep(Duration::from_millis(500));
            }
            other => return other.unwrap(),
        }
    }
}

/// One client holds a lock, the server is killed and starts again, and another client asks for the lock.
async fn contended(lab: Lab) -> Result<(), Status> {
    let exporter = lab.ready().await;
    let export = lab.export(&exporter, "vol", "t", Access::ReadWrite).await;
    let mut holder = lab.server.v4();
    let who = holder.introduce("holder", [7; 8]).unwrap();
    let mut file = open(&mut holder, &who, &export, None);
    holder.lock(&who, &mut file, false).unwrap();
    lab.server.kill();
    lab.server.resume();

    let mut other = lab.server.v4();
    let thief = other.introduce("other", [9; 8]).unwrap();
    let root = other.handle(&export.path()).unwrap();
    let early = other
        .open(&thief, &root, "file")
        .and_then(|mut file| other.lock(&thief, &mut file, false));
    let mut holder = lab.server.v4();
    let who = holder.introduce("holder", [7; 8]).unwrap();
    let reclaimed = holder
        .reclaim(&who, &file.file)
        .and_then(|mut file| holder.lock(&who, &mut file, true));
    if early.is_err() {
        assert_eq!(early.err(), Some(Status::GRACE));
        reclaimed.unwrap();
        let mut file = open(&mut other, &thief, &export, Some((&mut holder, &who)));
        return other.lock(&thief, &mut file, false).map(drop);
    }
    assert!(reclaimed.is_err());
    early.map(drop)
}

#[test]
fn a_lock_survives_a_restart_of_the_server() {
    let options = Options {
        grace: Grace::Lease(Duration::from_secs(5)),
        ..Options::default()
    };
    with(options, async |lab| {
        assert_eq!(contended(lab).await, Err(Status::DENIED));
    });
}

/// What the check of an admin's configuration refuses, and why.
#[test]
fn without_grace_a_lock_is_stolen_by_a_restart() {
    with(Options::default(), async |lab| {
        assert_eq!(contended(lab).await, Ok(()));
    });
}
