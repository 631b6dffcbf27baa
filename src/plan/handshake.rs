//! The handshake: may this claim join that volume? The rows in their order, each with its outcome.
//!
//! Three people agree: the owner by an annotation, the admin by the existence of a reference, the consumer by an annotation.
//! Nothing of the source is revealed before the row `Granted` has passed: until then the answer is one and the same whether
//! the claim is missing, unready or not shared. The same function decides, verifies on live reads, and explains.

use super::Refusal;
use crate::api::names::{PREFIX, claim as keys};
use crate::api::reasons::ClaimReason as R;
use crate::domain::access::{Access, MountMode, OnRevoke};
use crate::domain::annotations::Spelled;
use crate::domain::backend::Backend;
use crate::domain::claim::{Claim, ClaimPhase};
use crate::domain::class::Class;
use crate::domain::consent::{Grants, Labels};
use crate::domain::grant::{Grant, Referent, Referrer, permitted};
use crate::domain::ids::{ClaimKey, Namespace, is_dns_label, is_dns_subdomain};
use crate::domain::pv::{Pv, PvPhase, Role};
use crate::domain::reference::Reference;
use crate::domain::size;
use crate::domain::source::DataSource;

mod fitting;

pub(super) use fitting::{backend_away, class_is_gone};

/// Everything the handshake looks at.
#[derive(Debug, Clone)]
pub struct Handshake<'a> {
    /// The consumer's claim.
    pub claim: &'a Claim,
    /// Its class, if it is one of ours.
    pub class: Option<&'a Class>,
    /// Labels of its namespace.
    pub namespace_labels: &'a Labels,
    /// All references in its namespace.
    pub references: &'a [Reference],
    /// The claim it names, if there is one.
    pub source: Option<&'a Claim>,
    /// The ReferenceGrants of the source's namespace, as far as they can be read.
    pub grants: &'a [Grant],
    /// Whether the source's namespace is going away.
    pub source_namespace_terminating: bool,
    /// The PersistentVolume that the source names, if there is one.
    pub source_pv: Option<&'a Pv>,
    /// The backend that PersistentVolume lies on, if it is known.
    pub backend: Option<&'a Backend>,
}

/// One check. The order of the variants is the order of the checks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, strum::EnumIter, strum::IntoStaticStr)]
pub enum Row {
    /// The claim is live and has no volume.
    Unbound,
    /// `shareFromPVC` can be understood, and no key is misspelt.
    WellFormed,
    /// Nothing else on the claim asks for something different.
    NoConflict,
    /// A reference in the claim's namespace names the source.
    Referenced,
    /// The source exists and its owner shares it with this namespace.
    Granted,
    /// The source has its volume.
    SourceBound,
    /// Nothing of the source is going away.
    SourceStays,
    /// The source is a volume of its own.
    SourceOwns,
    /// Both claims have one class, and the volume is ours.
    SameClass,
    /// Access modes fit.
    ModesFit,
    /// The claim asks for no more than the volume has.
    SizeFits,
    /// The backend can serve one more.
    BackendServes,
}

/// How one check ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Passed, with what was found.
    Passed(String),
    /// Failed: the verdict.
    Failed(Refusal),
    /// Not looked at, because an earlier one failed.
    NotReached,
}

/// A claim that may join, and how.
#[derive(Debug, Clone, PartialEq)]
pub struct Admission<'a> {
    /// The owner's claim.
    pub source: &'a Claim,
    /// The owner's PersistentVolume.
    pub pv: &'a Pv,
    /// What the member gets: the narrower of grant and reference.
    pub access: Access,
    /// The reference and grant.
    pub via: String,
    /// The owner's `onRevoke` at this moment.
    pub on_revoke: OnRevoke,
    /// Who mounts the member's volume, as its own class says.
    pub mount: MountMode,
}

/// All rows, and the verdict.
#[derive(Debug, Clone, PartialEq)]
pub struct Examination<'a> {
    /// Each row in order.
    pub rows: Vec<(Row, Outcome)>,
    /// May it join?
    pub verdict: Result<Admission<'a>, Refusal>,
}

/// What `shareFromPVC` says on `claim`.
pub fn wanted(claim: &Claim) -> Option<Result<ClaimKey, Refusal>> {
    let refuse = |text: String| Some(Err(Refusal::new(R::InvalidShareFrom, text)));
    match claim.annotations.get(keys::SHARE_FROM) {
        Spelled::Absent => None,
        Spelled::Differ(..) => refuse("the two spellings of shareFromPVC differ; remove one of them".into()),
        Spelled::One(text) => match text.split_once('/') {
            Some((ns, name)) if is_dns_label(ns) && is_dns_subdomain(name) => {
                if claim.key.namespace.as_str() == ns {
                    return refuse(
                        "shareFromPVC names a claim of this namespace; a share is between namespaces".into(),
                    );
                }
                Some(Ok(ClaimKey::new(ns, name)))
            }
            _ => refuse("shareFromPVC is not of the form <namespace>/<claim>".into()),
        },
    }
}

/// Examines a claim that carries `shareFromPVC`.
pub fn examine<'a>(h: &Handshake<'a>) -> Examination<'a> {
    let mut rows = Vec::new();
    let verdict = walk(h, &mut rows);
    let reached = rows.len();
    if let Err(refusal) = &verdict {
        let failed = all_rows().nth(reached).unwrap_or(Row::BackendServes);
        rows.push((failed, Outcome::Failed(refusal.clone())));
    }
    let rest: Vec<_> = all_rows()
        .skip(rows.len())
        .map(|row| (row, Outcome::NotReached))
        .collect();
    rows.extend(rest);
    Examination { rows, verdict }
}

fn all_rows() -> impl Iterator<Item = Row> {
    <Row as strum::IntoEnumIterator>::iter()
}

fn walk<'a>(h: &Handshake<'a>, rows: &mut Vec<(Row, Outcome)>) -> Result<Admission<'a>, Refusal> {
    let mut pass = |row: Row, found: String| rows.push((row, Outcome::Passed(found)));
    let claim = h.claim;
    if !claim.is_unbound() {
        return Err(Refusal::new(
            R::ShareFromChanged,
            "the claim has its volume already, or is being deleted",
        ));
    }
    pass(Row::Unbound, "the claim is live and has no volume".into());

    let wanted =
        wanted(claim).unwrap_or_else(|| Err(Refusal::new(R::InvalidShareFrom, "the claim has no shareFromPVC")))?;
    well_spelt(claim)?;
    pass(Row::WellFormed, format!("it asks for {wanted}"));

    no_conflict(claim)?;
    pass(
        Row::NoConflict,
        "nothing else on it asks for a volume or a source".into(),
    );

    let reference = referenced(h, &wanted)?;
    pass(
        Row::Referenced,
        format!("{} permits {}", reference.key, reference.access),
    );

    let (source, granted, on_revoke, grant) = granted(h, &wanted)?;
    pass(
        Row::Granted,
        format!("its owner shares it {granted} with namespace {}", claim.key.namespace),
    );

    let pv = source_bound(h, source)?;
    pass(Row::SourceBound, "the source is bound".into());

    source_stays(h, source, pv)?;
    pass(Row::SourceStays, "nothing of the source is being deleted".into());

    if matches!(pv.ours.as_ref().map(|o| &o.role), Some(Role::Member(_))) {
        let text = format!("{wanted} is itself shared from elsewhere; ask the owner of the volume it is shared from");
        return Err(Refusal::new(R::SourceIsMember, text));
    }
    pass(Row::SourceOwns, "the source owns its volume".into());

    fitting::same_class(claim, source, pv, &wanted)?;
    pass(
        Row::SameClass,
        format!("both are of class {}", claim.class.as_ref().map_or("", |c| c.as_str())),
    );

    let access = fitting::modes_fit(claim, pv, granted.min(reference.access), &wanted)?;
    pass(Row::ModesFit, format!("{} fit, access is {access}", claim.modes));

    fitting::size_fits(claim, pv)?;
    pass(Row::SizeFits, format!("the volume has {}", size::format(pv.capacity)));

    let mount = fitting::backend_serves(h)?;
    pass(
        Row::BackendServes,
        format!("the storage backend can serve it, mount {}", mount.as_str()),
    );

    let via = format!("{}; {grant} of {wanted}", reference.key);
    Ok(Admission {
        source,
        pv,
        access,
        via,
        on_revoke,
        mount,
    })
}

/// On every unbound claim of ours: a key that looks meant for us and is not known must never give an ordinary empty volume.
pub fn well_spelt(claim: &Claim) -> Result<(), Refusal> {
    match claim.annotations.unknown() {
        Some((key, nearest)) => {
            let shown: String = key.chars().take(120).collect();
            Err(Refusal::new(
                R::UnknownAnnotation,
                format!("annotation {shown} is not known; did you mean {nearest}?"),
            ))
        }
        None => Ok(()),
    }
}

fn no_conflict(claim: &Claim) -> Result<(), Refusal> {
    let refuse = |what: &str| {
        Err(Refusal::new(
            R::ConflictingSource,
            format!("a claim with shareFromPVC cannot have {what} too"),
        ))
    };
    match &claim.source {
        DataSource::None => {}
        DataSource::Object(_)
        | DataSource::Indirect { .. }
        | DataSource::Misplaced { .. }
        | DataSource::Populator { .. }
        | DataSource::Dropped(_) => {
            return refuse("a data source");
        }
    }
    if claim.selector {
        return refuse("a label selector");
    }
    if claim.volume_name.is_some() {
        return refuse("spec.volumeName");
    }
    if let Some(key) = claim.annotations.clone_from() {
        return refuse(&format!("annotation {key}"));
    }
    no_attributes_class(claim)
}

/// An `nfs` or `hostPath` volume cannot carry attributes, so such a claim would never bind (KEP-3751). One of the node plugin's could,
/// but there is nothing of it that an attribute could change.
pub fn no_attributes_class(claim: &Claim) -> Result<(), Refusal> {
    match &claim.attributes_class {
        Some(_) => Err(Refusal::new(
            R::AttributesClassNotSupported,
            "volumeAttributesClassName is not supported by this class; make the claim without it",
        )),
        None => Ok(()),
    }
}

/// Of several references the one that permits most counts; a terminating one counts no more.
fn referenced<'a>(h: &Handshake<'a>, wanted: &ClaimKey) -> Result<&'a Reference, Refusal> {
    let widest = h
        .references
        .iter()
        .filter(|r| r.names(wanted))
        .max_by(|a, b| a.access.cmp(&b.access).then_with(|| b.key.cmp(&a.key)));
    widest.ok_or_else(|| {
        let near = h.references.iter().filter(|r| !r.terminating).find_map(|r| {
            let named = r.source.as_ref()?;
            (named.namespace == wanted.namespace || named.name == wanted.name)
                .then(|| format!("; {} names {named} instead", r.key))
        });
        let namespace = &h.claim.key.namespace;
        let text = format!(
            "no reference in namespace {namespace} names {wanted}{}; whoever may create a VolumeReference there has to",
            near.unwrap_or_default()
        );
        Refusal::new(R::ReferenceMissing, text)
    })
}

fn granted<'a>(h: &Handshake<'a>, wanted: &ClaimKey) -> Result<(&'a Claim, Access, OnRevoke, String), Refusal> {
    let namespace = &h.claim.key.namespace;
    h.source
        .and_then(|source| {
            let annotated = Grants::of(&source.annotations);
            if let Some(access) = annotated.to(namespace, h.namespace_labels) {
                return Some((source, access, annotated.on_revoke, "annotation".to_owned()));
            }
            let grant = shared_by(h.grants, namespace, &source.key)?;
            let grant = format!("ReferenceGrant {}", grant.name);
            Some((source, Access::ReadOnly, annotated.on_revoke, grant))
        })
        .ok_or_else(|| {
            let key = format!("{PREFIX}{}", keys::SHARE_TO);
            let text =
                format!("{wanted} is not shared with namespace {namespace}; its owner has to annotate it with {key}");
            Refusal::new(R::NotShared, text)
        })
}

/// The grant by which a claim is shared with the references of a namespace, read-only. One for copies is none.
pub fn shared_by<'a>(grants: &'a [Grant], namespace: &Namespace, source: &ClaimKey) -> Option<&'a Grant> {
    permitted(grants, Referrer::references_of(namespace), Referent::claim(source))
}

fn source_bound<'a>(h: &Handshake<'a>, source: &Claim) -> Result<&'a Pv, Refusal> {
    let bound = h.source_pv.filter(|pv| {
        source.phase == ClaimPhase::Bound
            && source.volume_name.as_ref() == Some(&pv.name)
            && (pv.phase == PvPhase::Bound || pv.terminating)
            && pv.claim.as_ref().is_some_and(|c| c.uid.as_ref() == Some(&source.uid))
            && is_owned_by(pv, source)
    });
    bound.ok_or_else(|| {
        Refusal::new(
            R::SourceNotBound,
            format!("{} has no volume yet; this claim goes on when it has", source.key),
        )
    })
}

/// Whether `source` is the claim that the volume was made for, or was given to since. A claim that merely got hold of the
/// object, after somebody cleared its claimRef, has no data to share.
fn is_owned_by(pv: &Pv, source: &Claim) -> bool {
    let Some(ours) = pv.ours.as_ref().filter(|o| o.role == Role::Owner) else {
        return true;
    };
    let recorded = ours.owner_uid.clone().or_else(|| pv.name.claim_uid());
    recorded.is_none_or(|uid| uid == source.uid)
}

fn source_stays(h: &Handshake<'_>, source: &Claim, pv: &Pv) -> Result<(), Refusal> {
    if source.terminating || pv.terminating || h.source_namespace_terminating {
        return Err(Refusal::new(
            R::SourceTerminating,
            format!("{} is being deleted and takes no new members", source.key),
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
