//! What came of a turn, as tests ask for it.

use crate::message::{Effect, Message, Outgoing, Start};
use crate::model::TaskResult;
use crate::orchestration::Activation;
use crate::record::{NextExecution, Outcome, TurnRecord};

/// What came of a turn.
#[derive(Debug)]
pub(crate) struct Taken {
    pub(crate) activation: Option<Activation>,
    pub(crate) record: TurnRecord,
    pub(crate) base: bool,
    pub(crate) outgoing: Vec<Outgoing>,
    pub(crate) effects: Vec<Effect>,
}

impl Taken {
    /// What the guest was told: task and result.
    pub(crate) fn told(&self) -> Vec<(u32, String)> {
        let received = self.activation.as_ref().map(Activation::received).unwrap_or_default();
        let told = received.iter().map(|completion| {
            let text = match &completion.outcome {
                TaskResult::Completed(value) => value.as_str().to_owned(),
                TaskResult::Failed(failure) => format!("{}: {}", failure.error_type, failure.message),
            };
            (completion.task.0, text)
        });
        told.collect()
    }

    /// Activities that the turn runs: task and attempt.
    pub(crate) fn runs(&self) -> Vec<(u32, u32)> {
        let runs = self.effects.iter().filter_map(|effect| match effect {
            Effect::RunActivity(run) => Some((run.caller.task.0, run.attempt)),
            Effect::CancelActivity(_) => None,
        });
        runs.collect()
    }

    /// Activities that the turn stops.
    pub(crate) fn stops(&self) -> Vec<u32> {
        let stops = self.effects.iter().filter_map(|effect| match effect {
            Effect::RunActivity(_) => None,
            Effect::CancelActivity(caller) => Some(caller.task.0),
        });
        stops.collect()
    }

    /// Instances that the turn starts, and their starts.
    pub(crate) fn starts(&self) -> Vec<(String, Start)> {
        let starts = self.outgoing.iter().filter_map(|one| match &one.message {
            Message::Start(start) => Some((one.to.to_string(), (**start).clone())),
            _ => None,
        });
        starts.collect()
    }

    /// The entities that the turn gives critical sections back to.
    pub(crate) fn releases(&self) -> Vec<String> {
        let releases = self.outgoing.iter().filter_map(|one| match &one.message {
            Message::Release(_) => Some(one.to.to_string()),
            _ => None,
        });
        releases.collect()
    }

    /// What the caller of the instance is told.
    pub(crate) fn answer(&self) -> Option<(String, TaskResult)> {
        self.outgoing.iter().find_map(|one| match &one.message {
            Message::ChildDone { result, .. } => Some((one.to.to_string(), result.clone())),
            _ => None,
        })
    }

    pub(crate) fn next_execution(&self) -> &NextExecution {
        match &self.record.outcome {
            Some(Outcome::ContinuedAsNew(next)) => next,
            other => panic!("the turn did not continue as new: {other:?}"),
        }
    }
}
