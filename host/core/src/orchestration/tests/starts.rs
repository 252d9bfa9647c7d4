//! How executions begin.

use super::script::*;
use super::words::*;
use crate::message::{Message, Start};
use crate::model::{RuntimeStatus, TaskResult};
use crate::orchestration::{Activation, Refusal};

#[test]
fn the_first_turn_calls_the_guest_with_its_input() {
    let mut script = Script::new();
    let taken = script.arrive(started_by_parent("first")).at(1_234).idle_turn();
    let Some(Activation::Start(context)) = taken.activation else { panic!("the guest was not started") };
    assert_eq!((context.instance_id.as_str(), context.execution_id.as_str(), &*context.name), ("order-7", "first", "Order"));
    assert_eq!((context.input.as_str(), context.now, context.replaying), ("{\"items\":2}", at(1_234), false));
    assert_eq!(context.parent_instance_id.unwrap().as_str(), "parent");
    assert_eq!((taken.record.number, taken.base, script.state.status()), (0, true, Some(RuntimeStatus::Running)));
}

#[test]
fn a_scheduled_start_waits_for_its_time_and_keeps_events() {
    let mut script = Script::new();
    script.arrive(Message::Start(Box::new(Start { at: Some(at(5_000)), ..new_start("first") })));
    assert!(script.idle_turn().activation.is_none());
    assert_eq!((script.state.status(), script.state.wake_at()), (Some(RuntimeStatus::Pending), Some(at(5_000))));
    assert!(!script.state.needs_turn(at(4_999)));

    script.arrive(event("Go", "1")).idle_turn();
    assert!(script.state.needs_turn(at(5_000)));
    let taken = script.at(5_000).turn(asks([wait("Go")]));
    assert!(matches!(taken.activation, Some(Activation::Start(_))));
    assert_eq!(script.idle_turn().told(), [(0, "1".into())]);
}

#[test]
fn an_ended_instance_can_be_started_again_and_keeps_nothing() {
    for recorded in [false, true] {
        let mut script = Script::started([wait("A"), call("Work")]);
        script.arrive(event("B", "1")).arrive(event("A", "2")).turn(returns("1"));
        if recorded {
            script.record(start("second"))
        } else {
            script.arrive(start("second"))
        };
        let taken = script.at(2_000).turn(asks([wait("B")]));
        assert!(taken.base && matches!(taken.activation, Some(Activation::Start(_))));
        assert_eq!((taken.record.number, taken.record.started.is_some()), (0, recorded));
        assert!(!script.state.needs_turn(at(2_000)) && script.state.running_activities().is_empty());
        let row = script.row.unwrap();
        assert_eq!((row.output, row.execution.unwrap().as_str()), (None, "second"));
    }
}

#[test]
fn a_recorded_start_shows_as_pending_before_its_turn() {
    let mut script = Script::started([]);
    script.turn(returns("1"));
    script.arrive(event("Late", "1")).arrive(terminate(false)).idle_turn();
    script.record(start("second"));
    let row = script.row.as_ref().unwrap();
    assert_eq!((row.status, row.output.is_none(), row.inbox), (RuntimeStatus::Pending, true, 1));
}

#[test]
fn of_several_starts_the_first_is_taken() {
    for second_recorded in [false, true] {
        let mut script = Script::new();
        script.arrive(start("first"));
        if second_recorded {
            script.record(start("other"))
        } else {
            script.arrive(start("other"))
        };
        script.idle_turn();
        assert_eq!(script.state.execution_id(), Some("first"));
        assert_eq!(script.row.unwrap().execution.unwrap().as_str(), "first");
    }
}

#[test]
fn a_start_of_a_live_instance_changes_nothing_but_its_caller_is_told() {
    for recorded in [false, true] {
        let mut script = Script::started([wait("A")]);
        if recorded {
            script.record(started_by_parent("second"))
        } else {
            script.arrive(started_by_parent("second"))
        };
        let taken = script.idle_turn();
        let (to, result) = taken.answer().expect("the caller is told");
        assert!(to == "parent" && matches!(result, TaskResult::Failed(failure) if failure.error_type == "InstanceExists"));
        assert_eq!(script.state.execution_id(), Some("first"));
    }
}

#[test]
fn a_refused_start_in_the_first_turn_after_continue_as_new_does_not_show_in_the_row() {
    let mut script = Script::started([timer(2_000)]);
    script.at(2_000).turn(continues(true));
    script.arrive(start("intruder")).idle_turn();
    assert_ne!(script.row.unwrap().execution.unwrap().as_str(), "intruder");
}

#[test]
fn messages_for_an_instance_that_was_never_started_are_dropped_and_harm_nothing() {
    let mut script = Script::new();
    script.record(event("Early", "1")).record(done(0, "1")).record(terminate(true));
    script.record(start("first")).record(event("Go", "2"));
    let taken = script.turn_of(4, |_| asks([wait("Early"), wait("Go")]));
    assert!(matches!(taken.activation, Some(Activation::Start(_))));
    // The last message is still to come, and the row knows it though it did not exist when the
    // first ones were recorded.
    assert_eq!(script.row.as_ref().unwrap().inbox, 1);
    assert_eq!(script.idle_turn().told(), [(1, "2".into())]);
}

#[test]
fn a_start_an_event_and_a_termination_in_one_batch_are_taken_in_their_order_whatever_it_is() {
    let message = |kind: char| match kind {
        's' => start("first"),
        'e' => event("Go", "1"),
        _ => terminate(false),
    };
    for (order, expected) in [
        ("set", Some(RuntimeStatus::Terminated)),
        ("ste", Some(RuntimeStatus::Terminated)),
        ("est", Some(RuntimeStatus::Terminated)),
        ("ets", Some(RuntimeStatus::Running)),
        ("tse", Some(RuntimeStatus::Running)),
        ("tes", Some(RuntimeStatus::Running)),
    ] {
        for recorded in [false, true] {
            let mut script = Script::new();
            for kind in order.chars() {
                if recorded {
                    script.record(message(kind))
                } else {
                    script.arrive(message(kind))
                };
            }
            while script.has_mail() {
                script.turn(asks([wait("Go")]));
            }
            assert_eq!(script.state.status(), expected, "{order}");
            // An event that came after the start of an instance that lives is delivered, whatever
            // came between.
            let has_event = script.state.needs_turn(at(1_000));
            assert_eq!(has_event, order == "tse", "{order}");
        }
    }
}

#[test]
fn messages_from_outside_are_refused_when_they_make_no_sense() {
    let blank = Script::new().state;
    assert_eq!(blank.admit(&start("first")), Ok(()));
    assert_eq!(blank.admit(&event("A", "1")), Err(Refusal::Unknown));

    let mut script = Script::started([wait("A")]);
    assert_eq!(script.state.admit(&start("second")), Err(Refusal::Exists(RuntimeStatus::Running)));
    assert_eq!(script.state.admit(&event("A", "1")), Ok(()));
    assert_eq!(script.state.admit(&resume()), Err(Refusal::NotSuspended));
    script.arrive(suspend()).idle_turn();
    assert_eq!(script.state.admit(&suspend()), Err(Refusal::AlreadySuspended));
    assert_eq!(script.state.admit(&resume()), Ok(()));
    assert_eq!(script.state.admit(&event("A", "1")), Ok(()));

    script.arrive(terminate(false)).idle_turn();
    assert_eq!(script.state.admit(&event("A", "1")), Err(Refusal::Ended(RuntimeStatus::Terminated)));
    assert_eq!(script.state.admit(&terminate(false)), Err(Refusal::Ended(RuntimeStatus::Terminated)));
    assert_eq!(script.state.admit(&start("second")), Ok(()));
}

#[test]
fn the_time_of_turns_never_goes_backwards() {
    let mut script = Script::started([wait("A"), wait("A")]);
    assert_eq!(script.at(9_000).arrive(event("A", "1")).idle_turn().record.now, at(9_000));
    assert_eq!(script.at(2_000).arrive(event("A", "1")).idle_turn().record.now, at(9_000));
    script.turn(returns("1"));
    let restarted = script.arrive(start("second")).idle_turn();
    assert_eq!(restarted.record.now, at(9_000));
}
