//! Who needs an export, by all that is known; and since when nobody does.

use super::*;
use crate::domain::record::{Intent, State};
use crate::ledger::memory::{MemoryDisk, MemoryLedger};
use crate::plan::testing::{self, ROOT, claim_ref, member_pv, pv, record};

async fn users(pvs: Vec<Pv>, records: Vec<Record>) -> Users {
    let mut index = Index::default();
    for pv in pvs {
        let _ = index.put_pv(pv);
    }
    let ledger = MemoryLedger::open(&MemoryDisk::default()).unwrap().ledger;
    ledger.replace_all(records).await.unwrap();
    Users::of(&index, &ledger, &Verdicts::default(), &BackendId::parse(ROOT).unwrap())
}

fn way(namespace: &str) -> ExportKey {
    let path = VolumePath::parse("pvc-prod-data").unwrap();
    export(&path, &Namespace::new(namespace), Access::ReadWrite).unwrap()
}

/// Who is known to need the way of a namespace.
fn of<'a>(users: &'a Users, namespace: &str) -> Vec<&'a str> {
    let word = |user: &User| match user {
        User::Owner(_) => "owner",
        User::Member(_) => "member",
        User::Unseen => "unseen",
    };
    users
        .known
        .get(&way(namespace))
        .into_iter()
        .flatten()
        .map(word)
        .collect()
}

#[tokio::test]
async fn objects_tokens_and_what_the_ledger_alone_knows_are_all_users() {
    let objects = vec![pv("prod/data").token("late/app"), member_pv("team/app", "prod/data")];
    let remembered = record("prod/data").member("team/app").member("lost/app");
    let users = users(objects, vec![remembered]).await;
    assert_eq!(of(&users, "prod"), ["owner"]);
    assert_eq!(of(&users, "team"), ["member"]);
    assert_eq!(of(&users, "late"), ["unseen"], "it joins");
    assert_eq!(of(&users, "lost"), ["unseen"], "its object was removed by force");
    assert!(users.doubtful.is_empty());
}

#[tokio::test]
async fn a_volume_that_is_being_made_needs_its_owner_s_way() {
    let making = record("prod/data").state(State::Creating).intends(Intent::Create);
    assert_eq!(of(&users(Vec::new(), vec![making]).await, "prod"), ["unseen"]);
}

#[tokio::test]
async fn a_token_that_nobody_can_read_keeps_every_way_of_its_volume() {
    let doubtful = pv("prod/data")
        .token("late/app")
        .with(|pv| pv.tokens.values_mut().for_each(|note| *note = None));
    let users = users(vec![doubtful], Vec::new()).await;
    assert!(users.need(&way("anybody")));
}

#[tokio::test]
async fn after_a_reclaim_the_volume_is_still_mounted_by_the_way_it_was_made_with() {
    let given = pv("prod/data")
        .bound_to("new/one")
        .ours(|ours| ours.tenant = Some(Namespace::new("prod")));
    let users = users(vec![given], Vec::new()).await;
    assert_eq!((of(&users, "prod"), of(&users, "new").len()), (vec!["owner"], 0));
}

#[tokio::test]
async fn what_lies_on_another_root_is_none_of_this_one_s_business() {
    let elsewhere = |pv: Pv| {
        let other = BackendId::parse("other").unwrap();
        pv.ours(|ours| ours.handle.backend = other)
    };
    let remembered = testing::record("prod/other");
    let moved = Record {
        handle: elsewhere(pv("prod/other")).ours.unwrap().handle,
        owner: claim_ref("prod/other"),
        ..remembered
    };
    let users = users(vec![elsewhere(pv("prod/data"))], vec![moved]).await;
    assert!(users.known.is_empty());
}

#[tokio::test(start_paused = true)]
async fn the_time_of_an_export_begins_when_it_is_first_seen_idle_and_anew_after_each_use() {
    let (idle, name, minute) = (Idle::default(), BackendName::new("nas1"), Duration::from_secs(60));
    let look = |exports: &[&str]| idle.longer_than(minute, &name, exports.iter().map(|n| way(n)).collect());
    let wait = |seconds| tokio::time::advance(Duration::from_secs(seconds));
    assert_eq!(look(&["a"]), (vec![], Some(minute)));
    wait(20).await;
    assert_eq!(look(&["a", "b"]), (vec![], Some(Duration::from_secs(40))));
    wait(20).await;
    assert_eq!(look(&["b"]), (vec![], Some(Duration::from_secs(40))));
    wait(40).await;
    assert_eq!(look(&["a", "b"]), (vec![way("b")], Some(minute)), "the other was used");
    assert_eq!(idle.at(&way("a").path), Some(name.clone()));
    assert_eq!(look(&[]), (vec![], None));
    assert_eq!(idle.at(&way("a").path), None);
}

#[tokio::test]
async fn who_is_to_mount_a_copy_needs_its_way_already_and_none_to_the_source() {
    let users = users(vec![pv("prod/data").copying("team/app")], Vec::new()).await;
    assert_eq!(of(&users, "prod"), ["owner"]);
    assert!(of(&users, "team").is_empty());
    let path = VolumePath::parse(testing::pv_name("team/app").as_str()).unwrap();
    let copy = export(&path, &Namespace::new("team"), Access::ReadWrite).unwrap();
    assert!(matches!(&users.known[&copy][..], [User::Unseen]), "{users:?}");
    assert!(users.doubtful.is_empty());
}

#[tokio::test]
async fn the_token_of_a_copy_that_nobody_can_read_keeps_every_way_of_the_copy() {
    let mut source = pv("prod/data").copying("team/app");
    source.tokens.values_mut().for_each(|note| *note = None);
    let users = users(vec![source], Vec::new()).await;
    let path = VolumePath::parse(testing::pv_name("team/app").as_str()).unwrap();
    assert_eq!(users.doubtful, [path].into());
}
