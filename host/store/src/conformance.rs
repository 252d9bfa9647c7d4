//! What every store must do, one function each.
//!
//! Each function is given an empty store, panics if the guarantee does not hold, and leaves the
//! store open. A bug found in one store becomes a function here, for all.
//! [`for_each_guarantee!`](crate::for_each_guarantee) names them all, so that no store's tests can
//! forget one.
//!
//! - [`chains`]: appending and chains. [`late`]: messages that are left out. [`purging`]: removal.
//!   [`rows`]: single rows, work and timers. [`lists`]: pages and filters. [`deployments`]:
//!   deployments and components. [`idempotency`]: notes of keyed requests. [`schedules`]: how
//!   schedules stand. [`access_keys`]: API keys. [`random`]: a seeded sequence of records, to
//!   compare two stores.
//! - [`sample`]: records to test with.

pub mod access_keys;
pub mod chains;
pub mod deployments;
pub mod idempotency;
pub mod late;
pub mod lists;
pub mod purging;
pub mod random;
pub mod rows;
pub mod sample;
pub mod schedules;

/// Calls the macro `$test` once for every guarantee, with its module and name.
#[macro_export]
macro_rules! for_each_guarantee {
    ($test:ident) => {
        $test!(chains, records_of_a_batch_are_chained_in_their_order);
        $test!(chains, a_batch_without_records_looks_up_tails);
        $test!(chains, a_batch_beyond_the_usual_size_is_one_like_any_other);
        $test!(chains, records_come_back_as_they_were);
        $test!(chains, a_new_instance_begins_a_chain_like_any_other);
        $test!(chains, a_chain_begins_at_its_latest_base);
        $test!(chains, a_chain_reaches_back_to_the_messages_that_its_base_needs);
        $test!(chains, a_chain_read_from_an_old_tail_does_not_show_later_records);
        $test!(chains, a_tail_that_does_not_exist_gives_an_empty_chain);
        $test!(chains, chains_read_together_are_what_each_is_alone);
        $test!(chains, a_long_chain_is_read_like_a_short_one);
        $test!(chains, a_chain_that_is_too_long_is_named_with_its_length);
        $test!(purging, purge_removes_rows_and_chains);
        $test!(purging, purge_leaves_what_has_something_to_do);
        $test!(purging, a_purged_instance_begins_a_new_chain);
        $test!(purging, positions_are_not_used_again_after_a_purge);
        $test!(purging, purge_goes_in_steps_bounded_by_records);
        $test!(purging, purge_goes_in_steps_bounded_by_bytes);
        $test!(purging, purge_takes_what_lies_behind_a_base);
        $test!(late, a_message_for_an_ended_instance_is_left_out);
        $test!(late, a_message_is_only_left_out_if_its_sender_says_so);
        $test!(late, a_live_instance_takes_its_messages_and_no_answers_to_an_execution_that_is_gone);
        $test!(late, a_message_is_judged_by_what_stands_before_it_in_its_batch);
        $test!(late, a_message_for_an_instance_that_is_gone_leaves_nothing);
        $test!(rows, a_row_shows_the_last_append_at_once);
        $test!(rows, a_message_for_an_instance_that_never_started_gives_no_row);
        $test!(rows, a_start_after_a_lost_message_gives_a_row);
        $test!(rows, instances_with_work_come_in_the_order_of_their_last_change);
        $test!(rows, due_instances_come_soonest_first);
        $test!(rows, instances_ahead_of_the_clock_are_found_page_by_page);
        $test!(rows, the_end_of_time_is_kept);
        $test!(rows, json_null_is_a_value);
        $test!(rows, rebuilding_gives_the_same_rows);
        $test!(rows, a_closed_store_is_unavailable);
        $test!(lists, a_list_shows_the_last_append_at_once);
        $test!(lists, pages_follow_each_other_without_gap_or_double);
        $test!(lists, a_prefix_is_compared_byte_by_byte);
        $test!(lists, entities_are_listed_only_if_the_prefix_asks_for_them);
        $test!(lists, statuses_and_times_filter_a_list);
        $test!(lists, only_entities_with_a_state_are_listed_as_entities);
        $test!(lists, entities_are_listed_by_name_and_time);
        $test!(lists, a_page_ends_by_bytes);
        $test!(lists, a_row_that_is_longer_than_a_page_is_named_with_its_length);
        $test!(lists, payloads_that_are_not_asked_for_are_not_read);
        $test!(lists, a_row_is_read_with_what_is_asked_for_unless_it_is_too_long);
        $test!(idempotency, a_note_comes_back_as_it_was);
        $test!(idempotency, a_note_replaces_an_earlier_one_of_its_key);
        $test!(idempotency, many_notes_go_with_one_batch);
        $test!(idempotency, old_notes_are_removed_oldest_first_and_in_steps);
        $test!(idempotency, neither_purge_nor_rebuild_touches_notes);
        $test!(schedules, timers_come_back_as_they_were_in_order);
        $test!(schedules, a_start_by_a_timer_is_noted_with_its_record);
        $test!(schedules, a_start_by_hand_takes_no_due_times_place);
        $test!(schedules, a_timer_that_is_gone_is_not_brought_back_by_its_start);
        $test!(access_keys, access_keys_come_back_as_they_were_in_order);
        $test!(deployments, the_latest_deployment_is_current);
        $test!(deployments, a_deployment_keeps_its_number_and_components);
        $test!(deployments, a_deployment_with_a_missing_component_changes_nothing);
        $test!(deployments, bytes_that_are_not_what_they_claim_are_refused);
        $test!(deployments, a_deployment_is_in_use_while_an_instance_that_is_pinned_to_it_lives);
    };
}
