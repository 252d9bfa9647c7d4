//! Critical sections, as entities see them.

use super::ledger::*;
use crate::message::Message;
use crate::model::ExecutionId;

#[test]
fn a_lock_of_one_entity_is_granted_at_once() {
    let mut ledger = Ledger::new();
    assert_eq!(ledger.arrive(lock("o")).batch().locks(), [("o".into(), "granted")]);
    assert_eq!(ledger.row.unwrap().locked_by.unwrap().as_str(), "o");
}

#[test]
fn a_request_goes_from_entity_to_entity_and_the_last_one_answers() {
    let mut first = Ledger::new();
    let ran = first.arrive(Message::Lock(section("o", &["a", "b"], 0))).batch();
    assert_eq!(ran.locks(), [("@stock@b".into(), "lock")]);
    let mut second = Ledger::of("b");
    let ran = second.arrive(ran.outgoing[0].message.clone()).batch();
    assert_eq!(ran.locks(), [("o".into(), "granted")]);
}

#[test]
fn only_the_holder_runs_while_the_entity_is_locked() {
    let mut ledger = Ledger::new();
    ledger.arrive(lock("o")).arrive(signal("Add", 1)).arrive(call("p", 1, "Add", 2)).arrive(call("o", 1, "Add", 4));
    let ran = ledger.batch();
    assert_eq!((ran.replies(), ran.record.state.unwrap().as_str()), (vec![("o".into(), 1, "4".into())], "4"));
    assert_eq!(ledger.row.as_ref().unwrap().queue_size, 2);

    let ran = ledger.arrive(release("o")).batch();
    assert_eq!((ran.replies(), ran.record.state.unwrap().as_str()), (vec![("p".into(), 1, "7".into())], "7"));
    assert_eq!(ledger.row.unwrap().locked_by, None);
}

#[test]
fn another_execution_of_the_holder_does_not_hold_the_lock() {
    let mut ledger = Ledger::new();
    ledger.arrive(lock("o")).batch();
    let mut caller = owner("o", 1);
    caller.execution = ExecutionId::trusted("o 2");
    assert!(ledger.arrive(operation("Add", 1, Some(caller), None)).batch().operations.is_empty());
}

#[test]
fn those_who_wait_go_in_order_until_the_next_lock_is_granted() {
    let mut ledger = Ledger::new();
    ledger.arrive(lock("o")).arrive(signal("First", 1)).arrive(lock("p")).arrive(signal("Second", 1)).arrive(lock("q"));
    ledger.batch();
    let ran = ledger.arrive(release("o")).batch();
    assert_eq!((ran.operations.clone(), ran.locks()), (vec!["First".into()], vec![("p".into(), "granted")]));
    let ran = ledger.arrive(release("p")).batch();
    assert_eq!((ran.operations.clone(), ran.locks()), (vec!["Second".into()], vec![("q".into(), "granted")]));
    assert_eq!(ledger.ran, ["First", "Second"]);
}

#[test]
fn operations_that_came_before_a_lock_in_one_batch_still_run() {
    let mut ledger = Ledger::new();
    let ran = ledger.arrive(signal("Add", 1)).arrive(lock("o")).arrive(signal("Add", 2)).batch();
    assert_eq!(ran.record.state.unwrap().as_str(), "1");
}

#[test]
fn a_release_follows_the_request_to_the_other_entities() {
    let mut first = Ledger::new();
    first.arrive(Message::Lock(section("o", &["a", "b"], 0))).batch();
    let ran = first.arrive(Message::Release(section("o", &["a", "b"], 0))).batch();
    assert_eq!(ran.locks(), [("@stock@b".into(), "release")]);

    let mut second = Ledger::of("b");
    second.arrive(Message::Lock(section("p", &["b"], 0))).arrive(Message::Lock(section("o", &["a", "b"], 1))).batch();
    let ran = second.arrive(ran.outgoing[0].message.clone()).batch();
    assert!(ran.locks().is_empty(), "the request that waited here went nowhere");
    let ran = second.arrive(Message::Release(section("p", &["b"], 0))).batch();
    assert!(ran.locks().is_empty(), "and nobody is granted what was withdrawn");
    assert!(second.entity.lock().is_none());
}

#[test]
fn a_request_that_waits_is_withdrawn_and_the_holder_keeps_the_lock() {
    let mut ledger = Ledger::new();
    ledger.arrive(lock("o")).arrive(lock("p")).arrive(signal("Add", 1)).batch();
    assert!(ledger.arrive(release("p")).batch().locks().is_empty());
    assert_eq!(ledger.entity.lock().unwrap().owner, owner("o", 9));
    let ran = ledger.arrive(release("o")).batch();
    assert_eq!((ran.operations.len(), ledger.entity.lock().is_none()), (1, true));
}

#[test]
fn a_release_by_someone_who_neither_holds_nor_waits_changes_nothing() {
    let mut ledger = Ledger::new();
    ledger.arrive(lock("o")).batch();
    ledger.arrive(release("stranger")).arrive(release("stranger")).batch();
    assert!(ledger.entity.lock().is_some());
}

#[test]
fn a_lock_survives_a_restart_with_those_who_wait() {
    let mut ledger = Ledger::new();
    ledger.record(lock("o")).record(signal("Add", 5)).record(lock("p")).batch();
    ledger.entity = ledger.folded();
    let ran = ledger.record(release("o")).batch();
    assert_eq!((ran.operations.len(), ran.locks()), (1, vec![("p".into(), "granted")]));
}
