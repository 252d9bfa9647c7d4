//! One batch of an entity, and what comes of it.

use super::{Entity, GuestBatch, GuestOperation, GuestOperationResult};
use crate::message::{Message, Operation, Outgoing, Section, Start};
use crate::model::{ExecutionId, Failure, InstanceId, OrchestrationCall, Pin, TaskResult, Timestamp, check_tags};
use crate::record::{EntityRecord, FORMAT, NewRecord, Received, Record};

/// A batch between its first and its last step.
#[derive(Debug)]
pub struct Batch {
    now: Timestamp,
    received: Vec<Received>,
    /// Operations that may run now, in order.
    operations: Vec<Operation>,
    outgoing: Vec<Outgoing>,
    /// A scheduled operation came due or a lock changed hands: worth a record though nothing
    /// arrived.
    moved: bool,
}

/// What comes of a batch: a record to append, and messages for others in the same commit.
#[derive(Debug)]
pub struct BatchStep {
    /// The batch.
    pub record: EntityRecord,
    /// Messages for other instances.
    pub outgoing: Vec<Outgoing>,
    /// Which of the record's failures have no caller to be told: those of signals, and of starts.
    pub untold: Vec<usize>,
}

impl BatchStep {
    /// The record to append. `inbox_before` counts the recorded messages that were not consumed
    /// before this batch.
    pub fn seal(mut self, instance: InstanceId, inbox_before: u32) -> (NewRecord, Vec<Outgoing>) {
        self.record.inbox_before = inbox_before;
        (NewRecord { instance, base: true, record: Record::Entity(Box::new(self.record)) }, self.outgoing)
    }
}

impl Batch {
    /// The operations to run, in order; empty if the guest need not be called.
    pub fn guest_operations(&self) -> Vec<GuestOperation> {
        self.operations.iter().map(|operation| GuestOperation { name: operation.name.clone(), input: operation.input.clone() }).collect()
    }

    /// The batch's time.
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// Whether nothing happened: such a batch is not recorded.
    pub fn is_empty(&self) -> bool {
        self.received.is_empty() && !self.moved
    }
}

impl Entity {
    /// Opens a batch: scheduled operations that are due come first.
    pub fn begin_batch(&mut self, clock: Timestamp) -> Batch {
        let moved = self.is_left_ahead(clock);
        self.time.advance(clock, self.wakes_itself_at());
        let now = self.time.now();
        let mut batch = Batch { now, received: Vec::new(), operations: Vec::new(), outgoing: Vec::new(), moved };
        let (mut due, later): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.scheduled).into_iter().partition(|operation| self.is_due(operation));
        self.scheduled = later;
        due.sort_by_key(|operation| operation.at);
        if !due.is_empty() {
            self.count_waiting();
        }
        for operation in due {
            batch.moved = true;
            self.take(&mut batch, Message::Operation(Operation { at: None, ..operation }));
        }
        batch
    }

    /// Applies one message. `recorded`: it is a record of its own in the entity's chain.
    pub fn receive(&mut self, batch: &mut Batch, message: Message, recorded: bool) {
        batch.received.push(if recorded { Received::Inbox } else { Received::Inline(message.clone()) });
        self.take(batch, self.by_own_time(message));
    }

    /// The message with the time for which it is meant, if there is one, by the entity's own time.
    fn by_own_time(&self, mut message: Message) -> Message {
        if let Message::Operation(Operation { at: Some(at), .. }) = &mut message {
            *at = self.time.by_own(*at);
        }
        message
    }

    fn take(&mut self, batch: &mut Batch, message: Message) {
        match message {
            Message::Operation(operation) if !self.is_due(&operation) => self.schedule(operation),
            Message::Operation(operation) if self.may_run(&operation) => batch.operations.push(operation),
            Message::Lock(section) if self.lock.is_none() => self.grant(batch, section),
            Message::Release(section) => self.release(batch, section),
            waiting @ (Message::Operation(_) | Message::Lock(_)) => self.defer(waiting),
            // Whatever else there is, is not for entities.
            _ => {}
        }
    }

    pub(super) fn may_run(&self, operation: &Operation) -> bool {
        let Some(section) = &self.lock else { return true };
        let holder = &section.owner;
        operation.caller.as_ref().is_some_and(|caller| caller.instance == holder.instance && caller.execution == holder.execution)
    }

    /// Takes the lock and passes the request on; the last entity of the section answers.
    fn grant(&mut self, batch: &mut Batch, section: Section) {
        batch.moved = true;
        // A record from outside may have any position: beyond the set there is no next entity.
        let onward = Section { next: section.next.saturating_add(1), ..section.clone() };
        let outgoing = match section.set.get(onward.next) {
            Some(entity) => Outgoing { to: entity.instance_id(), message: Message::Lock(onward) },
            None => {
                let owner = section.owner.clone();
                Outgoing { to: owner.instance, message: Message::LockGranted { execution: owner.execution, task: owner.task } }
            }
        };
        batch.outgoing.push(outgoing);
        self.lock = Some(section);
    }

    /// Gives the lock back, or withdraws a request that still waits here. Where the request went
    /// on, the release follows it.
    fn release(&mut self, batch: &mut Batch, section: Section) {
        let is_same = |other: &Section| other.owner == section.owner;
        if !self.lock.as_ref().is_some_and(is_same) {
            self.deferred.retain(|waiting| !matches!(waiting, Message::Lock(other) if is_same(other)));
            return;
        }
        self.lock = None;
        let onward = Section { next: section.next.saturating_add(1), ..section };
        if let Some(entity) = onward.set.get(onward.next) {
            batch.outgoing.push(Outgoing { to: entity.instance_id(), message: Message::Release(onward) });
        }
        // Messages that waited go in order, until the next lock is granted.
        let waiting = std::mem::take(&mut self.deferred);
        self.count_waiting();
        for waiting in waiting {
            self.take(batch, waiting);
        }
    }

    /// Closes the batch. `guest` is absent if there were no operations; `fresh` seeds the ids of
    /// orchestrations that operations start, which are pinned to `pin`.
    pub fn end_batch(&mut self, mut batch: Batch, guest: Option<GuestBatch>, fresh: &ExecutionId, pin: impl Into<Pin>) -> BatchStep {
        let (mut failures, mut untold, pin) = (Vec::new(), Vec::new(), pin.into());
        // Each caller gets an answer, even if a guest returned fewer results than it was given
        // operations.
        let unanswered = || GuestOperationResult {
            outcome: Err(Failure::new("NoResult", "the entity returned no result for the operation")),
            signals: Vec::new(),
            starts: Vec::new(),
        };
        let GuestBatch { state, results } = guest.unwrap_or_else(|| GuestBatch { state: self.state.clone(), results: Vec::new() });
        self.state = state;
        let mut started = 0_u32;
        let results = results.into_iter().chain(std::iter::repeat_with(unanswered));
        for (operation, result) in std::mem::take(&mut batch.operations).into_iter().zip(results) {
            if let Err(failure) = &result.outcome {
                untold.extend(operation.caller.is_none().then_some(failures.len()));
                failures.push((operation.name.clone(), failure.clone()));
            }
            if let Some(caller) = operation.caller {
                let message =
                    Message::EntityReply { execution: caller.execution, task: caller.task, result: TaskResult::from(result.outcome) };
                batch.outgoing.push(Outgoing { to: caller.instance, message });
            }
            batch.outgoing.extend(result.signals.into_iter().map(Outgoing::signal));
            for call in result.starts {
                started += 1;
                match detached_start(call, fresh.derive(batch.now, &started.to_string()), pin, batch.now) {
                    Ok(outgoing) => batch.outgoing.push(outgoing),
                    Err(failure) => {
                        untold.push(failures.len());
                        failures.push((operation.name.clone(), failure));
                    }
                }
            }
        }
        let record = EntityRecord {
            format: FORMAT,
            now: batch.now,
            received: batch.received,
            state: self.state.clone(),
            failures,
            lock: self.lock.clone(),
            deferred: self.deferred.iter().cloned().collect(),
            scheduled: self.scheduled.clone(),
            wake_at: self.wake_at(),
            inbox_before: 0,
        };
        let outgoing = batch.outgoing.into_iter().map(|one| one.by_clock(self.time)).collect();
        BatchStep { record, outgoing, untold }
    }
}

fn detached_start(call: OrchestrationCall, execution: ExecutionId, pin: Pin, now: Timestamp) -> Result<Outgoing, Failure> {
    let refused = |error_type: &str, problem: &dyn std::fmt::Display| {
        let text = format!("cannot start orchestration '{}': {problem}", call.name);
        Failure { non_retriable: true, ..Failure::new(error_type, text) }
    };
    check_tags(&call.tags).map_err(|problem| refused("InvalidTags", &problem))?;
    let to = match call.instance_id.as_deref() {
        Some(id) => InstanceId::orchestration(id).map_err(|problem| refused("InvalidInstanceId", &problem))?,
        None => InstanceId::detached(&execution),
    };
    Ok(Outgoing { to, message: Message::Start(Box::new(Start::called(call, execution, pin, now, None))) })
}
