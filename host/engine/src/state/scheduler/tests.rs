//! The order of log and mailboxes, without guests and without a store.

use longhaul_core::limits::InstanceLimits;
use longhaul_core::{Message, Outgoing, Payload};

use super::late::tests::{instance, start};
use super::*;
use crate::error::EngineError;
use crate::state::commit_queue::{Commit, QueueItem};

const NOW: Timestamp = Timestamp(1);

fn scheduler() -> Scheduler {
    Scheduler::new(Arc::default(), &EngineConfig::default())
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

/// How many records an item of the queue writes.
fn records(item: &QueueItem) -> usize {
    match item {
        QueueItem::Commit(commit) => commit.records.len(),
        QueueItem::ReadChain(_) | QueueItem::Barrier(_) => 0,
    }
}

/// Queues a commit with these messages and delivers them, as a guest thread does at the end of a
/// turn.
fn send(scheduler: &mut Scheduler, messages: Vec<Outgoing>) {
    let mut commit = Commit::default();
    commit.push_outgoing(&messages, NOW);
    scheduler.queue_with_messages(commit, messages);
}

/// As when a chain has been read.
fn becomes_resident(scheduler: &mut Scheduler, text: &str) {
    scheduler.rest(&id(text), instance(false), NOW);
}

fn mailbox(scheduler: &mut Scheduler, text: &str) -> Vec<(Message, bool)> {
    scheduler.cell(&id(text)).mailbox.iter().map(|delivery| (delivery.message.clone(), delivery.recorded)).collect()
}

fn waiting(scheduler: &mut Scheduler, text: &str, name: &str) -> (Ticket, oneshot::Receiver<Result<(), EngineError>>) {
    let ticket = scheduler.new_ticket();
    let (waiter, answer) = oneshot::channel();
    scheduler.deliver(&id(text), Delivery { waiter: Some(waiter), ticket: Some(ticket), ..Delivery::unrecorded(event(name)) });
    (ticket, answer)
}

#[test]
fn a_cold_receiver_finds_all_messages_of_one_commit_in_its_chain_and_none_twice() {
    let mut scheduler = scheduler();
    send(&mut scheduler, vec![to("b", "one"), to("b", "two")]);
    assert!(matches!(scheduler.cell(&id("b")).phase, Phase::Loading));
    assert!(mailbox(&mut scheduler, "b").is_empty());
    assert_eq!(scheduler.cell(&id("b")).mailbox.totals().recorded, 0);
}

#[test]
fn a_message_recorded_while_its_receiver_is_read_is_not_in_the_batch_of_the_reading() {
    let mut scheduler = scheduler();
    send(&mut scheduler, vec![to("b", "one")]);
    send(&mut scheduler, vec![to("b", "two")]);
    assert_eq!(mailbox(&mut scheduler, "b"), [(event("two"), true)]);

    let reading = scheduler.gather_commits(usize::MAX);
    let records: usize = reading.iter().map(records).sum();
    assert_eq!(records, 1, "the reading ends its batch, so that its chain ends with the first message");
    assert_eq!(scheduler.gather_commits(usize::MAX).len(), 1);
    assert!(scheduler.gather_commits(usize::MAX).is_empty());
}

#[test]
fn a_batch_may_be_bounded_to_one_commit() {
    let mut scheduler = scheduler();
    send(&mut scheduler, vec![to("b", "one"), to("b", "two")]);
    send(&mut scheduler, vec![to("b", "three")]);
    let batches = std::iter::repeat_with(|| scheduler.gather_commits(1)).take_while(|batch| !batch.is_empty());
    let records: Vec<Vec<usize>> = batches.map(|batch| batch.iter().map(records).collect()).collect();
    assert_eq!(records, [[2], [0], [1]], "the one in the middle reads the receiver's chain");
}

#[test]
fn a_message_that_waits_too_long_goes_behind_those_that_are_recorded() {
    let mut scheduler = scheduler();
    let (ticket, _answer) = waiting(&mut scheduler, "b", "from outside");
    becomes_resident(&mut scheduler, "b");
    send(&mut scheduler, vec![to("b", "recorded")]);

    let (waiter, _late) = oneshot::channel();
    scheduler.record_now(&id("b"), ticket, NOW, waiter).expect("no turn has taken it");
    assert_eq!(mailbox(&mut scheduler, "b"), [(event("recorded"), true), (event("from outside"), true)], "as in the log");
    assert_eq!(scheduler.cell(&id("b")).mailbox.totals().recorded, 2);
}

#[test]
fn a_message_for_one_instance_is_not_recorded_where_another_one_may_get_it() {
    let mut scheduler = scheduler();
    let (ticket, _answer) = waiting(&mut scheduler, "b", "from outside");
    scheduler.cell(&id("b")).mailbox.front_mut().unwrap().born_at = Some(NOW);
    becomes_resident(&mut scheduler, "b");
    let (waiter, _late) = oneshot::channel();
    // The instance in memory was never started, so it is not the one that is meant.
    assert!(scheduler.record_now(&id("b"), ticket, NOW, waiter).is_err());
    scheduler.cell(&id("b")).mailbox.front_mut().unwrap().born_at = None;
    let (waiter, _late) = oneshot::channel();
    assert!(scheduler.record_now(&id("b"), ticket, NOW, waiter).is_ok());
}

#[test]
fn a_message_that_a_turn_has_taken_gets_no_record_of_its_own() {
    let mut scheduler = scheduler();
    let (ticket, _answer) = waiting(&mut scheduler, "b", "from outside");
    becomes_resident(&mut scheduler, "b");
    scheduler.commits.take_all();
    let Some(NextJob::Turn(job)) = scheduler.next() else { panic!("the instance has a message") };
    assert_eq!(job.deliveries.len(), 1);

    let (waiter, _late) = oneshot::channel();
    assert!(scheduler.record_now(&id("b"), ticket, NOW, waiter).is_err());
    assert!(scheduler.commits.items().is_empty());
}

#[test]
fn an_instance_on_a_guest_thread_is_not_queued_a_second_time() {
    let mut scheduler = scheduler();
    let (_, _first) = waiting(&mut scheduler, "b", "one");
    becomes_resident(&mut scheduler, "b");
    assert!(scheduler.next().is_some());
    let (_, _second) = waiting(&mut scheduler, "b", "two");
    assert!(scheduler.next().is_none(), "it is busy");
    becomes_resident(&mut scheduler, "b");
    assert!(scheduler.next().is_some(), "what came meanwhile is taken next");
}

#[test]
fn an_instance_far_ahead_of_its_commits_waits_for_the_oldest_of_them() {
    let mut scheduler = Scheduler::new(Arc::default(), &EngineConfig { max_turns_in_flight: 2, ..EngineConfig::default() });
    scheduler.cell(&id("b")).phase = Phase::Busy(TurnUnderWay::default());
    let turn = || {
        let message = Outgoing { to: id("b"), message: event("of the turn") };
        let mut commit = Commit::default();
        commit.push_outgoing(&[message], NOW);
        let record = commit.records.pop().expect("it was just put there");
        commit.begin_with_turn(record);
        commit
    };
    scheduler.queue_commit(turn());
    scheduler.queue_commit(turn());
    let (_, _answer) = waiting(&mut scheduler, "b", "more to do");
    becomes_resident(&mut scheduler, "b");
    assert!(scheduler.next().is_none(), "two turns are not written yet");
    scheduler.turn_is_written(&id("b"));
    assert!(scheduler.next().is_some());
}

#[test]
fn only_the_first_record_of_an_id_that_the_host_made_begins_a_chain() {
    let mut scheduler = scheduler();
    scheduler.admit_new(&id("a"), Delivery::unrecorded(start("first")));
    send(&mut scheduler, vec![to("a", "one"), to("a", "two"), to("chosen by a client", "one")]);
    send(&mut scheduler, vec![to("a", "three")]);
    let new: Vec<_> = scheduler
        .gather_commits(usize::MAX)
        .into_iter()
        .map(|item| match item {
            QueueItem::Commit(commit) => commit.new,
            QueueItem::ReadChain(_) | QueueItem::Barrier(_) => Vec::new(),
        })
        .collect();
    assert_eq!(new, [vec![id("a")], vec![], vec![]]);
}

#[test]
fn what_leaves_memory_is_kept_for_a_guest_thread_to_drop() {
    let mut scheduler = scheduler();
    scheduler.rest(&id("ended"), instance(true), NOW);
    assert!(!scheduler.cells.contains_key(&id("ended")));
    assert_eq!(scheduler.to_drop.len(), 1);
}

#[test]
fn an_instance_that_is_held_up_takes_so_many_events_for_later_and_no_more() {
    let mut scheduler = scheduler();
    // From now on it is being read, and what comes waits for it in memory.
    send(&mut scheduler, vec![to("b", "zero")]);
    let limits = InstanceLimits { max_buffered_events: 2, ..InstanceLimits::default() };
    let by_bytes = InstanceLimits { max_buffered_event_bytes: 15, ..InstanceLimits::default() };
    send(&mut scheduler, vec![to("b", "one")]);
    assert!(scheduler.check_inbox(&id("b"), &limits).is_ok());
    send(&mut scheduler, vec![to("b", "two")]);
    assert!(scheduler.check_inbox(&id("b"), &by_bytes).is_ok(), "names and data of both have 14 bytes");
    let full = scheduler.check_inbox(&id("b"), &limits).unwrap_err().to_string();
    assert!(full.starts_with("2 messages of 14 bytes wait for the next turn of instance 'b'"), "{full}");
    send(&mut scheduler, vec![to("b", "three")]);
    assert!(scheduler.check_inbox(&id("b"), &by_bytes).is_err());
    let taken = scheduler.cell(&id("b")).take(3);
    assert!(scheduler.check_inbox(&id("b"), &limits).is_ok(), "a turn has taken them");
    scheduler.cell(&id("b")).push_front(taken.into_iter());
    assert!(scheduler.check_inbox(&id("b"), &limits).is_err(), "the turn failed");
}

/// A scheduler with two workers, one of which waits, and an instance that is at work.
fn board_with_one_that_waits() -> Scheduler {
    let mut scheduler = scheduler();
    scheduler.cell(&id("b")).phase = Phase::Busy(TurnUnderWay::default());
    scheduler.workers.join_crew();
    scheduler.workers.join_crew();
    scheduler.workers.begin();
    scheduler
}

/// Queues the instance.
fn deliver(scheduler: &mut Scheduler) {
    scheduler.deliver(&id("b"), Delivery::unrecorded(event("one")));
    becomes_resident(scheduler, "b");
}

#[test]
fn a_worker_takes_what_it_has_queued_and_calls_no_other() {
    let mut scheduler = board_with_one_that_waits();
    let ((), next) = scheduler.change_and_take(false, deliver);
    assert!(matches!(next, Some(NextJob::Turn(job)) if job.id == id("b")));
    assert_eq!(scheduler.workers.uncalled(), 1, "for one job no other thread is called");
}

#[test]
fn a_worker_that_leaves_calls_another_for_what_it_has_queued() {
    let mut scheduler = board_with_one_that_waits();
    let ((), next) = scheduler.change_and_take(true, deliver);
    assert!(next.is_none());
    assert_eq!(scheduler.workers.uncalled(), 0, "the one that waits is called");
    scheduler.workers.leave_crew();
    assert!(!scheduler.is_stalled());
}

#[test]
fn a_worker_that_panics_calls_another_for_what_it_has_queued() {
    let mut scheduler = board_with_one_that_waits();
    let panicking = std::panic::AssertUnwindSafe(|| {
        scheduler.change_and_take(false, |scheduler| {
            deliver(scheduler);
            std::panic::resume_unwind(Box::new("on purpose"));
        })
    });
    assert!(std::panic::catch_unwind(panicking).is_err());
    assert_eq!(scheduler.workers.uncalled(), 0);
    assert!(!scheduler.holder_looks_for_work, "a promise does not outlive the one who made it");
}

#[test]
fn what_is_queued_while_every_worker_waits_is_found_and_healed() {
    let mut scheduler = board_with_one_that_waits();
    assert_eq!(scheduler.call_if_stalled(), 0, "nothing is queued");
    scheduler.holder_looks_for_work = true;
    deliver(&mut scheduler);
    scheduler.holder_looks_for_work = false;
    assert_eq!(scheduler.call_if_stalled(), 0, "the other worker is at work, and looks when it is done");
    assert_eq!(scheduler.left_lying(), ["1 jobs are queued while 1 workers wait"]);
    scheduler.workers.leave_crew();
    assert_eq!(scheduler.call_if_stalled(), 1);
    assert_eq!(scheduler.call_if_stalled(), 0, "one has been called");
}
