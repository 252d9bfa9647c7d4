//! Where a rewind cuts code that had caught a failure, and what holds for what it did after that.

use super::script::*;
use super::words::*;
use crate::message::Message;
use crate::model::{Command, ExecutionId, OrchestrationCall, RuntimeStatus, TaskId, TaskResult};

fn answered(script: &Script, task: u32) -> Message {
    let execution = ExecutionId::trusted(script.state.execution_id().unwrap());
    Message::ActivityDone { execution, task: TaskId(task), attempt: 1, result: TaskResult::Completed(json("1")) }
}

fn running(script: &Script) -> Vec<u32> {
    script.state.running_activities().iter().map(|run| run.caller.task.0).collect()
}

/// A child with an id of the caller's and this input.
fn child_with(input: &str) -> Command {
    Command::CallOrchestration(OrchestrationCall { input: json(input), ..child_call(Some("ship-7")) })
}

/// Fails in A, which the code catches; then a child completes, and B fails for good.
fn caught_and_then_failed(input: &str) -> Script {
    let mut script = Script::started([call("A")]);
    script.arrive(attempt_done(0, 1, failed("503"))).turn(asks([child_with(input)]));
    script.arrive(child_done(1, TaskResult::Completed(json("1")))).turn(asks([call("B")]));
    script.arrive(attempt_done(2, 1, failed("504"))).turn(fails("B failed"));
    script.at(9_000).arrive(rewind()).idle_turn();
    script.idle_turn();
    script
}

#[test]
fn a_failure_that_the_code_had_caught_is_mended_as_well() {
    let script = caught_and_then_failed("1");
    assert_eq!((script.state.status(), running(&script)), (Some(RuntimeStatus::Running), vec![0]));
}

#[test]
fn failures_that_were_told_one_after_the_other_are_mended_by_one_rewind() {
    let mut script = Script::started([call("A"), call("B")]);
    script.arrive(attempt_done(1, 1, failed("504"))).idle_turn();
    script.arrive(attempt_done(0, 1, failed("503"))).turn(fails("A failed"));
    script.arrive(rewind()).idle_turn();
    assert_eq!(running(&script), [0, 1], "the code waited for both, which looks as if it had caught the first");
}

#[test]
fn a_child_that_completed_after_the_cut_is_not_started_again_by_the_same_call() {
    let mut script = caught_and_then_failed("1");
    let done = answered(&script, 0);
    let taken = script.arrive(done).turn(asks([child_with("1")]));
    assert!(taken.outgoing.is_empty(), "{:?}", taken.outgoing);
    assert_eq!(script.idle_turn().told(), [(1, "1".into())]);
}

#[test]
fn another_input_makes_another_call_even_if_the_childs_id_is_the_same() {
    let mut script = caught_and_then_failed("\"made at 1000\"");
    let done = answered(&script, 0);
    let taken = script.arrive(done).turn(asks([child_with("\"made at 9000\"")]));
    assert!(matches!(&taken.outgoing[..], [one] if matches!(one.message, Message::Start(_))), "{:?}", taken.outgoing);
}

#[test]
fn times_before_the_cut_stay_and_those_behind_it_are_new() {
    let mut script = Script::started([call("A"), call("B")]);
    script.at(2_000).arrive(done(1, "1")).turn(asks([call("C")]));
    script.at(3_000).arrive(attempt_done(0, 1, failed("503"))).turn(fails("A failed"));
    script.at(9_000).arrive(rewind()).idle_turn();
    script.idle_turn();
    let times: Vec<_> = script.folded().replay.iter().map(|step| time_of(&step.activation)).collect();
    assert_eq!(times, [1_000, 2_000]);
    let done = answered(&script, 0);
    assert_eq!(script.at(9_500).arrive(done).idle_turn().record.now, at(9_500), "a wait from then on must not be over at once");
}

fn time_of(activation: &crate::orchestration::Activation) -> u64 {
    match activation {
        crate::orchestration::Activation::Start(context) => context.now.0,
        crate::orchestration::Activation::Resume { now, .. } => now.0,
    }
}

#[test]
fn a_child_that_is_left_open_goes_on_however_its_caller_ends() {
    for end in [returns("1"), fails("no"), continues(false)] {
        let mut script = Script::started([child(Some("c")), call("A")]);
        let taken = script.arrive(done(1, "1")).turn(end);
        assert!(taken.outgoing.is_empty(), "nothing is sent to the child: {:?}", taken.outgoing);
        assert_eq!(taken.effects, []);
    }
    let mut script = Script::started([child(Some("c")), call("A")]);
    assert!(script.arrive(done(1, "1")).turn(asks([cancel(0)])).outgoing.is_empty(), "nor when its call is dropped");
}
