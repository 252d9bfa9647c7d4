//! What a history tells.

use crate::model::{EntityId, Failure, InstanceId, Payload, TaskResult, Timestamp};

/// One event of a history, and when it came.
#[derive(Clone, Debug, PartialEq)]
pub struct HistoryEntry {
    /// When.
    pub at: Timestamp,
    /// What.
    pub event: HistoryEvent,
}

/// What happened in an execution. A call stands here once: as scheduled while it is open, as ended
/// afterwards.
#[derive(Clone, Debug, PartialEq)]
pub enum HistoryEvent {
    /// The execution began.
    Started {
        /// The orchestration.
        name: String,
        /// What it was started with.
        input: Payload,
        /// The time before which it did not begin, if one was asked for.
        not_before: Option<Timestamp>,
    },
    /// It was suspended.
    Suspended {
        /// Why, as the caller said.
        reason: Option<String>,
    },
    /// It was resumed.
    Resumed {
        /// Why, as the caller said.
        reason: Option<String>,
    },
    /// It went back to before its first failure.
    Rewound {
        /// Why, as the caller said.
        reason: Option<String>,
        /// The instance.
        instance: InstanceId,
        /// The execution that waits for it.
        parent_execution: Option<String>,
    },
    /// It was terminated; its end follows.
    Terminated {
        /// Why, as the caller said.
        reason: Option<String>,
    },
    /// It ended.
    Ended(End),
    /// An activity was called.
    ActivityScheduled {
        /// The activity.
        name: String,
        /// Its input.
        input: Payload,
    },
    /// Another instance was started.
    ChildStarted {
        /// Its orchestration.
        name: String,
        /// Its id; empty where it cannot be known.
        instance: String,
        /// Its input.
        input: Payload,
        /// Whether its end is waited for.
        is_awaited: bool,
    },
    /// The call of an activity or a child ended with a value.
    CallCompleted {
        /// The call.
        call: EndedCall,
        /// The value.
        result: Payload,
    },
    /// The call of an activity or a child, or one attempt of it, failed.
    CallFailed {
        /// The call.
        call: EndedCall,
        /// What the code is told, or would be if this were the last attempt.
        told: String,
        /// Why.
        failure: Failure,
    },
    /// A timer was set, also one of a back-off.
    TimerSet {
        /// When it is due.
        due: Timestamp,
    },
    /// A timer fired.
    TimerFired {
        /// When it was due.
        due: Timestamp,
    },
    /// An event arrived.
    EventReceived {
        /// Its name.
        name: String,
        /// What came with it.
        data: Payload,
    },
    /// An event was sent to another instance.
    EventSent {
        /// The other instance.
        instance: InstanceId,
        /// The event's name.
        name: String,
        /// What goes with it.
        data: Payload,
    },
    /// An entity was called or signalled.
    OperationSent {
        /// The entity.
        entity: InstanceId,
        /// The id that the answer bears; absent for a signal, which gets none.
        request: Option<String>,
        /// The operation.
        operation: String,
        /// Its input.
        input: Payload,
        /// The time before which it does not run, if one was asked for.
        due: Option<Timestamp>,
    },
    /// An entity answered a call.
    OperationAnswered {
        /// The id of the call.
        request: String,
        /// What came of it.
        result: TaskResult,
    },
    /// A critical section was asked for.
    LockRequested {
        /// The first of its entities, which gets the request.
        entity: InstanceId,
        /// The id of the request.
        request: String,
        /// All of its entities, sorted.
        set: Vec<EntityId>,
    },
    /// A critical section was entered.
    LockGranted {
        /// The id of the request.
        request: String,
    },
    /// A critical section was left.
    LockReleased {
        /// The first of its entities.
        entity: InstanceId,
        /// The id of the request.
        request: String,
    },
}

/// How an execution ended.
#[derive(Clone, Debug, PartialEq)]
pub enum End {
    /// It returned a value.
    Completed(Payload),
    /// It failed.
    Failed {
        /// The text that is the instance's output.
        output: String,
        /// Why.
        failure: Failure,
    },
    /// It was terminated, for this reason.
    Terminated(Option<String>),
}

/// What a call was made to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallKind {
    /// An activity.
    Activity,
    /// Another instance.
    Child,
}

/// A call that has ended, or of which an attempt has.
#[derive(Clone, Debug, PartialEq)]
pub struct EndedCall {
    /// What was called.
    pub kind: CallKind,
    /// Its name.
    pub name: String,
    /// Its input.
    pub input: Payload,
    /// When the attempt was scheduled.
    pub scheduled_at: Timestamp,
}
