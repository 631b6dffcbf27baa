//! One race: a join against the end of the owner, each by a controller that believes it leads.
//!
//! The storage is the fake: what counts is the order of requests to the API server. What users, the protection controllers and
//! the binder would do is done here.

use std::time::{Duration, Instant};

use k8s_openapi::api::core::v1::{PersistentVolume, PersistentVolumeClaim};
use kube::api::{DeleteParams, Patch, PatchParams};
use kube::{Api, Client, ResourceExt as _};
use serde_json::{Value, json};
use tombolo::api::volume_reference::VolumeReference;
use tombolo::domain::access::OnOwnerDelete;
use tombolo::domain::ids::{ClaimKey, PvName, VolumeId};
use tombolo_backend_fake::Fake;

use super::Spread;
use super::rival::{Joined, Rival, hesitate, mark};
use crate::draft::{Draft, claim, reference};
use crate::see::{pv_name, shown};

/// What else happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Twist {
    /// Nothing: the owner's claim is deleted, and in every third race the volume by hand before it.
    None,
    /// The class says `Hold`.
    Hold,
    /// The owner's claim is made again under its name at once.
    MadeAgain,
    /// The volume has a member; its owner goes, and an admin gives it to another claim under the owner's name.
    Reclaimed,
    /// The one who joins dies between the token and the member's volume.
    JoinerDies,
}

/// Where races are held.
pub struct Contest {
    pub client: Client,
    pub primary: String,
    pub secondary: String,
    pub twist: Twist,
}

/// One volume and who contends for it.
struct Round<'c> {
    contest: &'c Contest,
    name: &'c str,
    fake: Fake,
    a: Rival,
    b: Rival,
    volume: VolumeId,
}

impl Contest {
    /// How long a join takes if nobody disturbs it.
    pub async fn undisturbed(&self, name: &str) -> Duration {
        let round = self.prepare(name).await;
        let asking = self.ask(name, name).await;
        let start = Instant::now();
        let joined = round.join(&asking).await;
        assert_eq!(joined, Joined::Yes);
        start.elapsed()
    }

    /// One race; the number decides how the volume is deleted.
    pub async fn run(&self, name: &str, number: usize, spread: &Spread) -> Joined {
        let round = self.prepare(name).await;
        let first = format!("{name}-first");
        if self.twist == Twist::Reclaimed {
            let asking = self.ask(&first, name).await;
            assert_eq!(round.join(&asking).await, Joined::Yes);
        }
        let asking = self.ask(name, name).await;
        let deleting = async {
            spread.hesitate().await;
            round.end_owner(number.is_multiple_of(3)).await;
            round.b.settle(&round.volume).await;
        };
        let (joined, ()) = tokio::join!(round.join(&asking), deleting);
        round.look_again().await;
        round.check(joined, &PvName::new(pv_name(&asking))).await;
        joined
    }

    async fn prepare<'c>(&'c self, name: &'c str) -> Round<'c> {
        let (fake, mark) = (Fake::default(), mark());
        let (mut a, b) = (
            Rival::new(&self.client, &fake, &mark).await,
            Rival::new(&self.client, &fake, &mark).await,
        );
        a.dies_after_the_token = self.twist == Twist::JoinerDies;
        let refer = reference(name, &self.primary, name);
        let references: Api<VolumeReference> = Api::namespaced(self.client.clone(), &self.secondary);
        references
            .create(&Default::default(), &serde_json::from_value(refer).unwrap())
            .await
            .unwrap();
        let volume = self.owner(&b, name).await;
        fake.write(&format!("{volume}/hello"), "world");
        Round {
            contest: self,
            name,
            fake,
            a,
            b,
            volume,
        }
    }

    /// A bound owner: its claim and volume, as kube-controller-manager would leave them.
    async fn owner(&self, rival: &Rival, name: &str) -> VolumeId {
        let made = self.create(&self.primary, claim(name).shared_to("*")).await;
        let volume = VolumeId::new(pv_name(&made));
        let on_owner_delete = match self.twist {
            Twist::Hold => OnOwnerDelete::Hold,
            Twist::None | Twist::MadeAgain | Twist::Reclaimed | Twist::JoinerDies => OnOwnerDelete::Detach,
        };
        rival.provision(&made, on_owner_delete).await;
        self.bind(name, &volume).await;
        volume
    }

    /// A claim that asks to join.
    async fn ask(&self, name: &str, source: &str) -> PersistentVolumeClaim {
        self.create(&self.secondary, claim(name).sharing(&self.primary, source))
            .await
    }

    async fn create(&self, namespace: &str, draft: Draft) -> PersistentVolumeClaim {
        let claim = serde_json::from_value(draft.class("race").0).unwrap();
        let claims = self.claims(namespace);
        claims.create(&Default::default(), &claim).await.unwrap()
    }

    async fn bind(&self, name: &str, volume: &VolumeId) {
        let (claims, bound) = (self.claims(&self.primary), json!({"status": {"phase": "Bound"}}));
        let to = json!({"spec": {"volumeName": volume.as_str()}});
        claims
            .patch(name, &PatchParams::default(), &Patch::Merge(to))
            .await
            .unwrap();
        let params = PatchParams::default();
        claims.patch_status(name, &params, &Patch::Merge(&bound)).await.unwrap();
        self.volume_is(volume, bound).await;
    }

    async fn volume_is(&self, volume: &VolumeId, status: Value) {
        let params = PatchParams::default();
        let patched = self
            .pvs()
            .patch_status(volume.as_str(), &params, &Patch::Merge(status))
            .await;
        match patched {
            // A volume that was let go needs no phase.
            Err(kube::Error::Api(status)) if status.code == 404 => {}
            patched => drop(patched.unwrap()),
        }
    }

    fn pvs(&self) -> Api<PersistentVolume> {
        Api::all(self.client.clone())
    }

    fn claims(&self, namespace: &str) -> Api<PersistentVolumeClaim> {
        Api::namespaced(self.client.clone(), namespace)
    }
}

impl Round<'_> {
    fn source(&self) -> ClaimKey {
        ClaimKey::new(self.contest.primary.as_str(), self.name)
    }

    async fn join(&self, asking: &PersistentVolumeClaim) -> Joined {
        let claim = ClaimKey::new(self.contest.secondary.as_str(), asking.name_any());
        self.a.join(claim, self.source(), self.name, &self.volume).await
    }

    /// The owner goes.
    async fn end_owner(&self, by_hand_first: bool) {
        let contest = self.contest;
        let by_hand = by_hand_first && matches!(contest.twist, Twist::None | Twist::JoinerDies);
        if by_hand {
            let deleted = contest
                .pvs()
                .delete(self.volume.as_str(), &DeleteParams::default())
                .await;
            drop(deleted.unwrap());
            hesitate(5).await;
        }
        let claims = contest.claims(&contest.primary);
        drop(claims.delete(self.name, &DeleteParams::default()).await.unwrap());
        // Only then its protection comes off, as in every cluster. An object without any finalizer the API server deletes on a read
        // of its own, and would not notice a hold that comes in between.
        let unused = json!({"metadata": {"$deleteFromPrimitiveList/finalizers": ["kubernetes.io/pvc-protection"]}});
        let params = PatchParams::default();
        claims
            .patch(self.name, &params, &Patch::Strategic(unused))
            .await
            .unwrap();
        self.release().await;
        match contest.twist {
            Twist::None | Twist::Hold | Twist::JoinerDies => {}
            Twist::MadeAgain => {
                contest.create(&contest.primary, claim(self.name).shared_to("*")).await;
            }
            Twist::Reclaimed => {
                let volume = json!(self.volume.as_str());
                let heir = claim(self.name).shared_to("*").spec("volumeName", volume);
                contest.create(&contest.primary, heir).await;
                self.b.give(&self.volume, &self.source()).await;
                contest.bind(self.name, &self.volume).await;
            }
        }
    }

    /// The volume is Released as soon as the claim that it was made for is gone.
    async fn release(&self) {
        let claims = self.contest.claims(&self.contest.primary);
        let found = claims.get_opt(self.name).await.unwrap();
        if found.is_none_or(|claim| pv_name(&claim) != self.volume.as_str()) {
            let released = json!({"status": {"phase": "Released"}});
            self.contest.volume_is(&self.volume, released).await;
        }
    }

    /// A crash would be followed by another look, by either.
    async fn look_again(&self) {
        let living: &[&Rival] = match self.contest.twist {
            Twist::JoinerDies => &[&self.b],
            Twist::None | Twist::Hold | Twist::MadeAgain | Twist::Reclaimed => &[&self.b, &self.a],
        };
        for rival in living {
            rival.upkeep(&self.source(), &self.volume).await;
            if self.contest.twist == Twist::Hold {
                self.release().await;
            }
            rival.settle(&self.volume).await;
        }
    }

    async fn check(&self, joined: Joined, member: &PvName) {
        let pvs = self.contest.pvs();
        let owner = pvs.get_opt(self.volume.as_str()).await.unwrap();
        let member = pvs.get_opt(member.as_str()).await.unwrap();
        let claim = self
            .contest
            .claims(&self.contest.primary)
            .get_opt(self.name)
            .await
            .unwrap();
        let finalizer = |begin: &str| {
            let mut all = owner.iter().flat_map(|pv| pv.finalizers());
            all.any(|f| f.starts_with(begin))
        };
        let data = self.fake.read(&format!("{}/hello", self.volume)).is_some();
        let seen = || {
            format!(
                "{} {joined:?}\n{:?}\n{:?}\n{:?}\n{:#?}",
                self.name,
                owner.as_ref().map(shown),
                member.as_ref().map(shown),
                claim.as_ref().map(shown),
                self.fake.calls()
            )
        };
        let is_member = member.is_some();
        assert_eq!(
            joined == Joined::Yes,
            is_member,
            "a join that was answered is a member: {}",
            seen()
        );
        // With the member that was there before, and its new owner, a volume that was given away stays in any case.
        let used = is_member || self.contest.twist == Twist::Reclaimed;
        assert_eq!(data, used, "data is there exactly as long as somebody is: {}", seen());
        let kept = finalizer("tombolo.dev/volume-protection");
        assert_eq!(kept, used, "the finalizer keeps the volume for its member: {}", seen());
        assert!(!finalizer("tombolo.dev/joining-"), "no token is left: {}", seen());
        match self.contest.twist {
            Twist::None | Twist::JoinerDies => assert!(claim.is_none(), "{}", seen()),
            Twist::Hold => {
                let held = |c: &PersistentVolumeClaim| c.finalizers().iter().any(|f| f == "tombolo.dev/hold");
                let waits = claim.as_ref().is_some_and(held);
                assert_eq!(waits, is_member, "the owner waits for its member: {}", seen());
                assert_eq!(claim.is_some(), is_member, "{}", seen());
            }
            Twist::MadeAgain => {
                let other = claim.as_ref().is_some_and(|c| pv_name(c) != self.volume.as_str());
                assert!(other, "{}", seen());
            }
            Twist::Reclaimed => {
                let living = owner
                    .as_ref()
                    .is_some_and(|pv| pv.metadata.deletion_timestamp.is_none());
                assert!(living, "a volume with an owner is not deleted: {}", seen());
            }
        }
    }
}
