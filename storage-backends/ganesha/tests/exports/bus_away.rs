//! The bus, or the server on it, is away.

use crate::lab::{admitted, key, with};
use std::time::Duration;
use tombolo_backend_api::{Access, Admission, Certainty, Class};
use tombolo_ganesha::testing::{Options, wait_for};

#[test]
fn without_the_server_nothing_is_made_and_that_is_said() {
    with(Options::default(), async |lab| {
        let exporter = lab.ready().await;
        let directory = lab.server.volume("vol");
        let wanted = key("vol", "t", Access::ReadWrite);
        lab.server.kill();
        for away in ["the server", "the bus"] {
            let error = exporter.ensure(&wanted, &directory).await.unwrap_err();
            assert_eq!(
                (error.class, error.certainty),
                (Class::Waiting, Certainty::NotDone),
                "{away}: {error}"
            );
            assert_eq!(exporter.exports().await.unwrap(), []);
            let error = exporter.reconcile().await.unwrap_err();
            assert_eq!(error.class, Class::Waiting, "{away}: {error}");
            lab.server.bus().kill();
        }
        lab.server.bus().resume();
        lab.server.resume();
        exporter.ensure(&wanted, &directory).await.unwrap();
        assert_eq!(lab.server.bus().shown().await.len(), 1);
    });
}

#[test]
fn what_is_cut_while_the_bus_is_away_is_cut_when_it_comes_back() {
    with(Options::default(), async |lab| {
        let exporter = lab.ready().await;
        let cut = lab.export(&exporter, "cut", "t", Access::ReadWrite).await;
        let released = lab.export(&exporter, "released", "t", Access::ReadWrite).await;
        let stays = lab.export(&exporter, "stays", "t", Access::ReadWrite).await;
        lab.server.bus().kill();
        let errors = [
            exporter
                .admit(&cut.key, &cut.directory, Admission::Cut)
                .await
                .unwrap_err(),
            exporter.release(&released.key).await.unwrap_err(),
        ];
        for error in errors {
            assert_eq!(
                (error.class, error.certainty),
                (Class::Waiting, Certainty::MaybeDone),
                "{error}"
            );
        }
        // libdbus ends a process whose system bus goes away, unless it is told not to: this server does not tell it.
        wait_for("the end of the server", || lab.server.has_ended());
        lab.server.bus().resume();
        lab.server.kill();
        lab.server.resume();
        let found = [&cut, &released, &stays].map(|export| admitted(&lab, export));
        assert_eq!(found, [Admission::Cut, Admission::Cut, Admission::Full]);
        // What was interrupted is finished by whoever watches.
        for _ in 0..400 {
            let rests = std::fs::read_dir(lab.config.state.join("exports"))
                .unwrap()
                .any(|record| {
                    std::fs::read_to_string(record.unwrap().path()).is_ok_and(|text| text.contains("\"gone\""))
                });
            if rests {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("the release was not finished");
    });
}
