//! Who mounts what is planned.

use super::arbitrary::claim_scene;
use super::deciding::decide;
use crate::domain::access::MountMode;
use crate::domain::token::Note;
use crate::plan::Action;
use proptest::prelude::*;

proptest! {
    /// Its own class, whatever the owner's volume or an earlier attempt is like; and never on a backend that is no NFS.
    #[test]
    fn who_mounts_is_what_the_claim_s_class_says(s in claim_scene()) {
        let plan = decide(&s);
        let planned = plan.actions.iter().find_map(|a| match a {
            Action::CreatePv(pv) => Some(pv.mount),
            Action::PutToken { note, .. } => Some(match &**note {
                Note::Join(note) => note.mount,
                Note::Copy(note) => note.mount,
            }),
            _ => None,
        });
        if let Some(mount) = planned {
            let class = s.class.as_ref().unwrap();
            prop_assert_eq!(mount, class.parameters.as_ref().unwrap().mount);
            prop_assert!(mount == MountMode::Kubelet || s.backends.iter().any(|b| b.node.is_none()));
        }
    }
}
