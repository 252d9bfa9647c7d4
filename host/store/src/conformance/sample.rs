//! Records to test with: small, and each with only the fields that a test names.

use std::sync::Arc;

use longhaul_core::message::{Operation, Start};
use longhaul_core::record::{EntityRecord, FORMAT, MessageRecord, NewRecord, NextExecution, Outcome, ParkedRecord, Received, TurnRecord};
use longhaul_core::{DeploymentId, ExecutionId, InstanceId, Message, OnReturn, Payload, Record, RuntimeStatus, Tags, Timestamp};

use crate::contract::{Batch, ChainRecord, EncodedRecord, InstanceQuery, Instances, Page, Position, Store};

/// An instance id.
pub fn id(text: &str) -> InstanceId {
    InstanceId::trusted(text)
}

/// A payload of this JSON text.
pub fn json(text: &str) -> Payload {
    Payload::parse(text).expect("the test's text is JSON")
}

/// A start of orchestration `Sample`, accepted at `now`, on deployment 1, with a tag.
pub fn start(now: u64) -> Start {
    Start {
        name: "Sample".into(),
        input: json("{\"n\":1}"),
        execution: ExecutionId::trusted(format!("{now:032x}")),
        deployment: DeploymentId(1),
        created_at: Timestamp(now),
        born_at: None,
        version: None,
        parent: None,
        at: None,
        on_return: OnReturn::default(),
        nesting: 0,
        tags: Tags::from([("accepted".into(), now.to_string())]),
    }
}

/// Records that a message was accepted.
pub fn message(instance: &str, now: u64, message: Message) -> NewRecord {
    new(instance, false, Record::Message(MessageRecord { format: FORMAT, at: Timestamp(now), message }))
}

/// Records that a start was accepted.
pub fn started(instance: &str, now: u64) -> NewRecord {
    message(instance, now, Message::Start(Box::new(start(now))))
}

/// Records that an event was raised.
pub fn event(instance: &str, now: u64, name: &str) -> NewRecord {
    message(instance, now, Message::Event { name: name.into(), data: Payload::null() })
}

/// Records that an operation was sent to an entity.
pub fn operation(instance: &str, now: u64) -> NewRecord {
    let operation = Operation { name: "add".into(), input: json("1"), caller: None, at: None };
    message(instance, now, Message::Operation(operation))
}

/// A running turn that consumes `consumed` messages of the inbox and asks for nothing.
pub fn turn(number: u32, now: u64, consumed: usize) -> TurnRecord {
    let received = vec![Received::Inbox; consumed];
    let text =
        serde_json::json!({ "format": FORMAT, "number": number, "now": now, "received": received, "status": RuntimeStatus::Running });
    serde_json::from_value(text).expect("all other fields have defaults")
}

/// Turn 0 of an execution whose start stands in the turn itself.
pub fn first_turn(now: u64) -> TurnRecord {
    let start = start(now);
    let began = Some(start.execution.clone());
    TurnRecord { received: vec![Received::Inline(Message::Start(Box::new(start)))], began, ..turn(0, now, 0) }
}

/// The turn with which an execution returns `value`.
pub fn completed(number: u32, now: u64, value: &str) -> TurnRecord {
    TurnRecord { outcome: Some(Outcome::Completed(json(value))), status: RuntimeStatus::Completed, ..turn(number, now, 0) }
}

/// The turn with which an execution continues as new; it consumes `consumed` of the `inbox_before`
/// messages.
pub fn continued(number: u32, now: u64, consumed: usize, inbox_before: u32) -> TurnRecord {
    let next = NextExecution { start: start(now), events: Vec::new() };
    TurnRecord { outcome: Some(Outcome::ContinuedAsNew(Box::new(next))), inbox_before, ..turn(number, now, consumed) }
}

/// A batch of an entity that consumes `consumed` of the `inbox_before` messages and leaves `state`.
pub fn batch(now: u64, consumed: usize, inbox_before: u32, state: Option<&str>) -> EntityRecord {
    EntityRecord {
        format: FORMAT,
        now: Timestamp(now),
        received: vec![Received::Inbox; consumed],
        state: state.map(json),
        failures: Vec::new(),
        lock: None,
        deferred: Vec::new(),
        scheduled: Vec::new(),
        wake_at: None,
        inbox_before,
    }
}

/// A turn of an instance; those that continue as new are bases.
pub fn of(instance: &str, turn: TurnRecord) -> NewRecord {
    let base = matches!(turn.outcome, Some(Outcome::ContinuedAsNew(_)));
    new(instance, base, Record::Turn(Box::new(turn)))
}

/// A batch of an entity: always a base.
pub fn of_entity(instance: &str, batch: EntityRecord) -> NewRecord {
    new(instance, true, Record::Entity(Box::new(batch)))
}

/// Records that an instance is set aside.
pub fn parked(instance: &str, now: u64) -> NewRecord {
    new(instance, false, Record::Parked(ParkedRecord { format: FORMAT, at: Timestamp(now), reason: "a test".into() }))
}

fn new(instance: &str, base: bool, record: Record) -> NewRecord {
    NewRecord { instance: id(instance), base, record }
}

/// A record with its text.
pub fn encoded(record: NewRecord) -> EncodedRecord {
    EncodedRecord { data: record.record.encode(), record: Arc::new(record), if_wanted: false }
}

/// Appends records as one batch.
pub async fn append(store: &dyn Store, records: impl IntoIterator<Item = NewRecord>) {
    let records = records.into_iter().map(encoded).collect();
    store.append(Batch { records, ..Batch::default() }).await.expect("the batch is appended");
}

/// All pages of a list, one after the other.
pub async fn walk(store: &(impl Instances + ?Sized), mut query: InstanceQuery) -> Vec<Page> {
    let mut pages = Vec::new();
    loop {
        let page = store.list(query.clone()).await.expect("the list is read");
        query.after = page.next.clone();
        pages.push(page);
        if query.after.is_none() {
            return pages;
        }
    }
}

/// The last position of an instance.
pub async fn tail(store: &(impl Instances + ?Sized), instance: &str) -> Option<Position> {
    store.tail(&id(instance)).await.expect("the tail is found")
}

/// The chain that ends at the instance's last record.
pub async fn chain(store: &dyn Store, instance: &str) -> Vec<ChainRecord> {
    match tail(store, instance).await {
        Some(tail) => store.read_chain(tail).await.expect("the chain is read"),
        None => Vec::new(),
    }
}

/// The records of a chain without their positions.
pub fn records(chain: Vec<ChainRecord>) -> Vec<Record> {
    chain.into_iter().map(|one| one.record).collect()
}
