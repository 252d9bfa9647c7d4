//! The turns of the current execution, kept while a chain is read that a rewind will cut.

use super::request::RewindRequest;
use super::reuse::ReusableCommands;
use crate::message::Message;
use crate::model::{GuestTurn, InstanceId, TaskId, TaskResult, Timestamp};
use crate::orchestration::turn::Arrived;
use crate::orchestration::turn::{Activation, Step};
use crate::record::{NextExecution, Rewound};

/// All that made the state of the current execution.
#[derive(Debug, Default)]
pub(crate) struct TurnLog {
    /// How the execution began, if by continue-as-new.
    pub(crate) origin: Option<(Timestamp, NextExecution)>,
    pub(crate) items: Vec<LogItem>,
}

#[derive(Debug)]
pub(crate) enum LogItem {
    Turn(LoggedTurn),
    /// The instance was parked.
    Parked(String),
    Rewind(LoggedRewind),
}

/// A turn as it was read.
#[derive(Clone, Debug)]
pub(crate) struct LoggedTurn {
    pub(crate) number: u32,
    /// The format of its record.
    pub(crate) format: u32,
    pub(crate) now: Timestamp,
    pub(crate) arrived: Vec<Arrived>,
    pub(crate) recorded: GuestTurn,
    pub(crate) without_guest: bool,
    /// Tasks that the code was told had ended.
    pub(crate) told: Vec<TaskId>,
    /// Those among them that had failed.
    pub(crate) told_failed: Vec<TaskId>,
    /// The lock task of the critical section that was granted when the code was called.
    pub(crate) section: Option<TaskId>,
    /// For calls of children and entities: the instance that got them.
    pub(crate) sent_to: Vec<(TaskId, InstanceId)>,
}

/// A rewind as it was carried out.
#[derive(Clone, Debug)]
pub(crate) struct LoggedRewind {
    pub(crate) number: u32,
    pub(crate) now: Timestamp,
    /// What arrived behind the cut.
    pub(crate) again: Vec<Arrived>,
    pub(crate) reusable: ReusableCommands,
    pub(crate) rewound: Rewound,
    pub(crate) asked: RewindRequest,
}

impl LogItem {
    pub(crate) fn arrived_mut(&mut self) -> Option<&mut Vec<Arrived>> {
        match self {
            Self::Turn(turn) => Some(&mut turn.arrived),
            Self::Rewind(rewind) => Some(&mut rewind.again),
            Self::Parked(_) => None,
        }
    }
}

impl LoggedTurn {
    pub(crate) fn note_told(&mut self, activation: &Activation) {
        for completion in activation.received() {
            self.told.push(completion.task);
            if matches!(completion.outcome, TaskResult::Failed(_)) {
                self.told_failed.push(completion.task);
            }
        }
    }

    pub(crate) fn note_sent(&mut self, step: &Step) {
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
