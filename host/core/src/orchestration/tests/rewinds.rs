//! Rewinding a failed instance.

use super::script::*;
use super::words::*;
use crate::message::{Caller, Effect, Message, TaskRef};
use crate::model::{Command, DeploymentId, ExecutionId, GuestTurn, RuntimeStatus, TaskId, TaskResult};
use crate::orchestration::{Activation, Refusal};

/// The id that tasks answer to now.
fn execution(script: &Script) -> ExecutionId {
    ExecutionId::trusted(script.state.execution_id().unwrap())
}

/// Rewinds, and takes the turn that comes of it.
fn rewound(script: &mut Script, guest: GuestTurn) -> super::taken::Taken {
    script.arrive(rewind()).idle_turn();
    script.turn(guest)
}

fn now_done(script: &Script, task: u32, value: &str) -> Message {
    let result = TaskResult::Completed(json(value));
    Message::ActivityDone { execution: execution(script), task: TaskId(task), attempt: 1, result }
}

fn running(script: &Script) -> Vec<(u32, u32)> {
    script.state.running_activities().iter().map(|run| (run.caller.task.0, run.attempt)).collect()
}

#[test]
fn only_a_failed_instance_can_be_rewound() {
    let refusal = |script: &Script| script.state.admit(&rewind()).unwrap_err();
    assert_eq!(refusal(&Script::new()), Refusal::Unknown);
    let mut script = Script::started([call("A")]);
    assert_eq!(refusal(&script), Refusal::NotFailed(RuntimeStatus::Running));
    script.arrive(suspend()).idle_turn();
    assert_eq!(refusal(&script), Refusal::NotFailed(RuntimeStatus::Suspended));
    script.arrive(terminate(false)).idle_turn();
    assert_eq!(refusal(&script), Refusal::NotFailed(RuntimeStatus::Terminated));
    let mut script = Script::started([timer(0)]);
    script.turn(returns("1"));
    assert_eq!(refusal(&script), Refusal::NotFailed(RuntimeStatus::Completed));
    let mut script = Script::started([timer(0)]);
    script.turn(fails("no"));
    assert_eq!(script.state.admit(&rewind()), Ok(()));
}

#[test]
fn a_failed_activity_runs_again_and_the_code_never_hears_of_the_failure() {
    let mut script = Script::started([call("A")]);
    script.arrive(attempt_done(0, 1, failed("503"))).turn(fails("A failed"));
    assert_eq!(script.state.status(), Some(RuntimeStatus::Failed));
    let taken = script.arrive(rewind()).idle_turn();
    assert_eq!((taken.record.status, taken.record.pending, taken.record.number), (RuntimeStatus::Running, true, 2));
    let row = script.row.clone().unwrap();
    assert_eq!((row.status, row.output.as_ref(), row.has_work()), (RuntimeStatus::Running, None, true));
    assert_eq!(running(&script), [(0, 1)]);
    assert!(script.idle_turn().activation.is_none(), "nothing is there yet that the code could be told");
    let done = now_done(&script, 0, "7");
    let taken = script.arrive(done).turn(returns("7"));
    assert_eq!(taken.told(), [(0, "7".into())]);
    assert_eq!(taken.record.number, 4);
    assert_eq!(script.state.status(), Some(RuntimeStatus::Completed));
}

#[test]
fn results_that_were_there_are_told_again_and_nothing_that_succeeded_runs_again() {
    let mut script = Script::started([call("A"), call("B"), call("C")]);
    script.arrive(done(0, "1")).idle_turn();
    script.arrive(done(2, "3")).arrive(attempt_done(1, 1, failed("503"))).turn(fails("B failed"));
    script.arrive(rewind()).idle_turn();
    assert_eq!(running(&script), [(1, 1)]);
    assert_eq!(script.idle_turn().told(), [(2, "3".into())], "what was told before the failure stays told");
}

#[test]
fn an_answer_from_before_the_rewind_does_not_count() {
    let mut script = Script::started([call("A")]);
    script.arrive(attempt_done(0, 1, failed("503"))).turn(fails("A failed"));
    script.arrive(rewind()).idle_turn();
    script.arrive(done(0, "1")).idle_turn();
    assert_eq!(running(&script), [(0, 1)]);
}

#[test]
fn a_retry_policy_begins_afresh() {
    let mut script = Script::started([call_with_retry("A", policy(2))]);
    script.arrive(attempt_done(0, 1, failed("503"))).idle_turn();
    script.at(1_100).idle_turn();
    script.arrive(attempt_done(0, 2, failed("503"))).turn(fails("A failed"));
    script.at(9_000).arrive(rewind()).idle_turn();
    assert_eq!(running(&script), [(0, 1)]);
    script.idle_turn();
    let failure = Message::ActivityDone { execution: execution(&script), task: TaskId(0), attempt: 1, result: failed("503") };
    script.arrive(failure).idle_turn();
    assert_eq!(script.state.wake_at(), Some(at(9_100)));
    assert_eq!(script.at(9_100).idle_turn().runs(), [(0, 2)]);
}

#[test]
fn a_result_of_a_later_attempt_is_kept() {
    let mut script = Script::started([call_with_retry("A", policy(3)), call("B")]);
    script.arrive(attempt_done(0, 1, failed("503"))).idle_turn();
    script.at(1_100).idle_turn();
    script.arrive(attempt_done(1, 1, failed("no"))).arrive(attempt_done(0, 2, TaskResult::Completed(json("1")))).turn(fails("B failed"));
    script.arrive(rewind()).idle_turn();
    assert_eq!(running(&script), [(1, 1)]);
    assert_eq!(script.idle_turn().told(), [(0, "1".into())]);
}

#[test]
fn code_that_failed_by_itself_is_called_again_with_the_same() {
    let mut script = Script::started([call("A")]);
    script.arrive(done(0, "1")).turn(fails("my own mistake"));
    let taken = rewound(&mut script, returns("2"));
    assert_eq!(taken.told(), [(0, "1".into())]);
    assert_eq!(script.state.status(), Some(RuntimeStatus::Completed));
}

#[test]
fn code_that_failed_in_its_first_turn_starts_again() {
    let mut script = Script::new();
    script.arrive(start("first")).turn(fails("at once"));
    let taken = rewound(&mut script, asks([call("A")]));
    let Some(Activation::Start(context)) = &taken.activation else { panic!("{:?}", taken.activation) };
    assert_eq!(context.execution_id.as_str(), "first");
    assert_eq!(taken.runs(), [(0, 1)]);
}

#[test]
fn an_execution_that_continued_as_new_is_rewound_to_its_own_beginning_at_most() {
    let mut script = Script::started([timer(0)]);
    script.arrive(event("E", "1")).turn(continues(true));
    script.turn(fails("at once"));
    let taken = rewound(&mut script, asks([wait("E")]));
    assert!(matches!(taken.activation, Some(Activation::Start(_))));
    assert_eq!(script.idle_turn().told(), [(0, "1".into())]);
}

#[test]
fn events_behind_the_cut_are_neither_lost_nor_doubled() {
    let mut script = Script::started([call("A"), wait("E")]);
    script.arrive(event("E", "1")).turn(asks([wait("E")]));
    script.arrive(event("E", "2")).arrive(attempt_done(0, 1, failed("503"))).turn(asks([wait("E"), wait("F")]));
    script.record(event("E", "3")).turn(fails("A failed"));
    script.record(event("E", "4")).idle_turn();
    let taken = rewound(&mut script, asks([wait("E")]));
    assert_eq!(taken.told(), [(2, "2".into())], "the first one stays told");
    assert_eq!(script.turn(asks([wait("E")])).told(), [(3, "3".into())]);
    assert_eq!(script.turn(asks([wait("E")])).told(), [(4, "4".into())]);
    assert!(script.idle_turn().activation.is_none());
}

#[test]
fn timers_keep_their_times() {
    let mut script = Script::started([call("A"), timer(5_000)]);
    script.arrive(attempt_done(0, 1, failed("503"))).turn(fails("A failed"));
    script.at(4_000).arrive(rewind()).idle_turn();
    assert_eq!(script.idle_turn().record.wake_at, Some(at(5_000)));
    assert_eq!(script.at(5_000).idle_turn().told(), [(1, "null".into())]);
}

#[test]
fn what_the_lost_turns_did_is_not_done_twice() {
    let mut script = Script::started([call("A")]);
    let clean_up = || [call("Log"), call_entity("a"), child(Some("c1")), raise("other", "E"), call("Never")];
    script.arrive(attempt_done(0, 1, failed("503"))).turn(asks(clean_up()));
    script.arrive(done(1, "1")).arrive(entity_reply(2, TaskResult::Completed(json("2")))).idle_turn();
    script.arrive(child_done(3, TaskResult::Completed(json("3")))).turn(fails("gave up"));
    script.arrive(rewind()).idle_turn();
    script.idle_turn();
    let done = now_done(&script, 0, "0");
    let taken = script.arrive(done).turn(asks([call("Other")].into_iter().chain(clean_up())));
    assert_eq!(taken.runs(), [(1, 1), (5, 1)], "what had not succeeded runs");
    assert!(taken.outgoing.is_empty(), "{:?}", taken.outgoing);
    assert_eq!(script.idle_turn().told(), [(2, "1".into()), (3, "2".into()), (4, "3".into())]);
    let taken = script.turn(GuestTurn::default());
    assert!(taken.activation.is_none());
    script.record(event("X", "1")).idle_turn();
    let other = now_done(&script, 1, "1");
    let taken = script.arrive(other).turn(asks(clean_up()));
    assert_eq!((taken.runs().len(), taken.outgoing.len()), (2, 3), "each of them stands for one command only");
}

#[test]
fn an_entity_that_was_asked_in_a_lost_turn_is_not_asked_again() {
    let mut script = Script::started([call("A")]);
    script.arrive(attempt_done(0, 1, failed("503"))).turn(asks([call_entity("a"), call_entity("b"), timer(1_000)]));
    script.at(1_000).turn(fails("gave up"));
    script.arrive(rewind()).idle_turn();
    script.idle_turn();
    let done = now_done(&script, 0, "0");
    // The answer of the one comes before it is asked for again, that of the other after.
    script.arrive(entity_reply(1, TaskResult::Completed(json("1")))).idle_turn();
    let taken = script.arrive(done).turn(asks([call("B"), call_entity("b"), call_entity("a")]));
    assert!(taken.outgoing.is_empty());
    assert_eq!(script.idle_turn().told(), [(3, "1".into())]);
    script.arrive(entity_reply(2, TaskResult::Completed(json("2"))));
    assert_eq!(script.idle_turn().told(), [(2, "2".into())]);
}

#[test]
fn answers_of_entities_are_kept_even_if_they_come_after_the_failure() {
    let mut script = Script::started([call("A"), call_entity("a"), call_entity("b")]);
    script.arrive(attempt_done(0, 1, failed("503"))).turn(fails("A failed"));
    script.record(entity_reply(1, TaskResult::Completed(json("1")))).idle_turn();
    script.arrive(rewind()).idle_turn();
    script.record(entity_reply(2, failed("no"))).idle_turn();
    let told = script.folded().replay.last().unwrap().activation.received().to_vec();
    assert_eq!(told.iter().map(|one| one.task.0).collect::<Vec<_>>(), [1, 2]);
}

#[test]
fn a_failed_child_is_rewound_and_answers_under_the_new_id() {
    let mut script = Script::started([child(Some("c1")), child(Some("c2"))]);
    script.arrive(child_done(0, failed("sunk"))).turn(fails("Ship failed"));
    script.arrive(rewind()).idle_turn();
    let new = execution(&script);
    let taken = script.idle_turn();
    let asked: Vec<_> = taken.outgoing.iter().map(|one| (one.to.to_string(), one.message.clone())).collect();
    let to_child = |task| {
        let known = TaskRef { instance: script.state.id().clone(), execution: ExecutionId::trusted("first"), task: TaskId(task) };
        let waits = TaskRef { execution: new.clone(), ..known.clone() };
        Message::Rewind { reason: Some("fixed".into()), caller: Some(Box::new(Caller { known, waits })), deployment: None }
    };
    assert_eq!(asked, [("c1".to_owned(), to_child(0)), ("c2".to_owned(), to_child(1))]);
    script.arrive(child_done(0, failed("an old answer"))).idle_turn();
    let answer = Message::ChildDone { execution: new, task: TaskId(0), result: TaskResult::Completed(json("1")) };
    assert_eq!(script.arrive(answer).idle_turn().told(), [(0, "1".into())]);
}

fn from_caller() -> (Message, TaskRef) {
    let waits = TaskRef { execution: ExecutionId::trusted("p2"), ..parent() };
    let caller = Some(Box::new(Caller { known: parent(), waits: waits.clone() }));
    (Message::Rewind { reason: None, caller, deployment: Some(DeploymentId(7)) }, waits)
}

fn answers(taken: &super::taken::Taken) -> Vec<(ExecutionId, bool)> {
    let answers = taken.outgoing.iter().filter_map(|one| match &one.message {
        Message::ChildDone { execution, result, .. } => Some((execution.clone(), matches!(result, TaskResult::Completed(_)))),
        _ => None,
    });
    answers.collect()
}

#[test]
fn a_child_that_has_completed_answers_again_and_one_that_runs_answers_in_the_end() {
    let (message, waits) = from_caller();
    let mut script = Script::new();
    script.arrive(started_by_parent("first")).turn(returns("1"));
    assert_eq!(answers(&script.record(message.clone()).idle_turn()), [(waits.execution.clone(), true)]);
    let mut script = Script::new();
    script.arrive(started_by_parent("first")).turn(asks([timer(0)]));
    assert!(script.record(message).turn(GuestTurn::default()).outgoing.is_empty());
    script.arrive(terminate(false));
    assert_eq!(answers(&script.idle_turn()), [(waits.execution, false)]);
}

#[test]
fn a_child_that_failed_is_rewound_with_the_deployment_of_its_caller() {
    let (message, waits) = from_caller();
    let mut script = Script::new();
    script.arrive(started_by_parent("first")).turn(asks([call("A")]));
    script.arrive(attempt_done(0, 1, failed("503"))).turn(fails("A failed"));
    script.record(message).idle_turn();
    assert_eq!(script.state.function().unwrap().1, DeploymentId(7));
    assert_eq!(script.row.as_ref().unwrap().parent.as_ref(), Some(&waits));
    script.idle_turn();
    let done = now_done(&script, 0, "1");
    assert_eq!(answers(&script.arrive(done).turn(returns("1"))), [(waits.execution, true)]);
}

#[test]
fn a_child_that_is_gone_or_another_ones_answers_with_a_failure() {
    let (message, waits) = from_caller();
    let mut script = Script::new();
    assert_eq!(answers(&script.record(message.clone()).idle_turn()), [(waits.execution.clone(), false)]);
    let mut script = Script::started([timer(9_000)]);
    assert_eq!(answers(&script.record(message).idle_turn()), [(waits.execution, false)]);
    assert_eq!(script.state.status(), Some(RuntimeStatus::Running));
}

#[test]
fn a_section_that_was_held_is_asked_for_again_and_what_was_done_in_it_is_not_done_twice() {
    let mut script = Script::started([lock(&["a"])]);
    script.arrive(granted(0)).turn(asks([call_entity("a"), call("A")]));
    script.arrive(entity_reply(1, TaskResult::Completed(json("1")))).idle_turn();
    script.arrive(attempt_done(2, 1, failed("503")));
    assert_eq!(script.turn(fails("A failed")).releases(), ["@stock@a"]);
    script.arrive(rewind()).idle_turn();
    let taken = script.idle_turn();
    let [lock] = &taken.outgoing[..] else { panic!("{:?}", taken.outgoing) };
    let Message::Lock(section) = &lock.message else { panic!("{lock:?}") };
    assert_eq!(section.owner.execution, execution(&script));
    assert!(script.arrive(granted(0)).idle_turn().activation.is_none(), "a lock granted to the lost turns is not held");
    let granted = Message::LockGranted { execution: execution(&script), task: TaskId(0) };
    let taken = script.arrive(granted).turn(asks([call_entity("a"), call("A")]));
    assert_eq!((taken.told(), taken.outgoing.len(), taken.runs()), (vec![(0, "null".into())], 0, vec![(2, 1)]));
    assert_eq!(script.turn(asks([unlock(0)])).releases(), ["@stock@a"]);
}

#[test]
fn an_instance_can_be_rewound_as_often_as_it_fails() {
    let mut script = Script::started([call("A"), call("B")]);
    script.arrive(done(1, "2")).idle_turn();
    script.arrive(attempt_done(0, 1, failed("503"))).turn(asks([raise("other", "E"), call("C")]));
    script.arrive(done(2, "3")).turn(fails("1"));
    for round in 0..3 {
        script.arrive(rewind()).idle_turn();
        assert_eq!(running(&script), [(0, 1)], "round {round}");
        script.idle_turn();
        let failure = Message::ActivityDone { execution: execution(&script), task: TaskId(0), attempt: 1, result: failed("503") };
        let taken = script.arrive(failure).turn(asks([raise("other", "E"), call("C")]));
        assert!(taken.outgoing.is_empty() && taken.runs().is_empty(), "round {round}: {taken:?}");
        script.turn(fails("again"));
    }
    script.arrive(rewind()).idle_turn();
    script.idle_turn();
    let done = now_done(&script, 0, "1");
    script.arrive(done).turn(returns("1"));
    assert_eq!(script.state.status(), Some(RuntimeStatus::Completed));
}

#[test]
fn a_key_for_the_outside_stays_the_same_when_the_call_is_made_again() {
    let mut script = Script::started([call("A")]);
    script.arrive(attempt_done(0, 1, failed("503"))).turn(asks([call("B")]));
    script.arrive(attempt_done(1, 1, failed("503"))).turn(fails("B failed"));
    script.arrive(rewind()).idle_turn();
    assert_eq!(script.state.running_activities()[0].asked_in.as_str(), "first");
    script.idle_turn();
    let done = now_done(&script, 0, "1");
    let taken = script.arrive(done).turn(asks([call("Other")]));
    let [Effect::RunActivity(run)] = &taken.effects[..] else { panic!("{:?}", taken.effects) };
    assert_eq!(run.asked_in, execution(&script), "another call under the same number has another key");
}

#[test]
fn the_deployment_changes_if_that_is_asked_for() {
    let mut script = Script::started([call("A")]);
    script.arrive(attempt_done(0, 1, failed("503"))).turn(fails("A failed"));
    script.arrive(Message::Rewind { reason: None, caller: None, deployment: Some(DeploymentId(7)) }).idle_turn();
    assert_eq!(script.state.running_activities()[0].deployment, DeploymentId(7));
    assert_eq!(script.row.as_ref().unwrap().deployment, Some(DeploymentId(7)));
}

#[test]
fn a_call_that_was_refused_is_no_failure_to_go_back_to() {
    let mut script = Script::started([call_with_retry("A", policy(0)), call("B")]);
    script.turn(asks([Command::CreateTimer(at(1_000))]));
    script.turn(asks([call("C")]));
    script.arrive(attempt_done(1, 1, failed("503"))).turn(fails("B failed"));
    script.arrive(rewind()).idle_turn();
    assert_eq!(script.folded().replay.len(), 3, "the turns before the failure of B stay");
    assert_eq!(running(&script), [(1, 1), (3, 1)]);
}

#[test]
fn a_suspension_before_the_failure_is_over_and_one_after_the_rewind_holds() {
    let mut script = Script::started([call("A"), wait("E")]);
    script.arrive(suspend()).idle_turn();
    script.record(event("E", "1")).arrive(attempt_done(0, 1, failed("503"))).idle_turn();
    script.arrive(resume()).turn(fails("A failed"));
    script.arrive(rewind()).idle_turn();
    let taken = script.arrive(suspend()).idle_turn();
    assert_eq!((taken.record.status, taken.activation), (RuntimeStatus::Suspended, None));
    assert_eq!(script.arrive(resume()).idle_turn().told(), [(1, "1".into())]);
}
