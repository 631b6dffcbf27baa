//! What claims want copied, through whatever they name it by, and who consents to that.

use super::{Index, Wake};
use crate::domain::claim::{Claim, ClaimPhase};
use crate::domain::cross_source::{CrossSource, CrossSourceKey};
use crate::domain::grant::Grant;
use crate::domain::ids::{ClaimKey, Namespace, VolumeId};
use crate::domain::served::Served;
use crate::domain::source::{Source, SourceKind};
use crate::observe::work::Work;
use crate::plan::copy::asked::{Asked, asked};
use std::collections::BTreeSet;

impl Index {
    /// What is meant by what a claim of `namespace` asks for. `None`: its CrossNamespaceSource is missing, or names nothing that is copied.
    pub fn meant(&self, namespace: &Namespace, asked: &Asked) -> Option<Source> {
        match asked {
            Asked::Named(source) | Asked::Annotated(source) => Some(source.clone()),
            Asked::Indirect(name) => {
                let key = CrossSourceKey {
                    namespace: namespace.clone(),
                    name: name.clone(),
                };
                self.cross_sources.get(&key)?.source.clone()
            }
        }
    }

    /// A CrossNamespaceSource.
    pub fn cross_source(&self, key: &CrossSourceKey) -> Option<&CrossSource> {
        self.cross_sources.get(key)
    }

    /// ReferenceGrants of a namespace.
    pub fn grants_in(&self, namespace: &Namespace) -> impl Iterator<Item = &Grant> {
        self.grants
            .get(namespace)
            .into_iter()
            .flat_map(|grants| grants.values())
    }

    /// Whether ReferenceGrants can be read.
    pub const fn grants_served(&self) -> Served {
        self.grants_served
    }

    /// What a claim waits to be a copy of.
    fn waits_for(&self, claim: &Claim) -> Option<Source> {
        let asked = asked(claim)
            .ok()
            .flatten()
            .filter(|_| claim.phase == ClaimPhase::Pending)?;
        self.meant(&claim.key.namespace, &asked)
    }

    pub(super) fn link_copier(&mut self, claim: &Claim) {
        if let Some(source) = self.waits_for(claim) {
            self.copiers.entry(source).or_default().insert(claim.key.clone());
        }
    }

    pub(super) fn unlink_copier(&mut self, claim: &Claim) {
        if let Some(source) = self.waits_for(claim)
            && let Some(copiers) = self.copiers.get_mut(&source)
        {
            copiers.remove(&claim.key);
            if copiers.is_empty() {
                self.copiers.remove(&source);
            }
        }
    }

    /// Claims that want a copy of a claim's volume.
    pub(super) fn copiers_of(&self, source: &ClaimKey) -> impl Iterator<Item = &ClaimKey> {
        self.copiers.get(&Source::claim(source.clone())).into_iter().flatten()
    }

    /// Claims that want a copy of a member of a volume, which its owner may have to allow.
    pub(super) fn copiers_of_members(&self, volume: &VolumeId) -> Wake {
        let members = self.members.get(volume).into_iter().flatten();
        let claims = members.filter_map(|pv| self.claim_named(pv));
        let copiers = claims.flat_map(|claim| self.copiers_of(&claim).cloned().collect::<Vec<_>>());
        copiers.map(Work::Claim).collect()
    }

    /// Claims of other namespaces that want a copy of anything in `namespace`.
    fn copiers_from_elsewhere(&self, namespace: &Namespace) -> impl Iterator<Item = &ClaimKey> {
        self.copiers_in(namespace)
            .flat_map(|(_, claims)| claims)
            .filter(|claim| claim.namespace != *namespace)
    }

    /// What is asked for of anything in `namespace`, and by whom.
    pub(super) fn copiers_in(&self, namespace: &Namespace) -> impl Iterator<Item = (&Source, &BTreeSet<ClaimKey>)> {
        let from = Source {
            namespace: namespace.clone(),
            kind: SourceKind::Claim,
            name: String::new(),
        };
        let all = self.copiers.range(from..);
        all.take_while(move |(source, _)| source.namespace == *namespace)
    }

    /// A CrossNamespaceSource is as given.
    pub fn put_cross_source(&mut self, new: CrossSource) -> Wake {
        if self.cross_sources.get(&new.key) == Some(&new) {
            return Wake::new();
        }
        self.change_cross_source(&new.key.clone(), Some(new))
    }

    /// A CrossNamespaceSource is gone.
    pub fn remove_cross_source(&mut self, key: &CrossSourceKey) -> Wake {
        self.change_cross_source(key, None)
    }

    /// These are all CrossNamespaceSources that there are.
    pub fn reset_cross_sources(&mut self, all: Vec<CrossSource>) -> Wake {
        let there: BTreeSet<CrossSourceKey> = all.iter().map(|s| s.key.clone()).collect();
        let gone: Vec<CrossSourceKey> = self
            .cross_sources
            .keys()
            .filter(|k| !there.contains(k))
            .cloned()
            .collect();
        let mut wake: Wake = gone.iter().flat_map(|key| self.remove_cross_source(key)).collect();
        wake.extend(all.into_iter().flat_map(|source| self.put_cross_source(source)));
        wake
    }

    fn change_cross_source(&mut self, key: &CrossSourceKey, new: Option<CrossSource>) -> Wake {
        let indirect = Asked::Indirect(key.name.clone());
        let by_it = |claim: &Claim| asked(claim).is_ok_and(|asked| asked.as_ref() == Some(&indirect));
        let naming: Vec<_> = self
            .claims_in(&key.namespace)
            .filter(|claim| by_it(claim))
            .cloned()
            .collect();
        naming.iter().for_each(|claim| self.unlink_copier(claim));
        match new {
            Some(new) => self.cross_sources.insert(key.clone(), new),
            None => self.cross_sources.remove(key),
        };
        naming.iter().for_each(|claim| self.link_copier(claim));
        let claims = naming.iter().map(|claim| Work::Claim(claim.key.clone()));
        claims.chain([Work::CrossSource(key.clone())]).collect()
    }

    /// A ReferenceGrant is as given.
    pub fn put_grant(&mut self, grant: Grant) -> Wake {
        let known = self.grants.entry(grant.namespace.clone()).or_default();
        if known.get(&grant.name) == Some(&grant) {
            return Wake::new();
        }
        let namespace = grant.namespace.clone();
        known.insert(grant.name.clone(), grant);
        self.concerned_by_grants(&namespace)
    }

    /// A ReferenceGrant is gone.
    pub fn remove_grant(&mut self, namespace: &Namespace, name: &str) -> Wake {
        let Some(known) = self.grants.get_mut(namespace) else {
            return Wake::new();
        };
        if known.remove(name).is_none() {
            return Wake::new();
        }
        if known.is_empty() {
            self.grants.remove(namespace);
        }
        self.concerned_by_grants(namespace)
    }

    /// These are all ReferenceGrants that there are; they can be read.
    pub fn reset_grants(&mut self, all: Vec<Grant>) -> Wake {
        let there: BTreeSet<(Namespace, String)> = all.iter().map(|g| (g.namespace.clone(), g.name.clone())).collect();
        let known = self.grants.values().flat_map(|grants| grants.values());
        let known = known.map(|grant| (grant.namespace.clone(), grant.name.clone()));
        let gone: Vec<_> = known.filter(|grant| !there.contains(grant)).collect();
        let mut wake = self.grants_are(Served::Yes);
        wake.extend(
            gone.iter()
                .flat_map(|(namespace, name)| self.remove_grant(namespace, name)),
        );
        wake.extend(all.into_iter().flat_map(|grant| self.put_grant(grant)));
        wake
    }

    /// Whether ReferenceGrants can be read, as it is by now.
    pub fn grants_are(&mut self, served: Served) -> Wake {
        if self.grants_served == served {
            return Wake::new();
        }
        self.grants_served = served;
        let across = |(source, claims): (&Source, &BTreeSet<ClaimKey>)| {
            let elsewhere = claims.iter().filter(|claim| claim.namespace != source.namespace);
            elsewhere.cloned().map(Work::Claim).collect::<Vec<_>>()
        };
        let claims = self.copiers.iter().flat_map(across);
        let asking = self.askers.values().flatten().cloned().map(Work::Claim);
        let sources = self.cross_sources.keys().cloned().map(Work::CrossSource);
        let references = self.references.keys().cloned().map(Work::Reference);
        let mut wake: Wake = claims.chain(asking).chain(sources).chain(references).collect();
        wake.extend(self.joined());
        wake
    }

    fn concerned_by_grants(&self, namespace: &Namespace) -> Wake {
        let claims = self.copiers_from_elsewhere(namespace).cloned().map(Work::Claim);
        let of_it = |s: &&CrossSource| s.source.as_ref().is_some_and(|source| source.namespace == *namespace);
        let sources = self.cross_sources.values().filter(of_it);
        let first = ClaimKey {
            namespace: namespace.clone(),
            name: String::new(),
        };
        let here = |key: &ClaimKey| key.namespace == *namespace;
        let asking = self
            .askers
            .range(first.clone()..)
            .take_while(|(source, _)| here(source));
        let asking = asking.flat_map(|(_, claims)| claims).cloned().map(Work::Claim);
        let naming = self.naming.range(first..).take_while(|(source, _)| here(source));
        let naming = naming
            .flat_map(|(_, references)| references)
            .cloned()
            .map(Work::Reference);
        let owned = self.claims_in(namespace).filter_map(|claim| claim.volume_name.as_ref());
        let members = owned.flat_map(|name| self.claims_of_members(&VolumeId::from(name)).collect::<Vec<_>>());
        let sources = sources.map(|s| Work::CrossSource(s.key.clone()));
        claims
            .chain(sources)
            .chain(asking)
            .chain(naming)
            .chain(members)
            .collect()
    }
}
