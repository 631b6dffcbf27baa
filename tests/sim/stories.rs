//! Stories, each with the ways in which it may end.
//!
//! In a story that goes on midway, what people do meets what the controller is just doing, so it may end in more than one way;
//! after a crash it must still end in one of them.

use crate::users::{COPY, HELPER, MEMBER, OTHER, OWNER};
use crate::world::{Script, Then, World};
use tombolo::api::names;

/// What people do, and what is there when nothing moves any more.
pub struct Story {
    pub name: &'static str,
    pub play: fn(&mut World),
    pub ends: &'static [&'static str],
    /// Also after a controller slept, of which no API server can know whether its request was meant to come that late.
    pub slept: &'static [&'static str],
    /// Also where the ledger was lost or not trusted, and what it alone remembered with it.
    pub lost: &'static [&'static str],
}

macro_rules! stories {
    ($all:ident $($name:ident($world:ident) $play:block => [$($end:literal),* $(,)?] $(, slept [$($slept:literal),*])? $(; lost [$($lost:literal),*])?)*) => {
        pub const $all: &[$crate::stories::Story] = &[$($crate::stories::Story {
            name: stringify!($name),
            play: |$world: &mut $crate::world::World| $play,
            ends: &[$($end),*],
            slept: &[$($($slept),*)?],
            lost: &[$($($lost),*)?],
        }),*];
    };
}

mod copies;
mod cuts;
mod populating;
mod sizes;
mod snapshots;

/// All of them.
pub fn all() -> impl Iterator<Item = &'static Story> {
    let all = [
        STORIES,
        copies::STORIES,
        sizes::STORIES,
        cuts::STORIES,
        populating::STORIES,
        snapshots::STORIES,
    ];
    all.into_iter().flatten()
}

impl Story {
    /// Whether it may end like this.
    pub fn may_end(&self, end: &str, script: Script) -> bool {
        let also = match script.stop.map(|(_, _, then)| then) {
            None | Some(Then::Restart) => [&[][..], &[]],
            Some(Then::LoseLedger | Then::Distrust) => [self.lost, &[]],
            // Whoever takes over has no ledger of its own.
            Some(Then::SleepUntilQuiet | Then::SleepUntilTheEnd) => [self.lost, self.slept],
        };
        self.ends
            .iter()
            .chain(also.into_iter().flatten())
            .any(|allowed| *allowed == end)
    }
}

stories! {
    STORIES

    provision(w) {
        w.owned("gold");
    } => ["primary/data Bound pvc-c1; owner pvc-c1 Bound; data pvc-c1; record pvc-c1 Live []"]

    provision_and_the_claim_is_deleted_midway(w) {
        w.own(OWNER, "gold");
        w.midway();
        w.delete(OWNER);
        w.settle();
    } => ["nothing"]

    delete_an_unshared_volume(w) {
        w.owned("gold");
        w.delete(OWNER);
        w.settle();
    } => ["nothing"]

    join(w) {
        w.shared("gold");
    } => ["primary/data Bound pvc-c1; secondary/data Bound pvc-c2; owner pvc-c1 Bound; member pvc-c2 Bound; data pvc-c1; record pvc-c1 Live [pvc-c2]"]

    join_without_a_reference(w) {
        w.owned("gold");
        w.ask(MEMBER, OWNER, "gold");
        w.settle();
    } => ["primary/data Bound pvc-c1; secondary/data Pending; owner pvc-c1 Bound; data pvc-c1; record pvc-c1 Live []"]

    join_and_the_consumers_claim_is_deleted_midway(w) {
        w.owned("gold");
        w.asked(MEMBER, "gold");
        w.midway();
        w.delete(MEMBER);
        w.settle();
    } => ["primary/data Bound pvc-c1; owner pvc-c1 Bound; data pvc-c1; record pvc-c1 Live []"]

    join_and_the_owner_is_deleted_midway(w) {
        w.owned("gold");
        w.asked(MEMBER, "gold");
        w.midway();
        w.delete(OWNER);
        w.settle();
    } => ["secondary/data Pending", "secondary/data Bound pvc-c2; owner pvc-c1 Released; member pvc-c2 Bound; data pvc-c1; record pvc-c1 SoftDeleted [pvc-c2]"]

    join_and_both_are_deleted_midway(w) {
        w.owned("gold");
        w.asked(MEMBER, "gold");
        w.midway();
        w.delete(OWNER);
        w.delete(MEMBER);
        w.settle();
    } => ["nothing"]

    soft_delete_and_members_leave_in_their_order(w) {
        w.shared_by_two("gold");
        w.delete(OWNER);
        w.settle();
        w.delete(MEMBER);
        w.settle();
        w.delete(OTHER);
        w.settle();
    } => ["nothing"]

    soft_delete_and_members_leave_the_other_way_round(w) {
        w.shared_by_two("gold");
        w.delete(OWNER);
        w.settle();
        w.delete(OTHER);
        w.settle();
        w.delete(MEMBER);
        w.settle();
    } => ["nothing"]

    soft_delete(w) {
        w.shared_by_two("gold");
        w.delete(OWNER);
        w.delete(MEMBER);
        w.settle();
    } => ["third/data Bound pvc-c3; owner pvc-c1 Released; member pvc-c3 Bound; data pvc-c1; record pvc-c1 SoftDeleted [pvc-c3]"]

    members_leave_and_the_owner_stays(w) {
        w.shared_by_two("gold");
        w.delete(OTHER);
        w.delete(MEMBER);
        w.settle();
    } => ["primary/data Bound pvc-c1; owner pvc-c1 Bound; data pvc-c1; record pvc-c1 Live []"]

    // Whoever slept between decision and write may make the volume when its claim has gone long since, and Retain keeps it. That is
    // how it looks, too, if the claim goes a moment after its volume was made, with no sleep at all: a POST carries no precondition by
    // which the API server could tell the two apart. Nobody's data is in it, and what Retain keeps is the admin's to delete.
    provision_to_be_kept_and_the_claim_is_deleted_midway(w) {
        w.own(OWNER, "kept");
        w.midway();
        w.delete(OWNER);
        w.settle();
    } => ["nothing", "owner pvc-c1 Released Retain; data pvc-c1 empty; record pvc-c1 SoftDeleted []", "owner pvc-c1 Released Retain; data pvc-c1; record pvc-c1 SoftDeleted []"]

    retain_without_members(w) {
        w.owned("kept");
        w.delete(OWNER);
        w.settle();
    } => ["owner pvc-c1 Released Retain; data pvc-c1; record pvc-c1 SoftDeleted []"]

    // A sleeper that was about to make the volume makes it again after the admin deleted it: an object for data that is kept anyway.
    retain_and_an_admin_deletes_the_volume(w) {
        w.shared("kept");
        w.delete(OWNER);
        w.settle();
        w.delete_pv("pvc-c1");
        w.settle();
        w.delete(MEMBER);
        w.settle();
    } => ["data pvc-c1"], slept ["owner pvc-c1 Released Retain; data pvc-c1; record pvc-c1 SoftDeleted []"]

    archive(w) {
        w.shared("archived");
        w.delete(OWNER);
        w.delete(MEMBER);
        w.settle();
    } => ["archived pvc-c1"]

    keep_the_data_by_class(w) {
        w.shared("retained");
        w.delete(OWNER);
        w.delete(MEMBER);
        w.settle();
    } => ["data pvc-c1"]

    hold(w) {
        w.shared("held");
        w.delete(OWNER);
        w.settle();
    } => ["primary/data Bound pvc-c1 held terminating; secondary/data Bound pvc-c2; owner pvc-c1 Bound; member pvc-c2 Bound; data pvc-c1; record pvc-c1 Live [pvc-c2]"]

    hold_and_the_member_leaves(w) {
        w.shared("held");
        w.delete(OWNER);
        w.settle();
        w.delete(MEMBER);
        w.settle();
    } => ["nothing"]

    hold_is_stripped(w) {
        w.shared("held");
        w.strip_hold(OWNER);
        w.settle();
        w.delete(OWNER);
        w.settle();
        w.strip_hold(OWNER);
        w.settle();
    } => ["secondary/data Bound pvc-c2; owner pvc-c1 Released; member pvc-c2 Bound; data pvc-c1; record pvc-c1 SoftDeleted [pvc-c2]"]

    hold_and_the_owner_is_deleted_midway(w) {
        w.owned("held");
        w.asked(MEMBER, "held");
        w.midway();
        w.delete(OWNER);
        w.settle();
        w.delete(MEMBER);
        w.settle();
    } => ["nothing"]

    the_volume_is_deleted_by_hand_before_its_claim(w) {
        w.shared("gold");
        w.delete_pv("pvc-c1");
        w.settle();
        w.delete(OWNER);
        w.settle();
        w.delete(MEMBER);
        w.settle();
    } => ["nothing"]

    the_volume_is_deleted_by_hand_during_a_join(w) {
        w.owned("gold");
        w.asked(MEMBER, "gold");
        w.midway();
        w.delete_pv("pvc-c1");
        w.settle();
        w.delete(OWNER);
        w.settle();
    } => ["secondary/data Pending", "secondary/data Bound pvc-c2; owner pvc-c1 Released terminating; member pvc-c2 Bound; data pvc-c1; record pvc-c1 SoftDeleted [pvc-c2]"]

    a_members_volume_is_deleted_by_hand(w) {
        w.shared("gold");
        w.delete_pv("pvc-c2");
        w.settle();
        w.delete(OWNER);
        w.settle();
    } => ["secondary/data Bound pvc-c2; owner pvc-c1 Released; member pvc-c2 Bound terminating; data pvc-c1; record pvc-c1 SoftDeleted [pvc-c2]"]

    a_members_volume_is_deleted_by_hand_and_its_claim_goes(w) {
        w.shared("gold");
        w.delete_pv("pvc-c2");
        w.settle();
        w.delete(OWNER);
        w.delete(MEMBER);
        w.settle();
    } => ["nothing"]

    the_owners_namespace_is_deleted(w) {
        w.shared("gold");
        w.delete_namespace("primary");
        w.settle();
    } => ["secondary/data Bound pvc-c2; owner pvc-c1 Released; member pvc-c2 Bound; data pvc-c1; record pvc-c1 SoftDeleted [pvc-c2]"]

    the_consumers_namespace_is_deleted(w) {
        w.shared("gold");
        w.delete(OWNER);
        w.delete_namespace("secondary");
        w.settle();
    } => ["nothing"]

    the_owner_is_made_again_under_its_name(w) {
        w.shared("gold");
        w.delete(OWNER);
        w.settle();
        w.own(OWNER, "gold");
        w.settle();
        w.asked(OTHER, "gold");
        w.settle();
        w.delete(MEMBER);
        w.settle();
    } => ["primary/data Bound pvc-c3; third/data Bound pvc-c4; owner pvc-c3 Bound; member pvc-c4 Bound; data pvc-c3; record pvc-c3 Live [pvc-c4]"]

    the_ledger_is_lost_between_any_two(w) {
        w.shared("gold");
        w.restart(true);
        w.settle();
        w.delete(OWNER);
        w.restart(true);
        w.settle();
        w.delete(MEMBER);
        w.restart(true);
        w.settle();
    } => ["nothing"]

    a_token_is_found_whose_claim_is_dead(w) {
        w.shared("gold");
        w.edit_pv("pvc-c1", |pv| crate::cluster::add_finalizer(&mut pv.metadata, &format!("{}gone", names::TOKEN_JOINING)));
        w.settle();
        w.delete(OWNER);
        w.delete(MEMBER);
        w.settle();
    } => ["nothing"]

    // What was recorded before its object was made follows that; and from the token on nothing but the note counts.
    the_class_is_made_again_during_provisioning(w) {
        w.own(OWNER, "gold");
        w.midway();
        w.make_class_again("gold", "csi");
        w.settle();
    } => ["primary/data Bound pvc-c1; owner pvc-c1 Bound; data pvc-c1; record pvc-c1 Live []", "primary/data Bound pvc-c1; owner pvc-c1 Bound csi; data pvc-c1; record pvc-c1 Live []"]

    the_class_is_made_again_during_a_join(w) {
        w.owned("gold");
        w.asked(MEMBER, "gold");
        w.midway();
        w.make_class_again("gold", "csi");
        w.settle();
    } => ["primary/data Bound pvc-c1; secondary/data Bound pvc-c2; owner pvc-c1 Bound; member pvc-c2 Bound; data pvc-c1; record pvc-c1 Live [pvc-c2]", "primary/data Bound pvc-c1; secondary/data Bound pvc-c2; owner pvc-c1 Bound; member pvc-c2 Bound csi; data pvc-c1; record pvc-c1 Live [pvc-c2]"]

    the_class_is_made_again_during_a_copy(w) {
        w.owned("gold");
        w.copy(COPY, OWNER, "gold");
        w.midway();
        w.make_class_again("gold", "csi");
        w.settle();
    } => ["primary/copy Bound pvc-c2; primary/data Bound pvc-c1; owner pvc-c1 Bound; owner pvc-c2 Bound; data pvc-c1; data pvc-c2; record pvc-c1 Live []; record pvc-c2 Live []", "primary/copy Bound pvc-c2; primary/data Bound pvc-c1; owner pvc-c1 Bound; owner pvc-c2 Bound csi; data pvc-c1; data pvc-c2; record pvc-c1 Live []; record pvc-c2 Live []"]

    objects_of_a_class_that_was_made_again_come_back_as_they_were(w) {
        w.make_class_again("gold", "csi");
        w.owned("gold");
        w.make_class_again("gold", "kubelet");
        w.asked(MEMBER, "gold");
        w.settle();
        w.make_class_again("gold", "csi");
        w.force_remove_pv("pvc-c2");
        w.settle();
        w.make_class_again("gold", "kubelet");
        w.force_remove_pv("pvc-c1");
        w.settle();
    } => ["primary/data Bound pvc-c1; secondary/data Bound pvc-c2; owner pvc-c1 Bound csi; member pvc-c2 Bound; data pvc-c1; record pvc-c1 Live [pvc-c2]"] ; lost ["primary/data Lost pvc-c1; secondary/data Bound pvc-c2; member pvc-c2 Bound; data pvc-c1", "primary/data Bound pvc-c1; secondary/data Lost pvc-c2; owner pvc-c1 Bound csi; data pvc-c1; record pvc-c1 Live []"]

    the_owners_volume_is_removed_by_force(w) {
        w.shared("gold");
        w.force_remove_pv("pvc-c1");
        w.settle();
    } => ["primary/data Bound pvc-c1; secondary/data Bound pvc-c2; owner pvc-c1 Bound; member pvc-c2 Bound; data pvc-c1; record pvc-c1 Live [pvc-c2]"] ; lost ["primary/data Lost pvc-c1; secondary/data Bound pvc-c2; member pvc-c2 Bound; data pvc-c1", "primary/data Lost pvc-c1; secondary/data Bound pvc-c2; member pvc-c2 Bound; data pvc-c1; record pvc-c1 Live [pvc-c2]"]

    a_members_volume_is_removed_by_force(w) {
        w.shared("gold");
        w.force_remove_pv("pvc-c2");
        w.settle();
        w.delete(OWNER);
        w.settle();
    } => ["secondary/data Bound pvc-c2; owner pvc-c1 Released; member pvc-c2 Bound; data pvc-c1; record pvc-c1 SoftDeleted [pvc-c2]"] ; lost ["secondary/data Lost pvc-c2; owner pvc-c1 Released; data pvc-c1; record pvc-c1 SoftDeleted [pvc-c2]", "secondary/data Lost pvc-c2; owner pvc-c1 Released; data pvc-c1; record pvc-c1 SoftDeleted []"]

    labels_and_protection_are_stripped(w) {
        w.shared("gold");
        w.strip_label("pvc-c2", names::LABEL_VOLUME);
        w.strip_label("pvc-c1", names::LABEL_ROLE);
        w.strip_protection("pvc-c1");
        w.strip_protection("pvc-c2");
        w.delete(OWNER);
        w.settle();
    } => ["secondary/data Bound pvc-c2; owner pvc-c1 Released; member pvc-c2 Bound; data pvc-c1; record pvc-c1 SoftDeleted [pvc-c2]"]

    policy_recycle_is_set(w) {
        w.shared("gold");
        w.set_policy("pvc-c1", "Recycle");
        w.settle();
        w.delete(OWNER);
        w.delete(MEMBER);
        w.settle();
    } => ["owner pvc-c1 Released Retain; data pvc-c1; record pvc-c1 SoftDeleted []"]

    consent_is_withdrawn(w) {
        w.shared("gold");
        w.share_to(OWNER, "");
        w.unrefer("secondary", "data");
        w.asked(OTHER, "gold");
        w.settle();
    } => ["primary/data Bound pvc-c1; secondary/data Bound pvc-c2; third/data Pending; owner pvc-c1 Bound; member pvc-c2 Bound; data pvc-c1; record pvc-c1 Live [pvc-c2]"]
}
