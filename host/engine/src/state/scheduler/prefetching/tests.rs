//! Reading ahead, without guests and without a store.

use longhaul_core::Record;
use longhaul_core::orchestration::fold;

use super::*;
use crate::config::EngineConfig;
use crate::state::prefetch::MAX_LOADING;
use crate::state::resident::OrchestrationInMemory;
use crate::state::scheduler::NextJob;

const NOW: Timestamp = Timestamp(100_000);

fn id(number: usize) -> InstanceId {
    InstanceId::trusted(format!("sleeper-{number}"))
}

/// A scheduler that knows of this many sleepers, none of them in memory; each is due a millisecond
/// after the one before.
fn board_with(sleepers: usize, first: Timestamp) -> Scheduler {
    let mut scheduler = Scheduler::new(Default::default(), &EngineConfig { max_hot_instances: 1, ..EngineConfig::default() });
    for number in 0..sleepers {
        scheduler.wakeups.set(&id(number), Some(first.plus(number as u64)), NOW);
        scheduler.wakeups.note_absent(&id(number));
    }
    scheduler
}

/// What its chain says of an instance whose code has asked for a timer.
fn sleeper(of: InstanceId, at: Timestamp, payload: &str) -> Resident {
    let turn = serde_json::json!({
        "format": 1, "number": 0, "now": NOW.0, "status": "Running", "wakeAt": at.0,
        "received": [{ "inline": { "start": { "name": "Sleep", "input": payload, "execution": "e", "deployment": 1, "createdAt": NOW.0 } } }],
        "commands": [{ "createTimer": at.0 }],
    });
    let folded = fold(of, [(Record::decode("turn", &turn.to_string()).unwrap(), true)]);
    assert_eq!(folded.replay.len(), 1);
    Resident::Orchestration(Box::new(OrchestrationInMemory { state: folded.state, guest: Guest::Replay(folded.replay) }))
}

/// As when a chain has been read.
fn is_read(scheduler: &mut Scheduler, of: InstanceId, at: Timestamp, payload: &str) {
    let resident = sleeper(of.clone(), at, payload);
    scheduler.cell(&of).phase = Phase::Cold;
    scheduler.rest_loaded(&of, resident, NOW);
}

#[test]
fn the_soonest_are_read_and_no_more_at_a_time_than_may_be() {
    let mut scheduler = board_with(MAX_LOADING + 5, NOW.plus(10));
    scheduler.prefetch(NOW);
    assert_eq!(scheduler.gather_commits(usize::MAX).len(), MAX_LOADING);
    assert!(scheduler.cells.contains_key(&id(MAX_LOADING - 1)) && !scheduler.cells.contains_key(&id(MAX_LOADING)));
    assert_eq!(scheduler.next_prefetch(), None, "whoever has been read makes room");

    is_read(&mut scheduler, id(0), NOW.plus(10), "");
    assert!(scheduler.next_prefetch().is_some());
    scheduler.prefetch(NOW);
    assert!(scheduler.cells.contains_key(&id(MAX_LOADING)) && !scheduler.cells.contains_key(&id(MAX_LOADING + 1)));
}

#[test]
fn no_instance_is_loaded_long_before_its_wakeup() {
    let mut scheduler = board_with(1, NOW.plus(PREFETCH_MS + 1));
    scheduler.prefetch(NOW);
    assert!(scheduler.cells.is_empty());
    assert_eq!(scheduler.next_prefetch(), Some(NOW.plus(1)));
    scheduler.prefetch(NOW.plus(1));
    assert_eq!(scheduler.cells.len(), 1);
}

#[test]
fn a_prefetched_instance_has_no_turn_before_it_is_due() {
    let mut scheduler = board_with(1, NOW.plus(50));
    scheduler.prefetch(NOW);
    is_read(&mut scheduler, id(0), NOW.plus(50), "");
    assert!(scheduler.next().is_none());
    assert!(scheduler.wakeups.take_due(NOW.plus(49), 9).is_empty());
    for due in scheduler.wakeups.take_due(NOW.plus(50), 9) {
        scheduler.wake(&due);
    }
    assert!(matches!(scheduler.next(), Some(NextJob::Turn(_))));
    assert_eq!(scheduler.prefetch.counts().0, 0);
}

#[test]
fn small_ones_stay_until_they_are_due_and_large_ones_count_like_any_other() {
    let mut scheduler = board_with(9, NOW.plus(10));
    scheduler.prefetch(NOW);
    for number in 0..6 {
        is_read(&mut scheduler, id(number), NOW.plus(10 + number as u64), "");
    }
    assert_eq!(scheduler.to_drop.len(), 0, "they do not count, though memory is for one instance only");
    for number in 6..9 {
        is_read(&mut scheduler, id(number), NOW.plus(10 + number as u64), &"x".repeat(MAX_SMALL_BYTES));
    }
    assert_eq!(scheduler.to_drop.len(), 2);
    assert_eq!(scheduler.prefetch.counts(), (6, 0));
    scheduler.prefetch(NOW);
    assert_eq!(scheduler.prefetch.counts().1, 0, "who had to leave without a turn is not read again before it is due");
}

#[test]
fn an_instance_in_memory_is_not_prefetched() {
    let mut scheduler = board_with(1, NOW.plus(10));
    is_read(&mut scheduler, id(0), NOW.plus(10), "");
    scheduler.prefetch(NOW);
    assert!(scheduler.gather_commits(usize::MAX).is_empty());
    assert_eq!(scheduler.prefetch.counts().0, 0);
}

#[test]
fn giving_up_memory_makes_room_for_all() {
    let mut scheduler = board_with(2, NOW.plus(10));
    scheduler.prefetch(NOW);
    scheduler.discard_all();
    assert_eq!(scheduler.prefetch.counts(), (0, 0));
}
