//! From records back to state, and what a replay must give to the guest.

use std::collections::VecDeque;
use std::fmt;

use super::Orchestration;
use super::chain::{Chain, Witness};
use super::turn::{Activation, Step};
use crate::message::Message;
use crate::model::{Command, Completion, GuestTurn, InstanceId, Timestamp};
use crate::record::{NextExecution, Record};

/// What a chain of records says.
#[derive(Debug)]
pub struct Folded {
    /// The state after the last record.
    pub state: Orchestration,
    /// Recorded messages that no turn has consumed, oldest first.
    pub inbox: VecDeque<Message>,
    /// The calls that bring a fresh guest to where the last one was, oldest first. Empty if the execution has ended.
    pub replay: Vec<ReplayStep>,
}

/// One recorded call of the guest.
#[derive(Clone, Debug, PartialEq)]
pub struct ReplayStep {
    /// The turn's number.
    pub number: u32,
    /// What the guest was called with.
    pub activation: Activation,
    /// What it returned.
    pub recorded: GuestTurn,
}

/// The guest returned something else than what is recorded.
#[derive(Clone, Debug, PartialEq)]
pub struct Mismatch {
    /// The turn.
    pub turn: u32,
    /// What is recorded.
    pub recorded: String,
    /// What the code returns now.
    pub returned: String,
}

impl fmt::Display for Mismatch {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { turn, recorded, returned } = self;
        write!(
            formatter,
            "turn {turn} records {recorded}, the code now returns {returned}; does the code depend on something besides its input, or was the app changed in place?"
        )
    }
}

impl std::error::Error for Mismatch {}

/// Folds a chain as the store returns it: from a base record or the chain's beginning, led by the messages that are still needed.
/// Each record comes with its mark of a base.
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

impl Witness for Calls {
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

impl ReplayStep {
    /// Takes out the call, with its mark of replay set, for the guest that is about to be called. A copy of every result that an execution ever
    /// got would be dear.
    pub fn take_replaying_activation(&mut self) -> Activation {
        match std::mem::replace(&mut self.activation, Activation::Resume { now: Timestamp(0), received: Vec::new() }) {
            Activation::Start(context) => Activation::Start(crate::model::StartContext { replaying: true, ..context }),
            resume @ Activation::Resume { .. } => resume,
        }
    }

    /// Bytes of payloads in the call and in what it returned.
    pub fn payload_bytes(&self) -> usize {
        let given: usize = match &self.activation {
            Activation::Start(context) => context.input.len_bytes(),
            Activation::Resume { received, .. } => received.iter().map(Completion::payload_bytes).sum(),
        };
        given + self.recorded.commands.iter().map(Command::payload_bytes).sum::<usize>()
    }

    /// Compares what the guest returned in a replay with what is recorded.
    ///
    /// # Errors
    /// [`Mismatch`] names the first difference.
    pub fn compare(&self, returned: &GuestTurn) -> Result<(), Mismatch> {
        let recorded = &self.recorded;
        let mismatch = |recorded: String, returned: String| Err(Mismatch { turn: self.number, recorded, returned });
        let longest = recorded.commands.len().max(returned.commands.len());
        for index in 0..longest {
            let (old, new) = (recorded.commands.get(index), returned.commands.get(index));
            if old != new {
                return mismatch(shown(index, old), shown(index, new));
            }
        }
        if recorded.outcome != returned.outcome {
            return mismatch(format!("the outcome {:?}", recorded.outcome), format!("{:?}", returned.outcome));
        }
        if recorded.custom_status != returned.custom_status {
            return mismatch(format!("the custom status {:?}", recorded.custom_status), format!("{:?}", returned.custom_status));
        }
        Ok(())
    }
}

fn shown(index: usize, command: Option<&Command>) -> String {
    match command {
        None => format!("no command {index}"),
        Some(command) => format!("command {index}: {command:?}"),
    }
}

impl Activation {
    /// What ended, for a later activation.
    pub fn received(&self) -> &[Completion] {
        match self {
            Self::Start(_) => &[],
            Self::Resume { received, .. } => received,
        }
    }
}
