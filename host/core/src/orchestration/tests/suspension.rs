//! Suspended and parked instances.

use super::script::*;
use super::words::*;
use crate::model::{RuntimeStatus, TaskResult};

#[test]
fn a_suspended_instance_keeps_what_arrives_and_gets_it_in_order_when_it_is_resumed() {
    let mut script = Script::started([wait("E"), call("A"), timer(2_000)]);
    script.arrive(suspend()).idle_turn();
    assert_eq!((script.state.status(), script.state.wake_at()), (Some(RuntimeStatus::Suspended), None));
    assert_eq!(script.state.running_activities().len(), 1, "what runs goes on");
    assert!(script.row.as_ref().is_some_and(|row| row.pending), "and a starting host must start it again");

    assert!(script.arrive(event("E", "1")).idle_turn().activation.is_none());
    assert!(script.record(done(1, "2")).at(3_000).idle_turn().activation.is_none());
    assert!(script.state.due(at(3_000)).is_empty());

    let taken = script.arrive(resume()).idle_turn();
    // The timer that came due meanwhile fires after what was held back.
    assert_eq!(taken.told(), [(0, "1".into()), (1, "2".into()), (2, "null".into())]);
}

#[test]
fn an_activity_whose_result_is_held_back_does_not_run_again() {
    let mut script = Script::started([call("A"), call("B")]);
    script.arrive(suspend()).idle_turn();
    script.arrive(done(0, "1")).idle_turn();
    let running = |script: &Script| script.folded().state.running_activities().iter().map(|run| run.caller.task.0).collect::<Vec<_>>();
    assert_eq!(running(&script), [1], "an instance that comes back into memory starts what is not done");
    script.arrive(done(1, "2")).idle_turn();
    assert!(running(&script).is_empty());
    assert_eq!(script.arrive(resume()).idle_turn().told(), [(0, "1".into()), (1, "2".into())]);
}

#[test]
fn a_suspension_in_the_same_turn_holds_back_what_comes_after_it() {
    let mut script = Script::started([wait("E"), wait("E"), timer(2_000)]);
    let taken = script.at(2_000).arrive(event("E", "1")).arrive(suspend()).arrive(event("E", "2")).idle_turn();
    assert!(taken.activation.is_none(), "a result from before is kept too");
    let taken = script.arrive(resume()).idle_turn();
    assert_eq!(taken.told(), [(1, "1".into()), (0, "2".into()), (2, "null".into())]);
}

#[test]
fn an_instance_that_is_suspended_before_its_first_turn_begins_when_it_is_resumed() {
    let mut script = Script::new();
    assert!(script.arrive(start("first")).arrive(suspend()).idle_turn().activation.is_none());
    script.arrive(event("E", "1")).idle_turn();
    assert!(script.arrive(resume()).turn(asks([wait("E")])).activation.is_some());
    assert_eq!(script.idle_turn().told(), [(0, "1".into())]);
}

#[test]
fn events_are_neither_lost_nor_reordered_however_they_mix_with_suspend_and_resume() {
    // Every way to put S(uspend) and R(esume) between four events, each message in a turn of its
    // own or all in one.
    for mix in 0..3_u32.pow(5) {
        for turns_of in [1, 100] {
            let mut script = Script::started([wait("E")]);
            for place in 0..5 {
                match mix / 3_u32.pow(place) % 3 {
                    1 => _ = script.arrive(suspend()),
                    2 => _ = script.arrive(resume()),
                    _ => {}
                }
                if place < 4 {
                    script.arrive(event("E", &place.to_string()));
                }
            }
            script.arrive(resume());
            let mut seen = Vec::new();
            while script.has_mail() || script.state.needs_turn(at(1_000)) {
                let taken = script.turn_of(turns_of, |_| asks([wait("E")]));
                seen.extend(taken.told().into_iter().map(|(_, event)| event));
            }
            assert_eq!(seen, ["0", "1", "2", "3"], "mix {mix}, {turns_of} messages in a turn");
        }
    }
}

#[test]
fn suspending_or_resuming_twice_changes_nothing() {
    let mut script = Script::started([wait("E")]);
    script.arrive(resume()).idle_turn();
    assert_eq!(script.state.status(), Some(RuntimeStatus::Running));
    script.arrive(suspend()).arrive(suspend()).idle_turn();
    assert_eq!(script.state.status(), Some(RuntimeStatus::Suspended));
    script.arrive(resume()).arrive(resume()).idle_turn();
    assert_eq!(script.state.status(), Some(RuntimeStatus::Running));
}

#[test]
fn a_suspended_instance_can_be_terminated() {
    let mut script = Script::started([wait("E"), call("A")]);
    script.arrive(suspend()).arrive(event("E", "1")).idle_turn();
    assert_eq!(script.arrive(terminate(false)).idle_turn().stops(), [1]);
    assert_eq!(script.state.status(), Some(RuntimeStatus::Terminated));
}

#[test]
fn a_failed_attempt_that_was_held_back_backs_off_when_the_instance_is_resumed() {
    let mut script = Script::started([call_with_retry("A", policy(2))]);
    script.arrive(suspend()).arrive(attempt_done(0, 1, failed("503"))).idle_turn();
    script.at(5_000).arrive(resume()).idle_turn();
    assert_eq!(script.state.wake_at(), Some(at(5_100)));
}

#[test]
fn a_parked_instance_takes_no_turn_until_it_is_resumed_and_loses_nothing() {
    let mut script = Script::started([wait("E"), timer(2_000), call("A")]);
    script.park("the guest trapped");
    assert_eq!((script.state.parked(), script.state.wake_at()), (Some("the guest trapped"), None));
    assert!(script.row.as_ref().is_some_and(|row| !row.has_work()));
    assert!(script.state.admit(&resume()).is_ok());

    script.at(3_000).record(event("E", "1"));
    assert!(script.idle_turn().activation.is_none());
    script.arrive(done(2, "2"));
    assert!(script.idle_turn().activation.is_none());
    assert_eq!(script.state.parked(), Some("the guest trapped"));

    let taken = script.arrive(resume()).idle_turn();
    assert_eq!(taken.told(), [(0, "1".into()), (2, "2".into()), (1, "null".into())]);
    assert_eq!((script.state.parked(), script.row.unwrap().parked), (None, None));
}

#[test]
fn a_turn_that_ends_without_the_guest_because_the_instance_is_set_aside_is_not_replayed_as_a_call() {
    let mut script = Script::started([wait("E")]);
    // What a dispatcher does whose guest traps: the messages are taken in, the guest is not called,
    // the instance is parked.
    script.arrive_without_guest(event("E", "1"));
    script.park("the guest trapped");
    let taken = script.arrive(resume()).idle_turn();
    assert_eq!(taken.told(), [(0, "1".into())]);
}

#[test]
fn a_parked_instance_can_be_terminated_and_started_again() {
    let mut script = Script::started([wait("E")]);
    script.park("the guest trapped");
    script.arrive(terminate(false)).idle_turn();
    assert_eq!((script.state.status(), script.state.parked()), (Some(RuntimeStatus::Terminated), None));
    assert!(script.arrive(start("second")).idle_turn().activation.is_some());
}

#[test]
fn an_instance_that_is_suspended_and_parked_is_resumed_from_both() {
    let mut script = Script::started([call("A")]);
    script.arrive(suspend()).idle_turn();
    script.park("the guest trapped");
    script.arrive(attempt_done(0, 1, TaskResult::Completed(json("1")))).idle_turn();
    assert_eq!(script.arrive(resume()).idle_turn().told(), [(0, "1".into())]);
}
