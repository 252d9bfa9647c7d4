//! What comes after the end changes nothing.

use super::Standing;
use crate::message::{Message, TaskRef};
use crate::model::{ExecutionId, InstanceId, RuntimeStatus, TaskId, TaskResult};
use crate::orchestration::tests::script::Script;
use crate::orchestration::tests::words::*;

fn answer() -> TaskResult {
    TaskResult::Completed(json("1"))
}

/// Whatever may come for an orchestration from elsewhere, but a start and a rewind; tasks 0 to 3
/// are those that [`open`] asks for.
fn messages() -> Vec<Message> {
    let parent = Some(TaskRef { instance: InstanceId::trusted("p"), execution: ExecutionId::trusted("p1"), task: TaskId(0) });
    vec![
        event("E", "1"),
        done(0, "1"),
        child_done(1, answer()),
        entity_reply(2, answer()),
        granted(4),
        terminate(true),
        Message::Terminate { reason: None, recursive: true, parent },
        suspend(),
        resume(),
        Message::TimerFired { task: TaskId(3) },
        Message::RetryDue { task: TaskId(0) },
    ]
}

/// An instance with a task of each kind, and a wait for an event.
fn open() -> Script {
    Script::started([call("A"), child(Some("c")), call_entity("a"), timer(9_000), lock(&["b"]), wait("E")])
}

fn ended(status: RuntimeStatus) -> Script {
    let mut script = open();
    match status {
        RuntimeStatus::Terminated => script.arrive(terminate(false)).idle_turn(),
        RuntimeStatus::Failed => script.arrive(event("E", "0")).turn(fails("no")),
        _ => script.arrive(event("E", "0")).turn(returns("1")),
    };
    assert_eq!(script.state.status(), Some(status));
    script
}

#[test]
fn an_ended_instance_is_late_for_every_message_but_what_a_rewind_needs() {
    for status in [RuntimeStatus::Completed, RuntimeStatus::Failed, RuntimeStatus::Terminated] {
        let script = ended(status);
        for message in messages() {
            let is_needed = status == RuntimeStatus::Failed && matches!(message, Message::EntityReply { .. });
            assert_eq!(Standing::is_late(script.standing.as_ref(), &message), !is_needed, "{status:?} {message:?}");
        }
        assert!(!Standing::is_late(script.standing.as_ref(), &start("next")) && !Standing::is_late(script.standing.as_ref(), &rewind()));
    }
}

#[test]
fn an_instance_that_never_was_or_is_gone_is_late_for_all_but_a_start_and_a_rewind() {
    assert!(messages().iter().all(|message| Standing::is_late(None, message)));
    assert!(!Standing::is_late(None, &start("first")) && !Standing::is_late(None, &rewind()));
}

#[test]
fn a_live_instance_is_late_for_answers_to_an_execution_that_is_gone_and_for_nothing_else() {
    let script = open();
    assert!(messages().iter().all(|message| !Standing::is_late(script.standing.as_ref(), message)));
    let mut again = ended(RuntimeStatus::Completed);
    again.arrive(start("second")).turn(asks([call("A"), child(Some("c")), call_entity("a")]));
    let late: Vec<_> = messages().into_iter().filter(|message| Standing::is_late(again.standing.as_ref(), message)).collect();
    assert_eq!(late, [done(0, "1"), child_done(1, answer()), granted(4)]);
}

#[test]
fn a_recorded_start_makes_an_ended_instance_one_that_takes_messages() {
    let mut script = ended(RuntimeStatus::Completed);
    script.record(start("second"));
    assert!(!Standing::is_late(script.standing.as_ref(), &event("E", "1")));
    assert!(Standing::is_late(script.standing.as_ref(), &child_done(1, answer())), "the child of the execution before");
    let taken = script.record(event("E", "1")).turn(asks([wait("E")]));
    assert!(taken.activation.is_some());
    assert_eq!(script.idle_turn().told(), [(0, "1".into())]);
}

#[test]
fn a_late_message_that_is_recorded_all_the_same_moves_nothing() {
    for status in [RuntimeStatus::Completed, RuntimeStatus::Failed, RuntimeStatus::Terminated] {
        for message in messages() {
            let mut script = ended(status);
            let row = script.row.clone();
            let taken = script.at(5_000).record(message.clone()).idle_turn();
            assert!(taken.activation.is_none() && taken.outgoing.is_empty() && taken.effects.is_empty(), "{message:?}: {taken:?}");
            assert_eq!(script.row, row, "{status:?} {message:?}");
        }
    }
}
