//! Executions that wait for what their code left open.

use super::script::*;
use super::words::*;
use crate::message::{Message, Start};
use crate::model::{Command, GuestTurn, OnReturn, RuntimeStatus, TaskResult};

/// An instance of an app that asks to wait, called by a parent, after its first turn.
fn waiting(commands: impl IntoIterator<Item = Command>) -> Script {
    let mut script = Script::new();
    let start = Start { parent: Some(parent()), on_return: OnReturn::WaitForOpenTasks, ..new_start("first") };
    script.arrive(Message::Start(Box::new(start))).turn(asks(commands));
    script
}

fn status(script: &Script) -> RuntimeStatus {
    script.state.status().unwrap()
}

#[test]
fn an_execution_stays_running_until_its_open_activities_children_and_timers_have_ended() {
    let mut script = waiting([call("A"), child(None), timer(5_000), wait("Go")]);
    let taken = script.arrive(event("Go", "1")).turn(returns("7"));
    assert_eq!((status(&script), taken.stops(), taken.answer().is_none()), (RuntimeStatus::Running, vec![], true));

    script.arrive(done(0, "1")).idle_turn();
    script.arrive(child_done(1, failed("sunk"))).idle_turn();
    assert_eq!((status(&script), script.state.wake_at()), (RuntimeStatus::Running, Some(at(5_000))));

    let last = script.at(5_000).idle_turn();
    assert_eq!((status(&script), script.row.as_ref().unwrap().output.clone()), (RuntimeStatus::Completed, Some(json("7"))));
    assert!(last.activation.is_none(), "the code has ended and is not called again");
    assert!(matches!(last.answer(), Some((_, TaskResult::Completed(value))) if value.as_str() == "7"), "the parent is told now");
}

#[test]
fn open_waits_for_events_and_entities_do_not_hold_up_the_end() {
    let mut script = waiting([wait("Never"), call_entity("a"), timer(0)]);
    script.turn(returns("7"));
    assert_eq!(status(&script), RuntimeStatus::Completed);
}

#[test]
fn what_the_last_turn_asked_for_is_carried_out_and_waited_for() {
    let mut script = waiting([timer(0)]);
    assert_eq!(script.turn(GuestTurn { commands: vec![call("Late")], ..returns("7") }).runs(), [(1, 1)]);
    assert_eq!(status(&script), RuntimeStatus::Running);
    script.arrive(done(1, "1")).idle_turn();
    assert_eq!(status(&script), RuntimeStatus::Completed);
}

#[test]
fn a_failed_execution_waits_like_one_that_returned() {
    let mut script = waiting([call("A"), timer(0)]);
    script.turn(fails("no"));
    assert_eq!(status(&script), RuntimeStatus::Running);
    script.arrive(done(0, "1")).idle_turn();
    assert_eq!(script.row.unwrap().output, Some(json("\"Orchestrator function 'Order' failed: no\"")));
}

#[test]
fn continue_as_new_waits_and_takes_over_the_events_that_came_meanwhile() {
    let mut script = waiting([call("A"), wait("E"), timer(0)]);
    script.turn(continues(true));
    script.arrive(event("E", "1")).idle_turn();
    script.arrive(event("F", "2")).idle_turn();
    let taken = script.arrive(done(0, "1")).idle_turn();
    let next = taken.next_execution();
    let events: Vec<_> = next.events.iter().map(|(name, data)| (name.as_str(), data.as_str())).collect();
    assert_eq!(events, [("E", "1"), ("F", "2")]);
    assert_eq!(next.start.on_return, OnReturn::CancelOpenTasks, "the next execution follows the app that is current");
    assert!(script.state.needs_turn(at(1_000)));
}

#[test]
fn a_retry_that_backs_off_is_open_and_goes_on() {
    let mut script = waiting([call_with_retry("A", policy(2)), timer(0)]);
    script.turn(returns("7"));
    script.arrive(attempt_done(0, 1, failed("503"))).idle_turn();
    assert_eq!((status(&script), script.at(1_100).idle_turn().runs()), (RuntimeStatus::Running, vec![(0, 2)]));
    script.arrive(attempt_done(0, 2, failed("503"))).idle_turn();
    assert_eq!(status(&script), RuntimeStatus::Completed);
}

#[test]
fn termination_does_not_wait() {
    let mut script = waiting([call("A"), child(Some("c1")), timer(0)]);
    script.turn(returns("7"));
    let taken = script.arrive(terminate(true)).idle_turn();
    assert_eq!((status(&script), taken.stops()), (RuntimeStatus::Terminated, vec![0]));
    assert!(taken.outgoing.iter().any(|one| one.to.as_str() == "c1" && matches!(one.message, Message::Terminate { .. })));
}

#[test]
fn a_section_is_given_back_when_the_code_returns_and_not_when_the_execution_ends() {
    let mut script = waiting([lock(&["a"]), call("A"), timer(0)]);
    assert_eq!(script.arrive(granted(0)).turn(returns("7")).releases(), ["@stock@a"]);
    assert!(script.arrive(done(1, "1")).idle_turn().releases().is_empty());
}

#[test]
fn a_suspended_execution_ends_when_it_is_resumed() {
    let mut script = waiting([call("A"), timer(0)]);
    script.turn(returns("7"));
    script.arrive(done(0, "1")).arrive(suspend()).idle_turn();
    assert_eq!(status(&script), RuntimeStatus::Suspended);
    script.arrive(resume()).idle_turn();
    assert_eq!(status(&script), RuntimeStatus::Completed);
}

#[test]
fn children_and_detached_instances_follow_the_rule_of_the_execution_that_started_them() {
    let mut script = waiting([timer(0)]);
    let taken = script.turn(asks([child(None), Command::StartOrchestration(child_call(None))]));
    assert!(taken.starts().iter().all(|(_, start)| start.on_return == OnReturn::WaitForOpenTasks));
}
