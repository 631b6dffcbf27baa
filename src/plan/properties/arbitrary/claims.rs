//! All that is looked at for a claim, with and without a share.

use super::{OWNER, access, backend, claim_of, pv_of, record};
use crate::domain::access::OnOwnerDelete;
use crate::domain::backend::Backend;
use crate::domain::claim::Claim;
use crate::domain::class::Class;
use crate::domain::grant::Grant;
use crate::domain::pv::Pv;
use crate::domain::record::Record;
use crate::domain::reference::{Reference, ReferenceKey, ReferenceKind};
use crate::domain::token::TokenKind;
use crate::plan::claim::begun::Promised;
use crate::plan::testing;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

/// Everything that the decision about a claim borrows, owned.
#[derive(Debug, Clone)]
pub(in crate::plan::properties) struct ClaimScene {
    pub(in crate::plan::properties) claim: Claim,
    pub(in crate::plan::properties) class: Option<Class>,
    pub(in crate::plan::properties) own_pv: Option<Pv>,
    pub(in crate::plan::properties) other_pv: Option<Pv>,
    pub(in crate::plan::properties) record: Option<Record>,
    pub(in crate::plan::properties) backends: Vec<Backend>,
    pub(in crate::plan::properties) references: Vec<Reference>,
    pub(in crate::plan::properties) source: Option<Claim>,
    pub(in crate::plan::properties) source_pv: Option<Pv>,
    pub(in crate::plan::properties) going: bool,
    pub(in crate::plan::properties) live: bool,
    pub(in crate::plan::properties) outgrown: bool,
    pub(in crate::plan::properties) grants: Vec<Grant>,
    pub(in crate::plan::properties) promised: Option<Promised>,
}

pub(in crate::plan::properties) fn reference() -> impl Strategy<Value = Reference> {
    let text = || prop_oneof![4 => select(vec!["prod", "data", "team", "app"]).prop_map(str::to_owned), 1 => ".{0,10}"];
    let kind = select(vec![ReferenceKind::Volume, ReferenceKind::Trident]);
    let named = prop_oneof![
        Just((Some("prod".to_owned()), Some("data".to_owned()))),
        (option::of(text()), option::of(text()))
    ];
    (kind, any::<bool>(), named, access(), 0..3u8).prop_map(|(kind, terminating, (namespace, name), access, n)| {
        let key = ReferenceKey {
            kind,
            namespace: testing::namespace("team"),
            name: format!("ref{n}"),
        };
        Reference::new(
            key,
            terminating && n == 0,
            namespace.as_deref(),
            name.as_deref(),
            access,
        )
    })
}

pub(in crate::plan::properties) fn claim_scene() -> impl Strategy<Value = ClaimScene> {
    let class = || testing::class("gold");
    let classes = prop_oneof![
        4 => Just(Some(class())),
        2 => Just(Some(testing::csi_class("gold"))),
        1 => Just(Some(class().with(|c| c.waits_for_consumer = true))),
        1 => Just(Some(class().with(|c| c.parameters = Err("bad".into())))),
        1 => Just(None),
    ];
    // Half of them ask for nothing but the share that might be granted, or the handshake would seldom be passed.
    let asking = testing::claim("team/app").asks("prod/data");
    let copying = testing::claim("team/app").with(|c| c.source = testing::volume_of(OWNER));
    let claims = prop_oneof![2 => Just(asking), 1 => Just(copying), 2 => claim_of("team/app")].boxed();
    let source = prop_oneof![
        1 => Just(Some(testing::claim(OWNER).bound().shares("team"))), 2 => option::of(claim_of(OWNER))
    ];
    let healthy = select(vec![OnOwnerDelete::Detach, OnOwnerDelete::Hold])
        .prop_map(|hold| Some(testing::pv(OWNER).ours(|o| o.on_owner_delete = hold)));
    let source_pv = prop_oneof![1 => healthy, 2 => option::of(pv_of(OWNER))].boxed();
    let pvs = (
        option::weighted(0.2, pv_of("team/app")).boxed(),
        option::weighted(0.3, pv_of("else/where")).boxed(),
        source_pv,
    );
    let node = option::weighted(0.9, select(vec!["node1".to_owned(), "node2".to_owned()]));
    let granted = testing::reference("team/ref", OWNER);
    // Boxed: whole scenes do not fit the stack of a test otherwise.
    let references = prop_oneof![1 => Just(vec![granted]), 2 => vec(reference(), 0..3)].boxed();
    let backends = prop_oneof![1 => Just(vec![testing::copier("nas1")]), 2 => vec(backend(), 0..3)].boxed();
    let seldom = || prop::bool::weighted(0.1);
    let grants = select(vec![
        vec![testing::grant("prod", "team")],
        vec![testing::grant("prod", "other"), testing::grant("else", "team")],
        vec![],
    ]);
    let promised = (select(vec![TokenKind::Copying, TokenKind::Joining]), any::<bool>());
    let promised = option::weighted(0.2, promised.prop_map(|(kind, noted)| Promised { kind, noted }));
    let rest = (
        references,
        source,
        (seldom(), seldom(), promised),
        any::<bool>(),
        node,
        grants,
    );
    let own_record = option::weighted(0.3, record()).prop_map(|r| {
        r.map(|mut r| {
            let own = testing::record("team/app");
            (r.volume, r.handle, r.owner) = (own.volume, own.handle, own.owner);
            r.members.clear();
            r
        })
    });
    (claims, classes, pvs, own_record, backends, rest).prop_map(
        |(
            claim,
            class,
            (own_pv, other_pv, source_pv),
            record,
            backends,
            (references, source, (going, outgrown, promised), live, node, grants),
        )| {
            ClaimScene {
                claim: claim.with(|c| c.selected_node = node),
                class,
                own_pv,
                other_pv,
                record,
                backends,
                references,
                source,
                source_pv,
                going,
                live,
                outgrown,
                grants,
                promised,
            }
        },
    )
}
