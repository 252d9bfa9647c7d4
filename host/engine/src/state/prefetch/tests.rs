//! Reading ahead, without guests and without a store.

use longhaul_core::Record;
use longhaul_core::orchestration::fold;

use super::*;
use crate::context::EngineConfig;
use crate::state::commit_queue::gather;
use crate::state::instance::OrchestrationInMemory;
use crate::state::scheduler::Next;

const NOW: Timestamp = Timestamp(100_000);

fn id(number: usize) -> InstanceId {
    InstanceId::trusted(format!("sleeper-{number}"))
}

/// A board that knows of this many sleepers, none of them in memory; each is due a millisecond after the one before.
fn board_with(sleepers: usize, first: Timestamp) -> Board {
    let mut board = Board::new(Default::default(), &EngineConfig { max_hot_instances: 1, ..EngineConfig::default() });
    for number in 0..sleepers {
        board.alarms.set(&id(number), Some(first.plus(number as u64)), NOW);
        board.alarms.note_absent(&id(number));
    }
    board
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
fn is_read(board: &mut Board, of: InstanceId, at: Timestamp, payload: &str) {
    let resident = sleeper(of.clone(), at, payload);
    board.slot(&of).place = Place::Cold;
    board.note_read(&of, &resident, NOW);
    board.rest(&of, resident, NOW);
}

#[test]
fn the_soonest_are_read_and_no_more_at_a_time_than_may_be() {
    let mut board = board_with(MAX_BEING_READ + 5, NOW.plus(10));
    board.read_ahead(NOW);
    assert_eq!(gather(&mut board, usize::MAX).len(), MAX_BEING_READ);
    assert!(board.slots.contains_key(&id(MAX_BEING_READ - 1)) && !board.slots.contains_key(&id(MAX_BEING_READ)));
    assert_eq!(board.next_read_ahead(), None, "whoever has been read makes room");

    is_read(&mut board, id(0), NOW.plus(10), "");
    assert!(board.next_read_ahead().is_some());
    board.read_ahead(NOW);
    assert!(board.slots.contains_key(&id(MAX_BEING_READ)) && !board.slots.contains_key(&id(MAX_BEING_READ + 1)));
}

#[test]
fn nobody_is_read_long_before_the_alarm() {
    let mut board = board_with(1, NOW.plus(READ_AHEAD_MS + 1));
    board.read_ahead(NOW);
    assert!(board.slots.is_empty());
    assert_eq!(board.next_read_ahead(), Some(NOW.plus(1)));
    board.read_ahead(NOW.plus(1));
    assert_eq!(board.slots.len(), 1);
}

#[test]
fn who_was_read_ahead_has_no_turn_before_it_is_due() {
    let mut board = board_with(1, NOW.plus(50));
    board.read_ahead(NOW);
    is_read(&mut board, id(0), NOW.plus(50), "");
    assert!(board.next().is_none());
    assert!(board.alarms.take_due(NOW.plus(49), 9).is_empty());
    for due in board.alarms.take_due(NOW.plus(50), 9) {
        board.wake(&due);
    }
    assert!(matches!(board.next(), Some(Next::Turn(_))));
    assert_eq!(board.ahead.count, 0);
}

#[test]
fn small_ones_stay_until_they_are_due_and_large_ones_count_like_any_other() {
    let mut board = board_with(9, NOW.plus(10));
    board.read_ahead(NOW);
    for number in 0..6 {
        is_read(&mut board, id(number), NOW.plus(10 + number as u64), "");
    }
    assert_eq!(board.leaving.len(), 0, "they do not count, though memory is for one instance only");
    for number in 6..9 {
        is_read(&mut board, id(number), NOW.plus(10 + number as u64), &"x".repeat(MAX_SMALL_BYTES));
    }
    assert_eq!(board.leaving.len(), 2);
    assert_eq!((board.ahead.count, board.ahead.being_read), (6, 0));
    board.read_ahead(NOW);
    assert_eq!(board.ahead.being_read, 0, "who had to leave without a turn is not read again before it is due");
}

#[test]
fn who_is_here_already_is_not_read() {
    let mut board = board_with(1, NOW.plus(10));
    is_read(&mut board, id(0), NOW.plus(10), "");
    board.read_ahead(NOW);
    assert!(gather(&mut board, usize::MAX).is_empty());
    assert_eq!(board.ahead.count, 0);
}

#[test]
fn giving_up_memory_makes_room_for_all() {
    let mut board = board_with(2, NOW.plus(10));
    board.read_ahead(NOW);
    board.give_up();
    assert_eq!((board.ahead.count, board.ahead.being_read), (0, 0));
}
