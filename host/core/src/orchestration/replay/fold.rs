//! From records back to state, and what a replay must give to the guest.

use std::collections::VecDeque;

use super::{Chain, ReplayObserver, ReplayStep};
use crate::message::Message;
use crate::model::{InstanceId, Timestamp};
use crate::orchestration::{Orchestration, Step};
use crate::record::{NextExecution, Record};

/// What a chain of records says.
#[derive(Debug)]
pub struct Folded {
    /// The state after the last record.
    pub state: Orchestration,
    /// Recorded messages that no turn has consumed, oldest first.
    pub inbox: VecDeque<Message>,
    /// The calls that bring a fresh guest to where the last one was, oldest first. Empty if the
    /// execution has ended.
    pub replay: Vec<ReplayStep>,
}

/// Folds a chain as the store returns it: from a base record or the chain's beginning, led by the
/// messages that are still needed. Each record comes with its mark of a base.
pub fn fold(id: InstanceId, chain: impl IntoIterator<Item = (Record, bool)>) -> Folded {
    let chain = chain.into_iter();
    let mut calls = Calls(Vec::with_capacity(chain.size_hint().0));
    let Chain { state, inbox, .. } = Chain::read(id, chain, &mut calls);
    // Code that has ended is not called again, though its execution may wait for what it left open.
    let replay = if state.is_live() && !state.code_has_ended() { calls.0 } else { Vec::new() };
    Folded { state, inbox: inbox.into_iter().map(|record| record.message).collect(), replay }
}

/// Keeps the guest's calls of the current execution.
struct Calls(Vec<ReplayStep>);

impl ReplayObserver for Calls {
    fn called(&mut self, _state: &Orchestration, replay: ReplayStep, _step: Step) {
        self.0.push(replay);
    }

    fn continued(&mut self, _now: Timestamp, _next: &NextExecution) {
        self.0.clear();
    }

    fn forget(&mut self) {
        self.0.clear();
    }
}
