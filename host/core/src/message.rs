//! What can arrive for an instance, and what follows from a turn.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::model::{
    DeploymentId, DurationMs, EntityId, EntitySignal, ExecutionId, InstanceId, OnReturn, OrchestrationCall, Payload, Pin, Tags, TaskId,
    TaskResult, Timestamp,
};
use crate::own_time::OwnTime;

/// A task of one execution of an instance: where an answer goes.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct TaskRef {
    /// The instance that waits.
    pub instance: InstanceId,
    /// The execution of it that waits; an answer for an earlier one is dropped.
    pub execution: ExecutionId,
    /// The task that waits.
    pub task: TaskId,
}

/// Begins an execution.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Start {
    /// The orchestration's name as the deployment spells it.
    pub name: Arc<str>,
    /// Its input; `null` where none was given.
    pub input: Payload,
    /// The execution that begins.
    pub execution: ExecutionId,
    /// The deployment it runs on until it ends or continues as new.
    pub deployment: DeploymentId,
    /// When it was accepted.
    pub created_at: Timestamp,
    /// When the instance was started first: before `created_at` where this start continues an
    /// instance, as new or by a restart in place. Absent from starts that earlier versions have
    /// written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub born_at: Option<Timestamp>,
    /// The version asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// The task that waits for its end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<TaskRef>,
    /// Not before this time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
    /// The instance's tags. They stay through continue-as-new.
    #[serde(default, skip_serializing_if = "Tags::is_empty")]
    pub tags: Tags,
    /// What happens to the tasks that its code leaves open: what the deployment's app asks for.
    #[serde(default, skip_serializing_if = "OnReturn::is_default")]
    pub on_return: OnReturn,
    /// How many callers stand above it: none above one whose end is not waited for.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub nesting: u32,
}

/// An operation for an entity.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Operation {
    /// The operation's name.
    pub name: String,
    /// Its input.
    pub input: Payload,
    /// The task that waits for the answer; absent for a signal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub caller: Option<TaskRef>,
    /// Not before this time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
}

/// A critical section on its way from entity to entity: `set[next]` is the entity that this message
/// is for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Section {
    /// The lock task of the orchestration that asks.
    pub owner: TaskRef,
    /// All entities of the section, sorted, without doubles.
    pub set: Vec<EntityId>,
    /// Position in `set`.
    pub next: usize,
}

/// A caller whose tasks answer under another execution id since it was rewound.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Caller {
    /// The task that the child knows.
    pub known: TaskRef,
    /// The task that waits for its answer from now on.
    pub waits: TaskRef,
}

/// What can arrive for an instance.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Message {
    /// Begins an execution.
    Start(Box<Start>),
    /// An external event.
    Event {
        /// Compared ignoring case.
        name: String,
        /// Its payload.
        data: Payload,
    },
    /// One attempt of an activity ended.
    ActivityDone {
        /// The execution that called it.
        execution: ExecutionId,
        /// The task that waits.
        task: TaskId,
        /// Which attempt, from 1.
        attempt: u32,
        /// How it ended.
        result: TaskResult,
    },
    /// A child ended.
    ChildDone {
        /// The execution that called it.
        execution: ExecutionId,
        /// The task that waits.
        task: TaskId,
        /// How it ended.
        result: TaskResult,
    },
    /// An entity answered a call.
    EntityReply {
        /// The execution that called it.
        execution: ExecutionId,
        /// The task that waits.
        task: TaskId,
        /// How it ended.
        result: TaskResult,
    },
    /// All entities of a section are locked.
    LockGranted {
        /// The execution that asked.
        execution: ExecutionId,
        /// The lock task.
        task: TaskId,
    },
    /// A timer of the instance itself is due.
    TimerFired {
        /// The timer's task.
        task: TaskId,
    },
    /// The back-off of a failed call of the instance itself is over.
    RetryDue {
        /// The call's task.
        task: TaskId,
    },
    /// Ends the instance from outside.
    Terminate {
        /// Becomes the output.
        reason: Option<String>,
        /// Whether its children end with it.
        recursive: bool,
        /// Set when it comes from a parent that ends: only that very task's child obeys, not an
        /// instance that happens to have the id that the child was to have.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        parent: Option<TaskRef>,
    },
    /// Holds the instance.
    Suspend {
        /// For people.
        reason: Option<String>,
    },
    /// Lets a held or parked instance go on.
    Resume {
        /// For people.
        reason: Option<String>,
    },
    /// Lets a failed instance go on from before its first failure. From a caller to its child it
    /// also says where the answer goes from now on, whatever has become of the child.
    Rewind {
        /// For people.
        reason: Option<String>,
        /// The caller that was rewound itself; absent when a person asks.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        caller: Option<Box<Caller>>,
        /// The deployment to go on with; absent: the one it is pinned to.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        deployment: Option<DeploymentId>,
    },
    /// An operation for an entity.
    Operation(Operation),
    /// Asks an entity for its lock.
    Lock(Section),
    /// Gives an entity's lock back, or withdraws the request for it.
    Release(Section),
}

/// A message for another instance. It becomes a record in the receiver's chain, in the sender's
/// commit.
#[derive(Clone, Debug, PartialEq)]
pub struct Outgoing {
    /// The receiver.
    pub to: InstanceId,
    /// The message.
    pub message: Message,
}

impl Outgoing {
    /// The same with the time that the sender named, if it did, by the clock: the receiver's own
    /// time may be another.
    pub(crate) fn by_clock(mut self, sender: OwnTime) -> Self {
        match &mut self.message {
            Message::Operation(Operation { at: Some(at), .. }) => *at = sender.by_clock(*at),
            Message::Start(start) => start.at = start.at.map(|at| sender.by_clock(at)),
            _ => {}
        }
        self
    }

    pub(crate) fn signal(signal: EntitySignal) -> Self {
        let EntitySignal { entity, operation, input, at } = signal;
        Self { to: entity.instance_id(), message: Message::Operation(Operation { name: operation, input, caller: None, at }) }
    }
}

/// One attempt of an activity, to be run once the turn that asked for it is on stable storage.
#[derive(Clone, Debug, PartialEq)]
pub struct ActivityRun {
    /// The task that called, which gets the result.
    pub caller: TaskRef,
    /// Which attempt, from 1.
    pub attempt: u32,
    /// The activity, compared ignoring case.
    pub name: Arc<str>,
    /// Its input.
    pub input: Payload,
    /// Longest run, milliseconds.
    pub timeout_ms: Option<DurationMs>,
    /// The deployment whose activity it is.
    pub deployment: DeploymentId,
    /// The execution as it was called when it asked for the activity. A rewind does not change it,
    /// so it makes a key by which the outside can tell that a call is made again.
    pub asked_in: ExecutionId,
}

/// What must happen outside the log once a turn is on stable storage.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Run an activity.
    RunActivity(ActivityRun),
    /// Stop an activity if it still runs; its result is no longer wanted.
    CancelActivity(TaskRef),
}

impl Start {
    /// What the execution is pinned to.
    pub(crate) fn pin(&self) -> Pin {
        Pin { deployment: self.deployment, on_return: self.on_return }
    }

    /// The message that starts what `call` asks for.
    pub(crate) fn called(call: OrchestrationCall, execution: ExecutionId, pin: Pin, now: Timestamp, parent: Option<TaskRef>) -> Self {
        let OrchestrationCall { name, input, version, instance_id: _, retry: _, tags, at } = call;
        let Pin { deployment, on_return } = pin;
        let born_at = Some(now);
        Self { name, input, execution, deployment, created_at: now, born_at, version, parent, at, tags, on_return, nesting: 0 }
    }
}

fn is_zero(number: &u32) -> bool {
    *number == 0
}
