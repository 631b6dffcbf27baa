//! Whom a live look finds, and in which order it looks.

use super::*;
use crate::domain::cross_source::{CrossSource, CrossSourceKey};
use crate::domain::cut::Cut;
use crate::domain::grant::Grant;
use crate::domain::hold::Hold;
use crate::domain::ids::{BackendName, ClaimRef, Namespace, PvUid, ResourceVersion};
use crate::domain::reference::{Reference, ReferenceKey, ReferenceKind};
use crate::domain::token::Note;
use crate::execute::cluster::{ApiError, Fault};
use crate::ledger::Durability;
use crate::ledger::memory::{MemoryDisk, MemoryLedger};
use crate::observe::index::NamespaceView;
use crate::plan::NewPv;
use crate::plan::action::Exactly;
use crate::plan::resize::ResizeMark;
use crate::plan::testing::{self, backend, id, member_pv, pv, pv_name, record};
use async_trait::async_trait;
use std::sync::Mutex;
use tombolo_backend_api::MountSource;

/// An API server that can be read from, and remembers what was asked.
#[derive(Default)]
struct Readable {
    claims: Vec<Claim>,
    pvs: Vec<Pv>,
    asked: Mutex<Vec<String>>,
}

impl Readable {
    fn ask(&self, what: String) {
        self.asked.lock().unwrap().push(what);
    }
}

fn no<T>() -> Result<T, ApiError> {
    Err(ApiError::new(
        Fault::Forbidden,
        "this one can be read from, and not everything",
    ))
}

#[async_trait]
impl Cluster for Readable {
    async fn claim(&self, key: &ClaimKey) -> Result<Option<Claim>, ApiError> {
        self.ask(format!("claim {key}"));
        Ok(self.claims.iter().find(|claim| claim.key == *key).cloned())
    }

    async fn pv(&self, name: &PvName) -> Result<Option<Pv>, ApiError> {
        self.ask(format!("pv {name}"));
        Ok(self.pvs.iter().find(|pv| pv.name == *name).cloned())
    }

    async fn members(&self, volume: &VolumeId) -> Result<Vec<Pv>, ApiError> {
        self.ask(format!("members of {volume}"));
        let labelled = |pv: &&Pv| pv.is_member() && pv.ours.as_ref().and_then(|o| o.volume.as_ref()) == Some(volume);
        Ok(self.pvs.iter().filter(labelled).cloned().collect())
    }

    async fn grants(&self, _: &Namespace) -> Result<Option<Vec<Grant>>, ApiError> {
        self.ask("grants".to_owned());
        Ok(Some(Vec::new()))
    }
    async fn cross_source(&self, _: &CrossSourceKey) -> Result<Option<CrossSource>, ApiError> {
        unreachable!("no claim names one")
    }
    async fn claims(&self) -> Result<Vec<Claim>, ApiError> {
        self.ask("claims".to_owned());
        Ok(self.claims.clone())
    }

    async fn pvs(&self) -> Result<Vec<Pv>, ApiError> {
        no()
    }
    async fn reference(&self, _: &ReferenceKey) -> Result<Option<Reference>, ApiError> {
        no()
    }
    async fn references(&self, _: ReferenceKind, _: &Namespace) -> Result<Option<Vec<Reference>>, ApiError> {
        no()
    }
    async fn namespace(&self, _: &Namespace) -> Result<Option<NamespaceView>, ApiError> {
        no()
    }
    async fn create_pv(&self, _: &NewPv, _: &MountSource) -> Result<(), ApiError> {
        no()
    }
    async fn delete_pv(&self, _: &Exactly) -> Result<(), ApiError> {
        no()
    }
    async fn unprotect(&self, _: &PvName, _: &PvUid) -> Result<(), ApiError> {
        no()
    }
    async fn put_token(&self, _: &Exactly, _: &Token, _: &Note) -> Result<(), ApiError> {
        no()
    }
    async fn take_token(&self, _: &PvName, _: &PvUid, _: &Token) -> Result<(), ApiError> {
        no()
    }
    async fn put_hold(&self, _: Hold, _: &ClaimRef) -> Result<(), ApiError> {
        no()
    }
    async fn take_hold(&self, _: Hold, _: &ClaimRef) -> Result<(), ApiError> {
        no()
    }
    async fn reschedule(&self, _: &ClaimRef, _: &ResourceVersion) -> Result<(), ApiError> {
        no()
    }
    async fn mend(&self, _: &Exactly, _: &VolumeId, _: &BackendName, _: &Handle, _: bool) -> Result<(), ApiError> {
        no()
    }
    async fn set_retain(&self, _: &Exactly) -> Result<(), ApiError> {
        no()
    }
    async fn promise(&self, _: &Exactly, _: u64) -> Result<(), ApiError> {
        no()
    }
    async fn grant(&self, _: &Exactly, _: u64) -> Result<(), ApiError> {
        no()
    }
    async fn mark_resize(
        &self,
        _: &ClaimRef,
        _: &ResourceVersion,
        _: &ResizeMark,
        _: jiff::Timestamp,
    ) -> Result<(), ApiError> {
        no()
    }
    async fn note_cut(&self, _: &PvName, _: &PvUid, _: Option<&Cut>) -> Result<(), ApiError> {
        no()
    }
    async fn record_owner(&self, _: &Exactly, _: &ClaimUid) -> Result<(), ApiError> {
        no()
    }
}

/// What a live look at the volume of `prod/data` finds, with caches that show the same and a ledger of these records.
async fn look(cluster: &Readable, records: Vec<Record>) -> LiveVolume {
    let ledger = MemoryLedger::open(&MemoryDisk::default()).unwrap().ledger;
    let changes = records
        .into_iter()
        .map(crate::domain::change::Change::Restore)
        .collect();
    ledger.apply(changes, Durability::Soon).await.unwrap();
    let mut index = Index::default();
    index.reset_claims(cluster.claims.clone());
    index.reset_pvs(cluster.pvs.clone());
    let caches = Caches::new(RwLock::new(index));
    let found = volume(&id("prod/data"), &caches, cluster, &ledger, &[backend("nas1")]).await;
    found.unwrap()
}

fn names(view: &LiveVolume) -> Vec<&str> {
    view.members.iter().map(PvName::as_str).collect()
}

fn ending() -> Pv {
    pv("prod/data").released().terminating()
}

#[tokio::test]
async fn the_object_is_read_first_then_claims_and_members_last() {
    let cluster = Readable {
        claims: vec![testing::claim("prod/data").bound()],
        pvs: vec![ending().token("team/app"), member_pv("team/old", "prod/data")],
        ..Readable::default()
    };
    let view = look(&cluster, vec![record("prod/data")]).await;
    assert_eq!(names(&view), ["pvc-team-old"]);
    let asked = cluster.asked.lock().unwrap().clone();
    let at = |what: &str| asked.iter().position(|asked| asked == what).unwrap();
    assert_eq!(at("pv pvc-prod-data"), 0, "{asked:?}");
    assert!(
        at("pv pvc-team-app") < at("members of pvc-prod-data"),
        "tokens before members: {asked:?}"
    );
    assert!(
        at("claim prod/data") < at("members of pvc-prod-data"),
        "claims before members: {asked:?}"
    );
}

/// Of many copies one in three waits, one has its object, and one's claim is gone: more than are read at once.
#[tokio::test]
async fn of_many_tokens_each_is_found_and_its_object_is_read_before_its_claim() {
    const MANY: usize = 2 * READ_AT_ONCE + 5;
    let name = |n: usize| format!("team/app{n}");
    let tokens = (0..MANY).fold(pv("prod/data"), |pv, n| pv.copying(&name(n)));
    let there = (0..MANY).filter(|n| n % 3 != 2);
    let cluster = Readable {
        claims: there.map(|n| testing::claim(&name(n))).collect(),
        pvs: (0..MANY)
            .filter(|n| n % 3 == 1)
            .map(|n| pv(&name(n)))
            .chain([tokens])
            .collect(),
        ..Readable::default()
    };
    let view = look(&cluster, vec![record("prod/data")]).await;
    assert_eq!(view.tokens.len(), MANY);
    let asked = cluster.asked.lock().unwrap().clone();
    for n in 0..MANY {
        let fate = &view.tokens[&Token::copying(testing::uid(&name(n)))];
        let expected = [TokenClaim::Waiting, TokenClaim::Served, TokenClaim::Gone];
        assert_eq!(*fate, expected[n % 3], "{n}");
        let at = |what: String| asked.iter().position(|asked| *asked == what);
        let (object, claim) = (
            at(format!("pv {}", pv_name(&name(n)))),
            at(format!("claim {}", name(n))),
        );
        assert_eq!(
            claim.is_some(),
            n % 3 != 1,
            "{n}: of one with its object nothing else is asked"
        );
        assert!(claim.is_none() || object < claim, "{n}: {asked:?}");
    }
}

#[tokio::test]
async fn a_member_is_found_by_its_label_by_its_handle_and_by_the_ledger() {
    let stripped = |pv: Pv| {
        pv.with(|p| p.claim = None)
            .ours(|o| (o.volume, o.intact) = (None, false))
    };
    let elsewhere = |pv: Pv| pv.ours(|o| o.handle = testing::handle(&pv_name("else/where")));
    for (how, member, record) in [
        (
            "all of them",
            member_pv("team/app", "prod/data"),
            record("prod/data").member("team/app"),
        ),
        (
            "label",
            elsewhere(member_pv("team/app", "prod/data")),
            record("prod/data"),
        ),
        (
            "handle",
            stripped(member_pv("team/app", "prod/data")),
            record("prod/data"),
        ),
        (
            "ledger",
            elsewhere(stripped(member_pv("team/app", "prod/data"))),
            record("prod/data").member("team/app"),
        ),
    ] {
        let cluster = Readable {
            pvs: vec![ending(), member],
            ..Readable::default()
        };
        assert_eq!(names(&look(&cluster, vec![record]).await), ["pvc-team-app"], "{how}");
    }
    let alone = Readable {
        pvs: vec![ending(), pv("else/where")],
        ..Readable::default()
    };
    assert_eq!(
        names(&look(&alone, vec![record("prod/data").member("team/app")]).await),
        [""; 0]
    );
}

#[tokio::test]
async fn two_volumes_with_one_handle_are_seen_in_the_cluster_and_in_the_ledger() {
    let edited = |name: &str| pv(name).ours(|o| o.handle = testing::handle(&pv_name("prod/data")));
    let with = |pvs: Vec<Pv>| Readable {
        pvs,
        ..Readable::default()
    };
    let there = with(vec![ending(), edited("prod/other")]);
    assert!(look(&there, vec![record("prod/data")]).await.twins);
    let remembered = Record {
        handle: record("prod/data").handle,
        ..record("prod/other")
    };
    let gone = with(vec![ending()]);
    assert!(look(&gone, vec![record("prod/data"), remembered]).await.twins);
    assert!(!look(&gone, vec![record("prod/data"), record("prod/other")]).await.twins);
}
