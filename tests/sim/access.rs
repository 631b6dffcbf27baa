//! What must be true of access when nothing moves any more: exports are those that are needed, and people know what they have.

use crate::world::World;
use std::sync::Arc;
use tombolo::api::reasons::ClaimReason;
use tombolo::domain::ids::PvName;
use tombolo::domain::pv::{Pv, PvPhase};
use tombolo::plan::Subject;
use tombolo::plan::action::Told;
use tombolo_backend_api::Admission;

impl World {
    pub fn exports_are_those_that_are_needed(&self, pvs: &[Arc<Pv>]) {
        let exports = self.out.exports();
        for key in exports.keys() {
            let needed = pvs.iter().any(|pv| pv.export().as_ref() == Some(key));
            let forced = self.history.was_forced(&PvName::new(key.path.as_str()));
            assert!(needed || forced, "nobody needs {key}, {:?}", self.script);
        }
        for pv in pvs.iter().filter(|pv| pv.phase == PvPhase::Bound && !pv.terminating) {
            let there = pv.export().is_none_or(|key| exports.contains_key(&key));
            assert!(there, "{} mounts what is not there, {:?}", pv.name, self.script);
        }
    }

    /// Whose access is cut knows it, and so does whoever was told of a cut that is over.
    pub fn people_know_of_their_access(&self, pvs: &[Arc<Pv>]) {
        let (exports, all) = (self.out.exports(), self.out.told.lock().unwrap());
        for pv in pvs.iter().filter(|pv| pv.is_member() && pv.phase == PvPhase::Bound) {
            let uid = pv.name.claim_uid();
            let told = |reason| {
                all.iter().any(|a| {
                    a.reason == Told::Claim(reason)
                        && matches!(&a.subject, Subject::Claim(claim) if Some(&claim.uid) == uid.as_ref())
                })
            };
            let cut = pv.ours.as_ref().is_some_and(|ours| ours.cut.is_some());
            let open = pv.export().and_then(|key| exports.get(&key).copied()) == Some(Admission::Full);
            assert_eq!(cut, !open, "{} is marked as what it is not, {:?}", pv.name, self.script);
            let knows = if open {
                !told(ClaimReason::AccessCut) || told(ClaimReason::AccessRestored)
            } else {
                told(ClaimReason::AccessCut)
            };
            assert!(knows, "the claim of {} was not told, {:?}", pv.name, self.script);
        }
    }
}
