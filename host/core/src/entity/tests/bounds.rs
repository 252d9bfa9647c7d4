//! How much may wait for an entity.

use super::ledger::*;
use crate::limits::InstanceLimits;

fn limits() -> InstanceLimits {
    // Each `Add` has four bytes.
    InstanceLimits { max_buffered_events: 3, max_buffered_event_bytes: 10, ..InstanceLimits::default() }
}

fn has_room(ledger: &Ledger, message: crate::message::Message) -> bool {
    match ledger.entity.check_room(&message, &limits()) {
        Ok(()) => true,
        Err(beyond) => {
            assert_eq!(beyond.error_type, "TooManyOperations");
            false
        }
    }
}

#[test]
fn outside_operations_behind_a_lock_have_room_up_to_the_limits_and_those_that_run_need_none() {
    let mut ledger = Ledger::new();
    ledger.arrive(lock("o")).arrive(signal("Add", 1)).batch();
    assert!(has_room(&ledger, signal("Add", 1)));
    // Requests for the lock wait too, but no client can send them.
    ledger.arrive(lock("p")).arrive(signal("Add", 1)).batch();
    assert!(!has_room(&ledger, signal("Add", 1)), "twelve bytes");
    assert!(has_room(&ledger, call("o", 1, "Add", 1)), "it holds the lock");
    assert!(has_room(&ledger, release("o")), "it is no operation");
    // Another instance's operation is taken in any case.
    ledger.record(signal("Add", 1)).batch();
    ledger.arrive(release("o")).arrive(release("p")).batch();
    assert_eq!(ledger.ran, ["Add", "Add", "Add"]);
    assert!(has_room(&ledger, signal("Add", 1)));
}

#[test]
fn outside_operations_that_wait_for_their_time_take_up_room_until_it_comes() {
    let mut ledger = Ledger::new();
    let later = |at| operation("A", 1, None, Some(at));
    ledger.arrive(later(5_000)).arrive(later(6_000)).batch();
    assert!(has_room(&ledger, later(7_000)));
    ledger.arrive(later(7_000)).batch();
    assert!(!has_room(&ledger, later(8_000)), "three wait");
    assert!(has_room(&ledger, operation("A", 1, None, None)), "it runs at once");
    ledger.at(5_000).batch();
    assert!(has_room(&ledger, later(8_000)), "one has run");
}
