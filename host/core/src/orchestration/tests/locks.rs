//! Critical sections, as the orchestration sees them.

use super::script::*;
use super::taken::Taken;
use super::words::*;
use crate::message::Message;
use crate::model::{Command, EntityCall, EntityId, EntitySignal, TaskResult};
use crate::record::Outcome;

/// The set that a turn asked for: receiver, then keys.
fn asked(taken: &Taken) -> Option<(String, Vec<String>)> {
    taken.outgoing.iter().find_map(|one| match &one.message {
        Message::Lock(section) => Some((one.to.to_string(), section.set.iter().map(|entity| entity.key.to_string()).collect())),
        _ => None,
    })
}

#[test]
fn a_section_is_asked_for_sorted_and_without_doubles_at_its_first_entity() {
    let mut script = Script::new();
    let taken = script.arrive(start("first")).turn(asks([lock(&["c", "a", "c", "b"])]));
    assert_eq!(asked(&taken), Some(("@stock@a".into(), vec!["a".into(), "b".into(), "c".into()])));
    assert_eq!(script.arrive(granted(0)).idle_turn().told(), [(0, "null".into())]);
}

#[test]
fn an_empty_section_is_granted_at_once() {
    let mut script = Script::started([lock(&[])]);
    assert_eq!(script.idle_turn().told(), [(0, "null".into())]);
}

#[test]
fn unlocking_gives_the_section_back_once() {
    let mut script = Script::started([lock(&["a"])]);
    assert_eq!(script.arrive(granted(0)).turn(asks([unlock(0), unlock(0), timer(0)])).releases(), ["@stock@a"]);
    assert!(script.turn(returns("1")).releases().is_empty());
}

#[test]
fn a_section_inside_a_section_fails_and_leaves_the_first_alone() {
    let mut script = Script::started([lock(&["a"])]);
    let taken = script.arrive(granted(0)).turn(asks([lock(&["b"]), unlock(1)]));
    assert!(asked(&taken).is_none() && taken.releases().is_empty());
    assert!(script.idle_turn().told()[0].1.starts_with("CriticalSection: "));
    assert_eq!(script.arrive(terminate(false)).idle_turn().releases(), ["@stock@a"]);
}

#[test]
fn only_locked_entities_are_called_in_a_section() {
    let mut script = Script::started([lock(&["a"])]);
    let taken = script.arrive(granted(0)).turn(asks([call_entity("a"), call_entity("z")]));
    assert_eq!(taken.outgoing.iter().map(|one| one.to.as_str()).collect::<Vec<_>>(), ["@stock@a"]);
    let told = script.idle_turn().told();
    assert!(told[0].0 == 2 && told[0].1.starts_with("CriticalSection: "));
}

#[test]
fn an_entity_of_the_section_is_not_called_before_the_lock_is_granted() {
    let mut script = Script::started([lock(&["a"]), timer(0)]);
    let taken = script.turn(asks([call_entity("a")]));
    assert!(taken.outgoing.is_empty());
    let text = "CriticalSection: entity '@stock@a' is called before its lock is granted; await the lock first";
    assert_eq!(script.idle_turn().told(), [(2, text.into())]);
    assert_eq!(script.arrive(granted(0)).turn(asks([call_entity("a")])).outgoing.len(), 1);
}

#[test]
fn a_locked_entity_has_one_open_call_at_a_time() {
    let mut script = Script::started([lock(&["a", "b"])]);
    let taken = script.arrive(granted(0)).turn(asks([call_entity("a"), call_entity("a"), call_entity("b")]));
    let called: Vec<_> = taken.outgoing.iter().map(|one| one.to.as_str()).collect();
    assert_eq!(called, ["@stock@a", "@stock@b"]);
    let told = script.idle_turn().told();
    assert!(told[0].0 == 2 && told[0].1.starts_with("CriticalSection: locked entity '@stock@a' is called while"), "{told:?}");
    let taken = script.arrive(entity_reply(1, TaskResult::Completed(json("1")))).turn(asks([call_entity("a")]));
    assert_eq!(taken.outgoing.len(), 1, "the next one may follow when the first has ended");
}

#[test]
fn a_signal_to_an_entity_of_the_section_fails_the_execution_and_gives_the_locks_back() {
    for is_granted in [false, true] {
        let mut script = Script::started([lock(&["a"]), timer(0)]);
        if is_granted {
            script.arrive(granted(0));
        }
        let taken = script.turn(asks([signal("z"), signal("a")]));
        assert!(matches!(&taken.record.outcome, Some(Outcome::Failed(failure)) if failure.error_type == "CriticalSection"));
        assert_eq!(taken.outgoing[0].to.as_str(), "@stock@z", "others may be signalled");
        assert_eq!(taken.releases(), ["@stock@a"]);
    }
}

#[test]
fn a_wrong_entity_id_fails_the_task_or_the_execution() {
    ["a/b", ".", ".."].into_iter().for_each(a_wrong_key_fails_the_task_or_the_execution);
}

fn a_wrong_key_fails_the_task_or_the_execution(key: &str) {
    let wrong = EntityId { name: "stock".into(), key: key.into() };
    let call = Command::CallEntity(EntityCall { entity: wrong.clone(), operation: "Take".into(), input: json("3") });
    let mut script = Script::started([call, Command::LockEntities(vec![wrong.clone()])]);
    let told = script.idle_turn().told();
    assert!(told.iter().all(|(_, text)| text.starts_with("InvalidEntityId: ")) && told.len() == 2, "{told:?}");

    let mut script = Script::new();
    let signal = EntitySignal { entity: wrong, operation: "Take".into(), input: json("3"), at: None };
    let taken = script.arrive(start("first")).turn(asks([Command::SignalEntity(signal)]));
    assert!(matches!(&taken.record.outcome, Some(Outcome::Failed(failure)) if failure.error_type == "InvalidEntityId"));
}

#[test]
fn a_parked_owner_keeps_its_locks_until_it_is_terminated() {
    let mut script = Script::started([lock(&["a"])]);
    script.arrive(granted(0)).idle_turn();
    script.park("the guest trapped");
    assert!(script.arrive(event("E", "1")).idle_turn().releases().is_empty());
    assert_eq!(script.arrive(terminate(false)).idle_turn().releases(), ["@stock@a"]);
}

#[test]
fn a_suspended_owner_gives_its_locks_back_when_it_is_terminated() {
    let mut script = Script::started([lock(&["a"])]);
    script.arrive(suspend()).arrive(granted(0)).idle_turn();
    assert_eq!(script.arrive(terminate(false)).idle_turn().releases(), ["@stock@a"]);
}

fn signal(key: &str) -> Command {
    Command::SignalEntity(EntitySignal { entity: entity(key), operation: "Note".into(), input: json("3"), at: None })
}

#[test]
fn cancelling_a_request_that_waits_withdraws_it_and_a_late_grant_changes_nothing() {
    let mut script = Script::started([lock(&["a", "b"]), timer(0)]);
    assert_eq!(script.turn(asks([cancel(0)])).releases(), ["@stock@a"]);
    assert!(script.state.ignores(&granted(0)));
    let taken = script.arrive(granted(0)).turn(asks([]));
    assert!(taken.activation.is_none() && taken.outgoing.is_empty());
}

#[test]
fn cancelling_a_lock_that_was_granted_and_not_noticed_gives_it_back() {
    let mut script = Script::started([lock(&["a"]), wait("E")]);
    let taken = script.arrive(event("E", "1")).arrive(granted(0)).turn(asks([cancel(0)]));
    assert_eq!(taken.releases(), ["@stock@a"]);
    assert!(script.arrive(terminate(false)).idle_turn().releases().is_empty());
}

#[test]
fn a_section_can_be_asked_for_again_after_it_was_given_back() {
    let mut script = Script::started([lock(&["a"])]);
    let taken = script.arrive(granted(0)).turn(asks([unlock(0), lock(&["a"])]));
    let order: Vec<_> = taken.outgoing.iter().map(|one| matches!(one.message, Message::Release(_))).collect();
    assert_eq!(order, [true, false], "the release goes out before the new request");
}
