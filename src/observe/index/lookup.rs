//! Looking things up in the caches.

use super::{Index, NamespaceView};
use crate::domain::claim::{Claim, ClaimPhase};
use crate::domain::class::Class;
use crate::domain::ids::{ClaimKey, ClaimUid, ClassName, Handle, Namespace, PvName, ResourceVersion, VolumeId};
use crate::domain::pv::Pv;
use crate::domain::reference::{Reference, ReferenceKey, ReferenceKind};
use crate::domain::snapshot::content::Content;
use crate::domain::token::Token;
use crate::plan::claim::begun::Promised;
use crate::plan::snapshot::reading::is_meant;
use std::sync::Arc;

impl Index {
    /// A claim.
    pub fn claim(&self, key: &ClaimKey) -> Option<&Arc<Claim>> {
        self.claims.get(key)
    }

    /// The claim with a UID.
    pub fn claim_by_uid(&self, uid: &ClaimUid) -> Option<&Arc<Claim>> {
        self.claims_by_uid.get(uid).and_then(|key| self.claims.get(key))
    }

    /// Claims that ask to join `source`.
    pub fn askers(&self, source: &ClaimKey) -> impl Iterator<Item = &ClaimKey> {
        self.askers.get(source).into_iter().flatten()
    }

    /// PersistentVolumes with the token of a copy that becomes the volume of a claim.
    pub fn reads_for(&self, claim: &ClaimUid) -> impl Iterator<Item = &PvName> {
        let token = Token::copying(claim.clone());
        let named = self.tokens.get(claim).into_iter().flatten();
        named.filter(move |name| self.pvs.get(*name).is_some_and(|pv| pv.tokens.contains_key(&token)))
    }

    /// Whether the token of a claim is on anything.
    pub fn promised(&self, claim: &ClaimUid) -> Option<Promised> {
        let volumes = self.tokens.get(claim).into_iter().flatten();
        let volumes = volumes.filter_map(|name| Some(&self.pvs.get(name)?.tokens));
        let contents = self.contents_meant_for(claim).map(|content| &content.tokens);
        Promised::among(claim, volumes.chain(contents))
    }

    /// Contents with a claim's token, unless no consent stands beside it: that is not what anybody makes.
    pub fn contents_meant_for<'a>(&'a self, claim: &'a ClaimUid) -> impl Iterator<Item = &'a Content> {
        let token = Token::copying(claim.clone());
        let contents = self.contents_kept_for(claim).filter_map(|name| self.content(name));
        contents.filter(move |content| content.ours && is_meant(content, &token))
    }

    /// All claims.
    pub fn claims(&self) -> impl Iterator<Item = &Arc<Claim>> {
        self.claims.values()
    }

    /// Claims without a volume.
    pub fn pending(&self) -> impl Iterator<Item = &Arc<Claim>> {
        self.claims.values().filter(|c| c.phase == ClaimPhase::Pending)
    }

    /// Claims of a namespace.
    pub fn claims_in<'a>(&'a self, namespace: &Namespace) -> impl Iterator<Item = &'a Arc<Claim>> + use<'a> {
        let from = ClaimKey {
            namespace: namespace.clone(),
            name: String::new(),
        };
        let namespace = namespace.clone();
        self.claims
            .range(from..)
            .map(|(_, c)| c)
            .take_while(move |c| c.key.namespace == namespace)
    }

    /// A PersistentVolume.
    pub fn pv(&self, name: &PvName) -> Option<&Arc<Pv>> {
        self.pvs.get(name)
    }

    /// Whether a PersistentVolume of this name, or the token for one, was here and went lately.
    pub fn went(&self, name: &PvName) -> bool {
        self.went.contains(name)
    }

    /// The newest version of a PersistentVolume that the watch has shown: all that happened to any of them before it is shown, too.
    pub fn seen(&self) -> Option<&ResourceVersion> {
        self.seen.as_ref()
    }

    /// All PersistentVolumes.
    pub fn pvs(&self) -> impl Iterator<Item = &Arc<Pv>> {
        self.pvs.values()
    }

    /// Members' PersistentVolumes of a volume.
    pub fn members(&self, volume: &VolumeId) -> impl Iterator<Item = &Arc<Pv>> {
        self.members
            .get(volume)
            .into_iter()
            .flatten()
            .filter_map(|name| self.pvs.get(name))
    }

    /// The volume a PersistentVolume of ours belongs to. Of a member, the handle says it, which only its owner's shares; a label can
    /// be edited, and counts where no owner is known.
    pub fn volume_of(&self, pv: &Pv) -> Option<VolumeId> {
        let by_handle = || self.owners_of(&pv.ours.as_ref()?.handle).next().cloned();
        match pv.is_member() {
            true => by_handle().or_else(|| pv.volume()),
            false => pv.volume(),
        }
    }

    /// The volumes whose data is behind a handle.
    pub fn owners_of(&self, handle: &Handle) -> impl Iterator<Item = &VolumeId> {
        self.owners_by_handle.get(handle).into_iter().flatten()
    }

    /// A class of ours.
    pub fn class(&self, name: &ClassName) -> Option<&Arc<Class>> {
        self.classes.get(name)
    }

    /// A namespace.
    pub fn namespace(&self, name: &Namespace) -> Option<&NamespaceView> {
        self.namespaces.get(name)
    }

    /// References in a namespace.
    pub fn references_in<'a>(&'a self, namespace: &Namespace) -> impl Iterator<Item = &'a Reference> + use<'a> {
        let namespace = namespace.clone();
        let kinds = [ReferenceKind::Volume, ReferenceKind::Trident];
        kinds.into_iter().flat_map(move |kind| {
            let (from, namespace) = (
                ReferenceKey {
                    kind,
                    namespace: namespace.clone(),
                    name: String::new(),
                },
                namespace.clone(),
            );
            let all = self.references.range(from..).map(|(_, reference)| reference);
            all.take_while(move |r| r.key.kind == kind && r.key.namespace == namespace)
        })
    }

    /// A reference.
    pub fn reference(&self, key: &ReferenceKey) -> Option<&Reference> {
        self.references.get(key)
    }

    /// Whether references of a kind can be read.
    pub fn serves(&self, kind: ReferenceKind) -> bool {
        self.served.contains(&kind)
    }
}
