//! Actions in words.

use super::{Action, Subject, Told};
use crate::domain::change::Change;
use crate::plan::resize::ResizeMark;
use std::fmt;

/// One stable line each, for goldens and `explain`.
impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines = |changes: &[Change]| changes.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
        match self {
            Self::Record(changes) => write!(f, "record   {}", lines(changes)),
            Self::Note(changes) => write!(f, "note     {}", lines(changes)),
            Self::Tell(a) => match &a.subject {
                Subject::Claim(claim) => write!(f, "tell     {}: {}: {}", claim.key, a.reason, a.text),
                Subject::Pv(pv, _) => write!(f, "tell     pv {pv}: {}: {}", a.reason, a.text),
                Subject::Snapshot(key, _) => write!(f, "tell     snapshot {key}: {}: {}", a.reason, a.text),
                Subject::Content(name, _) => write!(f, "tell     content {name}: {}: {}", a.reason, a.text),
            },
            Self::MakeData { backend, handle, bytes } => {
                write!(f, "backend  {backend} make {} ({bytes} bytes)", handle.path)
            }
            Self::Copy {
                backend,
                from,
                handle,
                bytes,
                ..
            } => write!(f, "backend  {backend} copy {} to {} ({bytes} bytes)", from, handle.path),
            Self::AbandonCopy { backend, handle } => write!(f, "backend  {backend} abandon copies to {}", handle.path),
            Self::Discard {
                backend, handle, how, ..
            } => write!(f, "backend  {backend} discard {} ({})", handle.path, how.as_str()),
            Self::Admit { export, admission, .. } => write!(f, "backend  admit {} to {export}", admission.as_str()),
            Self::MakeExport { export, .. } => write!(f, "backend  make the export {export}"),
            Self::Release { export, .. } => write!(f, "backend  release {export}"),
            Self::NoteCut { pv, cut, .. } => {
                let left = cut.as_ref().map_or("whole again", |c| c.left.admission().as_str());
                write!(f, "cluster  note on pv {pv}: {left}")
            }
            Self::ResizeData { backend, handle, bytes } => {
                write!(f, "backend  {backend} resize {} ({bytes} bytes)", handle.path)
            }
            Self::Promise { pv, bytes } => write!(f, "cluster  promise {bytes} bytes on pv {}", pv.name),
            Self::Grant { pv, bytes } => write!(f, "cluster  grant {bytes} bytes on pv {}", pv.name),
            Self::MarkResize { claim, mark, .. } => write!(f, "cluster  mark claim {} as {mark}", claim.key),
            Self::RemoveEmpty { backend, handle } => write!(f, "backend  {backend} remove {} if empty", handle.path),
            Self::CreatePv(pv) => {
                let role = if pv.joined.is_some() { "member" } else { "owner" };
                write!(
                    f,
                    "cluster  create pv {} for {} as {role} of {} ({}{})",
                    pv.name,
                    pv.claim.key,
                    pv.volume,
                    pv.access,
                    pv.mount.in_a_list()
                )
            }
            Self::PutToken { pv, token, .. } => write!(f, "cluster  put {} on pv {}", token.finalizer(), pv.name),
            Self::TakeToken { pv, token, .. } => write!(f, "cluster  take {} off pv {pv}", token.finalizer()),
            Self::KeepSnapshot { content, token, .. } => {
                write!(f, "cluster  put {} on content {}", token.finalizer(), content.name)
            }
            Self::LetSnapshotGo { content, token } => {
                write!(f, "cluster  take {} off content {}", token.finalizer(), content.name)
            }
            Self::PutHold(hold, claim) => write!(f, "cluster  {} on claim {}", hold.finalizer(), claim.key),
            Self::TakeHold(hold, claim) => write!(f, "cluster  {} off claim {}", hold.finalizer(), claim.key),
            Self::Reschedule { claim, .. } => write!(f, "cluster  let a node be chosen again for claim {}", claim.key),
            Self::DeletePv(pv) => write!(f, "cluster  delete pv {} at {}", pv.name, pv.version),
            Self::Unprotect { pv, .. } => write!(f, "cluster  unprotect pv {pv}"),
            Self::Mend { pv, volume, .. } => write!(f, "cluster  mend pv {} of {volume}", pv.name),
            Self::SetRetain(pv) => write!(f, "cluster  set Retain on pv {}", pv.name),
            Self::RecordOwner { pv, owner } => write!(f, "cluster  record owner {owner} on pv {}", pv.name),
        }
    }
}

impl fmt::Display for ResizeMark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InProgress { bytes } => write!(f, "being resized to {bytes} bytes"),
            Self::Refused {
                bytes,
                infeasible: false,
                ..
            } => write!(f, "not resized to {bytes} bytes"),
            Self::Refused { bytes, .. } => write!(f, "never to be resized to {bytes} bytes"),
            Self::Finished { bytes } => write!(f, "having {bytes} bytes"),
        }
    }
}

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Claim(reason) | Self::Refused(reason) => f.write_str(reason.as_str()),
            Self::SharedVolume(reason) => f.write_str(reason.as_str()),
            Self::Snapshot(reason) => f.write_str(reason.as_str()),
        }
    }
}
