//! A server that answers late, and a root with much on it: what a listing takes in all is not bounded by what a call may take.

use crate::{Ground, both_versions, ganesha::OPEN, mark};
use std::{
    fs,
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use tombolo_backend_api::Backend;

both_versions!(listings_take_as_long_as_the_server_answers);

const LATENCY: Duration = Duration::from_millis(50);
const DEADLINE: Duration = Duration::from_secs(2);
const MANY: usize = 1000;

/// Passes on to `port`, and every answer late. The port it listens on.
async fn slow_way_to(port: u16) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let own = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let server = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
            let ((mut asked, mut answer), (mut late, mut ask)) = (client.into_split(), server.into_split());
            tokio::spawn(async move { tokio::io::copy(&mut asked, &mut ask).await });
            tokio::spawn(async move {
                let mut part = vec![0; 1 << 16];
                while let Ok(length @ 1..) = late.read(&mut part).await {
                    tokio::time::sleep(LATENCY).await;
                    if answer.write_all(&part[..length]).await.is_err() {
                        return;
                    }
                }
            });
        }
    });
    own
}

async fn listings_take_as_long_as_the_server_answers(ground: Ground) {
    ground.backend().place_mark(&mark("a")).await.unwrap();
    let trash = ground.behind().join(".tombolo/trash");
    for n in 0..MANY {
        fs::create_dir(trash.join(format!("vol-{n}"))).unwrap();
        fs::write(trash.join(format!("vol-{n}.json")), "{}").unwrap();
        fs::create_dir(ground.behind().join(format!("vol-{n}"))).unwrap();
    }
    let mut config = ground.server.config_value(OPEN, Some(&ground.root), ground.version);
    config["port"] = slow_way_to(config["port"].as_u64().unwrap().try_into().unwrap())
        .await
        .into();
    let backend = tombolo_backend_nfs::open(serde_json::from_value(config).unwrap()).with_deadline(DEADLINE);
    let begin = Instant::now();
    let entries = backend.trash().await.unwrap();
    assert!(begin.elapsed() > DEADLINE, "it showed nothing in {:?}", begin.elapsed());
    assert_eq!(entries.iter().filter(|entry| entry.record.is_some()).count(), MANY);

    // One request for each page, and none for each volume.
    let begin = Instant::now();
    assert_eq!(backend.list().await.unwrap().len(), MANY);
    assert!(
        begin.elapsed() < LATENCY * u32::try_from(MANY).unwrap() / 4,
        "{:?}",
        begin.elapsed()
    );
}
