//! Operations with a time of their own.

use super::ledger::*;
use crate::model::Timestamp;

#[test]
fn a_scheduled_operation_waits_for_its_time() {
    let mut ledger = Ledger::new();
    assert!(ledger.arrive(operation("Add", 1, None, Some(5_000))).batch().operations.is_empty());
    assert_eq!(ledger.entity.wake_at().unwrap().0, 5_000);
    assert!(ledger.at(4_999).batch().operations.is_empty());
    assert_eq!(ledger.at(5_000).batch().operations, ["Add"]);
    assert_eq!(ledger.entity.wake_at(), None);
}

#[test]
fn an_operation_whose_time_has_passed_runs_at_once() {
    let mut ledger = Ledger::new();
    assert_eq!(ledger.arrive(operation("Add", 1, None, Some(1_000))).batch().operations, ["Add"]);
}

#[test]
fn operations_that_are_due_run_soonest_first_and_before_what_arrives() {
    let mut ledger = Ledger::new();
    for (name, time) in [("Third", 4_000), ("First", 2_000), ("Second", 3_000), ("Later", 9_000)] {
        ledger.arrive(operation(name, 1, None, Some(time)));
    }
    ledger.batch();
    ledger.at(5_000).arrive(signal("Now", 1)).batch();
    assert_eq!(ledger.ran, ["First", "Second", "Third", "Now"]);
    assert_eq!(ledger.row.unwrap().wake_at.unwrap().0, 9_000);
}

#[test]
fn a_scheduled_operation_that_comes_due_while_the_entity_is_locked_waits_for_the_release() {
    let mut ledger = Ledger::new();
    ledger.arrive(operation("Add", 1, None, Some(2_000))).arrive(lock("o")).batch();
    let ran = ledger.at(2_000).batch();
    assert!(ran.operations.is_empty());
    assert_eq!(ledger.entity.wake_at(), None, "it waits for the lock now, not for the clock");
    assert_eq!(ledger.arrive(release("o")).batch().operations, ["Add"]);
}

#[test]
fn an_operation_waits_no_longer_once_a_clock_that_was_ahead_is_right() {
    const HOUR: u64 = 3_600_000;
    let mut ledger = Ledger::new();
    ledger.at(HOUR).arrive(operation("Add", 1, None, Some(HOUR + 5_000))).batch();
    assert!(ledger.entity.is_left_ahead(Timestamp(1_000)));
    assert!(ledger.at(1_000).batch().operations.is_empty());
    assert_eq!(ledger.entity.wake_at().unwrap().0, 6_000);
    assert_eq!(ledger.row.as_ref().unwrap().wake_at.unwrap().0, 6_000);
    // What comes now is for a time by the clock.
    ledger.at(2_000).arrive(operation("Later", 1, None, Some(9_000))).batch();
    assert!(ledger.at(5_999).batch().operations.is_empty());
    assert_eq!(ledger.at(6_000).batch().operations, ["Add"]);
    assert_eq!(ledger.entity.wake_at().unwrap().0, 9_000);
    assert_eq!(ledger.at(9_000).batch().operations, ["Later"]);
}
