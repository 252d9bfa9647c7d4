//! What a guest is given and what it asks for: the WIT's words as Rust types.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{DurationMs, EntityId, ExecutionId, Failure, InstanceId, Payload, RetryPolicy, Tags, TaskId, Timestamp};

/// What an execution begins with.
#[derive(Clone, Debug, PartialEq)]
pub struct StartContext {
    /// The instance.
    pub instance_id: InstanceId,
    /// This execution of it.
    pub execution_id: ExecutionId,
    /// The orchestration's name as the deployment spells it.
    pub name: Arc<str>,
    /// The version asked for at start.
    pub version: Option<String>,
    /// The tags given at start.
    pub tags: Tags,
    /// The instance that called this one.
    pub parent_instance_id: Option<InstanceId>,
    /// The input; `null` where none was given.
    pub input: Payload,
    /// The time of the turn.
    pub now: Timestamp,
    /// Whether the guest is being rebuilt from history.
    pub replaying: bool,
}

/// How a task ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum TaskResult {
    /// With a value.
    Completed(Payload),
    /// With a failure.
    Failed(Failure),
}

impl From<Result<Payload, Failure>> for TaskResult {
    fn from(result: Result<Payload, Failure>) -> Self {
        match result {
            Ok(value) => Self::Completed(value),
            Err(failure) => Self::Failed(failure),
        }
    }
}

/// A task ended: handed to the guest.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Completion {
    /// Which one.
    pub task: TaskId,
    /// How.
    pub outcome: TaskResult,
}

impl Completion {
    /// Bytes of its payload, if it has one.
    pub(crate) fn payload_bytes(&self) -> usize {
        match &self.outcome {
            TaskResult::Completed(value) => value.len_bytes(),
            TaskResult::Failed(_) => 0,
        }
    }
}

/// Calls an activity.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ActivityCall {
    /// The activity, compared ignoring case.
    pub name: Arc<str>,
    /// Its input.
    pub input: Payload,
    /// When to try again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry: Option<RetryPolicy>,
    /// Longest run of one attempt, milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_ms: Option<DurationMs>,
}

/// Starts an orchestration.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OrchestrationCall {
    /// The orchestration, compared ignoring case.
    pub name: Arc<str>,
    /// Its input.
    pub input: Payload,
    /// The new instance's id; derived when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance_id: Option<String>,
    /// The version asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// When to try again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry: Option<RetryPolicy>,
    /// The new instance's tags; it inherits none.
    #[serde(default, skip_serializing_if = "Tags::is_empty")]
    pub tags: Tags,
    /// The new instance stays pending until this time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
}

/// Calls an operation of an entity.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EntityCall {
    /// Which entity.
    pub entity: EntityId,
    /// Which operation.
    pub operation: String,
    /// Its input.
    pub input: Payload,
}

/// Sends an operation to an entity.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EntitySignal {
    /// Which entity.
    pub entity: EntityId,
    /// Which operation.
    pub operation: String,
    /// Its input.
    pub input: Payload,
    /// Not delivered before this time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
}

/// Raises an event for another instance.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EventTo {
    /// The receiver.
    pub instance_id: InstanceId,
    /// The event's name.
    pub name: String,
    /// The event's payload.
    pub data: Payload,
}

/// What the code asks for in a turn. The first six create a task each; see the WIT for what each
/// means.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Command {
    /// Task: an activity's result.
    CallActivity(ActivityCall),
    /// Task: a child's output.
    CallOrchestration(OrchestrationCall),
    /// Task: completes at this time.
    CreateTimer(Timestamp),
    /// Task: the next event of this name.
    WaitForEvent(String),
    /// Task: an operation's result.
    CallEntity(EntityCall),
    /// Task: completes once all are locked.
    LockEntities(Vec<EntityId>),
    /// Ends an open task.
    Cancel(TaskId),
    /// Sends an operation.
    SignalEntity(EntitySignal),
    /// Releases the section granted by this lock task.
    UnlockEntities(TaskId),
    /// Starts an instance without waiting for its end.
    StartOrchestration(OrchestrationCall),
    /// Raises an event for another instance.
    RaiseEvent(EventTo),
}

impl Command {
    /// Bytes of its payload, if it has one.
    pub(crate) fn payload_bytes(&self) -> usize {
        match self {
            Self::CallActivity(call) => call.input.len_bytes(),
            Self::CallOrchestration(call) | Self::StartOrchestration(call) => call.input.len_bytes(),
            Self::CallEntity(call) => call.input.len_bytes(),
            Self::SignalEntity(signal) => signal.input.len_bytes(),
            Self::RaiseEvent(event) => event.data.len_bytes(),
            Self::CreateTimer(_) | Self::WaitForEvent(_) | Self::LockEntities(_) | Self::Cancel(_) | Self::UnlockEntities(_) => 0,
        }
    }

    /// Whether the command creates a task.
    pub fn creates_task(&self) -> bool {
        match self {
            Self::CallActivity(_) | Self::CallOrchestration(_) | Self::CreateTimer(_) => true,
            Self::WaitForEvent(_) | Self::CallEntity(_) | Self::LockEntities(_) => true,
            Self::Cancel(_) | Self::SignalEntity(_) | Self::UnlockEntities(_) => false,
            Self::StartOrchestration(_) | Self::RaiseEvent(_) => false,
        }
    }
}

/// How the next execution begins.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Continuation {
    /// Its input.
    pub input: Payload,
    /// Whether unconsumed events go over.
    pub keep_events: bool,
    /// Absent: as before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
}

/// How the guest's code ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum GuestOutcome {
    /// Returned a value.
    Completed(Payload),
    /// Returned an error.
    Failed(Failure),
    /// Begins afresh.
    ContinuedAsNew(Continuation),
}

/// What the guest returned for one activation.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct GuestTurn {
    /// What it asks for, in order.
    pub commands: Vec<Command>,
    /// Absent: unchanged.
    pub custom_status: Option<Payload>,
    /// Absent: it waits.
    pub outcome: Option<GuestOutcome>,
}
