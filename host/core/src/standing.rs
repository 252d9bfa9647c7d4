//! Which messages come too late for an orchestration.
//!
//! An ended instance stays as it was at its end: what comes later gets no record, changes no row
//! and costs nothing. The same holds for answers to an execution that is gone. The store and the
//! dispatcher both ask here, the one with what the tables say and the other with what memory knows,
//! so that they cannot disagree.

use crate::message::Message;
use crate::model::{ExecutionId, RuntimeStatus};
use crate::orchestration::Orchestration;
use crate::record::{Outcome, Record, TurnRecord};
use crate::row::InstanceRow;

/// How an orchestration stands after its latest record, as far as that decides whether a message
/// still matters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Its status; `Pending` from the moment that a start is recorded.
    pub status: RuntimeStatus,
    /// The id that its tasks answer to.
    pub execution: ExecutionId,
}

impl Standing {
    /// What a row says; `None` for an entity's.
    pub fn of_row(row: &InstanceRow) -> Option<Self> {
        Some(Self { status: row.status, execution: row.execution.clone()? })
    }

    /// What a state says; `None` if it was never started.
    pub fn of_state(state: &Orchestration) -> Option<Self> {
        Some(Self { status: state.status()?, execution: state.current_execution()? })
    }

    /// The standing after one more record.
    pub fn after(standing: Option<Self>, record: &Record) -> Option<Self> {
        match record {
            Record::Message(message) => Self::after_message(standing, &message.message),
            Record::Turn(turn) => Self::after_turn(standing, turn),
            Record::Entity(_) | Record::Parked(_) => standing,
        }
    }

    /// The standing after a message was recorded: a start makes an instance of what had ended or
    /// never was.
    pub fn after_message(standing: Option<Self>, message: &Message) -> Option<Self> {
        match message {
            Message::Start(start) if standing.as_ref().is_none_or(|standing| standing.status.is_terminal()) => {
                Some(Self { status: RuntimeStatus::Pending, execution: start.execution.clone() })
            }
            _ => standing,
        }
    }

    fn after_turn(standing: Option<Self>, turn: &TurnRecord) -> Option<Self> {
        let rewound = turn.rewound.as_ref().map(|rewound| &rewound.execution);
        let next = match &turn.outcome {
            Some(Outcome::ContinuedAsNew(next)) => Some(&next.start.execution),
            _ => None,
        };
        let execution = next.or(rewound).or(turn.began.as_ref()).cloned().or(standing.map(|standing| standing.execution))?;
        Some(Self { status: turn.status, execution })
    }

    /// Whether a message comes too late for an orchestration that stands so (`None`: it was never
    /// started, or is gone), and can be dropped without a record.
    ///
    /// A failed instance may be rewound, and takes an entity's answer for that: the operation has
    /// run and will not run again. Children answer again when their caller is rewound, so their
    /// answers are not needed.
    pub fn is_late(standing: Option<&Self>, message: &Message) -> bool {
        let status = standing.map(|standing| standing.status);
        let has_ended = status.is_none_or(RuntimeStatus::is_terminal);
        match message {
            Message::Start(_) | Message::Rewind { .. } => false,
            Message::Operation(_) | Message::Lock(_) | Message::Release(_) => false,
            Message::ActivityDone { execution, .. } | Message::ChildDone { execution, .. } | Message::LockGranted { execution, .. } => {
                has_ended || standing.is_some_and(|standing| standing.execution != *execution)
            }
            Message::EntityReply { .. } => has_ended && status != Some(RuntimeStatus::Failed),
            Message::Event { .. } | Message::Terminate { .. } | Message::Suspend { .. } | Message::Resume { .. } => has_ended,
            Message::TimerFired { .. } | Message::RetryDue { .. } => has_ended,
        }
    }
}

#[cfg(test)]
mod tests;
