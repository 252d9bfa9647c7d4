//! Sub-orchestrations and instances whose end is not waited for.

use super::script::*;
use super::taken::Taken;
use super::words::*;
use crate::message::Message;
use crate::model::{Command, GuestOutcome, GuestTurn, OrchestrationCall, RuntimeStatus, TaskResult};
use crate::record::Outcome;

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
    for bad in ["", "@stock@a", "a/b", ".", "..", "ORDER-7", "parent"] {
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
    let execution = starts[0].1.execution.as_str();
    assert_eq!(starts[0].0.replace('-', ""), execution, "a GUID that follows from its execution");
    assert_eq!(starts[0].0.split('-').map(str::len).collect::<Vec<_>>(), [8, 4, 4, 4, 12]);
    assert_ne!(starts[0].0, starts[1].0);
    assert_eq!(starts[2].0, "named");
    assert!(!script.state.needs_turn(at(1_000)), "it creates no task");
}

#[test]
fn a_detached_start_with_a_forbidden_id_fails_the_execution_and_starts_nothing() {
    for bad in ["", "@stock@a", "a/b", ".", "..", &"x".repeat(257)] {
        let mut script = Script::new();
        let detached = |id| Command::StartOrchestration(child_call(Some(id)));
        let commands = [detached("before"), detached(bad), detached("after"), call("A")];
        let taken = script.arrive(start("first")).turn(asks(commands));
        let started: Vec<_> = taken.starts().into_iter().map(|(id, _)| id).collect();
        assert_eq!(started, ["before"], "what follows in the code is not reached");
        assert!(taken.runs().is_empty());
        let Some(Outcome::Failed(failure)) = &taken.record.outcome else { panic!("{:?}", taken.record.outcome) };
        assert_eq!(failure.error_type, "InvalidInstanceId");
        assert!(failure.message.starts_with("cannot start orchestration 'Ship': "), "{}", failure.message);
    }
}

#[test]
fn an_event_for_an_id_that_no_instance_can_have_fails_the_execution() {
    let mut script = Script::new();
    let taken = script.arrive(start("first")).turn(asks([raise("@stock@a", "E")]));
    assert!(taken.outgoing.is_empty());
    assert!(matches!(&taken.record.outcome, Some(Outcome::Failed(failure)) if failure.error_type == "InvalidInstanceId"));
}

#[test]
fn a_failure_gains_one_level_for_each_task_boundary() {
    let mut leaf = Script::new();
    leaf.arrive(started_by_parent("first")).turn(asks([call("Charge")]));
    leaf.arrive(attempt_done(0, 1, failed("no money")));
    let taken = leaf.turn_with(|activation| match &activation.received()[0].outcome {
        TaskResult::Failed(failure) => GuestTurn { outcome: Some(GuestOutcome::Failed(failure.clone())), ..GuestTurn::default() },
        TaskResult::Completed(_) => GuestTurn::default(),
    });
    let (_, of_leaf) = taken.answer().expect("the caller is told");
    let mut root = Script::started([child(None)]);
    let taken = root.arrive(child_done(0, of_leaf)).turn_with(|activation| match &activation.received()[0].outcome {
        TaskResult::Failed(failure) => GuestTurn { outcome: Some(GuestOutcome::Failed(failure.clone())), ..GuestTurn::default() },
        TaskResult::Completed(_) => GuestTurn::default(),
    });
    let Some(Outcome::Failed(failure)) = taken.record.outcome else { panic!("it did not fail") };
    let text = "Orchestrator function 'Ship' failed: Activity function 'Charge' failed: no money";
    assert_eq!((failure.error_type.as_str(), failure.message.as_str()), ("Http", text));
    assert_eq!(failure.inner, ["Activity function 'Charge' failed: no money", "no money"]);
    assert_eq!(root.row.unwrap().output, Some(json(&format!("\"Orchestrator function 'Order' failed: {text}\""))));
}

#[test]
fn a_failing_parent_leaves_its_running_child_alone() {
    let mut script = Script::started([child(Some("c1")), timer(0)]);
    let taken = script.turn(fails("no"));
    assert!(taken.outgoing.is_empty());
    assert!(script.record(child_done(0, TaskResult::Completed(json("1")))).idle_turn().activation.is_none());
    assert_eq!(script.state.status(), Some(RuntimeStatus::Failed));
}

#[test]
fn an_event_for_another_instance_is_sent_to_it() {
    let mut script = Script::new();
    let taken = script.arrive(start("first")).turn(asks([raise("other", "E")]));
    assert!(matches!(&taken.outgoing[0].message, Message::Event { name, .. } if name == "E"));
    assert_eq!(taken.outgoing[0].to.as_str(), "other");
}
