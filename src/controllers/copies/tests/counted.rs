//! What is counted of copies that are gone on with.

use super::*;

fn seen() -> Seen {
    Seen {
        bytes: 1000,
        entries: 10,
        whole: true,
    }
}

#[tokio::test(start_paused = true)]
async fn what_an_earlier_attempt_left_is_told_as_copied_and_counts_neither_again_nor_for_the_speed() {
    let b = bench().await;
    let gate = b.w.fake.gate(Op::CloneVolume, Moment::Midway);
    b.copying.abort();
    b.wants("team/app", "team/data").await;
    let running = b.w.ctx.copies.begin().unwrap();
    let heard = Heard::after(running.reached(), &b.w.ctx.metrics);
    let at = |(bytes, files), (reused_bytes, reused_files)| {
        let done = Copied {
            bytes,
            files,
            reused_bytes,
            reused_files,
            ..Copied::default()
        };
        heard.copied(done, seen());
    };
    let copy = make(&b.w.ctx, &running.wanted, &heard);
    let watch = async {
        gate.arrived(1).await;
        at((0, 0), (0, 0));
        at((500, 5), (500, 5));
        at((600, 6), (500, 5));
        tokio::time::sleep(Duration::from_secs(6)).await;
        assert!(
            b.said("copied 600 bytes in 6 files, 60 % of all, at 20 bytes/s"),
            "{:?}",
            b.w.heard.words()
        );
        gate.open();
    };
    let (made, ()) = tokio::join!(copy, watch);
    made.unwrap();
    let text = b.w.ctx.metrics.encode().unwrap();
    assert!(
        text.contains("tombolo_copied_bytes_total 100\n") && text.contains("tombolo_copied_files_total 1\n"),
        "{text}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_controller_that_goes_on_with_another_one_s_copy_counts_what_it_has_made_itself() {
    let before = bench().await;
    let gate = before.w.fake.gate(Op::CloneVolume, Moment::Midway);
    before.wants("team/app", "team/data").await;
    before.w.fake.write("pvc-team-data/more", "some more");
    gate.arrived(1).await;
    before.copying.abort();
    before.settle().await;
    gate.open();
    let after = start(world(Vec::new(), []).await, before.cluster.clone(), Some(&before)).await;
    after.look("team/data").await;
    after.settle().await;
    let of = |b: &Bench| {
        let text = b.w.ctx.metrics.encode().unwrap();
        let line = text
            .lines()
            .find(|line| line.starts_with("tombolo_copied_bytes_total "));
        line.and_then(|line| line.rsplit(' ').next()?.parse::<f64>().ok())
    };
    // The first half of the source's entries was there.
    assert!(after.file_of("team/app").is_some());
    assert_eq!(of(&after), Some(9.0));
}
