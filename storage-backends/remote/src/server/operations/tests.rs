use super::*;
use tombolo_backend_api::{CreateVolume, Disposal, TrashId, VolumePath};
use tombolo_backend_fake::{Fake, Fault, Gate, Moment, Op};

const SOON: Duration = Duration::from_secs(10);

fn purge(id: &str) -> Work {
    Work::Purge {
        id: TrashId::parse(id).unwrap(),
    }
}

fn operations(fake: &Fake, room: Room) -> Operations {
    Operations::new(Arc::new(fake.clone()), room, Counts::default())
}

fn start(operations: &Operations, id: &str) -> Result<(Revision, Begun), Problem> {
    operations.start(purge(id), Uuid::nil(), |_| ())
}

async fn trashed(fake: &Fake, id: &str) {
    let path = VolumePath::parse("v").unwrap();
    let volume = CreateVolume {
        path: path.clone(),
        mode: 0o777,
        bytes: 1,
    };
    fake.create(&volume).await.unwrap();
    let disposal = Disposal::Trash {
        id: TrashId::parse(id).unwrap(),
        record: serde_json::json!({}),
    };
    fake.discard(&path, &disposal).await.unwrap();
}

fn held(fake: &Fake) -> Gate {
    fake.gate(Op::Purge, Moment::Before)
}

#[tokio::test]
async fn who_asks_for_what_runs_joins_it() {
    let fake = Fake::default();
    trashed(&fake, "t").await;
    let gate = held(&fake);
    let operations = operations(&fake, Room::default());
    let (id, begun) = start(&operations, "t").unwrap();
    assert_eq!(begun, Begun::Started);
    assert_eq!(start(&operations, "t").unwrap(), (id.clone(), Begun::Joined));
    let now = operations.look(&id, Duration::ZERO).await.unwrap();
    assert!(matches!(now.state, State::Running(_)), "{now:?}");
    gate.open();
    let end = operations.look(&id, SOON).await.unwrap();
    let State::Done(crate::wire::operation::Outcome::Purged(purged)) = end.state else {
        panic!("{end:?}");
    };
    assert_eq!(purged.directories, 1);
}

#[tokio::test]
async fn what_has_ended_is_started_again_when_it_is_asked_for_again() {
    let fake = Fake::default();
    let operations = operations(&fake, Room::default());
    for _ in 0..2 {
        trashed(&fake, "t").await;
        let (id, begun) = start(&operations, "t").unwrap();
        assert_eq!(begun, Begun::Started);
        operations.look(&id, SOON).await.unwrap();
        assert_eq!(fake.trash().await.unwrap(), []);
    }
}

#[tokio::test]
async fn a_failure_is_told_with_its_certainty() {
    let fake = Fake::default();
    fake.fail_next(Op::Purge, Fault::Interrupted(Class::Waiting));
    let operations = operations(&fake, Room::default());
    let (id, _) = start(&operations, "t").unwrap();
    let State::Failed(problem) = operations.look(&id, SOON).await.unwrap().state else {
        panic!("it was told to fail");
    };
    assert_eq!(problem.class, Class::Waiting);
    assert_eq!(problem.certainty, tombolo_backend_api::Certainty::MaybeDone);
}

#[tokio::test]
async fn one_that_is_stopped_says_so_and_can_be_started_again() {
    let fake = Fake::default();
    trashed(&fake, "t").await;
    let gate = held(&fake);
    let operations = operations(&fake, Room::default());
    let (id, _) = start(&operations, "t").unwrap();
    gate.arrived(1).await;
    let stopped = operations.stop(&id).await.unwrap();
    assert!(matches!(stopped.state, State::Failed(problem) if problem.class == Class::Transient));
    gate.open();
    assert_eq!(start(&operations, "t").unwrap().1, Begun::Started);
    operations.look(&id, SOON).await.unwrap();
    assert_eq!(fake.trash().await.unwrap(), []);
}

#[tokio::test(start_paused = true)]
async fn neither_what_runs_nor_what_is_remembered_grows_without_end() {
    let fake = Fake::default();
    let room = Room {
        running: 3,
        remembered: 2,
        memory: Duration::from_secs(60),
    };
    let operations = operations(&fake, room);
    let gate = held(&fake);
    let ids: Vec<_> = ["a", "b", "c"]
        .iter()
        .map(|id| start(&operations, id).unwrap().0)
        .collect();
    let refused = start(&operations, "d").unwrap_err();
    assert_eq!((refused.code, refused.class), (Code::TooMany, Class::Transient));
    gate.open();
    for id in &ids {
        let _ = operations.look(id, SOON).await;
    }
    start(&operations, "d").unwrap();
    assert!(operations.table().len() <= 3, "two that ended, one that runs");
    tokio::time::sleep(Duration::from_secs(1)).await;
    start(&operations, "e").unwrap();
    tokio::time::sleep(Duration::from_secs(61)).await;
    operations.table().tidy();
    tokio::time::sleep(Duration::from_secs(61)).await;
    operations.table().tidy();
    assert_eq!(operations.table().len(), 0);
    let unknown = operations.look(&ids[0], SOON).await.unwrap_err();
    assert_eq!(unknown.code, Code::UnknownOperation);
}
