//! Retries of activities: no turn of the guest is spent on them.

use super::script::*;
use super::words::*;
use crate::message::Message;
use crate::model::{Failure, RetryPolicy, TaskId, TaskResult};

#[test]
fn a_failed_attempt_is_tried_again_after_its_delay_and_the_guest_is_not_called() {
    let mut script = Script::started([call_with_retry("A", policy(3))]);
    let failure = script.arrive(attempt_done(0, 1, failed("503"))).idle_turn();
    assert!(failure.activation.is_none() && script.state.running_activities().is_empty());
    assert_eq!(script.state.wake_at(), Some(at(1_100)));
    assert!(script.row.as_ref().is_some_and(|row| !row.pending));

    let retry = script.at(1_100).idle_turn();
    assert!(retry.activation.is_none());
    assert_eq!((retry.runs(), script.state.wake_at()), (vec![(0, 2)], None));
    assert_eq!(script.state.running_activities()[0].attempt, 2);

    script.at(1_150).arrive(attempt_done(0, 2, failed("503"))).idle_turn();
    assert_eq!(script.state.wake_at(), Some(at(1_350)));
    assert_eq!(script.at(1_350).idle_turn().runs(), [(0, 3)]);
    assert_eq!(script.arrive(attempt_done(0, 3, TaskResult::Completed(json("1")))).idle_turn().told(), [(0, "1".into())]);
}

#[test]
fn the_last_failure_reaches_the_guest_when_the_attempts_are_used_up() {
    let mut script = Script::started([call_with_retry("A", policy(2))]);
    script.arrive(attempt_done(0, 1, failed("first"))).idle_turn();
    script.at(1_100).idle_turn();
    let taken = script.arrive(attempt_done(0, 2, failed("second"))).idle_turn();
    assert_eq!(taken.told(), [(0, "Http: Activity function 'A' failed: second".into())]);
}

#[test]
fn some_failures_are_given_up_at_once() {
    let final_one = TaskResult::Failed(Failure { non_retriable: true, ..Failure::new("Http", "no") });
    let given_up = RetryPolicy { give_up_on: vec!["Http".into()], ..policy(5) };
    for (policy, result) in [(policy(5), final_one), (given_up, failed("no"))] {
        let mut script = Script::started([call_with_retry("A", policy)]);
        assert_eq!(script.arrive(attempt_done(0, 1, result)).idle_turn().told().len(), 1);
    }
}

#[test]
fn jitter_shortens_each_delay_by_a_share_that_is_the_same_on_every_fold() {
    let jittery = RetryPolicy { jitter: 0.5, backoff_coefficient: 1.0, first_interval_ms: 1_000_000, ..policy(4) };
    let mut script = Script::started((0..8).map(|_| call_with_retry("A", jittery.clone())));
    for task in 0..8 {
        script.arrive(attempt_done(task, 1, failed("503")));
    }
    script.idle_turn();
    let alarms = &script.state.execution.as_ref().unwrap().alarms;
    let delays: std::collections::BTreeSet<u64> = alarms.iter().map(|(at, _)| at.0 - 1_000).collect();
    assert!(delays.iter().all(|delay| (500_000..=1_000_000).contains(delay)), "{delays:?}");
    assert_eq!(delays.len(), 8, "tasks that fail together come back apart");
}

#[test]
fn results_of_stale_attempts_are_ignored() {
    let mut script = Script::started([call_with_retry("A", policy(3))]);
    script.arrive(attempt_done(0, 1, failed("503"))).idle_turn();
    for stale in [attempt_done(0, 1, failed("again")), attempt_done(0, 2, failed("early"))] {
        assert!(script.state.ignores(&stale));
        assert!(script.arrive(stale).idle_turn().activation.is_none());
    }
    script.at(1_100).idle_turn();
    assert!(script.state.ignores(&attempt_done(0, 1, failed("late"))));
    assert_eq!(script.arrive(attempt_done(0, 1, TaskResult::Completed(json("1")))).idle_turn().told(), []);
}

#[test]
fn a_back_off_that_is_cancelled_never_runs_again() {
    let mut script = Script::started([call_with_retry("A", policy(3)), timer(1_050)]);
    script.arrive(attempt_done(0, 1, failed("503"))).idle_turn();
    script.at(1_050).turn(asks([cancel(0)]));
    assert_eq!(script.state.wake_at(), None);
    assert!(script.arrive(Message::RetryDue { task: TaskId(0) }).at(1_100).idle_turn().runs().is_empty());
}

#[test]
fn a_back_off_is_not_cut_short_whoever_says_that_it_is_over() {
    let mut script = Script::started([call_with_retry("A", policy(3))]);
    script.arrive(attempt_done(0, 1, failed("503"))).idle_turn();
    assert!(script.at(1_099).arrive(Message::RetryDue { task: TaskId(0) }).idle_turn().runs().is_empty());
    assert_eq!(script.at(1_100).idle_turn().runs(), [(0, 2)]);
}
