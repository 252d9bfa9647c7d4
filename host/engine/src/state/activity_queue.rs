//! Activities on their way to a guest thread.

use std::collections::VecDeque;
use std::sync::Arc;

use longhaul_core::message::ActivityRun;

use crate::ports::ActivityFunction;
use crate::world::ActivityStandIn;

/// A run that a guest thread takes between two turns.
pub(crate) struct InlineRun {
    pub(crate) run: ActivityRun,
    pub(crate) code: InlineCode,
}

/// What the guest thread runs.
pub(crate) enum InlineCode {
    Guest(Arc<dyn ActivityFunction>),
    StandIn(Arc<dyn ActivityStandIn>),
}

/// The queue.
#[derive(Default)]
pub(super) struct ActivityQueue {
    runs: VecDeque<InlineRun>,
    /// Turns and activities alternate.
    is_next: bool,
}

impl ActivityQueue {
    pub(super) fn len(&self) -> usize {
        self.runs.len()
    }

    pub(super) fn extend(&mut self, runs: Vec<InlineRun>) {
        self.runs.extend(runs);
    }

    /// A run, if it is the activities' turn and there is one. The next turn is the other kind's.
    pub(super) fn take_in_turn(&mut self) -> Option<InlineRun> {
        let run = if self.is_next { self.runs.pop_front() } else { None };
        self.is_next = run.is_none();
        run
    }

    /// A run, whichever kind's turn it is.
    pub(super) fn take(&mut self) -> Option<InlineRun> {
        self.runs.pop_front()
    }
}
