//! Observations of any kind. UIDs and names come from a handful, so that they meet.

use crate::domain::access::{Access, AccessModes, MountMode, OnDelete, OnOwnerDelete, OnRevoke};
use crate::domain::backend::{Backend, Health};
use crate::domain::change;
use crate::domain::claim::{Claim, ClaimPhase};
use crate::domain::hold::Hold;
use crate::domain::ids::{BackendName, ClaimUid, PvName};
use crate::domain::pv::{BoundTo, Joined, Ours, Pv, PvPhase, ReclaimPolicy, Role};
use crate::domain::record::{Intent, Record, State};
use crate::domain::source::{DataSource, DropCause};
use crate::domain::token::{Note, Token, TokenKind};
use crate::plan::member::LiveMember;
use crate::plan::testing::{self, GI};
use crate::plan::volume::{LiveVolume, TokenClaim};
use k8s_openapi::api::core::v1::VolumeNodeAffinity;
use proptest::collection::{btree_map, btree_set, vec};
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use tombolo_backend_api::{BackendId, Capabilities};

mod claims;
mod copying;

pub(super) use claims::{ClaimScene, claim_scene, reference};

/// The volume that observations are about.
pub(super) const OWNER: &str = "prod/data";
const CLAIMS: [&str; 5] = [OWNER, "team/app", "team/late", "prod/new", "else/where"];

pub(super) fn name() -> impl Strategy<Value = &'static str> {
    select(CLAIMS.to_vec())
}

fn pv_names() -> impl Strategy<Value = PvName> {
    prop_oneof![4 => name().prop_map(testing::pv_name), 1 => Just(PvName::new("pv-of-a-stranger"))]
}

fn modes() -> impl Strategy<Value = AccessModes> {
    any::<[bool; 4]>().prop_map(|[rwo, rox, rwx, rwop]| AccessModes { rwo, rox, rwx, rwop })
}

pub(super) fn access() -> impl Strategy<Value = Access> {
    select(vec![Access::ReadOnly, Access::ReadWrite])
}

fn bytes() -> impl Strategy<Value = u64> {
    prop_oneof![Just(10 * GI), Just(11 * GI), any::<u64>()]
}

/// What people write, with typos, both prefixes, and noise.
fn annotations() -> impl Strategy<Value = Vec<(String, String)>> {
    let keys = [
        "tombolo.dev/shareFromPVC",
        "trident.netapp.io/shareFromPVC",
        "tombolo.dev/shareToNamespace",
        "trident.netapp.io/shareToNamespace",
        "tombolo.dev/shareReadOnlyToNamespace",
        "tombolo.dev/shareToNamespaceSelector",
        "tombolo.dev/onRevoke",
        "trident.netapp.io/cloneFromPVC",
        "tombolo.dev/sharefrom",
        "example.com/x",
    ];
    let values = [
        "prod/data",
        "team/app",
        "team",
        "prod",
        "*",
        "team,*",
        "te am",
        "",
        "tier=gold",
        "Cut",
        "a/b/c",
    ];
    let value = prop_oneof![6 => select(values.to_vec()).prop_map(str::to_owned), 1 => ".{0,40}"];
    vec((select(keys.to_vec()).prop_map(str::to_owned), value), 0..4)
}

fn source() -> impl Strategy<Value = DataSource> {
    let served = testing::snapshot("team/s");
    let populator = DataSource::Populator {
        group: "example.com".into(),
        kind: "Hello".into(),
    };
    let clone = testing::volume_of("team/data");
    prop_oneof![
        8 => Just(DataSource::None),
        1 => Just(clone),
        1 => Just(served),
        1 => Just(populator),
        1 => select(vec![DropCause::GateOff, DropCause::CustomKindInDataSource]).prop_map(DataSource::Dropped),
    ]
}

prop_compose! {
    fn claim_state()(
        phase in select(vec![ClaimPhase::Pending, ClaimPhase::Bound, ClaimPhase::Lost]),
        volume in option::of(pv_names()),
        own in any::<bool>(),
        terminating in prop::bool::weighted(0.2),
    ) -> (ClaimPhase, Option<PvName>, bool, bool) {
        (phase, volume, own, terminating)
    }
}

pub(super) fn claim_of(name: &'static str) -> impl Strategy<Value = Claim> {
    let odd = (
        any::<bool>(),
        any::<bool>(),
        any::<bool>(),
        option::weighted(0.1, Just("fast".to_owned())),
        source(),
    );
    (
        claim_state(),
        annotations(),
        modes(),
        option::weighted(0.9, bytes()),
        odd,
        any::<bool>(),
    )
        .prop_map(
            move |(
                (phase, volume, own, terminating),
                annotations,
                modes,
                request,
                (block, selector, held, attributes, source),
                asked,
            )| {
                let pairs: Vec<(&str, &str)> = annotations.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
                testing::claim(name).annotated(&pairs).with(|c| {
                    (c.phase, c.terminating, c.request, c.source) = (phase, terminating, request, source);
                    c.volume_name = if own && phase != ClaimPhase::Pending {
                        Some(c.uid.pv_name())
                    } else {
                        volume
                    };
                    if held {
                        c.holds = Hold::ALL.into();
                    }
                    if block && selector {
                        (c.modes, c.block, c.selector, c.attributes_class) = (modes, true, selector, attributes);
                    }
                    if asked && held {
                        c.asked = None;
                    }
                })
            },
        )
}

fn role() -> impl Strategy<Value = Role> {
    let joined = select(vec![OnRevoke::Keep, OnRevoke::Cut]).prop_map(|on_revoke| {
        Role::Member(Joined {
            via: "VolumeReference team/ref; annotation of prod/data".into(),
            source_uid: testing::uid(OWNER),
            on_revoke,
        })
    });
    prop_oneof![4 => Just(Role::Owner), 1 => joined]
}

fn ours(of: &'static str) -> impl Strategy<Value = Ours> {
    let how = select(vec![OnDelete::Delete, OnDelete::Retain, OnDelete::Archive]);
    let hold = select(vec![OnOwnerDelete::Detach, OnOwnerDelete::Hold]);
    let owner = option::weighted(0.3, name().prop_map(testing::uid));
    (
        how,
        hold,
        access(),
        role(),
        owner,
        prop::bool::weighted(0.8),
        any::<bool>(),
        prop::bool::weighted(0.9),
    )
        .prop_map(
            move |(on_delete, on_owner_delete, access, role, owner_uid, intact, named, own_handle)| {
                let handle = testing::handle(&testing::pv_name(if own_handle { of } else { "else/where" }));
                Ours {
                    handle,
                    volume: (intact || named).then(|| testing::id(OWNER)),
                    role,
                    backend: (intact || named).then(|| BackendName::new("nas1")),
                    on_delete,
                    on_owner_delete,
                    access,
                    owner_uid,
                    tenant: None,
                    cut: None,
                    promised: None,
                    intact,
                }
            },
        )
}

pub(super) fn tokens() -> impl Strategy<Value = std::collections::BTreeMap<Token, bool>> {
    let kind = prop_oneof![2 => Just(TokenKind::Joining), 1 => Just(TokenKind::Copying)];
    let token = (kind, select(CLAIMS[1..].to_vec())).prop_map(|(kind, of)| Token {
        kind,
        claim: testing::uid(of),
    });
    btree_map(token, prop::bool::weighted(0.8), 0..3)
}

fn mount() -> impl Strategy<Value = MountMode> {
    prop_oneof![4 => Just(MountMode::Kubelet), 1 => Just(MountMode::Csi)]
}

pub(super) fn pv_of(of: &'static str) -> impl Strategy<Value = Pv> {
    use PvPhase::{Available, Bound, Failed, Pending, Released};
    let phase = select(vec![Pending, Available, Bound, Bound, Released, Released, Failed]);
    let policy = prop_oneof![
        6 => Just(ReclaimPolicy::Delete), 2 => Just(ReclaimPolicy::Retain), 1 => Just(ReclaimPolicy::Recycle)
    ];
    let bound = option::weighted(0.9, (name(), prop::bool::weighted(0.9)));
    let some = option::weighted(0.95, ours(of));
    let odd = (any::<bool>(), bytes(), modes(), any::<bool>(), mount());
    (phase, policy, bound, some, tokens(), any::<bool>(), odd).prop_map(
        move |(phase, policy, bound, ours, tokens, terminating, (populated, capacity, modes, rare, mount))| {
            testing::pv(of).with(|pv| {
                (pv.phase, pv.policy, pv.ours, pv.terminating, pv.populated) =
                    (phase, policy, ours, terminating, populated);
                pv.mount = mount;
                pv.claim = bound.map(|(claim, known)| BoundTo {
                    key: testing::key(claim),
                    uid: known.then(|| testing::uid(claim)),
                });
                pv.tokens = tokens
                    .into_iter()
                    .map(|(token, readable)| {
                        let member = token.claim.as_str().replacen('-', "/", 1);
                        let owner = testing::pv_name(OWNER);
                        let note = readable.then(|| match token.kind {
                            TokenKind::Joining => Note::Join(testing::note(&member, &owner)),
                            TokenKind::Copying => Note::Copy(testing::copy_note(&member, &owner)),
                        });
                        (token, note)
                    })
                    .collect();
                if rare && populated {
                    (pv.capacity, pv.modes, pv.block) = (capacity, modes, terminating);
                    pv.node_affinity = Some(VolumeNodeAffinity::default());
                    if let Some(ours) = &mut pv.ours {
                        ours.promised = capacity.checked_mul(2);
                    }
                }
            })
        },
    )
}

pub(super) fn record() -> impl Strategy<Value = Record> {
    let state = select(vec![State::Creating, State::Live, State::SoftDeleted, State::Deleting]);
    let intent = prop_oneof![
        Just(Intent::Create),
        pv_names().prop_map(|pv| Intent::Join { pv }),
        Just(Intent::Copy {
            from: testing::id("prod/new")
        }),
        select(vec![OnDelete::Delete, OnDelete::Archive]).prop_map(|how| Intent::Discard { how }),
    ];
    let members = btree_set(select(CLAIMS[1..].to_vec()), 0..3);
    (state, option::of(intent), members, name()).prop_filter_map(
        "one that the ledger keeps",
        |(state, intent, members, owner)| {
            let mut record = members.into_iter().fold(testing::record(OWNER), |r, m| r.member(m));
            (record.state, record.intent, record.owner) = (state, intent, testing::claim_ref(owner));
            change::check(&record).is_ok().then_some(record)
        },
    )
}

pub(super) fn backend() -> impl Strategy<Value = Backend> {
    let health = prop_oneof![
        6 => Just(Health::Ready(BackendId::parse(testing::ROOT).unwrap())), 1 => Just(Health::Degraded), 1 => Just(Health::Terminating(None)),
        1 => Just(Health::Terminating(BackendId::parse(testing::ROOT)))
    ];
    (
        health,
        (prop::bool::weighted(0.9), prop::bool::weighted(0.8)),
        any::<bool>(),
        option::weighted(0.2, 0u64..3),
        select(vec!["nas1", "nas2"]),
        option::of(Just("node1".to_owned())),
    )
        .prop_map(|(health, (share, clone), read_only_enforced, limit, name, node)| {
            testing::backend(name).with(|b| {
                (b.health, b.node) = (health, node);
                b.capabilities = Capabilities {
                    share,
                    clone,
                    read_only_enforced,
                    ..Capabilities::default()
                };
                (b.limits.volumes, b.limits.namespace.members) = (limit, limit);
            })
        })
}

pub(super) fn live_volume() -> impl Strategy<Value = LiveVolume> {
    let become_of = select(vec![TokenClaim::Waiting, TokenClaim::Gone, TokenClaim::Served]);
    let owners = vec(
        prop_oneof![claim_of(OWNER), claim_of("prod/new"), claim_of("else/where")],
        0..3,
    );
    let members = prop_oneof![2 => Just(Default::default()), 1 => btree_set(pv_names(), 0..3)];
    let looked_up = (vec(become_of, 4), prop::bool::weighted(0.95));
    (
        option::weighted(0.9, pv_of(OWNER)),
        looked_up,
        owners,
        members,
        option::weighted(0.8, record()),
        option::of(backend()),
        (vec(copying::known(), 4), prop::bool::weighted(0.1)),
    )
        .prop_map(
            |(pv, (become_of, all), owners, members, record, backend, (known, into_this))| {
                let copies = copying::of(pv.as_ref(), known, into_this);
                let seen = pv
                    .iter()
                    .flat_map(|pv| pv.tokens.keys().cloned())
                    .skip(usize::from(!all));
                LiveVolume {
                    copies,
                    volume: testing::id(OWNER),
                    twins: false,
                    tokens: seen.zip(become_of).collect(),
                    pv,
                    owners,
                    members,
                    record,
                    backend,
                }
            },
        )
}

pub(super) fn live_member() -> impl Strategy<Value = LiveMember> {
    let claims = vec(
        prop_oneof![3 => claim_of("team/app"), 1 => claim_of("else/where")],
        0..3,
    );
    let pv = option::weighted(0.9, pv_of("team/app"));
    let place = option::weighted(0.9, Just(testing::id(OWNER)));
    (pv, claims, place, option::weighted(0.8, record())).prop_map(|(pv, claims, volume, record)| LiveMember {
        name: testing::pv_name("team/app"),
        pv,
        claims,
        volume,
        record,
    })
}

/// UIDs that are no UIDs, for names derived from them.
pub(super) fn odd_uid() -> impl Strategy<Value = ClaimUid> {
    ".{0,20}".prop_map(ClaimUid::new)
}
