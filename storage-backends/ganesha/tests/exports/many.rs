//! Five hundred exports: what they cost. The figures are printed (`-- --nocapture`), and held to generous bounds.

use crate::lab::{admitted, with};
use std::time::{Duration, Instant};
use tombolo_backend_api::{Access, Admission};
use tombolo_ganesha::testing::Options;

const EXPORTS: usize = 500;

#[test]
fn five_hundred_exports_cost_what_one_does_each() {
    // Fewer files than exports: a server must not need one for each.
    let options = Options {
        files: Some(400),
        ..Options::default()
    };
    with(options, async |lab| {
        let exporter = lab.ready().await;
        let empty = lab.server.resident();
        let (mut exports, mut took) = (vec![], vec![]);
        for number in 0..EXPORTS {
            let volume = format!("vol-{number}");
            lab.server.volume(&volume);
            let begin = Instant::now();
            exports.push(lab.export(&exporter, &volume, "t", Access::ReadWrite).await);
            took.push(begin.elapsed());
        }
        let mean = |took: &[Duration]| took.iter().sum::<Duration>() / u32::try_from(took.len()).unwrap();
        let (first, last) = (mean(&took[..100]), mean(&took[EXPORTS - 100..]));
        let full = lab.server.resident();
        let begin = Instant::now();
        assert!(exporter.reconcile().await.unwrap().is_clean());
        let looked = begin.elapsed();
        lab.server.kill();
        let begin = Instant::now();
        lab.server.resume();
        let restarted = begin.elapsed();
        for export in [&exports[0], &exports[EXPORTS / 2], &exports[EXPORTS - 1]] {
            assert_eq!(admitted(&lab, export), Admission::Full);
        }
        eprintln!(
            "{EXPORTS} exports: {first:?} each to add at first, {last:?} at last; the server has {full} KiB, {empty} KiB \
             without them; {looked:?} to find all in order, {restarted:?} to restart"
        );
        assert!(
            last < first * 5 + Duration::from_millis(50),
            "{first:?} became {last:?}"
        );
        assert!(full < 512 * 1024 && restarted < Duration::from_secs(60));
        let done = exporter.reconcile().await.unwrap();
        assert!(done.is_clean() && done.unchanged == EXPORTS, "{done:?}");
    });
}
