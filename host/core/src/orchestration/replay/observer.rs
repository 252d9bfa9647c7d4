//! Sees what happens while a chain is read.

use super::ReplayStep;
use crate::model::Timestamp;
use crate::orchestration::Orchestration;
use crate::orchestration::turn::{Arrived, Step, Turn};
use crate::record::{NextExecution, Outcome};

/// Sees each turn as the chain is read.
pub(crate) trait ReplayObserver {
    /// A message is to be applied to the state as it was before it.
    fn receive(&mut self, state: &mut Orchestration, turn: &mut Turn, arrived: Arrived) {
        state.receive(turn, arrived.message, arrived.recorded);
    }

    /// The guest was called and answered; `step` is what came of it.
    fn called(&mut self, _state: &Orchestration, _replay: ReplayStep, _step: Step) {}

    /// The messages of a turn are applied and it closed, whether or not the guest was called.
    fn closed(&mut self, _now: Timestamp, _outcome: Option<&Outcome>) {}

    /// The instance went on with a new execution.
    fn continued(&mut self, _now: Timestamp, _next: &NextExecution) {}

    /// The instance went back to what was seen since the latest call of [`Self::forget`], and goes
    /// on from there.
    fn rewound(&mut self, _state: &Orchestration, _now: Timestamp, _reason: Option<&str>) {}

    /// What was seen so far belongs to an execution that is over.
    fn forget(&mut self) {}
}
