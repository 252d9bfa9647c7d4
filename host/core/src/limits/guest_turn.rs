//! Whether what a guest returned for one activation may be taken.

use super::{BeyondLimit, ValueLimits, check_time};
use crate::model::{ActivityCall, Command, EntityCall, EntitySignal, EventTo, GuestOutcome, GuestTurn, OrchestrationCall};

type Checked = Result<(), BeyondLimit>;

impl ValueLimits {
    /// Whether each value in a turn is short and flat enough, and no time after the year 9999. The
    /// custom status has a limit of its own.
    ///
    /// # Errors
    /// The first that is not; the text says where it stands.
    pub fn check_turn(&self, turn: &GuestTurn) -> Checked {
        for (index, command) in turn.commands.iter().enumerate() {
            self.check_command(command).map_err(|beyond| BeyondLimit { text: format!("commands[{index}]: {}", beyond.text), ..beyond })?;
        }
        if let Some(custom_status) = &turn.custom_status {
            self.check_payload("the custom status", custom_status)?;
        }
        match &turn.outcome {
            Some(GuestOutcome::Completed(output)) => self.check_payload("the output", output),
            Some(GuestOutcome::ContinuedAsNew(next)) => self.check_payload("the input of the next execution", &next.input),
            Some(GuestOutcome::Failed(_)) | None => Ok(()),
        }
    }

    fn check_command(&self, command: &Command) -> Checked {
        match command {
            Command::CallActivity(ActivityCall { name, input, .. }) => {
                self.check_name("the activity's name", name)?;
                self.check_payload("the activity's input", input)
            }
            Command::CallOrchestration(call) | Command::StartOrchestration(call) => self.check_call(call),
            Command::WaitForEvent(name) => self.check_name("the event's name", name),
            Command::CallEntity(EntityCall { operation, input, .. }) => {
                self.check_name("the operation's name", operation)?;
                self.check_payload("the operation's input", input)
            }
            Command::SignalEntity(signal) => self.check_signal(signal),
            Command::RaiseEvent(EventTo { name, data, .. }) => {
                self.check_name("the event's name", name)?;
                self.check_payload("the event's data", data)
            }
            Command::CreateTimer(at) => check_time("the timer", *at),
            Command::LockEntities(_) | Command::Cancel(_) | Command::UnlockEntities(_) => Ok(()),
        }
    }

    /// Whether a start may be taken.
    ///
    /// # Errors
    /// What of it is too much.
    pub fn check_call(&self, call: &OrchestrationCall) -> Checked {
        self.check_name("the orchestration's name", &call.name)?;
        self.check_name("the version", call.version.as_deref().unwrap_or_default())?;
        check_time("the orchestration", call.at.unwrap_or_default())?;
        self.check_payload("the orchestration's input", &call.input)
    }

    /// Whether a signal may be taken.
    ///
    /// # Errors
    /// What of it is too much.
    pub fn check_signal(&self, signal: &EntitySignal) -> Checked {
        self.check_name("the operation's name", &signal.operation)?;
        check_time("the signal", signal.at.unwrap_or_default())?;
        self.check_payload("the operation's input", &signal.input)
    }
}
