//! One volume whose plans are carried out, in a world small enough to fit into a test: the API server's refusals, the ledger,
//! and crashes between any two actions. Everything else stands still, so a volume must come to rest.

use super::arbitrary::{OWNER, live_volume};
use crate::domain::change;
use crate::domain::ids::VolumeId;
use crate::domain::pv::ReclaimPolicy;
use crate::domain::record::{Intent, Record, State};
use crate::domain::token::TokenKind;
use crate::plan::volume::{LiveVolume, TokenClaim, decide};
use crate::plan::{Action, Verdict, rules, testing};
use proptest::prelude::*;

struct World {
    view: LiveVolume,
    data: bool,
}

impl World {
    /// Carries out one action as the API server, the ledger and a backend would.
    fn carry_out(&mut self, action: &Action) -> Result<(), String> {
        let v = &mut self.view;
        match action {
            Action::Record(changes) | Action::Note(changes) => {
                for c in changes {
                    let record = record_of(v, c.volume()).ok_or("a record of some other volume")?;
                    *record = change::apply(record.take(), c).map_err(|e| e.to_string())?;
                }
            }
            Action::Discard { volume, .. } if *volume != v.volume => self.a_copy_is_over(volume)?,
            Action::Discard { .. } => self.data = false,
            Action::CreatePv(pv) => {
                let _ = v.members.insert(pv.name.clone());
                for (token, claim) in &mut v.tokens {
                    if token.claim.pv_name() == pv.name {
                        *claim = TokenClaim::Served;
                    }
                }
            }
            Action::TakeToken { token, .. } => {
                let _ = (v.tokens.remove(token), v.copies.of_this.remove(token));
                self.object()?.tokens.remove(token).ok_or("there is no such token")?;
            }
            Action::DeletePv(_) => self.object()?.terminating = true,
            Action::Unprotect { .. } => {
                if !self.object()?.terminating || !self.object()?.tokens.is_empty() {
                    return Err("an object that stays lost its finalizer".into());
                }
                self.view.pv = None;
            }
            Action::SetRetain(_) => self.object()?.policy = ReclaimPolicy::Retain,
            Action::RecordOwner { owner, .. } => {
                self.object()?.ours.as_mut().ok_or("not ours")?.owner_uid = Some(owner.clone())
            }
            Action::Mend { volume, backend, .. } => {
                let ours = self.object()?.ours.as_mut().ok_or("not ours")?;
                (ours.intact, ours.volume, ours.backend) = (true, Some(volume.clone()), Some(backend.clone()));
            }
            Action::Tell(_) | Action::RemoveEmpty { .. } | Action::AbandonCopy { .. } => {}
            Action::MakeData { .. }
            | Action::Copy { .. }
            | Action::Admit { .. }
            | Action::MakeExport { .. }
            | Action::Release { .. }
            | Action::NoteCut { .. }
            | Action::KeepSnapshot { .. }
            | Action::LetSnapshotGo { .. }
            | Action::ResizeData { .. }
            | Action::Promise { .. }
            | Action::Grant { .. }
            | Action::MarkResize { .. }
            | Action::PutToken { .. }
            | Action::PutHold(..)
            | Action::TakeHold(..)
            | Action::Reschedule { .. } => {
                return Err(format!("not a volume's own step: {action}"));
            }
        }
        Ok(())
    }

    /// What was made for a claim that is gone, or does not fit it, has no object and no user.
    fn a_copy_is_over(&self, volume: &VolumeId) -> Result<(), String> {
        let mut copies = self.view.copies.of_this.iter();
        let (token, known) = copies
            .find(|(token, _)| token.claim.pv_name() == volume.pv_name())
            .ok_or("no copy")?;
        let ending = known.record.as_ref().is_some_and(|r| r.state == State::Deleting);
        match self.view.tokens.get(token) {
            Some(TokenClaim::Gone) => Ok(()),
            Some(TokenClaim::Waiting) if known.given_up || ending => Ok(()),
            Some(TokenClaim::Waiting | TokenClaim::Served) | None => {
                Err("a copy is discarded that somebody waits for".into())
            }
        }
    }

    fn object(&mut self) -> Result<&mut crate::domain::pv::Pv, String> {
        self.view.pv.as_mut().ok_or_else(|| "there is no object".to_owned())
    }

    /// Looks and acts until nothing is left; `crashes` says after how many actions each attempt ends early.
    fn run(&mut self, crashes: &[usize]) -> Result<(), String> {
        let mut crashes = crashes.iter();
        for _ in 0..40 {
            let plan = decide(&self.view);
            rules::check_plan(&plan)?;
            let lives = crashes.next().copied().unwrap_or(usize::MAX);
            for action in plan.actions.iter().take(lives) {
                if let Action::Discard { volume, .. } = action
                    && *volume == self.view.volume
                {
                    self.nobody_is_left()?;
                }
                self.carry_out(action).map_err(|e| format!("{e}\n{plan}"))?;
            }
            if lives >= plan.actions.len() && plan.verdict != Verdict::Continue {
                let again = decide(&self.view);
                let quiet = again.actions.iter().all(|a| matches!(a, Action::Tell(_)));
                return if quiet {
                    Ok(())
                } else {
                    Err(format!("it is not at rest:\n{again}"))
                };
            }
        }
        Err("it never comes to rest".into())
    }

    fn nobody_is_left(&self) -> Result<(), String> {
        let v = &self.view;
        let used = v.owners.iter().any(|c| !c.is_bound_elsewhere(&testing::pv_name(OWNER)));
        if used || !v.members.is_empty() || !v.tokens.is_empty() {
            return Err("data is discarded under somebody".into());
        }
        Ok(())
    }
}

fn record_of<'a>(v: &'a mut LiveVolume, volume: &VolumeId) -> Option<&'a mut Option<Record>> {
    if *volume == v.volume {
        return Some(&mut v.record);
    }
    let mut tokens = v.tokens.keys();
    let token = tokens.find(|token| token.kind == TokenKind::Copying && token.claim.pv_name() == volume.pv_name())?;
    Some(&mut v.copies.of_this.entry(token.clone()).or_default().record)
}

/// Worlds that an API server can show: a token that was looked up, no token under a discard that has begun, one name for one
/// claim, no member without an object that holds it.
fn possible(mut v: LiveVolume) -> Option<World> {
    let pv = v.pv.as_ref()?;
    if pv.tokens.keys().any(|t| !v.tokens.contains_key(t)) {
        return None;
    }
    let discarding = |r: &Record| r.state == State::Deleting || matches!(r.intent, Some(Intent::Discard { .. }));
    if v.record
        .as_ref()
        .is_some_and(|r| discarding(r) && (!pv.terminating || !pv.tokens.is_empty() || !v.members.is_empty()))
    {
        return None;
    }
    // A copy's end that has begun while its claim waits began because it does not fit.
    for known in v.copies.of_this.values_mut() {
        known.given_up |= known.record.as_ref().is_some_and(discarding);
    }
    let served: Vec<_> = v
        .tokens
        .iter()
        .filter(|(_, c)| **c == TokenClaim::Served)
        .map(|(t, _)| t.claim.pv_name())
        .collect();
    v.members.extend(served);
    let _ = v.members.remove(&testing::pv_name(OWNER));
    if let (Some(record), Some(claim)) = (&mut v.record, v.pv.as_ref().and_then(|p| p.claim.as_ref()))
        && claim.uid.as_ref() == Some(&record.owner.uid)
    {
        record.owner.key = claim.key.clone();
    }
    Some(World { view: v, data: true })
}

proptest! {
    #![proptest_config(ProptestConfig { max_global_rejects: 200_000, ..ProptestConfig::default() })]

    #[test]
    fn a_volume_comes_to_rest_and_every_step_is_legal(v in live_volume()) {
        let Some(mut world) = possible(v) else { return Err(TestCaseError::reject("impossible")) };
        let before = world.view.clone();
        prop_assert_eq!(world.run(&[]), Ok(()), "{:?}", before);
    }

    #[test]
    fn crashes_change_neither_the_end_nor_what_is_legal(v in live_volume(), crashes in prop::collection::vec(0usize..8, 0..6)) {
        let Some(mut smooth) = possible(v.clone()) else { return Err(TestCaseError::reject("impossible")) };
        let mut rough = possible(v).unwrap();
        prop_assert_eq!(smooth.run(&[]), Ok(()));
        prop_assert_eq!(rough.run(&crashes), Ok(()), "crashes {:?}", crashes);
        prop_assert_eq!(rough.data, smooth.data);
        prop_assert_eq!(rough.view.pv, smooth.view.pv);
        prop_assert_eq!(rough.view.members, smooth.view.members);
        prop_assert_eq!(rough.view.record.map(|r| (r.state, r.intent)), smooth.view.record.map(|r| (r.state, r.intent)));
    }
}
