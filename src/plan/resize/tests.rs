//! The rows of kubernetes-csi/external-resizer's own tests (`expand_and_recover_test.go`, `resize_status_test.go`,
//! `controller_test.go`) in their order, and what they do not have. From `rz_23` on they are rows that no test of theirs has.
//!
//! Nothing of ours is left to a node, so a status that speaks of one is passed over: where upstream waits for kubelet, the claim is
//! finished here.

use super::*;
use crate::api::reasons::ClaimReason;
use crate::domain::growth::Growth;
use crate::plan::testing::{GI, backend, claim, id, member_pv, pv, record};
use crate::plan::{Verdict, rules};
use serde_json::json;
use tombolo_backend_api::Class;

mod members;
mod recovery;
mod rows;

/// A claim with its volume and all around it, in a world in which each step can be taken.
#[derive(Clone)]
struct Scene {
    claim: Claim,
    pv: Pv,
    owner: Option<Pv>,
    record: Record,
    backend: Option<Backend>,
    /// What the backend was told last.
    told: Option<u64>,
    uncertain: bool,
    /// Everything that was done, in words.
    done: Vec<String>,
}

/// The owner of 10Gi, who has asked for as much as `request` says, on a backend that enforces sizes.
fn asks(request: u64) -> Scene {
    let claim = claim("prod/data").bound().with(|c| {
        c.request = Some(request);
        c.growth.capacity = Some(10 * GI);
    });
    let backend = backend("nas1").with(|b| (b.capabilities.quota, b.capabilities.resize) = (true, true));
    Scene {
        claim,
        pv: pv("prod/data"),
        owner: None,
        record: record("prod/data"),
        backend: Some(backend),
        told: None,
        uncertain: false,
        done: Vec::new(),
    }
}

impl Scene {
    fn with(mut self, edit: impl FnOnce(&mut Self)) -> Self {
        edit(&mut self);
        self
    }

    /// Its status says that this size is at this step.
    fn at(mut self, step: GrowthStep, bytes: u64) -> Self {
        (self.claim.growth.step, self.claim.growth.allocated) = (Some(step), Some(bytes));
        self
    }

    /// Its status says so of this size, as it is on the wire.
    fn said(mut self, step: &str, allocated: &str) -> Self {
        let claim = json!({"status": {
            "capacity": {"storage": "10Gi"}, "allocatedResources": {"storage": allocated},
            "allocatedResourceStatuses": {"storage": step}}});
        self.claim.growth = Growth::of(&serde_json::from_value(claim).unwrap());
        self
    }

    /// Its backend may have been told of this size.
    fn promised(mut self, bytes: u64) -> Self {
        self.pv.ours.as_mut().unwrap().promised = Some(bytes);
        self.record.bytes = self.record.bytes.max(bytes);
        self
    }

    /// Its backend only writes sizes down.
    fn unenforced(self) -> Self {
        self.with(|s| {
            let b = s.backend.as_mut().unwrap();
            (b.capabilities.quota, b.capabilities.resize) = (false, false);
        })
    }

    fn look(&self) -> ForResize<'_> {
        ForResize {
            claim: &self.claim,
            pv: &self.pv,
            owner: self.owner.as_ref(),
            record: Some(&self.record),
            backend: self.backend.as_ref(),
            uncertain: self.uncertain,
        }
    }

    fn plan(&self) -> Plan {
        let plan = decide(&self.look());
        assert_eq!(rules::check_plan(&plan), Ok(()), "{plan}");
        plan
    }

    fn is_quiet(&self) -> bool {
        is_quiet(&self.claim, &self.pv, self.owner.as_ref())
    }

    fn carry_out(&mut self, action: &Action) {
        match action {
            Action::Record(changes) => {
                for change in changes {
                    let next = crate::domain::change::apply(Some(self.record.clone()), change);
                    self.record = next.unwrap().unwrap();
                }
            }
            Action::ResizeData { bytes, .. } => self.told = Some(*bytes),
            Action::Promise { bytes, .. } => self.pv.ours.as_mut().unwrap().promised = Some(*bytes),
            Action::Grant { bytes, .. } => {
                assert!(*bytes >= self.pv.capacity, "what was granted is taken away");
                self.pv.capacity = *bytes;
                self.pv.ours.as_mut().unwrap().promised = None;
            }
            Action::MarkResize { mark, .. } => mark_status(&mut self.claim.growth, mark),
            Action::Tell(_) => {}
            other => panic!("not a resize's own step: {other}"),
        }
        // What is counted is never less than what anybody may have been told.
        let counted = self.record.bytes;
        assert!(self.told.is_none_or(|told| told <= counted), "the backend knows more");
        assert!(
            self.pv.is_member() || self.pv.promised() <= counted,
            "the object promises more"
        );
        if !matches!(action, Action::Record(_)) {
            self.done.push(action.to_string());
        }
    }

    /// Looks and acts until nothing is left.
    fn run(mut self) -> Self {
        for _ in 0..10 {
            let plan = self.plan();
            for action in &plan.actions {
                self.carry_out(action);
            }
            if plan.verdict != Verdict::Continue {
                return self;
            }
        }
        panic!("it comes to no end:\n{}", self.done.join("\n"))
    }

    fn refusal(&self) -> Refusal {
        match self.plan().verdict {
            Verdict::Refused(refusal) => refusal,
            other => panic!("{other}"),
        }
    }
}

/// As the API server keeps what `execute::claim_status` writes.
pub(crate) fn mark_status(growth: &mut Growth, mark: &ResizeMark) {
    match mark {
        ResizeMark::InProgress { bytes } => {
            (growth.step, growth.allocated, growth.error) = (Some(GrowthStep::InProgress), Some(*bytes), None);
            growth.resizing = true;
        }
        ResizeMark::Refused { bytes, infeasible, why } => {
            let step = if *infeasible {
                GrowthStep::Infeasible
            } else {
                GrowthStep::InProgress
            };
            (growth.step, growth.allocated, growth.error) = (Some(step), Some(*bytes), Some(why.clone()));
        }
        ResizeMark::Finished { bytes } => {
            (growth.capacity, growth.step, growth.error) = (Some(*bytes), None, None);
            growth.resizing = false;
        }
    }
}

/// It has this size, everywhere, and nothing is left.
fn has(s: &Scene, bytes: u64) {
    assert_eq!(s.claim.growth.capacity, Some(bytes), "{:#?}", s.done);
    assert_eq!(
        (
            s.pv.capacity,
            s.pv.promised(),
            s.pv.is_member() || s.record.bytes >= bytes
        ),
        (bytes, bytes, true)
    );
    assert_eq!((s.claim.growth.step, s.claim.growth.error.as_ref()), (None, None));
    assert!(s.is_quiet());
}
