//! The programming model holds, however the host is set up.
//!
//! One list of scenarios for each app, and one host for each list and set-up: scenarios share the host at the same time, so each
//! uses ids of its own. `LONGHAUL_SCENARIO=text` runs those whose name contains the text.

mod activities;
mod children;
mod crashes;
mod endings;
mod entities;
mod events;
mod hello;
mod locks;
mod patterns;
mod rounds;
mod runner;
mod timers;

use std::time::Duration;

use e2e::{Apps, Sample, text};
use runner::{OneHost, Scenario, scenarios};
use serde_json::json;

fn of_hello_cities() -> Vec<Scenario> {
    scenarios![hello::sequences, hello::fan_out, hello::a_call_back_and_a_timeout, hello::sections]
}

fn of_patterns() -> Vec<Scenario> {
    scenarios![
        patterns::chaining,
        patterns::fan_out_and_fan_in,
        patterns::async_http_api,
        patterns::monitor,
        patterns::human_interaction,
        patterns::aggregator,
        patterns::saga,
        patterns::eternal,
        patterns::sub_orchestrations,
        patterns::clean_up,
        patterns::first_steps,
    ]
}

fn of_test_guests() -> Vec<Scenario> {
    scenarios![
        activities::no_retry_starts_after_the_end,
        activities::no_waiting_call_starts_after_the_end,
        children::ids_are_given_or_derived,
        children::a_failure_reaches_the_parent,
        children::detached_starts_go_on_by_themselves,
        children::a_failing_parent_leaves_its_child_alone,
        children::a_tree_of_three_levels_is_terminated_and_purged,
        children::a_termination_that_is_not_recursive_leaves_the_children,
        endings::start_event_and_termination_in_all_orders,
        endings::one_of_forty_concurrent_starts_wins,
        entities::a_failed_operation_is_rolled_back_with_what_it_sent,
        entities::operations_signal_and_start,
        entities::scheduled_signals_come_in_time,
        entities::transfers_at_the_same_time_conserve_the_total,
        events::a_thousand_fast_senders_lose_nothing_to_continue_as_new,
        events::an_event_before_the_first_turn_is_kept,
        events::suspending_and_resuming_loses_no_event,
        events::continue_as_new_and_suspension_together_lose_no_event,
        events::an_arriving_event_never_fires_a_timer,
        locks::every_end_lets_go,
        locks::a_parked_holder_lets_go_when_it_is_terminated,
        timers::short_ones_fire_and_none_is_early,
        timers::far_ones_wait,
    ]
}

async fn the_model_holds(arguments: &[&'static str]) {
    // Started one after the other: an app whose components were never compiled keeps a processor busy for long.
    let hello_cities = OneHost::start(Apps::hello_cities(), arguments, of_hello_cities()).await;
    let patterns = OneHost::start(Apps::patterns(), arguments, of_patterns()).await;
    let test_guests = OneHost::start(Apps::test_guests(), arguments, of_test_guests()).await;
    tokio::join!(hello_cities.run_all(), patterns.run_all(), test_guests.run_all(), the_sample_holds(arguments));
}

/// The sample has an external system of its own.
async fn the_sample_holds(arguments: &[&'static str]) {
    let sample = Sample::with_delay(Duration::ZERO, arguments.to_vec()).await;
    let payload = sample.begin(&json!({"timeoutSeconds": 1, "maxAttempts": 3})).await;
    let id = text(&payload, "id");
    sample.until_waiting(&id, 2).await;
    sample.call_back(&payload, true).await.expect_empty(202);
    let output = text(&sample.host.until_status(&id, "Completed").await, "output");
    assert!(output.starts_with("Completed API request after 2 attempts. Final state CallbackSuccess"), "{output}");
}

#[tokio::test]
async fn by_default() {
    the_model_holds(&[]).await;
}

#[tokio::test]
async fn when_every_turn_begins_with_a_replay() {
    the_model_holds(&["--evict-after-every-turn"]).await;
}

#[tokio::test]
async fn on_one_guest_thread() {
    the_model_holds(&["--guest-threads", "1"]).await;
}

#[tokio::test]
async fn when_each_commit_is_a_transaction_of_its_own() {
    the_model_holds(&["--one-commit-per-batch"]).await;
}

#[tokio::test]
async fn with_room_for_one_instance() {
    the_model_holds(&["--max-hot-instances", "1"]).await;
}
