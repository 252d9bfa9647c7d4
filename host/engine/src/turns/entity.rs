//! One batch of an entity on a guest thread.

use std::time::Duration;

use longhaul_core::entity::{GuestBatch, GuestOperation, GuestOperationResult};
use longhaul_core::{Entity, ExecutionId, Failure, InstanceId, Payload, Timestamp};

use super::outcome::{After, TurnOutcome};
use crate::activities::guarded::host_died;
use crate::context::EngineContext;
use crate::error::EngineError;
use crate::failure_log::FailureLog;
use crate::ports::{EntityFunction, GuestError};
use crate::state::commit_queue::Commit;
use crate::state::mailbox::{Delivery, recorded_among};
use crate::state::resident::Resident;
use crate::state::scheduler::turn_end::TurnFailure;

/// How often a call that finds no room for its guest is tried again, and how long it waits between.
const MAX_ROOM_TRIES: u32 = 1_000;
const ROOM_PAUSE: Duration = Duration::from_millis(2);

/// Runs one batch.
pub(crate) fn batch(
    context: &EngineContext,
    id: &InstanceId,
    mut entity: Box<Entity>,
    deliveries: Vec<Delivery>,
    refused: Option<String>,
) -> TurnOutcome {
    let recorded = recorded_among(&deliveries);
    let mut commit = Commit::default();
    let mut batch = entity.begin_batch(context.now());
    for delivery in deliveries {
        if let Some(waiter) = delivery.waiter {
            let room = entity.check_room(&delivery.message, &context.config.limits).map_err(EngineError::no_room);
            let is_refused = room.is_err();
            commit.answers.push((waiter, room));
            if is_refused {
                continue;
            }
        }
        entity.receive(&mut batch, delivery.message, delivery.recorded);
        commit.notes.extend(delivery.note);
    }
    if batch.is_empty() {
        let after = After::Rest(Resident::Entity(entity));
        return TurnOutcome { commit, ..TurnOutcome::without_record(recorded, after) };
    }
    let app = context.guests.current();
    let function = app.as_ref().and_then(|app| app.entity(&entity.id().name));
    let operations = batch.guest_operations();
    let guest = match (operations.is_empty(), refused, function) {
        (true, _, _) => None,
        (false, Some(reason), _) => Some(all_failed(&entity, operations.len(), &host_died(&reason))),
        (false, None, Some(function)) => {
            let call = EntityCall {
                function,
                instance: id,
                entity: &entity,
                now: batch.now(),
                max_attempts: context.config.max_failed_turns,
                failure_log: &context.failure_log,
            };
            match call.run(operations) {
                Some(batch) => Some(batch),
                None => return interrupted(commit, recorded),
            }
        }
        (false, None, None) => {
            let text = format!("there is no entity function '{}' in the current deployment", entity.id().name);
            Some(all_failed(&entity, operations.len(), &Failure { non_retriable: true, ..Failure::new("FunctionNotFound", text) }))
        }
    };
    let fresh = ExecutionId::trusted(context.world.fresh_id());
    let pin = app.map(|app| app.pin()).unwrap_or_default();
    let step = entity.end_batch(batch, guest, &fresh, pin);
    let failures = step.untold.iter().filter_map(|index| step.record.failures.get(*index));
    for (operation, failure) in failures {
        context.failure_log.signal_failed(step.record.now, entity.id(), operation, failure);
    }
    let (record, messages) = step.seal(id.clone(), 0);
    let after = After::Rest(Resident::Entity(entity));
    TurnOutcome { record: Some(record), messages, commit, ..TurnOutcome::without_record(recorded, after) }
}

/// The host stops before the batch has ended. Recorded operations come again with the chain;
/// senders from outside get an error and ask again.
fn interrupted(commit: Commit, recorded: u32) -> TurnOutcome {
    commit.refuse(&EngineError::Unavailable("the host is stopping".into()));
    TurnOutcome::without_record(recorded, After::Reload(TurnFailure::Stopping))
}

struct EntityCall<'call> {
    function: &'call dyn EntityFunction,
    instance: &'call InstanceId,
    entity: &'call Entity,
    now: Timestamp,
    max_attempts: u32,
    failure_log: &'call FailureLog,
}

impl EntityCall<'_> {
    /// Runs all operations in one call of the guest. If that call fails, each runs in a
    /// call of its own, so that one bad operation harms no other. `None`: the host stops.
    fn run(&self, operations: Vec<GuestOperation>) -> Option<GuestBatch> {
        let state = self.entity.state().cloned();
        match self.call(state.clone(), &operations) {
            Ok(batch) => return Some(batch),
            Err(GuestError::Stopping) => return None,
            Err(_) => {}
        }
        let mut whole = GuestBatch { state, results: Vec::with_capacity(operations.len()) };
        for operation in operations {
            let one = self.run_alone(whole.state.clone(), operation)?;
            whole.state = one.state;
            whole.results.extend(one.results);
        }
        Some(whole)
    }

    fn run_alone(&self, state: Option<Payload>, operation: GuestOperation) -> Option<GuestBatch> {
        let mut failure = Failure::default();
        for _ in 0..self.max_attempts.max(1) {
            match self.call(state.clone(), std::slice::from_ref(&operation)) {
                Ok(batch) => return Some(batch),
                Err(GuestError::Stopping) => return None,
                Err(error) => {
                    self.failure_log.operation_stopped(self.now, self.entity.id(), &operation.name, &error);
                    failure = failure_of(&error);
                    if !error.is_transient() {
                        break;
                    }
                }
            }
        }
        Some(GuestBatch { state, results: vec![failed(&failure)] })
    }

    fn call(&self, state: Option<Payload>, operations: &[GuestOperation]) -> Result<GuestBatch, GuestError> {
        let mut tries = 0;
        loop {
            match self.function.run(self.instance, self.entity.id(), state.clone(), self.now, operations.to_vec()) {
                // Guests at rest leave with the commits that are under way; that takes
                // milliseconds.
                Err(GuestError::NoCapacity(_)) if tries < MAX_ROOM_TRIES => {
                    tries += 1;
                    std::thread::sleep(ROOM_PAUSE);
                }
                result => return result,
            }
        }
    }
}

/// What is beyond a limit has a name of its own.
fn failure_of(error: &GuestError) -> Failure {
    match error {
        GuestError::BeyondLimit(beyond) => beyond.clone().into(),
        other => Failure::new("EntityStopped", other.to_string()),
    }
}

fn all_failed(entity: &Entity, count: usize, failure: &Failure) -> GuestBatch {
    GuestBatch { state: entity.state().cloned(), results: vec![failed(failure); count] }
}

fn failed(failure: &Failure) -> GuestOperationResult {
    GuestOperationResult { outcome: Err(failure.clone()), signals: Vec::new(), starts: Vec::new() }
}
