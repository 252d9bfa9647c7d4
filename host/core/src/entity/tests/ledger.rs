//! Drives an entity through batches. The guest is a ledger: `Add` adds its input to the state,
//! `Fail` fails, `Forget` deletes.

use std::collections::VecDeque;

use crate::entity::{Entity, GuestBatch, GuestOperation, GuestOperationResult};
use crate::message::{Message, Operation, Outgoing, Section, TaskRef};
use crate::model::{DeploymentId, EntityId, ExecutionId, Failure, InstanceId, Payload, TaskId, TaskResult, Timestamp};
use crate::record::{EntityRecord, FORMAT, MessageRecord, Record};
use crate::row::InstanceRow;

pub(super) struct Ledger {
    pub(super) entity: Entity,
    pub(super) chain: Vec<Record>,
    pub(super) row: Option<InstanceRow>,
    clock: Timestamp,
    mailbox: VecDeque<(Message, bool)>,
    /// Names of operations, in the order in which they ran.
    pub(super) ran: Vec<String>,
}

#[derive(Debug)]
pub(super) struct Ran {
    pub(super) record: EntityRecord,
    pub(super) outgoing: Vec<Outgoing>,
    pub(super) untold: Vec<usize>,
    /// Names of operations of this batch.
    pub(super) operations: Vec<String>,
}

impl Ledger {
    pub(super) fn new() -> Self {
        Self::of("a")
    }

    pub(super) fn of(key: &str) -> Self {
        let entity = Entity::blank(id(key));
        Self { entity, chain: Vec::new(), row: None, clock: Timestamp(1_000), mailbox: VecDeque::new(), ran: Vec::new() }
    }

    pub(super) fn at(&mut self, clock: u64) -> &mut Self {
        self.clock = Timestamp(clock);
        self
    }

    pub(super) fn arrive(&mut self, message: Message) -> &mut Self {
        self.mailbox.push_back((message, false));
        self
    }

    pub(super) fn record(&mut self, message: Message) -> &mut Self {
        self.append(Record::Message(MessageRecord { format: FORMAT, at: self.clock, message: message.clone() }));
        self.mailbox.push_back((message, true));
        self
    }

    /// Runs everything that waits in one batch.
    pub(super) fn batch(&mut self) -> Ran {
        let all = self.mailbox.len();
        self.batch_of(all)
    }

    /// Runs at most `limit` messages.
    pub(super) fn batch_of(&mut self, limit: usize) -> Ran {
        self.batch_with(limit, run)
    }

    pub(super) fn batch_with(&mut self, limit: usize, guest: impl Fn(Option<Payload>, Vec<GuestOperation>) -> GuestBatch) -> Ran {
        let mut twin = self.folded();
        let inbox_before = self.mailbox.iter().map(|(_, recorded)| u32::from(*recorded)).sum();
        let taken: Vec<_> = self.mailbox.drain(..limit.min(self.mailbox.len())).collect();
        let live = run_batch(&mut self.entity, self.clock, taken.clone(), &guest);
        let folded = run_batch(&mut twin, self.clock, taken, &guest);
        assert_eq!((&live.record, &live.outgoing), (&folded.record, &folded.outgoing), "the folded entity runs another batch");
        self.append(Record::Entity(Box::new(EntityRecord { inbox_before, ..live.record.clone() })));
        self.folded();
        self.ran.extend(live.operations.iter().cloned());
        live
    }

    fn append(&mut self, record: Record) {
        let stored = Record::decode(record.kind(), &record.encode()).unwrap();
        assert_eq!(stored, record, "the record is another one after it was stored");
        self.row = InstanceRow::after(self.row.take(), &self.entity.id().instance_id(), &record);
        self.chain.push(record);
    }

    /// What the records say, from the latest base and from the beginning.
    pub(super) fn folded(&self) -> Entity {
        let (whole, inbox) = Entity::fold(self.entity.id().clone(), self.chain.clone());
        assert_eq!(format!("{:?}", (&whole.state, &whole.lock, &whole.deferred, &whole.scheduled)), self.shown());
        let from = self.chain.iter().rposition(|record| matches!(record, Record::Entity(_))).unwrap_or(0);
        let needed = self.chain.get(from).map_or(0, Record::inbox_before) as usize;
        let mut messages: Vec<_> = self.chain[..from].iter().filter(|record| matches!(record, Record::Message(_))).cloned().collect();
        let short = messages.split_off(messages.len() - needed).into_iter().chain(self.chain[from..].iter().cloned());
        let (short, short_inbox) = Entity::fold(self.entity.id().clone(), short);
        let recorded: Vec<_> = self.mailbox.iter().filter(|(_, recorded)| *recorded).map(|(message, _)| message.clone()).collect();
        assert_eq!((inbox, short_inbox), (recorded.clone().into(), recorded.clone().into()));
        if let Some(row) = &self.row {
            assert_eq!((row.inbox as usize, row.wake_at, &row.state), (recorded.len(), self.entity.wake_at(), &self.entity.state));
            assert_eq!(row.queue_size as usize, self.entity.deferred.len());
        }
        short
    }

    fn shown(&self) -> String {
        let Entity { state, lock, deferred, scheduled, .. } = &self.entity;
        format!("{:?}", (state, lock, deferred, scheduled))
    }
}

fn run_batch(
    entity: &mut Entity,
    clock: Timestamp,
    messages: Vec<(Message, bool)>,
    guest: impl Fn(Option<Payload>, Vec<GuestOperation>) -> GuestBatch,
) -> Ran {
    let mut batch = entity.begin_batch(clock);
    for (message, recorded) in messages {
        entity.receive(&mut batch, message, recorded);
    }
    let operations = batch.guest_operations();
    let names = operations.iter().map(|operation| operation.name.clone()).collect();
    let returned = (!operations.is_empty()).then(|| guest(entity.state().cloned(), operations));
    let step = entity.end_batch(batch, returned, &ExecutionId::trusted("fresh"), DeploymentId(3));
    Ran { record: step.record, outgoing: step.outgoing, untold: step.untold, operations: names }
}

fn run(state: Option<Payload>, operations: Vec<GuestOperation>) -> GuestBatch {
    let mut sum: Option<i64> = state.map(|state| state.as_str().parse().unwrap());
    let results = operations.iter().map(|operation| {
        let outcome = match operation.name.as_str() {
            "Fail" => Err(Failure::new("Refused", "no")),
            "Forget" => {
                sum = None;
                Ok(Payload::null())
            }
            _ => {
                sum = Some(sum.unwrap_or(0) + operation.input.as_str().parse::<i64>().unwrap());
                Ok(Payload::of(&sum).unwrap())
            }
        };
        GuestOperationResult { outcome, signals: Vec::new(), starts: Vec::new() }
    });
    let results = results.collect();
    GuestBatch { state: sum.map(|sum| Payload::of(&sum).unwrap()), results }
}

impl Ran {
    /// What callers are told: instance, task and result.
    pub(super) fn replies(&self) -> Vec<(String, u32, String)> {
        let replies = self.outgoing.iter().filter_map(|one| match &one.message {
            Message::EntityReply { task, result, .. } => {
                let text = match result {
                    TaskResult::Completed(value) => value.as_str().to_owned(),
                    TaskResult::Failed(failure) => failure.message.clone(),
                };
                Some((one.to.to_string(), task.0, text))
            }
            _ => None,
        });
        replies.collect()
    }

    /// Messages about locks: receiver and kind.
    pub(super) fn locks(&self) -> Vec<(String, &'static str)> {
        let locks = self.outgoing.iter().filter_map(|one| match &one.message {
            Message::Lock(_) => Some((one.to.to_string(), "lock")),
            Message::Release(_) => Some((one.to.to_string(), "release")),
            Message::LockGranted { .. } => Some((one.to.to_string(), "granted")),
            _ => None,
        });
        locks.collect()
    }
}

pub(super) fn id(key: &str) -> EntityId {
    EntityId::new("Stock", key).unwrap()
}

pub(super) fn owner(instance: &str, task: u32) -> TaskRef {
    TaskRef { instance: InstanceId::trusted(instance), execution: ExecutionId::trusted(format!("{instance} 1")), task: TaskId(task) }
}

pub(super) fn signal(name: &str, input: i64) -> Message {
    operation(name, input, None, None)
}

pub(super) fn call(instance: &str, task: u32, name: &str, input: i64) -> Message {
    operation(name, input, Some(owner(instance, task)), None)
}

pub(super) fn operation(name: &str, input: i64, caller: Option<TaskRef>, at: Option<u64>) -> Message {
    Message::Operation(Operation { name: name.into(), input: Payload::of(&input).unwrap(), caller, at: at.map(Timestamp) })
}

pub(super) fn section(instance: &str, keys: &[&str], next: usize) -> Section {
    Section { owner: owner(instance, 9), set: keys.iter().map(|key| id(key)).collect(), next }
}

pub(super) fn lock(instance: &str) -> Message {
    Message::Lock(section(instance, &["a"], 0))
}

pub(super) fn release(instance: &str) -> Message {
    Message::Release(section(instance, &["a"], 0))
}
