//! The checks in their order, as people know them from the CSI external-provisioner, and what follows when they pass.
//!
//! The names begin with the rows of the table of clones that they answer for.

use super::asked::{Asked, asked};
use super::source::{Examined, examine};
use super::*;
use crate::domain::backend::Health;
use crate::domain::claim::ClaimPhase;
use crate::domain::class::BackendChoice;
use crate::domain::grant::Grant;
use crate::domain::ids::ClaimKey;
use crate::domain::pv::PvPhase;
use crate::domain::reference::Reference;
use crate::domain::served::Served;
use crate::domain::snapshot::Snapshot;
use crate::domain::snapshot::content::Content;
use crate::domain::source::{DataSource, SourceKind};
use crate::plan::claim::begun::Promised;
use crate::plan::claim::{self, ForClaim};
use crate::plan::testing::{self, GI, class, copied, copier, id, member_pv, pv, uid};
use crate::plan::{Refusal, rules};

mod across;
mod members;
mod modes;
mod more;
mod rows;
mod snapshots;

/// A claim that wants a copy, and all that is looked at with it; tests edit it.
pub(super) struct Scene {
    pub(super) claim: Claim,
    pub(super) class: Class,
    pub(super) source: Option<Claim>,
    pub(super) source_pv: Option<Pv>,
    /// Of the volume that a member is in.
    pub(super) owner_pv: Option<Pv>,
    pub(super) owner: Option<Claim>,
    pub(super) record: Option<Record>,
    pub(super) backends: Vec<Backend>,
    pub(super) outgrown: bool,
    pub(super) live: bool,
    pub(super) grants: Vec<Grant>,
    pub(super) served: Served,
    pub(super) references: Vec<Reference>,
    /// What the CrossNamespaceSource says that the claim names, if it names one.
    pub(super) indirect: Option<Source>,
    /// Whether snapshots can be read, and the one that the claim names.
    pub(super) readable: Served,
    pub(super) snapshot: Option<Snapshot>,
    pub(super) content: Option<Content>,
    /// The content with the claim's token.
    pub(super) kept: Option<Content>,
}

/// `team/app` may have a copy of `team/data`.
pub(super) fn scene() -> Scene {
    Scene {
        claim: testing::claim("team/app").with(|c| c.source = testing::volume_of("team/data")),
        class: class("gold"),
        source: Some(testing::claim("team/data").bound()),
        source_pv: Some(pv("team/data")),
        owner_pv: None,
        owner: None,
        record: None,
        backends: vec![copier("nas1")],
        outgrown: false,
        live: true,
        grants: Vec::new(),
        served: Served::Yes,
        references: Vec::new(),
        indirect: None,
        readable: Served::Yes,
        snapshot: None,
        content: None,
        kept: None,
    }
}

/// `team/app` may have a copy of `prod/data`, by a grant.
pub(super) fn across() -> Scene {
    scene().with(|s| {
        s.claim.source = testing::volume_of("prod/data");
        (s.source, s.source_pv) = (Some(testing::claim("prod/data").bound()), Some(pv("prod/data")));
        s.grants = vec![testing::grant("prod", "team")];
    })
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

    fn named(&self) -> Option<Source> {
        match asked(&self.claim).ok()?? {
            Asked::Named(source) | Asked::Annotated(source) => Some(source),
            Asked::Indirect(_) => self.indirect.clone(),
        }
    }

    fn seen<'a>(&'a self, named: Option<&'a Source>, of: Option<&'a ClaimKey>) -> ForCopy<'a> {
        ForCopy {
            named,
            agreeing: Agreeing {
                grants: &self.grants,
                served: self.served,
                references: &self.references,
                owner: self.source.as_ref(),
                of,
                volume: self.content.as_ref().and_then(|content| content.source.volume()),
            },
            source: self.source.as_ref(),
            source_pv: self.source_pv.as_ref(),
            owner_pv: self.owner_pv.as_ref(),
            owner: self.owner.as_ref(),
            restore: named
                .filter(|named| named.kind == SourceKind::Snapshot)
                .map(|_| ForRestore {
                    served: self.readable,
                    snapshot: self.snapshot.as_ref(),
                    content: self.content.as_ref(),
                    of,
                    owner: self.source.as_ref(),
                }),
            outgrown: self.outgrown,
        }
    }

    pub(super) fn plan(&self) -> Plan {
        let named = self.named();
        let of = named.as_ref().and_then(|named| asked::taken_of(&self.claim, named));
        let o = ForClaim {
            claim: &self.claim,
            class: Some(&self.class),
            own_pv: None,
            other_pv: None,
            record: self.record.as_ref(),
            registration: Default::default(),
            backends: &self.backends,
            handshake: None,
            copy: Some(self.seen(named.as_ref(), of.as_ref())),
            promised: Promised::among(&self.claim.uid, self.kept.as_ref().map(|content| &content.tokens)),
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
        match &plan.actions[..] {
            [
                Action::Tell(_),
                Action::PutToken { token: t, .. } | Action::KeepSnapshot { token: t, .. },
            ] => *t == token,
            _ => false,
        }
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
