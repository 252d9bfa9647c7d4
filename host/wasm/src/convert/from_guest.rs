//! What a guest returns.

use longhaul_core::entity::{GuestBatch, GuestOperationResult};
use longhaul_core::limits::BeyondLimit;
use longhaul_core::{
    ActivityCall, Command, Continuation, EntityCall, EntityId, EntitySignal, EventTo, Failure, GuestOutcome, GuestTurn, InstanceId,
    OrchestrationCall, Payload, RetryPolicy, Tags, TaskId, Timestamp, check_tags,
};

use crate::bindings::entity::exports::longhaul::durable::entity as entity_wit;
use crate::bindings::orchestrator::exports::longhaul::durable::orchestrator as wit;
use crate::bindings::types;
use crate::config::Limits;
use crate::error::GuestError;

/// Most causes that a failure names.
const MAX_CAUSES: usize = 100;

type Checked<T> = Result<T, GuestError>;

/// `replaying`: what is replayed was taken under the limits of its time, and today's must not make
/// it differ.
pub(crate) fn turn(turn: wit::Turn, limits: &Limits, replaying: bool) -> Checked<GuestTurn> {
    if let Some(beyond) = beyond_limits(&turn, limits).filter(|_| !replaying) {
        return Ok(failed_by(beyond));
    }
    let turn = whole_turn(turn, limits)?;
    Ok(match limits.values.check_turn(&turn) {
        Err(beyond) if !replaying => failed_by(beyond),
        _ => turn,
    })
}

/// The fault is the code's own and the same on every try, so it becomes the outcome.
fn failed_by(beyond: BeyondLimit) -> GuestTurn {
    GuestTurn { outcome: Some(GuestOutcome::Failed(beyond.into())), ..GuestTurn::default() }
}

fn whole_turn(turn: wit::Turn, limits: &Limits) -> Checked<GuestTurn> {
    let custom_status = turn.custom_status.map(|text| payload("custom-status", text)).transpose()?;
    let commands = turn
        .commands
        .into_iter()
        .enumerate()
        .map(|(index, one)| command(one).map_err(|error| within(format_args!("commands[{index}]"), error)));
    Ok(GuestTurn {
        commands: commands.collect::<Checked<_>>()?,
        custom_status,
        outcome: turn.outcome.map(|how| outcome(how, limits)).transpose()?,
    })
}

fn beyond_limits(turn: &wit::Turn, limits: &Limits) -> Option<BeyondLimit> {
    let beyond = |error_type, text: String| Some(BeyondLimit { error_type, text });
    let (count, most) = (turn.commands.len(), limits.max_commands);
    if count > most {
        return beyond("TooManyCommands", format!("the code asks for {count} things in one turn; at most {most} are taken"));
    }
    // No text has more bytes in UTF-16 than twice its bytes in UTF-8: short ones need no counting.
    let most = limits.max_custom_status_bytes;
    let long = turn.custom_status.as_ref().filter(|text| text.len() * 2 > most)?;
    let bytes = long.encode_utf16().count() * 2;
    if bytes <= most {
        return None;
    }
    beyond("CustomStatusTooLong", format!("the custom status has {bytes} bytes as UTF-16; at most {most} are taken"))
}

fn outcome(outcome: wit::Outcome, limits: &Limits) -> Checked<GuestOutcome> {
    Ok(match outcome {
        wit::Outcome::Completed(output) => GuestOutcome::Completed(payload("outcome.completed", output)?),
        wit::Outcome::Failed(reason) => GuestOutcome::Failed(failure(reason, limits)),
        wit::Outcome::ContinuedAsNew(next) => GuestOutcome::ContinuedAsNew(Continuation {
            input: payload("outcome.continued-as-new.input", next.input)?,
            keep_events: next.keep_events,
            version: next.version,
        }),
    })
}

fn command(command: wit::Command) -> Checked<Command> {
    Ok(match command {
        wit::Command::CallActivity(call) => Command::CallActivity(activity_call(call)?),
        wit::Command::CallOrchestration(call) => Command::CallOrchestration(orchestration_call(call)?),
        wit::Command::CreateTimer(at) => Command::CreateTimer(Timestamp(at)),
        wit::Command::WaitForEvent(name) => Command::WaitForEvent(name),
        wit::Command::CallEntity(call) => Command::CallEntity(EntityCall {
            entity: unchecked_entity_id(&call.entity),
            operation: call.operation,
            input: payload("input", call.input)?,
        }),
        wit::Command::LockEntities(ids) => Command::LockEntities(ids.iter().map(unchecked_entity_id).collect()),
        wit::Command::Cancel(task) => Command::Cancel(TaskId(task)),
        wit::Command::SignalEntity(signal) => Command::SignalEntity(entity_signal(signal)?),
        wit::Command::UnlockEntities(task) => Command::UnlockEntities(TaskId(task)),
        wit::Command::StartOrchestration(call) => Command::StartOrchestration(orchestration_call(call)?),
        wit::Command::RaiseEvent(event) => Command::RaiseEvent(event_to(event)?),
    })
}

fn activity_call(call: types::ActivityCall) -> Checked<ActivityCall> {
    Ok(ActivityCall {
        name: call.name.into(),
        input: payload("input", call.input)?,
        retry: call.retry.map(retry_policy),
        timeout_ms: call.timeout,
    })
}

fn orchestration_call(call: types::OrchestrationCall) -> Checked<OrchestrationCall> {
    let (count, tags) = (call.tags.len(), Tags::from_iter(call.tags));
    if tags.len() < count {
        return Err(fault("tags", "a key is given twice"));
    }
    Ok(OrchestrationCall {
        name: call.name.into(),
        input: payload("input", call.input)?,
        instance_id: call.instance_id,
        version: call.version,
        retry: call.retry.map(retry_policy),
        tags,
        at: call.at.map(Timestamp),
    })
}

fn event_to(event: types::EventTo) -> Checked<EventTo> {
    Ok(EventTo { instance_id: InstanceId::trusted(event.instance_id), name: event.name, data: payload("data", event.data)? })
}

fn entity_signal(signal: types::EntitySignal) -> Checked<EntitySignal> {
    Ok(EntitySignal {
        entity: unchecked_entity_id(&signal.entity),
        operation: signal.operation,
        input: payload("input", signal.input)?,
        at: signal.at.map(Timestamp),
    })
}

/// Not checked here: the core decides what a wrong id means.
fn unchecked_entity_id(id: &types::EntityId) -> EntityId {
    EntityId { name: id.name.to_lowercase().into(), key: id.key.as_str().into() }
}

/// Not checked here: the core checks it, as it checks ids.
fn retry_policy(policy: types::RetryPolicy) -> RetryPolicy {
    RetryPolicy {
        max_attempts: policy.max_attempts,
        first_interval_ms: policy.first_interval,
        backoff_coefficient: policy.backoff_coefficient,
        max_interval_ms: policy.max_interval,
        retry_timeout_ms: policy.retry_timeout,
        jitter: policy.jitter,
        give_up_on: policy.give_up_on,
    }
}

/// `count`: how many operations the guest was given.
pub(crate) fn batch(batch: entity_wit::BatchResult, count: usize, limits: &Limits) -> Checked<GuestBatch> {
    if batch.results.len() != count {
        return Err(fault("results", format!("{} for {count} operations", batch.results.len())));
    }
    let results = batch
        .results
        .into_iter()
        .enumerate()
        .map(|(index, one)| operation_result(one, limits).map_err(|error| within(format_args!("results[{index}]"), error)));
    let results = results.collect::<Checked<_>>()?;
    let state = batch.state.map(|text| payload("state", text)).transpose()?;
    if let Some(state) = &state {
        limits.values.check_payload("the entity's state", state)?;
    }
    Ok(GuestBatch { state, results })
}

fn operation_result(result: entity_wit::OperationResult, limits: &Limits) -> Checked<GuestOperationResult> {
    Ok(GuestOperationResult {
        outcome: activity_outcome(result.outcome, limits)?,
        signals: result.signals.into_iter().map(|signal| checked_signal(signal, limits)).collect::<Checked<_>>()?,
        starts: result.starts.into_iter().map(|call| checked_start(call, limits)).collect::<Checked<_>>()?,
    })
}

/// The guest has written the operation's state already when its messages are checked here. So a
/// wrong receiver fails the call of the guest, and the operation fails without a trace.
fn checked_signal(signal: types::EntitySignal, limits: &Limits) -> Checked<EntitySignal> {
    let signal = entity_signal(signal)?;
    signal.entity.check().map_err(|error| fault("signals", error))?;
    limits.values.check_signal(&signal)?;
    Ok(signal)
}

fn checked_start(call: types::OrchestrationCall, limits: &Limits) -> Checked<OrchestrationCall> {
    let call = orchestration_call(call)?;
    if let Some(id) = &call.instance_id {
        InstanceId::orchestration(id).map_err(|error| fault("starts: instance-id", error))?;
    }
    check_tags(&call.tags).map_err(|error| fault("starts: tags", error))?;
    limits.values.check_call(&call)?;
    Ok(call)
}

/// The outcome of an activity or of an entity's operation.
pub(crate) fn activity_outcome(outcome: Result<String, types::Failure>, limits: &Limits) -> Checked<Result<Payload, Failure>> {
    match outcome {
        Ok(value) => {
            let value = payload("outcome", value)?;
            limits.values.check_payload("the output", &value)?;
            Ok(Ok(value))
        }
        Err(reason) => Ok(Err(failure(reason, limits))),
    }
}

/// A payload that a client function hands over; the text says what is wrong with it.
pub(crate) fn client_payload(field: &str, text: String) -> Result<Payload, String> {
    Payload::parse(text).map_err(|error| format!("`{field}` is {error}"))
}

/// An entity that a client function wants to read; `None` for an id that no entity has.
pub(crate) fn known_entity_id(id: &types::EntityId) -> Option<EntityId> {
    EntityId::stored(&id.name, &id.key).ok()
}

/// An entity that a client function names; the text says what is wrong with it.
pub(crate) fn client_entity_id(id: &types::EntityId) -> Result<EntityId, String> {
    EntityId::new(&id.name, &id.key).map_err(|error| error.to_string())
}

/// A failure is part of histories and lists. One that is too long is cut rather than refused, since
/// it must reach its caller.
fn failure(failure: types::Failure, limits: &Limits) -> Failure {
    let types::Failure { error_type, message, details, non_retriable, inner } = failure;
    let most = limits.max_failure_bytes;
    let mut room = most;
    let inner = inner.into_iter().take(MAX_CAUSES).map_while(|cause| {
        let cause = cut(cause, room);
        room = room.checked_sub(cause.len())?;
        Some(cause)
    });
    let inner = inner.collect();
    let error_type = cut(error_type, limits.values.max_name_characters);
    Failure { error_type, message: cut(message, most), details: details.map(|text| cut(text, most)), non_retriable, inner }
}

/// The beginning of a text that is longer than `most` bytes, with a word on the rest.
fn cut(text: String, most: usize) -> String {
    if text.len() <= most {
        return text;
    }
    let end = (0..=most).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    format!("{} [cut: {} bytes in all]", &text[..end], text.len())
}

fn payload(field: &str, text: String) -> Checked<Payload> {
    Payload::parse(text).map_err(|error| fault(field, error))
}

fn fault(field: &str, problem: impl std::fmt::Display) -> GuestError {
    GuestError::Protocol(format!("`{field}`: {problem}"))
}

/// Puts the field's path in front of its name.
fn within(place: std::fmt::Arguments<'_>, error: GuestError) -> GuestError {
    match error {
        GuestError::Protocol(text) => GuestError::Protocol(format!("{place}: {text}")),
        GuestError::BeyondLimit(beyond) => BeyondLimit { text: format!("{place}: {}", beyond.text), ..beyond }.into(),
        other => other,
    }
}
