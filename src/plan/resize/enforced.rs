//! A limit that is not what was granted. A word to a backend cannot be taken back: one of a controller that leads no more may
//! arrive after another's, and nobody would speak of that volume's size again.

use super::recorded;
use crate::domain::pv::Pv;
use crate::domain::record::{Record, State};
use crate::plan::Action;
use tombolo_backend_api::{Capabilities, Found};

/// What a backend may round sizes up to: powers of two and of a thousand, up to these.
const LARGEST_UNITS: [(u64, u64); 2] = [(2, 1 << 30), (1000, 1_000_000_000)];

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

/// A limit, in bytes, that is not what was granted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit(u64);

/// Whether a volume has another limit than was granted; never while it is made, grows, or goes.
pub fn differs(o: &ForLimit<'_>) -> Option<Limit> {
    let ForLimit { pv, record, found, .. } = o;
    let enforces = o.capabilities.quota && o.capabilities.resize;
    let its = pv.name == record.volume.pv_name() && pv.ours.as_ref().is_some_and(|ours| ours.handle == record.handle);
    let at_rest = match record.state {
        State::Live => record.intent.is_none() && !pv.terminating && pv.promised() == pv.capacity,
        // No claim is left that would go on with what was promised.
        State::SoftDeleted => record.intent.is_none() && !pv.terminating,
        State::Creating | State::Deleting => false,
    };
    // At rest only where nobody goes on with it.
    let is_promised_more = pv.promised() > pv.capacity;
    let limit = found
        .enforced_bytes
        .filter(|bytes| *bytes < pv.capacity || is_promised_more || !is_rounded(pv.capacity, *bytes));
    limit.map(Limit).filter(|_| enforces && its && at_rest)
}

/// More than was granted counts before anything is done about it, like a growth that was promised and has not come to its end, which is what
/// it is. So it goes on counting if the backend does not take it back, and whoever sees to the claim's size asks for that again.
pub fn counted(pv: &Pv, record: &Record, Limit(bytes): Limit) -> Vec<Action> {
    if bytes <= pv.capacity {
        return Vec::new();
    }
    vec![
        recorded(record, record.bytes.max(bytes)),
        Action::Promise { pv: pv.into(), bytes },
    ]
}

/// The backend is told once more what was granted, and then nothing else is promised.
pub fn told(pv: &Pv, record: &Record) -> Vec<Action> {
    let mut actions = vec![
        recorded(record, record.bytes.max(pv.promised())),
        Action::ResizeData {
            backend: record.backend.clone(),
            handle: record.handle.clone(),
            bytes: pv.capacity,
        },
    ];
    if pv.promised() > pv.capacity {
        let bytes = pv.capacity;
        actions.push(Action::Grant { pv: pv.into(), bytes });
    }
    actions
}

/// Whether that is what some backend makes of a size: nothing that anybody was told.
fn is_rounded(size: u64, enforced: u64) -> bool {
    LARGEST_UNITS.into_iter().any(|(factor, largest)| {
        let units = std::iter::successors(Some(1_u64), |unit| unit.checked_mul(factor));
        units
            .take_while(|unit| *unit <= largest)
            .any(|unit| size.checked_next_multiple_of(unit) == Some(enforced))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::record::Intent;
    use crate::plan::rules;
    use crate::plan::testing::{GI, handle, pv, pv_name, record};

    /// A volume of 20 GiB at rest.
    struct Scene {
        pv: Pv,
        record: Record,
        capabilities: Capabilities,
        enforced: Option<u64>,
    }

    impl Scene {
        fn with(enforced: Option<u64>, edit: impl FnOnce(&mut Self)) -> Self {
            let mut scene = Self {
                pv: pv("prod/data").with(|p| p.capacity = 20 * GI),
                record: record("prod/data"),
                capabilities: Capabilities {
                    quota: true,
                    resize: true,
                    ..Capabilities::default()
                },
                enforced,
            };
            edit(&mut scene);
            scene
        }

        fn differs(&self) -> Option<Limit> {
            differs(&ForLimit {
                pv: &self.pv,
                record: &self.record,
                capabilities: self.capabilities,
                found: &Found {
                    enforced_bytes: self.enforced,
                },
            })
        }

        /// What counts first, and what is done then.
        fn words(&self) -> [Vec<String>; 2] {
            let ahead = counted(&self.pv, &self.record, self.differs().unwrap());
            let promised = ahead.iter().find_map(|action| match action {
                Action::Promise { bytes, .. } => Some(*bytes),
                _ => None,
            });
            let now = self.pv.clone().ours(|o| o.promised = promised);
            [ahead, told(&now, &self.record)].map(|actions| {
                rules::check(&actions).unwrap();
                actions.iter().map(ToString::to_string).collect()
            })
        }
    }

    #[test]
    fn a_limit_below_what_was_granted_is_raised_to_it() {
        let done = Scene::with(Some(10 * GI), |_| {}).words();
        assert_eq!([done[0].len(), done[1].len()], [0, 2], "{done:?}");
        assert!(done[1].iter().all(|action| action.contains("21474836480")), "{done:?}");
        let soft = Scene::with(Some(10 * GI), |s| s.record.state = State::SoftDeleted);
        assert_eq!(soft.words(), done);
        let counts = Scene::with(Some(10 * GI), |s| s.record.bytes = 30 * GI).words();
        assert!(
            counts[1][0].contains("32212254720"),
            "what is counted stays counted: {counts:?}"
        );
    }

    #[test]
    fn a_limit_above_what_was_granted_counts_and_is_lowered_to_it() {
        let [ahead, done] = Scene::with(Some(30 * GI), |_| {}).words();
        assert_eq!([ahead.len(), done.len()], [2, 3], "{ahead:?} {done:?}");
        assert!(ahead.iter().all(|action| action.contains("32212254720")), "{ahead:?}");
        assert!(
            done[1..].iter().all(|action| action.contains("21474836480")),
            "{done:?}"
        );
    }

    #[test]
    fn what_was_promised_to_an_owner_that_has_gone_is_taken_back() {
        let soft = |enforced| {
            Scene::with(Some(enforced), |s| {
                s.record.state = State::SoftDeleted;
                s.pv.ours.as_mut().unwrap().promised = Some(30 * GI);
            })
        };
        assert_eq!(soft(30 * GI).differs(), Some(Limit(30 * GI)));
        let set = soft(20 * GI);
        assert_eq!(set.differs(), Some(Limit(20 * GI)), "it is counted still");
        let done = told(&set.pv, &set.record);
        assert!(
            matches!(done.last(), Some(Action::Grant { bytes, .. }) if *bytes == 20 * GI),
            "{done:?}"
        );
    }

    #[test]
    fn a_size_that_was_rounded_up_is_what_was_granted() {
        let size = 20 * GI + 5_000;
        let of = |enforced| Scene::with(Some(enforced), |s| s.pv.capacity = size).differs();
        for rounded in [
            size,
            20 * GI + 8192,
            20 * GI + (1 << 20),
            21 * GI,
            21_474_842_000,
            21_475_000_000,
        ] {
            assert_eq!(of(rounded), None, "{rounded}");
        }
        for other in [size + 1, size - 1, 22 * GI, u64::MAX] {
            assert_eq!(of(other), Some(Limit(other)), "{other}");
        }
        let huge = Scene::with(Some(3), |s| s.pv.capacity = u64::MAX);
        assert_eq!(huge.differs(), Some(Limit(3)), "and nothing overflows");
    }

    #[test]
    fn what_is_as_granted_or_under_way_is_left_alone() {
        for enforced in [10 * GI, 30 * GI] {
            let edits: [fn(&mut Scene); 10] = [
                |s| s.enforced = Some(20 * GI),
                |s| s.enforced = None,
                |s| s.capabilities.quota = false,
                |s| s.capabilities.resize = false,
                |s| s.pv.terminating = true,
                |s| s.pv.ours.as_mut().unwrap().promised = Some(40 * GI),
                |s| s.record.intent = Some(Intent::Create),
                |s| s.record.state = State::Deleting,
                |s| s.record.state = State::Creating,
                |s| s.record.handle = handle(&pv_name("prod/other")),
            ];
            for (number, edit) in edits.into_iter().enumerate() {
                assert_eq!(Scene::with(Some(enforced), edit).differs(), None, "{number}");
            }
        }
    }
}
