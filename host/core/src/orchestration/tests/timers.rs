//! When timers fire.

use super::script::*;
use super::words::*;
use crate::message::Message;
use crate::model::{Command, EntityId, EntitySignal, Payload, TaskId};

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

const HOUR: u64 = 3_600_000;

/// An instance that begins to wait while the clock is an hour ahead: for 5 s, and for 60 s.
fn ahead_by_an_hour() -> Script {
    let mut script = Script::started([wait("E")]);
    script.at(HOUR + 10_000).arrive(event("E", "1")).turn(asks([timer(HOUR + 15_000), timer(HOUR + 70_000)]));
    script
}

#[test]
fn waits_that_began_while_the_clock_was_ahead_last_no_longer_once_it_is_right() {
    let mut script = ahead_by_an_hour();
    // The clock is put right one second later.
    assert!(script.state.needs_turn(at(11_000)));
    let told = script.at(11_000).idle_turn();
    assert!(told.activation.is_none());
    assert_eq!(told.record.now, at(HOUR + 10_000), "the instance's time does not go backwards");
    assert_eq!(told.record.wake_at, Some(at(16_000)), "alarms go by the clock");
    assert!(!script.state.needs_turn(at(11_000)), "one such turn is enough");

    assert!(script.at(15_999).idle_turn().activation.is_none());
    let fired = script.at(16_000).idle_turn();
    assert_eq!((fired.record.now, fired.told()), (at(HOUR + 15_000), vec![(1, "null".into())]));
    assert_eq!(script.state.wake_at(), Some(at(71_000)), "the other wait is as long as it was meant to be, too");
    assert_eq!(script.at(71_000).idle_turn().told(), [(2, "null".into())]);
}

#[test]
fn messages_that_arrive_meanwhile_do_not_put_a_wait_off() {
    let mut script = ahead_by_an_hour();
    for clock in (11_000..16_000).step_by(500) {
        assert_eq!(script.at(clock).arrive(event("F", "1")).idle_turn().told().len(), 0);
        assert_eq!(script.state.wake_at(), Some(at(16_000)));
    }
    assert_eq!(script.at(16_000).idle_turn().told().len(), 1);
}

#[test]
fn a_clock_that_is_put_forward_again_takes_an_instance_back_to_it() {
    let mut script = ahead_by_an_hour();
    script.at(11_000).idle_turn();
    let fired = script.at(2 * HOUR).idle_turn();
    assert_eq!((fired.record.now, fired.told().len()), (at(2 * HOUR), 2));
}

#[test]
fn a_clock_that_is_put_back_by_less_than_a_second_calls_nobody() {
    let script = ahead_by_an_hour();
    assert!(!script.state.needs_turn(at(HOUR + 9_000)));
    assert!(!Script::started([wait("E")]).state.needs_turn(at(0)), "one that does not wait for a time has nothing to tell");
}

#[test]
fn what_an_instance_that_is_ahead_asks_of_others_for_a_time_is_by_the_clock() {
    let mut script = ahead_by_an_hour();
    script.at(11_000).idle_turn();
    let entity = EntityId::new("Counter", "one").unwrap();
    let signal = EntitySignal { entity, operation: "add".into(), input: Payload::null(), at: Some(at(HOUR + 25_000)) };
    let taken = script.at(16_000).turn(asks([Command::SignalEntity(signal)]));
    assert!(
        matches!(&taken.outgoing[0].message, Message::Operation(operation) if operation.at == Some(at(26_000))),
        "{:?}",
        taken.outgoing
    );
}
