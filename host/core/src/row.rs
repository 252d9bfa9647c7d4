//! What the log says about an instance at a glance.
//!
//! A row is a pure function of the instance's records, so the table of rows can be dropped and
//! built again from the log, and a query can be answered from the rows that memory already knows.

use serde::{Deserialize, Serialize};

use crate::message::{Message, Start, TaskRef};
use crate::model::{DeploymentId, ExecutionId, InstanceId, InstanceKind, Payload, RuntimeStatus, Tags, Timestamp};
use crate::record::{EntityRecord, MessageRecord, Outcome, Received, Record, TurnRecord, from_inbox};

/// One instance at a glance.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct InstanceRow {
    /// The instance.
    pub id: InstanceId,
    /// Orchestration or entity.
    pub kind: InstanceKind,
    /// The orchestration's name, or the entity's.
    pub name: String,
    /// The current execution; absent for entities.
    pub execution: Option<ExecutionId>,
    /// The version asked for at start.
    pub version: Option<String>,
    /// The tags given at start.
    #[serde(default, skip_serializing_if = "Tags::is_empty")]
    pub tags: Tags,
    /// The deployment it is pinned to; absent for entities.
    pub deployment: Option<DeploymentId>,
    /// The task that waits for its end.
    pub parent: Option<TaskRef>,
    /// How it stands.
    pub status: RuntimeStatus,
    /// Why it is parked, if it is.
    pub parked: Option<String>,
    /// Start of the current execution, or the entity's first record.
    pub created_at: Timestamp,
    /// Start of the first execution of this instance, or the entity's first record: continuing as
    /// new and restarting in place do not change it, another start of the same id does. The
    /// beginning of time for instances of versions that did not note it.
    #[serde(default)]
    pub born_at: Timestamp,
    /// Its latest turn, batch or change; of an orchestration that has ended, its end.
    pub updated_at: Timestamp,
    /// What it was started with.
    pub input: Option<Payload>,
    /// What it returned, the text of its failure, or the reason of its end.
    pub output: Option<Payload>,
    /// What its code says about itself.
    pub custom_status: Option<Payload>,
    /// When it next has something to do by itself.
    pub wake_at: Option<Timestamp>,
    /// Whether it has something to do now, so that a starting host must load it.
    pub pending: bool,
    /// Recorded messages not yet consumed.
    pub inbox: u32,
    /// An entity's committed state; absent if the entity does not exist.
    pub state: Option<Payload>,
    /// The instance that holds an entity's lock.
    pub locked_by: Option<InstanceId>,
    /// Messages that wait for an entity's lock.
    pub queue_size: u32,
}

impl InstanceRow {
    /// The row after `record`, given the row before it. `None` when there is nothing to show: a
    /// message for an instance that was never started, or is gone.
    pub fn after(row: Option<Self>, id: &InstanceId, record: &Record) -> Option<Self> {
        match record {
            Record::Message(message) => Self::after_message(row, id, message),
            Record::Turn(turn) => Self::after_turn(row, id, turn),
            Record::Entity(batch) => Some(Self::after_batch(row, id, batch)),
            Record::Parked(parked) => {
                let row = row?;
                Some(Self { parked: Some(parked.reason.clone()), updated_at: parked.at, wake_at: None, pending: false, ..row })
            }
        }
    }

    /// Whether a starting host must load the instance at once.
    pub fn has_work(&self) -> bool {
        self.parked.is_none() && (self.pending || self.inbox > 0)
    }

    fn after_message(row: Option<Self>, id: &InstanceId, record: &MessageRecord) -> Option<Self> {
        let row = match (row, &record.message) {
            // A message for an ended instance may start it again, and then this is what there is to
            // see of it.
            (Some(row), Message::Start(start)) if row.status.is_terminal() => Self { inbox: row.inbox, ..Self::started(id, start) },
            (Some(row), _) => row,
            (None, Message::Start(start)) => Self::started(id, start),
            (None, _) if id.is_entity() => Self::entity(id, record.at),
            (None, _) => return None,
        };
        // A record from outside may count more messages than there can be.
        Some(Self { inbox: row.inbox.saturating_add(1), ..row })
    }

    fn after_turn(row: Option<Self>, id: &InstanceId, turn: &TurnRecord) -> Option<Self> {
        let inbox = row.as_ref().map_or(0, |row| row.inbox);
        let ended_at = row.as_ref().filter(|row| row.status.is_terminal() && turn.leaves_ended()).map(|row| row.updated_at);
        let mut row = turn.begun().map(|start| Self::started(id, start)).or(row)?;
        row.inbox = inbox_after(inbox, &turn.received, turn.inbox_before);
        row.status = turn.status;
        // Nothing that comes after the end moves it.
        row.updated_at = ended_at.unwrap_or(turn.now);
        row.wake_at = turn.wake_at;
        row.pending = turn.pending;
        if let Some(custom_status) = &turn.custom_status {
            row.custom_status = (!custom_status.is_null()).then(|| custom_status.clone());
        }
        row.parked = row.parked.filter(|_| !turn.resumed && !turn.status.is_terminal());
        if let Some(rewound) = &turn.rewound {
            row.output = None;
            row.execution = Some(rewound.execution.clone());
            row.deployment = Some(rewound.deployment);
            row.parent = rewound.parent.clone();
        }
        row.end_with(id, turn.outcome.as_ref());
        Some(row)
    }

    fn end_with(&mut self, id: &InstanceId, outcome: Option<&Outcome>) {
        match outcome {
            None => {}
            Some(Outcome::Completed(value)) => self.output = Some(value.clone()),
            Some(Outcome::Failed(failure)) => {
                self.output = Some(Payload::string(&failure.of_orchestrator(&self.name)));
            }
            Some(Outcome::Terminated(reason)) => self.output = reason.as_deref().map(Payload::of_text),
            Some(Outcome::ContinuedAsNew(next)) => {
                let kept = (self.custom_status.take(), self.inbox, self.status, self.wake_at, self.pending, self.updated_at, self.born_at);
                *self = Self::started(id, &next.start);
                (self.custom_status, self.inbox, self.status, self.wake_at, self.pending, self.updated_at, self.born_at) = kept;
            }
        }
    }

    fn after_batch(row: Option<Self>, id: &InstanceId, batch: &EntityRecord) -> Self {
        let row = row.unwrap_or_else(|| Self::entity(id, batch.now));
        Self {
            updated_at: batch.now,
            wake_at: batch.wake_at,
            inbox: inbox_after(row.inbox, &batch.received, batch.inbox_before),
            state: batch.state.clone(),
            locked_by: batch.lock.as_ref().map(|section| section.owner.instance.clone()),
            queue_size: u32::try_from(batch.deferred.len()).unwrap_or(u32::MAX),
            parked: None,
            ..row
        }
    }

    fn started(id: &InstanceId, start: &Start) -> Self {
        Self {
            name: start.name.to_string(),
            execution: Some(start.execution.clone()),
            version: start.version.clone(),
            tags: start.tags.clone(),
            deployment: Some(start.deployment),
            parent: start.parent.clone(),
            status: RuntimeStatus::Pending,
            input: Some(start.input.clone()),
            wake_at: start.at,
            born_at: start.born_at.unwrap_or(start.created_at),
            ..Self::blank(id, InstanceKind::Orchestration, start.created_at)
        }
    }

    fn entity(id: &InstanceId, now: Timestamp) -> Self {
        let name = id.entity().map_or_else(|| id.to_string(), |entity| entity.name.to_string());
        Self { name, ..Self::blank(id, InstanceKind::Entity, now) }
    }

    /// A row with nothing but an id and times: running, without a name, an input or anything else.
    pub fn blank(id: &InstanceId, kind: InstanceKind, now: Timestamp) -> Self {
        Self {
            id: id.clone(),
            kind,
            name: String::new(),
            execution: None,
            version: None,
            tags: Tags::new(),
            deployment: None,
            parent: None,
            status: RuntimeStatus::Running,
            parked: None,
            created_at: now,
            born_at: now,
            updated_at: now,
            input: None,
            output: None,
            custom_status: None,
            wake_at: None,
            pending: false,
            inbox: 0,
            state: None,
            locked_by: None,
            queue_size: 0,
        }
    }
}

/// A base record counts the messages before it, those included that came before there was a row to
/// count them.
fn inbox_after(before: u32, received: &[Received], inbox_before: u32) -> u32 {
    before.max(inbox_before).saturating_sub(from_inbox(received))
}
