//! What becomes of messages for receivers that have ended, by where the receiver is.

use std::sync::Arc;

use longhaul_core::message::Start;
use longhaul_core::{
    DeploymentId, ExecutionId, GuestTurn, OnReturn, Orchestration, Payload, RuntimeStatus, Tags, TaskId, TaskResult, Timestamp,
};

use super::*;
use crate::config::EngineConfig;
use crate::state::commit_queue::QueueItem;
use crate::state::instance::TurnUnderWay;
use crate::state::resident::{Guest, OrchestrationInMemory};

const NOW: Timestamp = Timestamp(1);

fn scheduler() -> Scheduler {
    Scheduler::new(Arc::default(), &EngineConfig::default())
}

fn id(text: &str) -> InstanceId {
    InstanceId::trusted(text)
}

pub(in crate::state) fn start(execution: &str) -> Message {
    Message::Start(Box::new(Start {
        name: "Order".into(),
        input: Payload::null(),
        execution: ExecutionId::trusted(execution),
        deployment: DeploymentId(1),
        created_at: NOW,
        born_at: None,
        version: None,
        parent: None,
        at: None,
        tags: Tags::new(),
        on_return: OnReturn::default(),
        nesting: 0,
    }))
}

fn child_done(execution: &str) -> Message {
    Message::ChildDone { execution: ExecutionId::trusted(execution), task: TaskId(0), result: TaskResult::Completed(Payload::null()) }
}

fn event() -> Message {
    Message::Event { name: "E".into(), data: Payload::null() }
}

/// An instance whose execution `first` has begun, and has ended if that is asked for.
pub(in crate::state) fn instance(ended: bool) -> Resident {
    let mut state = Orchestration::blank(id("r"));
    let mut turn = state.begin_turn(NOW, DeploymentId(1));
    state.receive(&mut turn, start("first"), false);
    if ended {
        state.receive(&mut turn, Message::Terminate { reason: None, recursive: false, parent: None }, false);
    }
    state.activate(&mut turn);
    let guest = turn.take_activation().map(|_| GuestTurn::default());
    state.end_turn(turn, guest);
    assert_eq!(state.status().is_some_and(RuntimeStatus::is_terminal), ended);
    Resident::Orchestration(Box::new(OrchestrationInMemory { state, guest: Guest::Fresh }))
}

/// Sends messages to `r` in one commit, as a turn does. Returns which of them have a record, and
/// whether the store may leave it out.
fn send(scheduler: &mut Scheduler, messages: Vec<Message>) -> Vec<bool> {
    let messages: Vec<_> = messages.into_iter().map(|message| Outgoing { to: id("r"), message }).collect();
    let mut commit = Commit::default();
    commit.push_outgoing(&messages, NOW);
    let before = scheduler.commits.items().len();
    scheduler.queue_with_messages(commit, messages);
    let queued = scheduler.commits.items().iter().skip(before);
    let commits = queued.filter_map(|item| match item {
        QueueItem::Commit(commit) => Some(commit),
        QueueItem::ReadChain(_) | QueueItem::Barrier(_) => None,
    });
    commits.flat_map(|commit| commit.records.iter().map(|encoded| encoded.if_wanted)).collect()
}

fn mailbox(scheduler: &mut Scheduler) -> Vec<Message> {
    let cell = scheduler.cell(&id("r"));
    assert_eq!(cell.mailbox.totals().recorded as usize, cell.mailbox.iter().count());
    cell.mailbox.iter().map(|delivery| delivery.message.clone()).collect()
}

#[test]
fn a_message_for_an_instance_in_memory_that_has_ended_gets_no_record_and_no_turn() {
    let mut scheduler = scheduler();
    scheduler.cell(&id("r")).phase = Phase::at_rest(instance(true));
    assert_eq!(send(&mut scheduler, vec![event(), child_done("first")]), Vec::<bool>::new());
    assert!(mailbox(&mut scheduler).is_empty() && scheduler.commits.items().is_empty() && scheduler.next().is_none());
}

#[test]
fn a_live_instance_in_memory_gets_its_messages_and_no_answer_to_an_execution_that_is_gone() {
    let mut scheduler = scheduler();
    scheduler.cell(&id("r")).phase = Phase::at_rest(instance(false));
    assert_eq!(send(&mut scheduler, vec![child_done("gone"), event(), child_done("first")]), [false, false]);
    assert_eq!(mailbox(&mut scheduler), [event(), child_done("first")]);
}

#[test]
fn the_store_decides_on_messages_for_an_instance_that_is_not_in_memory() {
    let mut scheduler = scheduler();
    assert_eq!(send(&mut scheduler, vec![event()]), [true]);
    assert_eq!(send(&mut scheduler, vec![event()]), [true], "it is being read");
}

#[test]
fn messages_behind_a_start_are_recorded() {
    let mut scheduler = scheduler();
    assert_eq!(send(&mut scheduler, vec![event(), start("next"), event()]), [true, false, false]);
    scheduler.cell(&id("r")).push(Delivery::unrecorded(start("from outside")));
    assert_eq!(send(&mut scheduler, vec![event()]), [false]);
}

#[test]
fn the_store_is_not_asked_where_an_entity_or_a_guest_thread_has_the_last_word() {
    let mut scheduler = scheduler();
    scheduler.cell(&id("r")).phase = Phase::Busy(TurnUnderWay::default());
    assert_eq!(send(&mut scheduler, vec![event()]), [false]);
    let entity = Outgoing { to: id("@e@1"), message: event() };
    assert!(scheduler.fate(&entity.to, &entity.message) == Fate::Recorded);
}

#[test]
fn what_was_read_says_which_messages_the_store_has_left_out() {
    let after_reading = |resident: Resident, inbox: Vec<Message>| {
        let mut scheduler = scheduler();
        send(&mut scheduler, vec![event()]);
        send(&mut scheduler, vec![child_done("first"), event()]);
        drop_left_out(&mut scheduler.cell(&id("r")).mailbox, &resident, &inbox);
        mailbox(&mut scheduler)
    };
    assert_eq!(after_reading(instance(true), Vec::new()), []);
    assert_eq!(after_reading(instance(false), Vec::new()), [child_done("first"), event()]);
    assert_eq!(after_reading(instance(true), vec![start("second")]), [event()], "a start was recorded before");
    assert_eq!(after_reading(Resident::blank(&id("r")), Vec::new()), []);
}

#[test]
fn a_message_that_is_recorded_for_certain_stays_though_the_instance_has_ended() {
    let mut scheduler = scheduler();
    send(&mut scheduler, vec![event()]);
    scheduler.cell(&id("r")).push(Delivery::recorded(event()));
    drop_left_out(&mut scheduler.cell(&id("r")).mailbox, &instance(true), &[]);
    assert_eq!(mailbox(&mut scheduler), [event()]);
}
