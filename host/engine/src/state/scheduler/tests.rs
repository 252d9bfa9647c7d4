//! The order of log and mailboxes, without guests and without a store.

use longhaul_core::{Message, Outgoing, Payload};

use super::*;
use crate::durability::loader::blank;
use crate::state::commit_queue::gather;
use crate::state::late::tests::{instance, start};

const NOW: Timestamp = Timestamp(1);

fn board() -> Board {
    Board::new(Arc::default(), &EngineConfig::default())
}

fn id(text: &str) -> InstanceId {
    InstanceId::trusted(text)
}

fn event(name: &str) -> Message {
    Message::Event { name: name.into(), data: Payload::null() }
}

fn to(receiver: &str, name: &str) -> Outgoing {
    Outgoing { to: id(receiver), message: event(name) }
}

/// Queues a commit with these messages and delivers them, as a guest thread does at the end of a turn.
fn send(board: &mut Board, messages: Vec<Outgoing>) {
    let mut commit = Commit::default();
    commit.push_outgoing(&messages, NOW);
    board.queue_with_messages(commit, messages);
}

/// As when a chain has been read.
fn becomes_resident(board: &mut Board, text: &str) {
    board.rest(&id(text), instance(false), NOW);
}

fn mailbox(board: &mut Board, text: &str) -> Vec<(Message, bool)> {
    board.slot(&id(text)).mailbox.iter().map(|delivery| (delivery.message.clone(), delivery.recorded)).collect()
}

fn waiting(board: &mut Board, text: &str, name: &str) -> (Ticket, oneshot::Receiver<Result<(), crate::EngineError>>) {
    let ticket = board.ticket();
    let (waiter, answer) = oneshot::channel();
    board.deliver(&id(text), Delivery { waiter: Some(waiter), ticket: Some(ticket), ..Delivery::unrecorded(event(name)) });
    (ticket, answer)
}

#[test]
fn a_cold_receiver_finds_all_messages_of_one_commit_in_its_chain_and_none_twice() {
    let mut board = board();
    send(&mut board, vec![to("b", "one"), to("b", "two")]);
    assert!(matches!(board.slot(&id("b")).place, Place::Loading));
    assert!(mailbox(&mut board, "b").is_empty());
    assert_eq!(board.slot(&id("b")).recorded, 0);
}

#[test]
fn a_message_recorded_while_its_receiver_is_read_is_not_in_the_batch_of_the_reading() {
    let mut board = board();
    send(&mut board, vec![to("b", "one")]);
    send(&mut board, vec![to("b", "two")]);
    assert_eq!(mailbox(&mut board, "b"), [(event("two"), true)]);

    let reading = gather(&mut board, usize::MAX);
    let records: usize = reading.iter().map(|commit| commit.records.len()).sum();
    assert_eq!(records, 1, "the reading ends its batch, so that its chain ends with the first message");
    assert_eq!(gather(&mut board, usize::MAX).len(), 1);
    assert!(gather(&mut board, usize::MAX).is_empty());
}

#[test]
fn a_batch_may_be_bounded_to_one_commit() {
    let mut board = board();
    send(&mut board, vec![to("b", "one"), to("b", "two")]);
    send(&mut board, vec![to("b", "three")]);
    let batches = std::iter::repeat_with(|| gather(&mut board, 1)).take_while(|batch| !batch.is_empty());
    let records: Vec<Vec<usize>> = batches.map(|batch| batch.iter().map(|commit| commit.records.len()).collect()).collect();
    assert_eq!(records, [[2], [0], [1]], "the one in the middle reads the receiver's chain");
}

#[test]
fn a_message_that_waits_too_long_goes_behind_those_that_are_recorded() {
    let mut board = board();
    let (ticket, _answer) = waiting(&mut board, "b", "from outside");
    becomes_resident(&mut board, "b");
    send(&mut board, vec![to("b", "recorded")]);

    let (waiter, _late) = oneshot::channel();
    board.record_now(&id("b"), ticket, NOW, waiter).expect("no turn has taken it");
    assert_eq!(mailbox(&mut board, "b"), [(event("recorded"), true), (event("from outside"), true)], "as in the log");
    assert_eq!(board.slot(&id("b")).recorded, 2);
}

#[test]
fn a_message_for_one_instance_is_not_recorded_where_another_one_may_get_it() {
    let mut board = board();
    let (ticket, _answer) = waiting(&mut board, "b", "from outside");
    board.slot(&id("b")).mailbox[0].born_at = Some(NOW);
    becomes_resident(&mut board, "b");
    let (waiter, _late) = oneshot::channel();
    // The instance in memory was never started, so it is not the one that is meant.
    assert!(board.record_now(&id("b"), ticket, NOW, waiter).is_err());
    board.slot(&id("b")).mailbox[0].born_at = None;
    let (waiter, _late) = oneshot::channel();
    assert!(board.record_now(&id("b"), ticket, NOW, waiter).is_ok());
}

#[test]
fn a_message_that_a_turn_has_taken_gets_no_record_of_its_own() {
    let mut board = board();
    let (ticket, _answer) = waiting(&mut board, "b", "from outside");
    becomes_resident(&mut board, "b");
    board.commits.clear();
    let Some(Next::Turn(job)) = board.next() else { panic!("the instance has a message") };
    assert_eq!(job.deliveries.len(), 1);

    let (waiter, _late) = oneshot::channel();
    assert!(board.record_now(&id("b"), ticket, NOW, waiter).is_err());
    assert!(board.commits.is_empty());
}

#[test]
fn an_instance_on_a_guest_thread_is_not_queued_a_second_time() {
    let mut board = board();
    let (_, _first) = waiting(&mut board, "b", "one");
    becomes_resident(&mut board, "b");
    assert!(board.next().is_some());
    let (_, _second) = waiting(&mut board, "b", "two");
    assert!(board.next().is_none(), "it is busy");
    becomes_resident(&mut board, "b");
    assert!(board.next().is_some(), "what came meanwhile is taken next");
}

#[test]
fn an_instance_far_ahead_of_its_commits_waits_for_the_oldest_of_them() {
    let mut board = Board::new(Arc::default(), &EngineConfig { max_turns_in_flight: 2, ..EngineConfig::default() });
    board.slot(&id("b")).place = Place::Busy;
    let turn = || {
        let message = Outgoing { to: id("b"), message: event("of the turn") };
        let mut commit = Commit::default();
        commit.push_outgoing(&[message], NOW);
        let record = commit.records.pop().expect("it was just put there");
        commit.begin_with_turn(record);
        commit
    };
    board.queue_commit(turn());
    board.queue_commit(turn());
    let (_, _answer) = waiting(&mut board, "b", "more to do");
    becomes_resident(&mut board, "b");
    assert!(board.next().is_none(), "two turns are not written yet");
    board.turn_is_written(&id("b"));
    assert!(board.next().is_some());
}

#[test]
fn only_the_first_record_of_an_id_that_the_host_made_begins_a_chain() {
    let mut board = board();
    board.admit_new(&id("a"), blank(&id("a")), Delivery::unrecorded(start("first")));
    send(&mut board, vec![to("a", "one"), to("a", "two"), to("chosen by a client", "one")]);
    send(&mut board, vec![to("a", "three")]);
    let new: Vec<_> = gather(&mut board, usize::MAX).into_iter().map(|commit| commit.new).collect();
    assert_eq!(new, [vec![id("a")], vec![], vec![]]);
}

#[test]
fn who_leaves_memory_is_kept_for_a_guest_thread_to_let_go_of() {
    let mut board = board();
    board.rest(&id("ended"), instance(true), NOW);
    assert!(!board.slots.contains_key(&id("ended")));
    assert_eq!(board.leaving.len(), 1);
}

#[test]
fn an_instance_that_is_held_up_takes_so_many_events_for_later_and_no_more() {
    let mut board = board();
    // From now on it is being read, and what comes waits for it in memory.
    send(&mut board, vec![to("b", "zero")]);
    let limits = InstanceLimits { max_buffered_events: 2, ..InstanceLimits::default() };
    let by_bytes = InstanceLimits { max_buffered_event_bytes: 15, ..InstanceLimits::default() };
    send(&mut board, vec![to("b", "one")]);
    assert!(board.check_inbox(&id("b"), &limits).is_ok());
    send(&mut board, vec![to("b", "two")]);
    assert!(board.check_inbox(&id("b"), &by_bytes).is_ok(), "names and data of both have 14 bytes");
    let full = board.check_inbox(&id("b"), &limits).unwrap_err().to_string();
    assert!(full.starts_with("2 messages of 14 bytes wait for the next turn of instance 'b'"), "{full}");
    send(&mut board, vec![to("b", "three")]);
    assert!(board.check_inbox(&id("b"), &by_bytes).is_err());
    let taken = board.slot(&id("b")).take(3);
    assert!(board.check_inbox(&id("b"), &limits).is_ok(), "a turn has taken them");
    board.slot(&id("b")).push_front(taken.into_iter());
    assert!(board.check_inbox(&id("b"), &limits).is_err(), "the turn came to nothing");
}

/// A board with two workers, one of which waits, and an instance that is at work.
fn board_with_one_that_waits() -> Board {
    let mut board = board();
    board.slot(&id("b")).place = Place::Busy;
    board.idle.join_crew();
    board.idle.join_crew();
    board.idle.begin();
    board
}

/// Queues the instance.
fn deliver(board: &mut Board) {
    board.deliver(&id("b"), Delivery::unrecorded(event("one")));
    becomes_resident(board, "b");
}

#[test]
fn a_worker_takes_what_it_has_queued_and_calls_no_other() {
    let mut board = board_with_one_that_waits();
    let ((), next) = board.change_and_take(false, deliver);
    assert!(matches!(next, Some(Next::Turn(job)) if job.id == id("b")));
    assert_eq!(board.idle.uncalled(), 1, "for one job nobody else is called");
}

#[test]
fn a_worker_that_leaves_calls_another_for_what_it_has_queued() {
    let mut board = board_with_one_that_waits();
    let ((), next) = board.change_and_take(true, deliver);
    assert!(next.is_none());
    assert_eq!(board.idle.uncalled(), 0, "the one that waits is called");
    board.idle.leave_crew();
    assert!(!board.is_stalled());
}

#[test]
fn a_worker_that_panics_calls_another_for_what_it_has_queued() {
    let mut board = board_with_one_that_waits();
    let panicking = std::panic::AssertUnwindSafe(|| {
        board.change_and_take(false, |board| {
            deliver(board);
            std::panic::resume_unwind(Box::new("on purpose"));
        })
    });
    assert!(std::panic::catch_unwind(panicking).is_err());
    assert_eq!(board.idle.uncalled(), 0);
    assert!(!board.holder_looks_for_work, "a promise does not outlive the one who made it");
}

#[test]
fn what_is_queued_while_every_worker_waits_is_found_and_healed() {
    let mut board = board_with_one_that_waits();
    assert_eq!(board.call_if_stalled(), 0, "nothing is queued");
    board.holder_looks_for_work = true;
    deliver(&mut board);
    board.holder_looks_for_work = false;
    assert_eq!(board.call_if_stalled(), 0, "the other worker is at work, and looks when it is done");
    assert_eq!(board.left_lying(), ["1 jobs are queued while 1 workers wait"]);
    board.idle.leave_crew();
    assert_eq!(board.call_if_stalled(), 1);
    assert_eq!(board.call_if_stalled(), 0, "one has been called");
}
