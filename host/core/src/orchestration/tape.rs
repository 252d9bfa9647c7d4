//! The turns of the current execution, kept while a chain is read that a rewind will cut.

use super::chain::Arrived;
use super::memo::Memo;
use super::rewind::Asked;
use super::turn::{Activation, Step};
use crate::message::Message;
use crate::model::{GuestTurn, InstanceId, TaskId, TaskResult, Timestamp};
use crate::record::{NextExecution, Rewound};

/// All that made the state of the current execution.
#[derive(Debug, Default)]
pub(super) struct Tape {
    /// How the execution began, if by continue-as-new.
    pub(super) origin: Option<(Timestamp, NextExecution)>,
    pub(super) items: Vec<Item>,
}

#[derive(Debug)]
pub(super) enum Item {
    Turn(TapedTurn),
    /// The instance was set aside.
    Parked(String),
    Rewind(TapedRewind),
}

/// A turn as it was read.
#[derive(Clone, Debug)]
pub(super) struct TapedTurn {
    pub(super) number: u32,
    /// The format of its record.
    pub(super) format: u32,
    pub(super) now: Timestamp,
    pub(super) arrived: Vec<Arrived>,
    pub(super) recorded: GuestTurn,
    pub(super) without_guest: bool,
    /// Tasks that the code was told had ended.
    pub(super) told: Vec<TaskId>,
    /// Those among them that had failed.
    pub(super) told_failed: Vec<TaskId>,
    /// The lock task of the critical section that was granted when the code was called.
    pub(super) section: Option<TaskId>,
    /// For calls of children and entities: whom they were sent to.
    pub(super) sent_to: Vec<(TaskId, InstanceId)>,
}

/// A rewind as it was carried out.
#[derive(Clone, Debug)]
pub(super) struct TapedRewind {
    pub(super) number: u32,
    pub(super) now: Timestamp,
    /// What arrived behind the cut.
    pub(super) again: Vec<Arrived>,
    pub(super) memo: Memo,
    pub(super) rewound: Rewound,
    pub(super) asked: Asked,
}

impl Item {
    pub(super) fn arrived_mut(&mut self) -> Option<&mut Vec<Arrived>> {
        match self {
            Self::Turn(turn) => Some(&mut turn.arrived),
            Self::Rewind(rewind) => Some(&mut rewind.again),
            Self::Parked(_) => None,
        }
    }
}

impl TapedTurn {
    pub(super) fn note_told(&mut self, activation: &Activation) {
        for completion in activation.received() {
            self.told.push(completion.task);
            if matches!(completion.outcome, TaskResult::Failed(_)) {
                self.told_failed.push(completion.task);
            }
        }
    }

    pub(super) fn note_sent(&mut self, step: &Step) {
        let sent = step.outgoing.iter().filter_map(|one| {
            let task = match &one.message {
                Message::Start(start) => start.parent.as_ref()?.task,
                Message::Operation(operation) => operation.caller.as_ref()?.task,
                _ => return None,
            };
            Some((task, one.to.clone()))
        });
        self.sent_to.extend(sent);
    }
}
