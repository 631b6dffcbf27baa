//! The claim itself, its source, and the PersistentVolumes of owners and members.

use super::*;

/// The owner's claim, edited.
fn owner(index: &mut Index, edit: fn(Claim) -> Claim) -> Wake {
    index.put_claim(edit(plain("prod/data").bound().shares("team")))
}

/// The owner's PersistentVolume, edited.
fn volume(index: &mut Index, edit: fn(Pv) -> Pv) -> Wake {
    let mut pv = edit(testing::pv("prod/data"));
    pv.version = crate::domain::ids::ResourceVersion::new("8");
    index.put_pv(pv)
}

/// Everybody who asks for the volume or is in it, the volume itself, and references that name its owner.
const ALL: &[&str] = &[
    "claim prod/data",
    "claim team/app",
    "claim team/old",
    "volume pvc-prod-data",
    "shared pvc-prod-data",
    "reference team/ref",
];

#[test]
fn the_claim_itself() {
    const OWN: &[&str] = &["claim team/app", "volume pvc-team-app"];
    check(&[
        (
            "asks for less",
            |i| i.put_claim(plain("team/app").asks("prod/data").with(|c| c.request = Some(GI))),
            OWN,
        ),
        (
            "asks for another",
            |i| i.put_claim(plain("team/app").asks("prod/own")),
            OWN,
        ),
        (
            "new",
            |i| i.put_claim(plain("team/new")),
            &["claim team/new", "volume pvc-team-new"],
        ),
        ("the same", |i| i.put_claim(plain("team/app").asks("prod/data")), &[]),
    ]);
}

#[test]
fn the_source() {
    check(&[
        (
            "made",
            |i| {
                i.remove_claim(&key("prod/data"));
                owner(i, |c| c)
            },
            ALL,
        ),
        ("shared with others", |i| owner(i, |c| c.shares("far")), ALL),
        ("not bound any more", |i| owner(i, Claim::lost), ALL),
        ("of another class", |i| owner(i, |c| c.with(|c| c.class = None)), ALL),
        ("going away", |i| owner(i, Claim::terminating), ALL),
        ("deleted", |i| i.remove_claim(&key("prod/data")), ALL),
        (
            "the same in a later version",
            |i| {
                owner(i, |c| {
                    c.with(|c| c.version = crate::domain::ids::ResourceVersion::new("9"))
                })
            },
            &[],
        ),
        (
            "a member of another's",
            |i| i.put_claim(plain("team/old").asks("prod/data").bound().terminating()),
            &[
                "claim far/deep",
                "claim team/old",
                "volume pvc-team-old",
                "member pvc-team-old",
                "shared pvc-prod-data",
            ],
        ),
    ]);
}

#[test]
fn the_source_s_volume() {
    /// As [`ALL`], but that no reference is in effect or not by what its volume is.
    const SIDES: &[&str] = &[
        "claim prod/data",
        "claim team/app",
        "claim team/old",
        "volume pvc-prod-data",
        "shared pvc-prod-data",
    ];
    check(&[
        (
            "made",
            |i| {
                i.remove_pv(&pv_name("prod/data"));
                volume(i, |p| p)
            },
            SIDES,
        ),
        ("not bound yet", |i| volume(i, |p| p.phase(PvPhase::Pending)), SIDES),
        ("released", |i| volume(i, Pv::released), SIDES),
        ("going away", |i| volume(i, Pv::terminating), SIDES),
        ("larger", |i| volume(i, |p| p.with(|p| p.capacity = 20 * GI)), SIDES),
        (
            "with other modes",
            |i| volume(i, |p| p.with(|p| p.modes.rwx = false)),
            SIDES,
        ),
        (
            "gone",
            |i| i.remove_pv(&pv_name("prod/data")),
            &[
                "claim prod/data",
                "claim team/app",
                "claim team/old",
                "volume pvc-prod-data",
                "shared pvc-prod-data",
                "exports nas1",
            ],
        ),
        (
            "given to another claim",
            |i| volume(i, |p| p.bound_to("prod/own")),
            &[
                "claim prod/data",
                "claim prod/own",
                "claim team/app",
                "claim team/old",
                "volume pvc-prod-data",
                "shared pvc-prod-data",
            ],
        ),
        (
            "given to another claim after the first was deleted",
            |i| {
                volume(i, Pv::released);
                i.remove_claim(&key("prod/data"));
                volume(i, |p| {
                    p.bound_to("prod/own")
                        .with(|p| p.version = crate::domain::ids::ResourceVersion::new("9"))
                })
            },
            &[
                "claim prod/own",
                "claim team/old",
                "volume pvc-prod-data",
                "shared pvc-prod-data",
            ],
        ),
        (
            "with a token",
            |i| volume(i, |p| p.token("team/app")),
            &[
                "claim prod/data",
                "claim team/app",
                "volume pvc-prod-data",
                "shared pvc-prod-data",
            ],
        ),
        ("the same in a later version", |i| volume(i, |p| p), &[]),
    ]);
}

#[test]
fn a_member_s_volume() {
    const SIDES: &[&str] = &[
        "claim far/deep",
        "claim team/old",
        "member pvc-team-old",
        "shared pvc-prod-data",
    ];
    fn member(index: &mut Index, edit: fn(Pv) -> Pv) -> Wake {
        let mut pv = edit(member_pv("team/old", "prod/data"));
        pv.version = crate::domain::ids::ResourceVersion::new("8");
        index.put_pv(pv)
    }
    check(&[
        (
            "made",
            |i| i.put_pv(member_pv("team/app", "prod/data")),
            &["claim team/app", "member pvc-team-app", "shared pvc-prod-data"],
        ),
        (
            "made while its token waits",
            |i| {
                volume(i, |p| p.token("team/app"));
                i.put_pv(member_pv("team/app", "prod/data"))
            },
            &[
                "claim team/app",
                "volume pvc-prod-data",
                "member pvc-team-app",
                "shared pvc-prod-data",
            ],
        ),
        ("released", |i| member(i, Pv::released), SIDES),
        ("going away", |i| member(i, Pv::terminating), SIDES),
        (
            "stripped of its label",
            |i| member(i, |p| p.ours(|o| (o.volume, o.intact) = (None, false))),
            SIDES,
        ),
        (
            "gone",
            |i| i.remove_pv(&pv_name("team/old")),
            &[
                "claim far/deep",
                "claim prod/data",
                "claim team/old",
                "volume pvc-prod-data",
                "member pvc-team-old",
                "shared pvc-prod-data",
                "exports nas1",
            ],
        ),
    ]);
}

/// `team/app` wants a copy of `team/data`.
fn copying() -> Index {
    let mut index = Index::default();
    index.put_claim(testing::claim("team/app").with(|c| c.source = testing::volume_of("team/data")));
    index.put_claim(testing::claim("team/data").bound());
    index.put_pv(testing::pv("team/data"));
    index
}

#[test]
fn whoever_wants_a_copy_is_woken_by_its_source_until_it_has_one() {
    let wakes = |index: &mut Index, change: fn(&mut Index) -> Wake| {
        words(&change(index)).contains(&"claim team/app".to_owned())
    };
    let rows: [fn(&mut Index) -> Wake; 4] = [
        |i| i.put_claim(testing::claim("team/data").bound().terminating()),
        |i| i.remove_claim(&key("team/data")),
        |i| i.put_pv(testing::pv("team/data").phase(PvPhase::Released)),
        |i| i.remove_pv(&pv_name("team/data")),
    ];
    for (row, change) in rows.into_iter().enumerate() {
        assert!(wakes(&mut copying(), change), "{row}");
        let mut bound = copying();
        bound.put_claim(
            testing::claim("team/app")
                .bound()
                .with(|c| c.source = testing::volume_of("team/data")),
        );
        assert!(!wakes(&mut bound, change), "{row}: it has its copy");
    }
}

#[test]
fn the_token_of_a_copy_wakes_its_claim_and_the_volume_that_is_a_copy() {
    let change = |index: &mut Index| index.put_pv(testing::pv("team/data").copying("team/app"));
    let woken = words(&change(&mut copying()));
    for expected in ["claim team/app", "volume pvc-team-app", "volume pvc-team-data"] {
        assert!(woken.contains(&expected.to_owned()), "{expected}: {woken:?}");
    }
    let mut gone = copying();
    change(&mut gone);
    let woken = words(&gone.remove_pv(&pv_name("team/data")));
    assert!(woken.contains(&"volume pvc-team-app".to_owned()), "{woken:?}");
}

/// Also who has edited away whom they asked: members are known by their objects.
#[test]
fn an_owner_that_grows_wakes_whoever_is_in_its_volume() {
    let mut index = Index::default();
    index.put_claim(testing::claim("prod/data").bound());
    index.put_claim(testing::claim("team/app").bound());
    index.put_pv(testing::pv("prod/data"));
    index.put_pv(testing::member_pv("team/app", "prod/data"));
    let member = Work::Claim(testing::key("team/app"));
    assert!(!volume(&mut index, |p| p.with(|p| p.modes.rwx = false)).contains(&member));
    assert!(volume(&mut index, |p| p.with(|p| p.capacity = 20 * GI)).contains(&member));
}
