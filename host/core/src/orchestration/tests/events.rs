//! Which wait gets which event.

use super::script::*;
use super::words::*;

#[test]
fn an_event_raised_before_the_wait_is_delivered() {
    let mut script = Script::new();
    script.arrive(start("first")).arrive(event("Go", "1"));
    script.turn(asks([wait("go")]));
    assert!(script.state.needs_turn(at(1_000)), "the buffered event makes a turn due at once");
    assert_eq!(script.idle_turn().told(), [(0, "1".into())]);
}

#[test]
fn events_of_one_name_are_consumed_in_order_of_arrival() {
    let mut script = Script::started([timer(2_000)]);
    script.arrive(event("E", "1")).arrive(event("Other", "0")).record(event("E", "2")).idle_turn();
    script.arrive(event("E", "3")).idle_turn();
    script.at(2_000).turn(asks([wait("E"), wait("E"), wait("E")]));
    assert_eq!(script.idle_turn().told(), [(1, "1".into()), (2, "2".into()), (3, "3".into())]);
}

#[test]
fn of_several_waits_the_latest_gets_the_next_event() {
    let mut script = Script::started([wait("E"), wait("E")]);
    assert_eq!(script.arrive(event("E", "1")).turn(asks([wait("E")])).told(), [(1, "1".into())]);
    script.arrive(event("E", "2")).arrive(event("E", "3"));
    assert_eq!(script.idle_turn().told(), [(2, "2".into()), (0, "3".into())]);
}

#[test]
fn names_match_ignoring_case() {
    let mut script = Script::started([wait("Übergabe")]);
    assert_eq!(script.arrive(event("ÜBERGABE", "1")).idle_turn().told(), [(0, "1".into())]);
}

#[test]
fn a_cancelled_wait_does_not_swallow_a_later_event() {
    let mut script = Script::started([wait("E"), timer(0), wait("E")]);
    script.turn(asks([cancel(2)]));
    assert_eq!(script.arrive(event("E", "1")).idle_turn().told(), [(0, "1".into())]);
}

#[test]
fn an_event_for_a_wait_that_is_cancelled_in_the_same_activation_goes_to_the_next_wait() {
    let mut script = Script::started([wait("E"), call("A"), wait("E")]);
    script.arrive(done(1, "1")).arrive(event("E", "\"kept\""));
    let taken = script.turn(asks([cancel(2)]));
    assert_eq!(taken.told(), [(1, "1".into()), (2, "\"kept\"".into())]);
    assert_eq!(script.idle_turn().told(), [(0, "\"kept\"".into())]);
}

#[test]
fn events_for_waits_that_are_cancelled_in_the_same_activation_keep_their_order() {
    for order in [[0, 1, 2], [2, 1, 0], [1, 2, 0]] {
        let mut script = Script::started([wait("E"), wait("E"), wait("E")]);
        for data in ["1", "2", "3"] {
            script.arrive(event("E", data));
        }
        script.turn(asks(order.map(cancel)));
        script.arrive(event("E", "4")).arrive(event("Now", "0")).idle_turn();
        script.arrive(suspend()).idle_turn();
        script.arrive(resume()).idle_turn();
        assert_eq!(drained(&mut script), ["1", "2", "3", "4"], "cancelled in the order {order:?}");
    }
}

/// Ends the script by asking for every event `E` that is buffered.
fn drained(script: &mut Script) -> Vec<String> {
    let execution = script.state.execution.as_mut().unwrap();
    let events = execution.events.drain().into_iter().filter(|(name, _)| name == "E");
    events.map(|(_, data)| data.as_str().to_owned()).collect()
}

#[test]
fn a_buffered_event_for_a_wait_that_is_cancelled_at_once_is_kept() {
    let mut script = Script::started([call("A")]);
    script.arrive(event("E", "1")).arrive(event("E", "2")).arrive(done(0, "0"));
    script.turn(asks([wait("E"), wait("E"), cancel(1), wait("E")]));
    assert_eq!(script.idle_turn().told(), [(2, "2".into()), (3, "1".into())]);
}

#[test]
fn unconsumed_events_go_over_to_the_next_execution_in_order_if_they_are_kept() {
    let mut script = Script::started([wait("E"), call("A")]);
    script.arrive(event("F", "1")).arrive(done(1, "0")).arrive(event("E", "2")).arrive(event("E", "3"));
    let mut leaving = continues(true);
    leaving.commands = vec![cancel(0), wait("F")];
    let taken = script.turn(leaving);
    let carried: Vec<_> = taken.next_execution().events.iter().map(|(name, data)| format!("{name}{data:?}")).collect();
    assert_eq!(carried, ["F1", "E2", "E3"]);
    script.turn(asks([wait("e"), wait("f"), wait("e")]));
    assert_eq!(script.idle_turn().told(), [(0, "2".into()), (1, "1".into()), (2, "3".into())]);
}

#[test]
fn unconsumed_events_are_dropped_by_continue_as_new_if_they_are_not_kept() {
    let mut script = Script::started([timer(0)]);
    let taken = script.arrive(event("E", "1")).turn(continues(false));
    assert!(taken.next_execution().events.is_empty());
    script.turn(asks([wait("E")]));
    assert!(!script.state.needs_turn(at(1_000)));
}
