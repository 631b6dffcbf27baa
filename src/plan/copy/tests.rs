//! The checks in their order, as people know them from the CSI external-provisioner, and what follows when they pass.
//!
//! The names begin with the rows of the table of clones that they answer for. Rows that end before any check of ours, or concern other
//! namespaces, are not here.

use super::source::{Examined, examine};
use super::*;
use crate::domain::backend::Health;
use crate::domain::claim::ClaimPhase;
use crate::domain::class::BackendChoice;
use crate::domain::pv::PvPhase;
use crate::plan::claim::{self, ForClaim};
use crate::plan::testing::{self, GI, class, copied, copier, id, member_pv, pv, uid};
use crate::plan::{Refusal, rules};

mod more;
mod rows;

/// A claim that wants a copy, and all that is looked at with it; tests edit it.
pub(super) struct Scene {
    pub(super) claim: Claim,
    pub(super) class: Class,
    pub(super) source: Option<Claim>,
    pub(super) source_pv: Option<Pv>,
    pub(super) record: Option<Record>,
    pub(super) backends: Vec<Backend>,
    pub(super) outgrown: bool,
    pub(super) live: bool,
}

/// `team/app` may have a copy of `team/data`.
pub(super) fn scene() -> Scene {
    Scene {
        claim: testing::claim("team/app").with(|c| c.source = DataSource::Claim { name: "data".into() }),
        class: class("gold"),
        source: Some(testing::claim("team/data").bound()),
        source_pv: Some(pv("team/data")),
        record: None,
        backends: vec![copier("nas1")],
        outgrown: false,
        live: true,
    }
}

impl Scene {
    pub(super) fn with(mut self, edit: impl FnOnce(&mut Self)) -> Self {
        edit(&mut self);
        self
    }

    /// The source, edited.
    pub(super) fn source(self, edit: impl FnOnce(Claim) -> Claim) -> Self {
        self.with(|s| s.source = s.source.take().map(edit))
    }

    /// Its PersistentVolume, edited.
    pub(super) fn pv(self, edit: impl FnOnce(Pv) -> Pv) -> Self {
        self.with(|s| s.source_pv = s.source_pv.take().map(edit))
    }

    fn seen(&self) -> ForCopy<'_> {
        ForCopy {
            source: self.source.as_ref(),
            source_pv: self.source_pv.as_ref(),
            outgrown: self.outgrown,
        }
    }

    pub(super) fn plan(&self) -> Plan {
        let o = ForClaim {
            claim: &self.claim,
            class: Some(&self.class),
            own_pv: None,
            other_pv: None,
            record: self.record.as_ref(),
            backends: &self.backends,
            handshake: None,
            copy: Some(self.seen()),
            live: self.live,
        };
        let plan = claim::decide(&o);
        assert_eq!(rules::check_plan(&plan), Ok(()), "{plan}");
        plan
    }

    /// Whether the copy begins: with the token, and nothing after it.
    pub(super) fn begins(&self) -> bool {
        let plan = self.plan();
        let token = Token::copying(uid("team/app"));
        matches!(&plan.actions[..], [Action::Tell(_), Action::PutToken { token: t, .. }] if *t == token)
    }

    pub(super) fn refusal(&self) -> Option<Refusal> {
        match self.plan().verdict {
            Verdict::Refused(refusal) => Some(refusal),
            _ => None,
        }
    }

    pub(super) fn reason(&self) -> Option<R> {
        self.refusal().map(|refusal| refusal.reason)
    }
}
