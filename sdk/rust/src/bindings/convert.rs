//! Between this crate's types and the generated ones. Everything is moved, nothing copied.

use super::orchestrator::exports::longhaul::durable::orchestrator as wit;
use super::types;
use crate::turn::{Command, Completion, Continuation, OrchestrationRequest, Outcome, Signal, Start, TaskResult, Turn};
use crate::{EntityId, Failure, RetryPolicy, Timestamp};

impl From<Failure> for types::Failure {
    fn from(failure: Failure) -> Self {
        let Failure { error_type, message, details, non_retriable, inner } = failure;
        Self { error_type, message, details, non_retriable, inner }
    }
}

/// Not a `From`: the generated type is a `std::error::Error`, so the conversion for all errors
/// would clash with it.
fn failure(failure: types::Failure) -> Failure {
    let types::Failure { error_type, message, details, non_retriable, inner } = failure;
    Failure { error_type, message, details, non_retriable, inner }
}

impl From<EntityId> for types::EntityId {
    fn from(EntityId { name, key }: EntityId) -> Self {
        Self { name, key }
    }
}

impl From<types::EntityId> for EntityId {
    fn from(types::EntityId { name, key }: types::EntityId) -> Self {
        Self { name, key }
    }
}

impl From<RetryPolicy> for types::RetryPolicy {
    fn from(policy: RetryPolicy) -> Self {
        Self {
            max_attempts: policy.max_attempts,
            first_interval: policy.first_interval_ms,
            backoff_coefficient: policy.backoff_coefficient,
            max_interval: policy.max_interval_ms,
            retry_timeout: policy.retry_timeout_ms,
            jitter: policy.jitter,
            give_up_on: policy.give_up_on,
        }
    }
}

impl From<OrchestrationRequest> for types::OrchestrationCall {
    fn from(request: OrchestrationRequest) -> Self {
        let OrchestrationRequest { name, input, instance_id, version, retry, tags, at } = request;
        let (retry, tags) = (retry.map(Into::into), tags.into_iter().collect());
        Self { name, input, instance_id, version, retry, tags, at: at.map(Timestamp::as_millis) }
    }
}

impl From<Signal> for types::EntitySignal {
    fn from(Signal { entity, operation, input, at }: Signal) -> Self {
        Self { entity: entity.into(), operation, input, at: at.map(Timestamp::as_millis) }
    }
}

impl From<wit::Context> for Start {
    fn from(context: wit::Context) -> Self {
        Self {
            instance_id: context.instance_id,
            execution_id: context.execution_id,
            name: context.name,
            version: context.version,
            tags: context.tags.into_iter().collect(),
            parent_instance_id: context.parent_instance_id,
            input: context.input,
            now: Timestamp::from_millis(context.now),
            replaying: context.replaying,
        }
    }
}

impl From<wit::Completion> for Completion {
    fn from(completion: wit::Completion) -> Self {
        let outcome = match completion.outcome {
            types::TaskResult::Completed(result) => TaskResult::Completed(result),
            types::TaskResult::Failed(reason) => TaskResult::Failed(failure(reason)),
        };
        Self { task: completion.task, outcome }
    }
}

impl From<Turn> for wit::Turn {
    fn from(turn: Turn) -> Self {
        Self {
            commands: turn.commands.into_iter().map(Into::into).collect(),
            custom_status: turn.custom_status,
            outcome: turn.outcome.map(Into::into),
        }
    }
}

impl From<Outcome> for wit::Outcome {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Completed(output) => Self::Completed(output),
            Outcome::Failed(failure) => Self::Failed(failure.into()),
            Outcome::ContinuedAsNew(Continuation { input, keep_events, version }) => {
                Self::ContinuedAsNew(wit::Continuation { input, keep_events, version })
            }
        }
    }
}

impl From<Command> for wit::Command {
    fn from(command: Command) -> Self {
        match command {
            Command::CallActivity { name, input, retry, timeout_ms } => {
                Self::CallActivity(types::ActivityCall { name, input, retry: retry.map(Into::into), timeout: timeout_ms })
            }
            Command::CallOrchestration(request) => Self::CallOrchestration(request.into()),
            Command::CreateTimer(due) => Self::CreateTimer(due.as_millis()),
            Command::WaitForEvent(name) => Self::WaitForEvent(name),
            Command::CallEntity { entity, operation, input } => {
                Self::CallEntity(types::EntityCall { entity: entity.into(), operation, input })
            }
            Command::LockEntities(entities) => Self::LockEntities(entities.into_iter().map(Into::into).collect()),
            Command::Cancel(task) => Self::Cancel(task),
            Command::SignalEntity(signal) => Self::SignalEntity(signal.into()),
            Command::UnlockEntities(task) => Self::UnlockEntities(task),
            Command::StartOrchestration(request) => Self::StartOrchestration(request.into()),
            Command::RaiseEvent { instance_id, name, data } => Self::RaiseEvent(types::EventTo { instance_id, name, data }),
        }
    }
}
