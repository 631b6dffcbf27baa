//! The suite that every storage backend passes: one named test per promise of `tombolo_backend_api::Backend`.
//!
//! A backend's `tests/conformance.rs` implements [`Subject`] and says, once:
//!
//! ```text
//! tombolo_backend_conformance::conformance!(MySubject::start().await);
//! ```
//!
//! where the expression is a `Result<impl Subject, Skip>` and is evaluated anew, on a fresh root, for every test. The suite
//! knows nothing of any backend; what a subject cannot show, it skips by name and reason, on standard error. The cases of a
//! capability run iff it is declared; one line for each capability, on standard error, says whether.
//! The promises are in `cases`, one file per subject matter.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking, and this crate is nothing but tests"
)]

pub mod cases;
mod copying;
mod filling;
pub mod hands;
mod image;
mod plant;
mod run;
mod subject;

pub use copying::{Thing, allocated, things};
pub use image::Image;
pub use run::{Case, lacking, run_case, skipped};
pub use subject::{Copying, Outcome, Skip, Subject};

/// Makes one test of every promise. See the crate's documentation.
#[macro_export]
macro_rules! conformance {
    ($subject:expr) => {
        $crate::tests_of! { $subject;
            volumes:
                creating_twice_is_creating_once,
                creating_again_sets_the_mode_again,
                creating_again_leaves_the_contents_alone,
                inspecting_tells_what_was_done,
                a_create_dropped_midway_is_finished_by_the_next,
                ten_creates_of_one_volume_at_once_all_succeed,
                forty_volumes_at_once_are_forty_volumes,
                the_mode_is_as_asked_whatever_the_umask;
            paths:
                the_longest_names_work,
                a_path_of_two_components_is_a_volume_of_its_own,
                a_file_in_the_place_of_a_volume_is_refused,
                a_symlink_is_never_followed,
                a_mount_is_stable_and_inside_the_root;
            mark:
                a_fresh_root_has_no_mark,
                a_placed_mark_is_read_back,
                the_first_mark_stays,
                eight_writers_learn_one_winner,
                an_unreadable_mark_is_an_error_and_stays,
                the_private_directory_is_private,
                a_root_that_is_away_is_waiting;
            discard:
                discarding_twice_is_discarding_once,
                discarding_what_is_not_there_is_success,
                a_discarded_volume_comes_back_whole,
                a_volume_can_come_back_elsewhere,
                restoring_onto_an_existing_path_is_refused,
                restoring_what_is_not_in_the_trash_is_refused,
                discarding_onto_a_taken_entry_loses_nothing,
                a_discard_dropped_midway_is_finished_by_the_next,
                six_discards_of_one_volume_at_once_all_succeed,
                discarding_moves_and_does_not_walk,
                an_unreadable_record_is_no_record,
                a_record_without_a_volume_is_shown_as_one_and_forgotten,
                forgetting_spares_what_is_there,
                an_entry_is_as_old_as_its_discard,
                an_archived_volume_is_kept_outside_the_trash;
            purge:
                purging_removes_everything_and_counts_it,
                purging_twice_or_nothing_is_success,
                purging_one_entry_leaves_the_others,
                a_purge_dropped_midway_is_finished_by_the_next,
                what_is_under_purge_can_only_be_purged,
                two_purges_at_once_both_succeed,
                a_purge_never_follows_a_symlink,
                a_purge_leaves_the_other_name_of_a_hard_link,
                a_purge_removes_names_of_any_kind,
                a_purge_removes_names_that_are_no_utf8,
                a_purge_removes_special_files,
                a_purge_goes_2000_levels_deep,
                a_purge_goes_3000_files_wide;
            list:
                listing_shows_volumes_and_nothing_else,
                removing_empty_takes_only_what_is_empty,
                the_space_makes_sense;
            races:
                restore_and_purge_have_one_winner,
                discard_and_remove_empty_lose_no_file;
            exchanged:
                a_link_that_comes_and_goes_in_a_volume_leads_nothing_out_of_it,
                a_link_that_comes_and_goes_above_a_volume_leads_nowhere;
            guard:
                nothing_happens_on_a_wiped_root,
                nothing_happens_under_another_mark,
                everything_works_under_the_right_mark;
            capabilities:
                capabilities_and_root_are_constant,
                what_is_declared_is_given_out_and_nothing_else,
                a_quota_is_declared_iff_it_is_told;
            clone:
                a_clone_has_the_contents_of_its_source,
                an_empty_volume_is_copied_too,
                a_clone_is_a_volume_of_its_own,
                a_clone_that_is_there_is_left_alone,
                a_clone_of_nothing_is_refused,
                a_clone_follows_no_symlink_on_its_way,
                a_clone_that_does_not_fit_leaves_only_what_is_doomed,
                whoever_counts_entries_stops_at_too_many,
                progress_only_grows,
                ten_clones_of_one_source_at_once_all_succeed,
                a_clone_leaves_its_source_alone;
            clone_tree:
                a_clone_has_modes_owners_and_times,
                a_clone_drops_set_id_bits_of_files_iff_asked,
                a_clone_has_hard_links_within_it,
                a_clone_keeps_holes,
                a_clone_leaves_special_files_out_and_counts_them,
                a_clone_has_names_of_any_kind,
                a_clone_has_names_that_are_no_utf8,
                a_clone_goes_1000_levels_deep;
            clone_hostile:
                a_clone_has_symlinks_as_symlinks,
                a_source_that_changes_meanwhile_leads_nowhere_else;
            clone_midway:
                a_clone_dropped_midway_is_finished_by_the_next,
                an_unfinished_clone_is_no_volume,
                an_earlier_epoch_is_refused_and_a_later_one_takes_over,
                a_later_epoch_wins_over_one_that_still_copies,
                an_abandoned_clone_is_under_purge,
                abandoning_spares_what_is_finished_and_what_is_another,
                an_abandon_and_a_clone_at_once_agree;
            snapshot:
                whoever_takes_snapshots_makes_clones,
                a_snapshot_is_the_volume_as_it_was,
                a_snapshot_outlives_its_volume,
                a_snapshot_is_restored_as_often_as_one_likes,
                a_snapshot_taken_twice_is_taken_once,
                a_name_is_of_one_volume_only,
                a_snapshot_of_nothing_and_a_restore_of_none_are_refused,
                snapshots_are_listed_and_are_no_volumes,
                a_removed_snapshot_is_gone_and_its_name_is_free,
                a_removed_snapshot_leaves_what_was_restored_of_it,
                a_restore_that_does_not_fit_leaves_only_what_is_doomed,
                a_snapshot_dropped_midway_is_finished_by_the_next,
                a_snapshot_is_removed_that_was_never_finished,
                five_snapshots_of_one_volume_at_once_all_succeed;
            share:
                ways_are_listed_where_there_are_any,
                each_tenant_has_a_way_of_its_own,
                what_one_tenant_writes_another_reads,
                releasing_twice_or_nothing_is_success,
                releasing_one_way_leaves_the_others,
                a_released_way_is_gone_and_one_made_again_works,
                a_volume_that_goes_takes_its_ways_along,
                an_empty_volume_that_is_removed_takes_its_ways_along,
                a_way_to_nothing_is_refused,
                a_mount_dropped_midway_is_finished_by_the_next,
                twenty_ways_at_once_are_twenty_ways;
            revoke:
                whoever_revokes_shares,
                a_cut_stops_who_has_it_mounted_and_open,
                what_is_restored_is_the_same_way,
                writing_alone_can_be_taken_away,
                saying_it_again_changes_nothing,
                a_cut_way_stays_cut_when_it_is_mounted,
                cutting_what_is_not_there_makes_nothing,
                admitting_what_is_not_there_makes_it,
                admitting_to_nothing_is_refused,
                neighbours_notice_nothing,
                a_cut_way_can_be_released_and_made_anew,
                a_cut_goes_with_its_volume,
                a_cut_dropped_midway_is_finished_by_the_next;
            read_only:
                a_way_to_read_refuses_writes,
                both_ways_of_one_tenant_are_what_they_are,
                a_way_to_read_never_lets_more_through;
            resize:
                whoever_resizes_enforces,
                a_new_size_is_told_to_everybody,
                a_volume_that_grows_takes_more_at_once,
                a_volume_does_not_shrink_below_what_it_uses,
                a_volume_that_is_made_again_keeps_the_size_it_has_grown_to,
                what_is_not_there_has_no_size;
            quota:
                a_volume_takes_what_it_may_and_no_more,
                a_neighbour_of_a_full_volume_writes_on,
                a_tenant_of_a_full_volume_is_told_so,
                what_is_removed_makes_room,
                snapshots_do_not_escape_the_limit,
                what_snapshots_of_a_gone_volume_hold_is_told,
                a_copy_has_the_limit_that_it_was_made_with;
            usage:
                what_is_not_there_is_not_measured,
                usage_follows_what_is_written;
            node_access:
                nodes_are_told_as_often_as_one_likes;
            undeclared:
                sharing_is_refused,
                revoking_is_refused,
                snapshots_are_refused,
                clones_are_refused,
                resizing_is_refused,
                asking_what_is_pinned_is_refused,
                asking_what_is_used_is_refused,
                admitting_nodes_is_refused,
                a_way_to_read_is_the_same_path;
        }
    };
}

/// Expands the list of [`conformance`].
#[doc(hidden)]
#[macro_export]
macro_rules! tests_of {
    ($subject:expr; $($module:ident: $($case:ident),+;)+) => {
        $(mod $module {
            #[allow(unused_imports, reason = "the subject's expression is written for the module outside")]
            use super::*;
            $(#[test]
            fn $case() {
                let case = $crate::Case {
                    package: env!("CARGO_PKG_NAME"),
                    module: module_path!(),
                    name: stringify!($case),
                };
                $crate::run_case(case, async || $subject, $crate::cases::$module::$case);
            })+
        })+
    };
}

#[cfg(test)]
mod tests {
    /// A case that nobody lists is a promise that nobody tests.
    #[test]
    fn every_case_is_listed() {
        let list = include_str!("lib.rs");
        let sources = [
            include_str!("cases/volumes.rs"),
            include_str!("cases/paths.rs"),
            include_str!("cases/mark.rs"),
            include_str!("cases/discard.rs"),
            include_str!("cases/purge.rs"),
            include_str!("cases/list.rs"),
            include_str!("cases/races.rs"),
            include_str!("cases/guard.rs"),
            include_str!("cases/capabilities.rs"),
            include_str!("cases/clone.rs"),
            include_str!("cases/clone_tree.rs"),
            include_str!("cases/clone_hostile.rs"),
            include_str!("cases/clone_midway.rs"),
            include_str!("cases/snapshot.rs"),
            include_str!("cases/share.rs"),
            include_str!("cases/revoke.rs"),
            include_str!("cases/read_only.rs"),
            include_str!("cases/resize.rs"),
            include_str!("cases/quota.rs"),
            include_str!("cases/usage.rs"),
            include_str!("cases/node_access.rs"),
            include_str!("cases/undeclared.rs"),
        ];
        let cases = sources
            .iter()
            .flat_map(|text| text.lines())
            .filter_map(|line| line.strip_prefix("pub async fn "));
        let names: Vec<_> = cases.map(|rest| rest.split('(').next().unwrap()).collect();
        assert!(names.len() > 40, "the cases were not found: {names:?}");
        for name in names {
            let listed = list
                .lines()
                .any(|line| line.trim().trim_end_matches([',', ';']) == name);
            assert!(listed, "{name} is in no list");
        }
    }
}
