//! The volume that a claim has, in words: whose it is, who may join it, who has.

use super::Volume;
use super::checks::Input;
use super::reading::Seen;
use crate::domain::claim::Claim;
use crate::domain::consent::Grants;
use crate::domain::pv::{Pv, PvPhase, Role};
use crate::domain::token::TokenKind;

/// Entries that are listed; an owner may grant to a thousand namespaces, and have as many members.
const LISTED: usize = 50;

/// The PersistentVolume that a claim has or is about to have, and the one of the volume's owner.
pub(super) fn objects<'a>(seen: &'a Seen, claim: &Claim) -> Option<(&'a Pv, Option<&'a Pv>)> {
    let own = claim.uid.pv_name();
    let pv = seen.index.pv(claim.volume_name.as_ref().unwrap_or(&own))?;
    let volume = seen.index.volume_of(pv)?;
    Some((pv, seen.index.pv(&volume.pv_name()).map(|owner| &**owner)))
}

/// Soft-deleted: its claim has gone, and its data stays.
fn is_left(owner: &Pv) -> bool {
    matches!(owner.phase, PvPhase::Released | PvPhase::Failed)
}

/// Whether nobody is left whose consent could end. Of an owner's claim that may not be read, the volume's phase tells.
pub(super) fn owner_is_gone(seen: &Seen, owner: Option<&Pv>) -> bool {
    let Some(owner) = owner else { return true };
    let there = owner.claim.as_ref().is_some_and(|c| seen.index.claim(&c.key).is_some());
    is_left(owner) || (!there && seen.unseen.why(&[Input::Source]).is_none())
}

pub(super) fn volume(seen: &Seen, claim: &Claim) -> Option<Volume> {
    let (pv, owner) = objects(seen, claim)?;
    let ours = pv.ours.as_ref()?;
    let whose = owner.and_then(|owner| owner.claim.as_ref()).map(|c| c.key.to_string());
    let (story, shared_with, members) = match &ours.role {
        Role::Owner => {
            let grants = Grants::of(&claim.annotations);
            let entries = grants.entries().map(|(entry, access)| format!("{entry} ({access})"));
            let volume = seen.index.volume_of(pv)?;
            let members = seen.index.members(&volume).filter_map(|member| {
                let access = member.ours.as_ref()?.access;
                Some(format!("{} ({access})", member.claim.as_ref()?.key))
            });
            (
                format!("this claim owns it{}", copied(pv)),
                listed(entries),
                listed(members),
            )
        }
        Role::Member(joined) => {
            let whose = whose.unwrap_or_else(|| "a claim that is gone".to_owned());
            let left = match owner {
                Some(owner) if owner.terminating => {
                    "; it is being deleted, and its data goes when nobody has it any more"
                }
                Some(owner) if is_left(owner) => "; its owner has gone, and its data stays while a member has it",
                Some(_) => "",
                None => "; the PersistentVolume of its owner is gone",
            };
            let story = format!(
                "this claim joined the volume of {whose} ({}), by {}{left}{}",
                ours.access,
                joined.via,
                ours.cut.as_ref().map(|cut| format!("; {cut}")).unwrap_or_default()
            );
            (story, Vec::new(), Vec::new())
        }
    };
    Some(Volume {
        name: pv.name.to_string(),
        story,
        shared_with,
        members,
    })
}

/// That copies of it are being made, for which its data waits, and its claim while it shows it.
fn copied(pv: &Pv) -> String {
    let copies = pv
        .tokens
        .keys()
        .filter(|token| token.kind == TokenKind::Copying)
        .count();
    match copies {
        0 => String::new(),
        1 => "; another claim is being made from it, and deleting this one waits for that".to_owned(),
        n => format!("; {n} claims are being made from it, and deleting this one waits for that"),
    }
}

fn listed(entries: impl Iterator<Item = String>) -> Vec<String> {
    let mut all: Vec<String> = entries.collect();
    let more = all.len().saturating_sub(LISTED);
    all.truncate(LISTED);
    if more > 0 {
        all.push(format!("and {more} more"));
    }
    all
}
