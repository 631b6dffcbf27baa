//! Trident's rows Q, as far as they ask what the caches know: which members a volume has, and which volume a member has. There they
//! are commands of a REST interface and answer with an error what nobody knows; here they are look-ups, and answer with nothing.

use super::*;
use crate::domain::access::Access;
use crate::plan::testing::{self, id, member_pv, pv_name};

/// Two volumes, of which `prod/data` has two members.
fn crowd() -> Index {
    let mut index = Index::default();
    for pv in [
        testing::pv("prod/data"),
        testing::pv("prod/other"),
        member_pv("team/app", "prod/data"),
        member_pv("team/late", "prod/data"),
    ] {
        index.put_pv(pv);
    }
    index
}

fn members(index: &Index, owner: &str) -> Vec<String> {
    index.members(&id(owner)).map(|pv| pv.name.to_string()).collect()
}

/// The volume that a PersistentVolume is a member of.
fn source(index: &Index, member: &str) -> Option<VolumeId> {
    let pv = index.pv(&pv_name(member)).filter(|pv| pv.is_member())?;
    index.volume_of(pv)
}

#[test]
fn q02_q11_q17_q18_q19_all_are_listed_those_of_owners_and_of_members() {
    let index = crowd();
    let named = |wanted: fn(&Pv) -> bool| index.pvs().filter(|pv| wanted(pv)).count();
    assert_eq!((named(Pv::is_member), named(Pv::is_owner)), (2, 2));
    assert!(index.pv(&pv_name("team/app")).is_some());
}

#[test]
fn q03_q10_q28_to_q33_members_of_one_volume() {
    let mut index = crowd();
    assert_eq!(members(&index, "prod/data"), ["pvc-team-app", "pvc-team-late"]);
    assert_eq!(members(&index, "prod/other"), Vec::<String>::new());
    index.remove_pv(&pv_name("team/app"));
    assert_eq!(members(&index, "prod/data"), ["pvc-team-late"]);
}

#[test]
fn q04_q12_a_volume_that_nobody_knows_has_no_members_unlike_the_original() {
    assert_eq!(members(&crowd(), "no/body"), Vec::<String>::new());
}

#[test]
fn q05_q14_the_volume_that_a_member_is_in() {
    assert_eq!(source(&crowd(), "team/app"), Some(id("prod/data")));
}

#[test]
fn q07_q16_a_member_whose_volume_is_missing_still_says_which_it_was() {
    let mut index = crowd();
    index.remove_pv(&pv_name("prod/data"));
    let volume = source(&index, "team/app").unwrap();
    assert_eq!(volume, id("prod/data"));
    assert!(index.pv(&volume.pv_name()).is_none());
}

#[test]
fn q08_q15_q25_a_member_that_nobody_knows() {
    assert_eq!(source(&crowd(), "no/body"), None);
}

#[test]
fn q23_an_owner_is_no_member() {
    assert_eq!(source(&crowd(), "prod/data"), None);
}

#[test]
fn q24_q27_a_member_is_one_whatever_it_may_do() {
    let mut index = crowd();
    index.put_pv(member_pv("team/reads", "prod/data").ours(|o| o.access = Access::ReadOnly));
    assert_eq!(source(&index, "team/reads"), Some(id("prod/data")));
}

#[test]
fn q26_a_member_whose_source_was_stripped_is_found_by_what_it_mounts() {
    let stripped = || member_pv("team/app", "prod/data").ours(|o| (o.volume, o.intact) = (None, false));
    let mut index = crowd();
    index.put_pv(stripped());
    assert_eq!(source(&index, "team/app"), Some(id("prod/data")));
    let mut alone = Index::default();
    alone.put_pv(stripped());
    assert_eq!(
        source(&alone, "team/app"),
        None,
        "it is a member, and nothing says of what"
    );
}

#[test]
fn q34_to_q39_reading_putting_and_removing_can_be_repeated() {
    let mut index = crowd();
    for _ in 0..2 {
        index.put_pv(member_pv("team/new", "prod/other"));
        assert_eq!(members(&index, "prod/other"), ["pvc-team-new"]);
    }
    for gone in [false, true] {
        assert_eq!(index.remove_pv(&pv_name("team/new")).is_empty(), gone);
        assert_eq!(members(&index, "prod/other"), Vec::<String>::new());
        assert!(index.pv(&pv_name("team/new")).is_none());
    }
}

#[test]
fn a_copy_under_way_is_found_by_its_claim_and_a_join_is_not() {
    let mut index = Index::default();
    index.put_pv(testing::pv("team/data").copying("team/app").token("team/old"));
    let reads = |index: &Index, claim: &str| index.reads_for(&testing::uid(claim)).cloned().collect::<Vec<_>>();
    assert_eq!(reads(&index, "team/app"), [testing::pv_name("team/data")]);
    assert!(reads(&index, "team/old").is_empty());
    index.remove_pv(&testing::pv_name("team/data"));
    assert!(reads(&index, "team/app").is_empty());
}

#[test]
fn what_a_claim_is_promised_is_known_whatever_its_token_is_on() {
    use crate::domain::token::{Note, Token, TokenKind};
    use crate::plan::claim::begun::Promised;
    use crate::plan::testing::snapshots::content;
    let promised = |index: &Index, claim: &str| index.promised(&testing::uid(claim)).map(|p| (p.kind, p.noted));
    let (copying, joining) = (TokenKind::Copying, TokenKind::Joining);
    let mut index = Index::default();
    index.put_pv(testing::pv("team/data").copying("team/app").token("team/old"));
    let token = |claim: &str| Token::copying(testing::uid(claim));
    let note = Note::Copy(testing::copy_note("team/new", &pv_name("team/data")));
    let mut content = content();
    let forged = Note::Copy(testing::copy_note("far/forged", &pv_name("team/data")));
    content.tokens = [
        (token("team/new"), Some(note)),
        (token("team/bare"), None),
        (token("far/forged"), Some(forged)),
    ]
    .into();
    index.put_content(content);
    for (claim, expected) in [
        ("team/app", Some((copying, true))),
        ("team/old", Some((joining, true))),
        ("team/new", Some((copying, true))),
        ("team/bare", Some((copying, false))),
        ("team/data", None),
        // Without its owner's consent beside it, nobody goes on from it, and the claim is not kept waiting.
        ("far/forged", None),
    ] {
        assert_eq!(promised(&index, claim), expected, "{claim}");
    }
    let both = Promised::among(
        &testing::uid("team/bare"),
        [
            &testing::pv("team/data").copying("team/bare").tokens,
            &[(token("team/bare"), None)].into(),
        ],
    );
    assert!(both.unwrap().noted, "whichever can be gone on from");
}
