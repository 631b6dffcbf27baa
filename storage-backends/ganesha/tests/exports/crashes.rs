//! The process ends between any two steps of any operation; the next one finishes what was begun, or knows nothing of it.

use crate::lab::{Export, Lab, admitted, key, with};
use std::collections::BTreeMap;
use tombolo_backend_api::{Access, Admission, BackendError, Certainty};
use tombolo_ganesha::testing::Options;
use tombolo_ganesha::{Exporter, Step};

/// What is done to an export.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operation {
    Ensure,
    Admit(Admission),
    Move,
    Release,
}

const OPERATIONS: [(Option<Admission>, Operation); 9] = [
    (None, Operation::Ensure),
    (None, Operation::Admit(Admission::ReadOnly)),
    (Some(Admission::Full), Operation::Admit(Admission::Cut)),
    (Some(Admission::Full), Operation::Admit(Admission::ReadOnly)),
    (Some(Admission::Cut), Operation::Admit(Admission::Full)),
    (Some(Admission::ReadOnly), Operation::Admit(Admission::Full)),
    (Some(Admission::Full), Operation::Move),
    (Some(Admission::Full), Operation::Release),
    (Some(Admission::Cut), Operation::Release),
];

impl Operation {
    async fn run(self, exporter: &Exporter, export: &mut Export) -> Result<(), BackendError> {
        match self {
            Self::Ensure => exporter.ensure(&export.key, &export.directory).await.map(drop),
            Self::Admit(admission) => exporter.admit(&export.key, &export.directory, admission).await,
            Self::Move => {
                let moved = export.directory.with_extension("moved");
                if !moved.exists() {
                    std::fs::rename(&export.directory, &moved).unwrap();
                }
                exporter.ensure(&export.key, &moved).await.map(drop)
            }
            Self::Release => exporter.release(&export.key).await,
        }
    }

    fn after(self) -> Admission {
        match self {
            Self::Ensure | Self::Move => Admission::Full,
            Self::Admit(admission) => admission,
            Self::Release => Admission::Cut,
        }
    }
}

/// No id is ever seen with two paths.
async fn remember(lab: &Lab, seen: &mut BTreeMap<u16, String>) {
    for (id, path) in lab.server.bus().shown().await {
        assert_eq!(
            seen.entry(id).or_insert_with(|| path.clone()),
            &path,
            "id {id} was used twice"
        );
    }
}

#[test]
fn every_operation_survives_an_end_after_each_of_its_steps() {
    with(Options::default(), async |lab| {
        let (mut seen, mut ends) = (BTreeMap::new(), 0);
        for (number, (before, operation)) in OPERATIONS.into_iter().enumerate() {
            for step in Step::ALL {
                for times in 1..=2 {
                    let volume = format!("{number}-{step:?}-{times}");
                    ends += usize::from(story(&lab, &volume, before, operation, (step, times), &mut seen).await);
                }
            }
        }
        // The steps that each operation has: fewer would mean that the test lost its way.
        assert!(ends >= 25, "only {ends} ends were played");
    });
}

/// Whether the process ended where it was to.
async fn story(
    lab: &Lab,
    volume: &str,
    before: Option<Admission>,
    operation: Operation,
    (step, times): (Step, usize),
    seen: &mut BTreeMap<u16, String>,
) -> bool {
    let what = format!("{operation:?} from {before:?}, ended after {step:?} {times}");
    let directory = lab.server.volume(volume);
    let mut export = Export {
        key: key(volume, "t", Access::ReadWrite),
        directory,
    };
    let exporter = lab.ready().await;
    if let Some(before) = before {
        for admission in [Admission::Full, before] {
            export.admit(&exporter, admission).await;
        }
    }
    lab.crash_after(step, times);
    let result = operation.run(&exporter, &mut export).await;
    let ended = !lab.disarm();
    match (&result, ended) {
        (Err(error), true) => assert_eq!(error.certainty, Certainty::MaybeDone, "{what}: {error}"),
        (Ok(()), false) => {}
        other => panic!("{what}: {other:?}"),
    }
    remember(lab, seen).await;
    drop(exporter);

    let exporter = lab.open().await;
    let done = exporter.reconcile().await.unwrap();
    assert!(done.failed.is_empty(), "{what}: {done:?}");
    let found = admitted(lab, &export);
    let listed = exporter.exports().await.unwrap();
    let recorded = listed.iter().find(|exported| exported.key == export.key);
    assert_eq!(
        recorded.map_or(Admission::Cut, |exported| exported.admission),
        found,
        "{what}"
    );
    let begun = [before.unwrap_or(Admission::Cut), operation.after()];
    assert!(begun.contains(&found), "{what}: {found:?}");
    assert!(exporter.reconcile().await.unwrap().is_clean(), "{what}");

    operation.run(&exporter, &mut export).await.unwrap();
    assert_eq!(admitted(lab, &export), operation.after(), "{what}");
    remember(lab, seen).await;
    exporter.release(&export.key).await.unwrap();
    assert!(lab.server.bus().shown().await.is_empty(), "{what}");
    ended
}

#[test]
fn the_mending_of_stale_exports_survives_an_end_too() {
    with(Options::default(), async |lab| {
        for (round, step) in [Step::RecordWritten, Step::Removed, Step::RecordWritten]
            .into_iter()
            .enumerate()
        {
            let volume = format!("stale-{round}");
            let directory = lab.server.volume(&volume);
            let file = lab.server.directory().join("stale.conf");
            let id = 50_000 + u16::try_from(round).unwrap();
            let text = format!(
                "EXPORT {{ Export_Id = {id}; Path = {}; Pseudo = /tombolo/{volume}/t/rw; Access_Type = RW; FSAL {{ Name = VFS; }} }}",
                directory.display()
            );
            std::fs::write(&file, text).unwrap();
            lab.server.bus().add(&file, id).await.unwrap();
            let exporter = lab.open().await;
            lab.crash_after(step, 1 + round / 2);
            let done = exporter.reconcile().await.unwrap();
            assert!(!lab.disarm() && done.failed.len() == 1, "{done:?}");
            drop(exporter);
            let exporter = lab.ready().await;
            assert!(lab.server.bus().shown().await.is_empty());
            assert_eq!(exporter.reconcile().await.unwrap().ids_resting, round + 1);
        }
    });
}
