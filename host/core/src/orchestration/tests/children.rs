//! Sub-orchestrations and instances that nobody waits for.

use super::script::*;
use super::taken::Taken;
use super::words::*;
use crate::message::Message;
use crate::model::{Command, OrchestrationCall, TaskResult};

#[test]
fn a_child_gets_an_id_derived_from_the_execution_and_the_task() {
    let mut script = Script::new();
    let taken = script.arrive(start("first")).turn(asks([call("A"), child(None)]));
    let (id, start) = &taken.starts()[0];
    assert_eq!((id.as_str(), &*start.name, start.input.as_str(), start.deployment.0), ("first:1", "Ship", "2", 1));
    let parent = start.parent.as_ref().unwrap();
    assert_eq!((parent.instance.as_str(), parent.execution.as_str(), parent.task.0), ("order-7", "first", 1));
}

#[test]
fn a_child_may_be_given_its_id() {
    let mut script = Script::new();
    let taken = script.arrive(start("first")).turn(asks([child(Some("shipment 7"))]));
    assert_eq!(taken.starts()[0].0, "shipment 7");
}

#[test]
fn a_child_with_a_bad_id_fails_at_once_and_nothing_is_started() {
    for bad in ["", "@stock@a", "a/b", "ORDER-7", "parent"] {
        let mut script = Script::new();
        let taken = script.arrive(started_by_parent("first")).turn(asks([child(Some(bad))]));
        assert!(taken.starts().is_empty(), "{bad}");
        assert!(script.idle_turn().told()[0].1.starts_with("InvalidInstanceId: "), "{bad}");
    }
}

#[test]
fn the_output_or_the_failure_of_a_child_reaches_its_parent() {
    let mut script = Script::started([child(None), child(None)]);
    script.arrive(child_done(0, TaskResult::Completed(json("1")))).arrive(child_done(1, failed("sunk")));
    let told = script.idle_turn().told();
    assert_eq!(told, [(0, "1".into()), (1, "Http: Orchestrator function 'Ship' failed: sunk".into())]);
}

type End = fn(&mut Script) -> Taken;

#[test]
fn a_child_that_ends_tells_its_parent_how() {
    let ends: [(&str, End); 3] = [
        ("Completed(5)", |script| script.turn(returns("5"))),
        ("Http: sunk", |script| script.turn(fails("sunk"))),
        ("Terminated: enough", |script| script.arrive(terminate(false)).idle_turn()),
    ];
    for (expected, end) in ends {
        let mut script = Script::new();
        script.arrive(started_by_parent("first")).turn(asks([timer(0)]));
        let (to, result) = end(&mut script).answer().expect("the parent is told");
        let result = match result {
            TaskResult::Failed(failure) => format!("{}: {}", failure.error_type, failure.message),
            completed => format!("{completed:?}"),
        };
        assert_eq!((to.as_str(), result.as_str()), ("parent", expected));
    }
}

#[test]
fn a_child_that_continues_as_new_keeps_its_parent_and_tells_it_at_the_end() {
    let mut script = Script::new();
    script.arrive(started_by_parent("first")).turn(asks([timer(0)]));
    assert!(script.turn(continues(true)).answer().is_none());
    assert!(script.turn(returns("1")).answer().is_some());
}

#[test]
fn a_failed_child_is_started_again_under_its_id_as_a_new_execution() {
    let call = OrchestrationCall { retry: Some(policy(2)), ..child_call(None) };
    let mut script = Script::new();
    let first = script.arrive(start("first")).turn(asks([Command::CallOrchestration(call)]));
    assert!(script.arrive(child_done(0, failed("sunk"))).idle_turn().activation.is_none());
    let second = script.at(1_100).idle_turn();
    assert_eq!(first.starts()[0].0, second.starts()[0].0);
    assert_ne!(first.starts()[0].1.execution, second.starts()[0].1.execution);
    let taken = script.arrive(child_done(0, failed("sunk again"))).idle_turn();
    assert_eq!(taken.told(), [(0, "Http: Orchestrator function 'Ship' failed: sunk again".into())]);
}

#[test]
fn cancelling_a_child_leaves_it_alone() {
    let mut script = Script::started([child(None), timer(0)]);
    let taken = script.turn(asks([cancel(0)]));
    assert!(taken.outgoing.is_empty() && script.state.ignores(&child_done(0, failed("x"))));
}

#[test]
fn a_critical_section_does_not_wait_for_a_child() {
    let mut script = Script::started([lock(&["a"])]);
    let taken = script.arrive(granted(0)).turn(asks([child(None)]));
    assert!(taken.starts().is_empty());
    assert!(script.idle_turn().told()[0].1.starts_with("CriticalSection: "));
}

#[test]
fn an_instance_that_nobody_waits_for_has_no_parent_and_an_id_of_its_own() {
    let mut script = Script::new();
    let detached = |id| Command::StartOrchestration(child_call(id));
    let taken = script.arrive(start("first")).turn(asks([detached(None), detached(None), detached(Some("named"))]));
    let starts = taken.starts();
    assert!(starts.iter().all(|(_, start)| start.parent.is_none()));
    assert_eq!(starts[0].0, starts[0].1.execution.as_str());
    assert_ne!(starts[0].0, starts[1].0);
    assert_eq!(starts[2].0, "named");
    assert!(!script.state.needs_turn(at(1_000)), "it creates no task");
}

#[test]
fn an_event_for_another_instance_is_sent_to_it() {
    let mut script = Script::new();
    let taken = script.arrive(start("first")).turn(asks([raise("other", "E")]));
    assert!(matches!(&taken.outgoing[0].message, Message::Event { name, .. } if name == "E"));
    assert_eq!(taken.outgoing[0].to.as_str(), "other");
}
