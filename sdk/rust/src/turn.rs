//! What an orchestrator and its host say to each other.
//!
//! The types mirror the interface `longhaul:durable/orchestrator`. Authors meet them in tests only,
//! where [`Run::commands`](crate::testing::Run::commands) shows what the code asked for.

use std::collections::BTreeMap;

pub use crate::execution::Execution;
use crate::{EntityId, Failure, RetryPolicy, Timestamp};

/// Names a task of one execution: tasks are numbered from 0 in the order of the commands that
/// create them.
pub type TaskId = u32;

/// What an execution begins with.
#[derive(Clone, Debug)]
pub struct Start {
    /// The instance's id.
    pub instance_id: String,
    /// New for each execution.
    pub execution_id: String,
    /// The orchestration's name as the deployment spells it.
    pub name: String,
    /// The version asked for at start.
    pub version: Option<String>,
    /// The tags given at start.
    pub tags: BTreeMap<String, String>,
    /// The instance that called this one.
    pub parent_instance_id: Option<String>,
    /// JSON text; `null` where none was given.
    pub input: String,
    /// The time of the first turn.
    pub now: Timestamp,
    /// True while history is replayed.
    pub replaying: bool,
}

/// What the code asks for. The first six create a task each.
#[derive(Clone, Debug, PartialEq)]
#[expect(missing_docs, reason = "the fields are those of the interface, where they are described")]
pub enum Command {
    CallActivity { name: String, input: String, retry: Option<RetryPolicy>, timeout_ms: Option<u64> },
    CallOrchestration(OrchestrationRequest),
    CreateTimer(Timestamp),
    WaitForEvent(String),
    CallEntity { entity: EntityId, operation: String, input: String },
    LockEntities(Vec<EntityId>),
    Cancel(TaskId),
    SignalEntity(Signal),
    UnlockEntities(TaskId),
    StartOrchestration(OrchestrationRequest),
    RaiseEvent { instance_id: String, name: String, data: String },
}

/// An orchestration to call or to start.
#[derive(Clone, Debug, PartialEq)]
pub struct OrchestrationRequest {
    /// The orchestration's name.
    pub name: String,
    /// JSON text.
    pub input: String,
    /// Absent: the host derives one.
    pub instance_id: Option<String>,
    /// Absent: the host's default.
    pub version: Option<String>,
    /// For calls only.
    pub retry: Option<RetryPolicy>,
    /// The new instance's tags; it inherits none.
    pub tags: BTreeMap<String, String>,
    /// The new instance stays pending until this time.
    pub at: Option<Timestamp>,
}

/// An operation sent to an entity without waiting for an answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Signal {
    /// The receiver.
    pub entity: EntityId,
    /// The operation's name.
    pub operation: String,
    /// JSON text.
    pub input: String,
    /// Not delivered before this time.
    pub at: Option<Timestamp>,
}

/// How a task ended.
#[derive(Clone, Debug, PartialEq)]
pub enum TaskResult {
    /// With this JSON text.
    Completed(String),
    /// With a failure.
    Failed(Failure),
}

/// A task that ended.
#[derive(Clone, Debug, PartialEq)]
pub struct Completion {
    /// Which one.
    pub task: TaskId,
    /// How.
    pub outcome: TaskResult,
}

/// How the next execution of the same instance begins.
#[derive(Clone, Debug, PartialEq)]
pub struct Continuation {
    /// JSON text.
    pub input: String,
    /// Whether unconsumed events go over to the next execution.
    pub keep_events: bool,
    /// Absent: as before.
    pub version: Option<String>,
}

/// How an execution ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// With this JSON text as output.
    Completed(String),
    /// With a failure.
    Failed(Failure),
    /// The instance begins anew.
    ContinuedAsNew(Continuation),
}

/// What the code did in one activation.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Turn {
    /// In program order.
    pub commands: Vec<Command>,
    /// JSON text; absent: unchanged.
    pub custom_status: Option<String>,
    /// Absent: the orchestration waits.
    pub outcome: Option<Outcome>,
}
