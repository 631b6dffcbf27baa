//! Whether anybody serves the kind of a claim's data source: what kubernetes-csi's volume-data-source-validator decides (KEP-1495), for
//! claims of every provisioner.
//!
//! It looks at the claim's data source and at who has registered, and at nothing else: not at the object that is named, nor at grants,
//! which are whoever serves the kind to look at. It holds nobody back: what it says is advice.

use super::Refusal;
use crate::api::reasons::ClaimReason as R;
use crate::domain::claim::{Claim, ClaimPhase};
use crate::domain::populator::Registration;
use crate::domain::source::{DataSource, SourceKind};
use strum::{IntoStaticStr, VariantArray};

/// What a data source is, in the words of that validator's metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "snake_case")]
pub enum Validity {
    /// None is asked for.
    Empty,
    /// A claim, which every provisioner may serve.
    Pvc,
    /// A snapshot, likewise.
    Snapshot,
    /// Of a kind that a populator has registered.
    Populator,
    /// Of a kind that nobody has registered.
    Invalid,
    /// Who has registered could not be read.
    Error,
}

/// Judges a claim's data source; `None`: it matters no more, as the claim has its volume, has lost it, or is being deleted.
pub fn judge(claim: &Claim, registration: Registration) -> Option<Validity> {
    if claim.phase != ClaimPhase::Pending || claim.terminating {
        return None;
    }
    Some(match (&claim.source, registration) {
        // What the API server has dropped is not there to be judged.
        (DataSource::None | DataSource::Dropped(_), _) => Validity::Empty,
        (DataSource::Object(source), _) => match source.kind {
            SourceKind::Claim => Validity::Pvc,
            SourceKind::Snapshot => Validity::Snapshot,
        },
        // Our own kind, whether or not it could be registered.
        (DataSource::Indirect { .. } | DataSource::Misplaced { .. }, _) => Validity::Populator,
        (DataSource::Populator { .. }, Registration::Registered) => Validity::Populator,
        (DataSource::Populator { .. }, Registration::Unregistered | Registration::NotInstalled) => Validity::Invalid,
        (DataSource::Populator { .. }, Registration::Unknown) => Validity::Error,
    })
}

/// What to tell the claim's owner, if nobody is known to serve the kind.
///
/// # Errors
/// `UnrecognizedDataSourceKind`.
pub fn recognized(claim: &Claim, registration: Registration) -> Result<(), Refusal> {
    let (DataSource::Populator { group, kind }, Some(Validity::Invalid)) = (&claim.source, judge(claim, registration))
    else {
        return Ok(());
    };
    let why = match registration {
        Registration::NotInstalled => "the definition of VolumePopulators is not installed in this cluster",
        Registration::Unregistered | Registration::Unknown | Registration::Registered => {
            "check how the kind is written, or ask your admin for its populator"
        }
    };
    let text =
        format!("no VolumePopulator has registered {kind}.{group}, the kind of this claim's dataSourceRef: {why}");
    Err(Refusal::new(R::UnrecognizedDataSourceKind, text))
}

#[cfg(test)]
mod tests;
