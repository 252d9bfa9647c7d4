//! When timers fire.

use super::script::*;
use super::words::*;
use crate::message::Message;
use crate::model::TaskId;

#[test]
fn a_timer_that_has_not_fired_keeps_the_turn_open() {
    let mut script = Script::started([timer(5_000)]);
    assert_eq!(script.state.wake_at(), Some(at(5_000)));
    assert!(script.state.due(at(4_999)).is_empty());
    assert!(script.at(4_999).idle_turn().activation.is_none());
    assert_eq!(script.at(5_000).idle_turn().told(), [(0, "null".into())]);
    assert_eq!(script.state.wake_at(), None);
}

#[test]
fn a_timer_in_the_past_or_at_zero_fires_in_the_next_turn() {
    let mut script = Script::started([timer(0), timer(999)]);
    assert_eq!(script.state.wake_at(), Some(at(0)));
    assert_eq!(script.idle_turn().told(), [(0, "null".into()), (1, "null".into())]);
}

#[test]
fn a_timer_at_the_end_of_time_waits() {
    let mut script = Script::started([timer(u64::MAX)]);
    assert_eq!(script.state.wake_at(), Some(at(u64::MAX)));
    assert!(script.at(u64::MAX - 1).idle_turn().activation.is_none());
    assert_eq!(script.at(u64::MAX).idle_turn().told().len(), 1);
}

#[test]
fn timers_of_any_length_wake_the_instance_at_their_time_and_not_before() {
    const DAY: u64 = 86_400_000;
    const YEAR_9999: u64 = 253_402_300_799_000;
    for fire_at in [1_001, 1_000 + 100 * DAY, YEAR_9999, u64::MAX] {
        let mut script = Script::started([timer(fire_at)]);
        assert_eq!(script.state.wake_at(), Some(at(fire_at)));
        assert!(script.at(fire_at - 1).idle_turn().activation.is_none(), "{fire_at}");
        assert_eq!(script.at(fire_at).idle_turn().told(), [(0, "null".into())]);
    }
}

#[test]
fn timers_that_are_due_together_fire_soonest_first() {
    let mut script = Script::started([timer(3_000), timer(2_000), timer(3_000)]);
    let tasks: Vec<_> = script.at(3_000).idle_turn().told().into_iter().map(|(task, _)| task).collect();
    assert_eq!(tasks, [1, 0, 2]);
}

#[test]
fn a_cancelled_timer_does_not_fire() {
    let mut script = Script::started([timer(2_000), timer(0)]);
    script.turn(asks([cancel(0)]));
    assert_eq!(script.state.wake_at(), None);
    assert!(script.state.ignores(&Message::TimerFired { task: TaskId(0) }));
    assert!(script.at(2_000).idle_turn().activation.is_none());
}

#[test]
fn an_event_never_fires_a_timer() {
    let mut script = Script::started([timer(5_000), wait("E")]);
    let taken = script.at(4_000).arrive(event("E", "1")).idle_turn();
    assert_eq!(taken.told(), [(1, "1".into())]);
    assert_eq!(script.state.wake_at(), Some(at(5_000)));
}

#[test]
fn an_event_that_arrives_with_a_due_timer_comes_first() {
    let mut script = Script::started([timer(5_000), wait("E")]);
    let taken = script.at(5_000).arrive(event("E", "1")).idle_turn();
    assert_eq!(taken.told(), [(1, "1".into()), (0, "null".into())]);
}

#[test]
fn a_timer_does_not_fire_before_its_time_whoever_says_so() {
    let mut script = Script::started([timer(5_000), wait("E")]);
    script.arrive(Message::TimerFired { task: TaskId(0) }).arrive(Message::TimerFired { task: TaskId(1) });
    assert!(script.at(4_000).idle_turn().activation.is_none());
    assert_eq!(script.at(5_000).idle_turn().told(), [(0, "null".into())]);
}
