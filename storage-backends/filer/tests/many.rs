//! Five hundred volumes of one filer: what they cost, and how soon all are back when the host was started anew. The figures are
//! printed (`-- --nocapture`), and held to generous bounds. Making one takes longer the more there are: what is promised to all others
//! is added up each time.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod stage;

use stage::MIB;
use stage::host::Host;
use std::time::{Duration, Instant};
use tombolo_backend_api::Access;

const VOLUMES: u32 = 500;
/// Of how many the mean is taken, at the beginning and at the end.
const SOME: usize = 50;

#[tokio::test]
async fn five_hundred_volumes_are_exported_and_come_back_after_a_restart_of_the_host() {
    let Some(mut host) = Host::start(16384 * MIB).await else {
        return;
    };
    let mut took = vec![];
    let mut last = String::new();
    for number in 0..VOLUMES {
        let name = format!("pvc-{number}");
        let began = Instant::now();
        host.volume(&name, MIB).await;
        last = host.mount(&name, "team", Access::ReadWrite).await;
        took.push(began.elapsed());
    }
    let mean = |took: &[Duration]| took.iter().sum::<Duration>() / u32::try_from(took.len()).unwrap();
    let (first, late) = (mean(&took[..SOME]), mean(&took[took.len() - SOME..]));
    host.write(&format!("{last}/file"), b"kept").unwrap();
    let memory = host.server.resident();
    let began = Instant::now();
    let settled = host.filer.settle().await.unwrap();
    let looked = began.elapsed();
    assert_eq!((settled.mounted, settled.unmounted, settled.failed), (0, 0, vec![]));

    host.server.stop();
    host.unmount_everything();
    let began = Instant::now();
    host.server.resume();
    host.restart().await;
    let settled = host.filer.settle().await.unwrap();
    let back = began.elapsed();
    assert_eq!((settled.mounted, settled.failed), (VOLUMES as usize, vec![]));
    assert_eq!(host.read(&format!("{last}/file")).unwrap(), b"kept");
    eprintln!(
        "{VOLUMES} volumes: {first:?} each to make and export at first, {late:?} at last; the server has {memory} KiB; {looked:?} to find \
         all in order, {back:?} until all are back"
    );
    assert!(
        late < first * 5 + Duration::from_millis(100),
        "{first:?} became {late:?}"
    );
    assert!(memory < 512 * 1024 && back < Duration::from_secs(120));
}
