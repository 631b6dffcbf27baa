//! The main scenarios, one plan each.

use super::See;
use crate::domain::access::{OnDelete, OnOwnerDelete};
use crate::domain::claim::Claim;
use crate::domain::pv::{Pv, PvPhase, ReclaimPolicy};
use crate::domain::record::{Intent, Record, State};
use crate::domain::token::Token;
use crate::plan::Plan;
use crate::plan::claim::{self, ForClaim};
use crate::plan::copy::ForCopy;
use crate::plan::handshake::{self, Handshake};
use crate::plan::member::{self, LiveMember};
use crate::plan::testing::{
    self, backend, class, copied, copier, id, member_pv, pv, pv_name, read_only_note, record, reference, uid,
};
use crate::plan::volume::{self, LiveVolume, TokenClaim};

/// Shows every plan, with its name.
pub(crate) fn every(see: See<'_>) {
    provisioning(see);
    joining(see);
    copying(see);
    refusing(see);
    letting_go(see);
    deleting(see);
    mending(see);
}

/// The plan of a claim; `source` is the owner's claim, its object and whether its namespace may read it.
fn of_claim(claim: &Claim, record: Option<&Record>, source: Option<(&Claim, &Pv)>, live: bool) -> Plan {
    let references = [reference("team/to-prod", "prod/data")];
    let (backends, class) = ([copier("nas1")], class("gold"));
    let handshake = Handshake {
        claim,
        class: Some(&class),
        namespace_labels: &testing::labels(&[]),
        references: &references,
        source: source.map(|s| s.0),
        grants: &[],
        source_namespace_terminating: false,
        source_pv: source.map(|s| s.1),
        backend: backends.first(),
    };
    claim::decide(&ForClaim {
        copy: testing::asked_source(claim).map(|named| ForCopy {
            named: Some(named),
            source: source.map(|s| s.0),
            source_pv: source.map(|s| s.1),
            ..ForCopy::default()
        }),
        promised: None,
        claim,
        class: Some(&class),
        own_pv: None,
        other_pv: None,
        record,
        registration: Default::default(),
        backends: &backends,
        handshake: handshake::wanted(claim).map(|_| handshake),
        live,
    })
}

/// The volume of `prod/data`.
fn volume(pv: Option<Pv>, owners: &[Claim], members: &[&str], record: Option<Record>) -> LiveVolume {
    LiveVolume {
        copies: Default::default(),
        volume: id("prod/data"),
        twins: false,
        tokens: Default::default(),
        owners: owners.to_vec(),
        members: members.iter().map(|m| pv_name(m)).collect(),
        record,
        backend: Some(backend("nas1")),
        pv,
    }
}

fn waiting(mut v: LiveVolume, claim: TokenClaim) -> LiveVolume {
    let _ = v.tokens.insert(Token::joining(uid("team/app")), claim);
    v.pv = v.pv.map(|pv| pv.token("team/app"));
    v
}

fn member(pv: Option<Pv>, claims: &[Claim], state: State) -> Plan {
    member::decide(&LiveMember {
        name: pv_name("team/app"),
        pv,
        claims: claims.to_vec(),
        volume: Some(id("prod/data")),
        record: Some(record("prod/data").member("team/app").state(state)),
    })
}

fn owner() -> Claim {
    testing::claim("prod/data").bound().shares("team")
}

fn asker() -> Claim {
    testing::claim("team/app").asks("prod/data")
}

fn provisioning(check: See<'_>) {
    check("provision", &of_claim(&testing::claim("prod/data"), None, None, true));
    let begun = record("prod/data").state(State::Creating).intends(Intent::Create);
    check(
        "provision-after-a-crash",
        &of_claim(&testing::claim("prod/data"), Some(&begun), None, true),
    );
}

fn joining(check: See<'_>) {
    let holds = pv("prod/data").ours(|o| o.on_owner_delete = OnOwnerDelete::Hold);
    check(
        "join-cached",
        &of_claim(&asker(), None, Some((&owner(), &pv("prod/data"))), false),
    );
    check(
        "join-begin",
        &of_claim(&asker(), None, Some((&owner(), &pv("prod/data"))), true),
    );
    check(
        "join-begin-with-hold",
        &of_claim(&asker(), None, Some((&owner(), &holds)), true),
    );
    let live = || volume(Some(pv("prod/data")), &[owner()], &[], Some(record("prod/data")));
    check("join-finish", &volume::decide(&waiting(live(), TokenClaim::Waiting)));
    let mut read_only = waiting(live(), TokenClaim::Waiting);
    let notes = read_only.pv.as_mut().unwrap().tokens.values_mut().flatten();
    notes.for_each(|note| *note = read_only_note(note));
    check("join-finish-read-only", &volume::decide(&read_only));
    let mut begun = waiting(live(), TokenClaim::Served);
    begun.record = Some(record("prod/data").intends(Intent::Join {
        pv: pv_name("team/app"),
    }));
    check("join-finished-before-a-crash", &volume::decide(&begun));
    check("join-abandoned", &volume::decide(&waiting(live(), TokenClaim::Gone)));
}

fn copying(check: See<'_>) {
    let source = testing::claim("team/data").bound();
    let target = || testing::claim("team/app").with(|c| c.source = testing::volume_of("team/data"));
    check(
        "copy-begin",
        &of_claim(&target(), None, Some((&source, &pv("team/data"))), true),
    );
    let small = target().with(|c| c.request = Some(testing::GI));
    check(
        "copy-too-small",
        &of_claim(&small, None, Some((&source, &pv("team/data"))), true),
    );
    let with_token = |claim: TokenClaim| LiveVolume {
        volume: id("team/data"),
        tokens: [(Token::copying(uid("team/app")), claim)].into(),
        backend: Some(copier("nas1")),
        ..volume(
            Some(pv("team/data").copying("team/app")),
            std::slice::from_ref(&source),
            &[],
            Some(record("team/data")),
        )
    };
    let mut under_way = with_token(TokenClaim::Waiting);
    check("copy-under-way", &volume::decide(&under_way));
    let wanted = volume::wanted(&under_way).into_iter().flat_map(|wanted| wanted.actions);
    check("copy-steps", &Plan::finally(wanted.collect()));
    check("copy-served", &volume::decide(&with_token(TokenClaim::Served)));
    check("copy-nobody-waits-for", &volume::decide(&with_token(TokenClaim::Gone)));
    let known = volume::Known {
        record: Some(copied("team/app", "team/data")),
        given_up: true,
        ..volume::Known::default()
    };
    under_way.copies.of_this = [(Token::copying(uid("team/app")), known)].into();
    check("copy-too-large", &volume::decide(&under_way));
}

fn refusing(check: See<'_>) {
    let nobody = of_claim(&asker(), None, None, true);
    check("refused-not-shared", &nobody);
    let unshared = owner().annotated(&[]);
    assert_eq!(
        nobody,
        of_claim(&asker(), None, Some((&unshared, &pv("prod/data"))), true)
    );
    check(
        "refused-no-reference",
        &of_claim(&testing::claim("team/app").asks("prod/dada"), None, None, true),
    );
    check(
        "refused-source-going",
        &of_claim(&asker(), None, Some((&owner().terminating(), &pv("prod/data"))), true),
    );
    let typo = testing::claim("team/app").annotated(&[("tombolo.dev/shareFromPvc", "prod/data")]);
    check("refused-typo", &of_claim(&typo, None, None, true));
    let large = asker().with(|c| c.request = Some(11 << 30));
    check(
        "refused-too-large",
        &of_claim(&large, None, Some((&owner(), &pv("prod/data"))), true),
    );
}

fn letting_go(check: See<'_>) {
    let released = || Some(pv("prod/data").released());
    let shared = || Some(record("prod/data").member("team/app"));
    check(
        "soft-delete",
        &volume::decide(&volume(released(), &[], &["team/app"], shared())),
    );
    check(
        "released-but-used",
        &volume::decide(&volume(released(), &[owner()], &[], Some(record("prod/data")))),
    );
    check(
        "member-deleted",
        &member(Some(member_pv("team/app", "prod/data").released()), &[], State::Live),
    );
    let going = || Some(member_pv("team/app", "prod/data").released().terminating());
    check("member-leaves", &member(going(), &[], State::Live));
    check("last-member-leaves", &member(going(), &[], State::SoftDeleted));
    let free = member_pv("team/app", "prod/data")
        .phase(PvPhase::Available)
        .with(|p| p.claim = None);
    check("member-free-for-anybody", &member(Some(free), &[], State::Live));
}

fn deleting(check: See<'_>) {
    let soft = || Some(record("prod/data").state(State::SoftDeleted));
    let released = || pv("prod/data").released();
    let ending = || released().terminating();
    let plan = |pv: Pv| volume::decide(&volume(Some(pv), &[], &[], soft()));
    check("delete-object", &plan(released()));
    check("delete-data", &plan(ending()));
    check(
        "delete-archived",
        &plan(ending().ours(|o| o.on_delete = OnDelete::Archive)),
    );
    check(
        "delete-kept-by-class",
        &plan(ending().ours(|o| o.on_delete = OnDelete::Retain)),
    );
    check(
        "retained",
        &volume::decide(&volume(
            Some(released().policy(ReclaimPolicy::Retain)),
            &[],
            &[],
            Some(record("prod/data")),
        )),
    );
    check(
        "retained-deleted-by-hand",
        &plan(ending().policy(ReclaimPolicy::Retain)),
    );
    check(
        "delete-without-record",
        &volume::decide(&volume(Some(ending()), &[], &[], None)),
    );
    check(
        "delete-waits-for-member",
        &volume::decide(&volume(
            Some(ending()),
            &[],
            &["team/app"],
            Some(record("prod/data").member("team/app")),
        )),
    );
    let promised = waiting(volume(Some(ending()), &[], &[], soft()), TokenClaim::Waiting);
    check("delete-finds-token", &volume::decide(&promised));
    check(
        "deleted-by-hand-under-a-live-owner",
        &volume::decide(&volume(
            Some(pv("prod/data").terminating()),
            &[owner()],
            &[],
            Some(record("prod/data")),
        )),
    );
    let never_made = volume(
        None,
        &[],
        &[],
        Some(record("prod/data").state(State::Creating).intends(Intent::Create)),
    );
    check("never-made", &volume::decide(&never_made));
}

fn mending(check: See<'_>) {
    let plan = |pv: Pv| volume::decide(&volume(Some(pv), &[owner()], &[], Some(record("prod/data"))));
    check("stripped", &plan(pv("prod/data").ours(|o| o.intact = false)));
    check("recycled", &plan(pv("prod/data").policy(ReclaimPolicy::Recycle)));
    check("unexpected-claim", &plan(pv("prod/data").bound_to("else/where")));
    let populated = pv("prod/data").bound_to("team/wanted").with(|p| p.populated = true);
    check(
        "populated",
        &volume::decide(&volume(Some(populated), &[], &[], Some(record("prod/data")))),
    );
    check(
        "record-lost",
        &volume::decide(&volume(Some(pv("prod/data")), &[owner()], &[], None)),
    );
}
