//! The durable facts, as they stand in the log.
//!
//! An instance is the chain of its records. Folding the chain gives the instance's whole state;
//! nothing else has to survive a crash. A *base* record makes what lies before it unnecessary, but
//! for messages that were recorded and not yet consumed: `inbox_before` says how many there are.
//! Records are JSON with payloads embedded as they are, so that SQL can show them.

use serde::{Deserialize, Serialize};

use crate::message::{Message, Operation, Section, Start, TaskRef};
use crate::model::{Command, DeploymentId, ExecutionId, Failure, GuestOutcome, InstanceId, Payload, RuntimeStatus, Timestamp};

/// The format that this version writes. Older ones stay readable.
///
/// 2: ids, keys and names of events that are dot segments are refused. A turn of format 1 is read
/// by the rules of its time, since what it refused is not written down but found again when it is
/// read.
pub const FORMAT: u32 = 2;

/// One durable fact about one instance.
#[derive(Clone, Debug, PartialEq)]
pub enum Record {
    /// A message was accepted and waits in the instance's inbox.
    Message(MessageRecord),
    /// An orchestration took a turn.
    Turn(Box<TurnRecord>),
    /// An entity ran a batch.
    Entity(Box<EntityRecord>),
    /// The instance is parked until an operator resumes or terminates it.
    Parked(ParkedRecord),
}

/// A message that was accepted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MessageRecord {
    /// The record's format.
    pub format: u32,
    /// When it was accepted.
    pub at: Timestamp,
    /// The message.
    pub message: Message,
}

/// Where a turn's message came from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Received {
    /// The oldest message of the inbox: a record of its own further up the chain.
    Inbox,
    /// A message that has no record of its own.
    Inline(Message),
}

/// How a turn ended an execution.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Outcome {
    /// Returned a value.
    Completed(Payload),
    /// Returned an error.
    Failed(Failure),
    /// Ended from outside.
    Terminated(Option<String>),
    /// Goes on with a new execution.
    ContinuedAsNew(Box<NextExecution>),
}

/// What the next execution begins with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NextExecution {
    /// How it starts.
    pub start: Start,
    /// Events that were not consumed, oldest first.
    pub events: Vec<(String, Payload)>,
}

/// What a failed execution goes on as.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rewound {
    /// The id that tasks answer to from now on.
    pub execution: ExecutionId,
    /// The deployment it is pinned to from now on.
    pub deployment: DeploymentId,
    /// The task that waits for its end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<TaskRef>,
}

/// One turn of an orchestration.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TurnRecord {
    /// The record's format.
    pub format: u32,
    /// From 0 in each execution, without gap.
    pub number: u32,
    /// The turn's time.
    pub now: Timestamp,
    /// What arrived, in order.
    pub received: Vec<Received>,
    /// What the guest asked for, in order. Empty if the guest was not called.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub commands: Vec<Command>,
    /// The guest had something to do and was not called: the instance was about to be parked.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub without_guest: bool,
    /// A new custom status.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    pub custom_status: Option<Payload>,
    /// How the code ended, if the execution waits for its open tasks before it ends the same way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub returned: Option<GuestOutcome>,
    /// How it ended, if it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Outcome>,
    /// The execution that began with this turn, if one did: of several starts only the first is
    /// taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub began: Option<ExecutionId>,
    /// Set when this turn replaced an ended execution by one whose start came from the inbox.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started: Option<Box<Start>>,
    /// Whether an operator let a suspended or parked instance go on.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub resumed: bool,
    /// Set when this turn took the execution back to before its first failure. Reading the chain
    /// carries that out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rewound: Option<Box<Rewound>>,
    /// How the instance stands after the turn.
    pub status: RuntimeStatus,
    /// When it next has something to do by itself, by the machine's clock: sooner than by the
    /// instance's own time where that is ahead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wake_at: Option<Timestamp>,
    /// Whether it has something to do now: activities that run, or a turn to take.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub pending: bool,
    /// Recorded messages not consumed before this turn, those that it consumes included. Only on
    /// base records.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub inbox_before: u32,
}

/// One batch of an entity.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EntityRecord {
    /// The record's format.
    pub format: u32,
    /// The batch's time.
    pub now: Timestamp,
    /// What arrived, in order.
    pub received: Vec<Received>,
    /// The state after the batch; absent if the entity does not exist.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    pub state: Option<Payload>,
    /// Operations that failed, by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub failures: Vec<(String, Failure)>,
    /// The section that holds the lock after the batch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lock: Option<Section>,
    /// Messages that wait for the lock, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub deferred: Vec<Message>,
    /// Operations whose time has not come.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scheduled: Vec<Operation>,
    /// When the next scheduled operation is due, as in [`TurnRecord::wake_at`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wake_at: Option<Timestamp>,
    /// As in [`TurnRecord::inbox_before`].
    #[serde(default, skip_serializing_if = "is_zero")]
    pub inbox_before: u32,
}

/// The instance is parked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ParkedRecord {
    /// The record's format.
    pub format: u32,
    /// When.
    pub at: Timestamp,
    /// Why, for people.
    pub reason: String,
}

/// A record on its way to the log.
#[derive(Clone, Debug, PartialEq)]
pub struct NewRecord {
    /// Whose chain it belongs to.
    pub instance: InstanceId,
    /// Whether the chain can be read from here.
    pub base: bool,
    /// The fact.
    pub record: Record,
}

/// The data is not a record that this version can read.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// Not of the shape that its kind has.
    #[error("cannot read a record of kind '{kind}': {source}")]
    Shape {
        /// The kind named by the log.
        kind: String,
        /// What the decoder said.
        source: serde_json::Error,
    },
    /// A kind that this version does not know.
    #[error("unknown kind of record '{0}'; was the database written by a newer version?")]
    Kind(String),
    /// A format that this version does not know.
    #[error("record format {0} is newer than {FORMAT}, the newest that this version reads")]
    Format(u32),
}

impl Record {
    /// The value of the log's column `kind`.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Message(_) => "message",
            Self::Turn(_) => "turn",
            Self::Entity(_) => "entity",
            Self::Parked(_) => "parked",
        }
    }

    /// The value of the log's column `data`.
    pub fn encode(&self) -> String {
        let text = match self {
            Self::Message(record) => serde_json::to_string(record),
            Self::Turn(record) => serde_json::to_string(record),
            Self::Entity(record) => serde_json::to_string(record),
            Self::Parked(record) => serde_json::to_string(record),
        };
        text.expect("records have string keys and no failing serialisers")
    }

    /// Reads a record back.
    ///
    /// # Errors
    /// [`DecodeError`] when kind, format or shape are not known.
    pub fn decode(kind: &str, data: &str) -> Result<Self, DecodeError> {
        let shape = |source| DecodeError::Shape { kind: kind.into(), source };
        let record = match kind {
            "message" => Self::Message(serde_json::from_str(data).map_err(shape)?),
            "turn" => Self::Turn(serde_json::from_str::<Box<TurnRecord>>(data).map_err(shape)?.trimmed()),
            "entity" => Self::Entity(serde_json::from_str(data).map_err(shape)?),
            "parked" => Self::Parked(serde_json::from_str(data).map_err(shape)?),
            other => return Err(DecodeError::Kind(other.into())),
        };
        match record.format() {
            format if format > FORMAT => Err(DecodeError::Format(format)),
            _ => Ok(record),
        }
    }

    fn format(&self) -> u32 {
        match self {
            Self::Message(record) => record.format,
            Self::Turn(record) => record.format,
            Self::Entity(record) => record.format,
            Self::Parked(record) => record.format,
        }
    }

    /// How many messages of the inbox the record consumes.
    pub fn consumed(&self) -> u32 {
        match self {
            Self::Turn(record) => from_inbox(&record.received),
            Self::Entity(record) => from_inbox(&record.received),
            Self::Message(_) | Self::Parked(_) => 0,
        }
    }

    /// How many unconsumed recorded messages lie before this base record and are still needed.
    pub fn inbox_before(&self) -> u32 {
        match self {
            Self::Turn(record) => record.inbox_before,
            Self::Entity(record) => record.inbox_before,
            Self::Message(_) | Self::Parked(_) => 0,
        }
    }
}

impl TurnRecord {
    /// Without room that reading left unused. A list that is read has room for four, and most turns
    /// have one message and one command: a long chain in memory would be three times its size, and
    /// the kernel would take longer to clear the pages than we to read it.
    fn trimmed(mut self: Box<Self>) -> Box<Self> {
        self.received.shrink_to_fit();
        self.commands.shrink_to_fit();
        self
    }

    /// Whether an instance that had ended before this turn is what it was: the turn took in
    /// messages that came too late for it.
    pub(crate) fn leaves_ended(&self) -> bool {
        self.began.is_none() && self.rewound.is_none() && self.outcome.is_none()
    }

    /// The start of the execution that began with this turn, if it stands in the record: a start
    /// that came from the inbox of an instance that was new does not.
    pub(crate) fn begun(&self) -> Option<&Start> {
        let began = self.began.as_ref()?;
        let inline = self.received.iter().filter_map(Received::inline).find_map(|message| match message {
            Message::Start(start) if start.execution == *began => Some(&**start),
            _ => None,
        });
        self.started.as_deref().or(inline)
    }
}

impl Received {
    /// The message, if it stands in the record itself.
    pub fn inline(&self) -> Option<&Message> {
        match self {
            Self::Inbox => None,
            Self::Inline(message) => Some(message),
        }
    }
}

/// A field that is there has a value, and `null` is one; serde by itself would read it as absent.
fn present<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Payload>, D::Error> {
    Payload::deserialize(deserializer).map(Some)
}

/// How many of these came from the inbox.
pub(crate) fn from_inbox(received: &[Received]) -> u32 {
    received.iter().map(|one| u32::from(one.inline().is_none())).sum()
}

fn is_zero(number: &u32) -> bool {
    *number == 0
}

impl NewRecord {
    /// Whether this is a turn that took a start which has no record of its own.
    pub fn took_start(&self) -> bool {
        let Record::Turn(record) = &self.record else { return false };
        record.received.iter().any(|one| matches!(one, Received::Inline(Message::Start(_))))
    }

    /// Notes that the start in this turn has got a record of its own before it: the turn refers to
    /// it as the inbox's oldest message. Does nothing to other records.
    pub fn refer_to_recorded_start(&mut self) {
        let Record::Turn(record) = &mut self.record else { return };
        for one in &mut record.received {
            if let Received::Inline(Message::Start(start)) = one {
                record.started.get_or_insert_with(|| start.clone());
                *one = Received::Inbox;
                return;
            }
        }
    }

    /// Sets how many unconsumed recorded messages lie before a base record; does nothing to other
    /// records.
    pub fn set_inbox_before(&mut self, count: u32) {
        match &mut self.record {
            Record::Turn(record) if self.base => record.inbox_before = count,
            Record::Entity(record) => record.inbox_before = count,
            Record::Turn(_) | Record::Message(_) | Record::Parked(_) => {}
        }
    }
}

#[cfg(test)]
mod tests;
