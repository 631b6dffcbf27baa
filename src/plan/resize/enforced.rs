//! A limit that is lower than what was granted. A word to a backend cannot be taken back: one of a controller that leads no more may
//! arrive after another's, and nobody would speak of that volume's size again.

use super::recorded;
use crate::domain::pv::Pv;
use crate::domain::record::{Record, State};
use crate::plan::Action;
use tombolo_backend_api::{Capabilities, Found};

/// What the decision looks at.
#[derive(Debug, Clone, Copy)]
pub struct ForLimit<'a> {
    /// The owner's object.
    pub pv: &'a Pv,
    /// What the ledger knows of the volume.
    pub record: &'a Record,
    /// What its backend can do.
    pub capabilities: Capabilities,
    /// What its backend found of it.
    pub found: &'a Found,
}

/// What gives the volume the limit that was granted; nothing while it is made, grows, or goes.
pub fn raised(o: &ForLimit<'_>) -> Vec<Action> {
    let ForLimit { pv, record, found, .. } = o;
    let enforces = o.capabilities.quota && o.capabilities.resize;
    let its = pv.name == record.volume.pv_name() && pv.ours.as_ref().is_some_and(|ours| ours.handle == record.handle);
    let at_rest = match record.state {
        State::Live | State::SoftDeleted => record.intent.is_none() && !pv.terminating && pv.promised() == pv.capacity,
        State::Creating | State::Deleting => false,
    };
    let lower = found.enforced_bytes.is_some_and(|bytes| bytes < pv.capacity);
    if !(enforces && its && at_rest && lower) {
        return Vec::new();
    }
    vec![
        recorded(record, record.bytes.max(pv.capacity)),
        Action::ResizeData {
            backend: record.backend.clone(),
            handle: record.handle.clone(),
            bytes: pv.capacity,
        },
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::record::Intent;
    use crate::plan::rules;
    use crate::plan::testing::{GI, handle, pv, pv_name, record};

    fn words(edit: impl FnOnce(&mut Pv, &mut Record, &mut ForEdit)) -> Vec<String> {
        let (mut pv, mut record) = (pv("prod/data").with(|p| p.capacity = 20 * GI), record("prod/data"));
        let mut rest = ForEdit {
            capabilities: Capabilities {
                quota: true,
                resize: true,
                ..Capabilities::default()
            },
            enforced: Some(10 * GI),
        };
        edit(&mut pv, &mut record, &mut rest);
        let actions = raised(&ForLimit {
            pv: &pv,
            record: &record,
            capabilities: rest.capabilities,
            found: &Found {
                enforced_bytes: rest.enforced,
            },
        });
        rules::check(&actions).unwrap();
        actions.iter().map(ToString::to_string).collect()
    }

    struct ForEdit {
        capabilities: Capabilities,
        enforced: Option<u64>,
    }

    #[test]
    fn a_limit_below_what_was_granted_is_raised_to_it() {
        let done = words(|_, _, _| {});
        assert_eq!(done.len(), 2, "{done:?}");
        assert!(done.iter().all(|action| action.contains("21474836480")), "{done:?}");
        assert_eq!(words(|_, record, _| record.state = State::SoftDeleted), done);
        assert_eq!(
            words(|_, record, _| record.bytes = 30 * GI).len(),
            2,
            "what is counted stays counted"
        );
    }

    #[test]
    fn what_is_as_granted_or_larger_or_under_way_is_left_alone() {
        let none: Vec<String> = Vec::new();
        assert_eq!(words(|_, _, o| o.enforced = Some(20 * GI)), none);
        assert_eq!(words(|_, _, o| o.enforced = Some(30 * GI)), none);
        assert_eq!(words(|_, _, o| o.enforced = None), none);
        assert_eq!(words(|_, _, o| o.capabilities.quota = false), none);
        assert_eq!(words(|_, _, o| o.capabilities.resize = false), none);
        assert_eq!(words(|pv, _, _| pv.terminating = true), none);
        assert_eq!(
            words(|pv, _, _| pv.ours.as_mut().unwrap().promised = Some(30 * GI)),
            none
        );
        assert_eq!(words(|_, record, _| record.intent = Some(Intent::Create)), none);
        assert_eq!(words(|_, record, _| record.state = State::Deleting), none);
        assert_eq!(words(|_, record, _| record.state = State::Creating), none);
        assert_eq!(
            words(|_, record, _| record.handle = handle(&pv_name("prod/other"))),
            none
        );
    }
}
