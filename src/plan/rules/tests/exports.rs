//! Access that is taken, and exports that are released.

use super::*;

/// A cut as it is planned.
fn cutting() -> Vec<Action> {
    use crate::domain::access::OnRevoke;
    use crate::domain::pv::Role;
    use crate::plan::consent::Consent;
    use crate::plan::exports::{Member, Terms, User, actions, change};
    let member = testing::member_pv("team/app", "prod/data").ours(|ours| {
        if let Role::Member(joined) = &mut ours.role {
            joined.on_revoke = OnRevoke::Cut;
        }
    });
    let export = member.export().unwrap();
    let grace = std::time::Duration::ZERO;
    let users = [User::Member(Member {
        pv: std::sync::Arc::new(member),
        claim: Some(testing::claim_ref("team/app")),
        consent: Some(Consent::WithdrawnByOwner),
        age: grace,
    })];
    let terms = Terms { revokes: true, grace };
    let change = change(&export, &users, Some(tombolo_backend_api::Admission::Full), terms);
    let root = tombolo_backend_api::BackendId::parse(testing::ROOT).unwrap();
    actions(&change, &users, &root, jiff::Timestamp::UNIX_EPOCH)
}

#[test]
fn nobody_is_told_of_a_cut_before_it_is_made_nor_is_anything_else_done_with_it() {
    assert_eq!(cutting().len(), 3);
    assert!(!kept(cutting(), |a| a.swap(0, 1)));
    assert!(!kept(cutting(), |a| a.swap(0, 2)));
    assert!(!kept(cutting(), |a| a.push(unprotect("team/app"))));
    assert!(!kept(cutting(), |a| a.push(a[0].clone())), "one export at a time");
    assert!(
        kept(cutting(), |a| drop(a.remove(0))),
        "who died after it says it later"
    );
}

#[test]
fn an_export_is_released_by_a_plan_that_does_nothing_else() {
    let Action::Admit { handle, export, .. } = cutting().remove(0) else {
        panic!("a cut begins with the backend");
    };
    let release = Action::Release { handle, export };
    assert_eq!(check(std::slice::from_ref(&release)), Ok(()));
    assert!(check(&[release.clone(), release.clone()]).is_err());
    assert!(check(&[[release].as_slice(), &joining()].concat()).is_err());
}
