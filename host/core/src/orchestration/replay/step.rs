//! One recorded call of the guest, and how it is compared with what the code returns now.

use std::fmt;

use crate::model::{Command, Completion, GuestTurn, StartContext, Timestamp};
use crate::orchestration::turn::Activation;

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

impl ReplayStep {
    /// Takes out the call, with its mark of replay set, for the guest that is about to be called.
    /// Moved out rather than cloned: a clone would copy every result in the history.
    pub fn take_replaying_activation(&mut self) -> Activation {
        match std::mem::replace(&mut self.activation, Activation::Resume { now: Timestamp(0), received: Vec::new() }) {
            Activation::Start(context) => Activation::Start(StartContext { replaying: true, ..context }),
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
