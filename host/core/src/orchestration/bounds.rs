//! What is counted, and what is too much.
//!
//! Counting is part of every turn, live or read back; only a live turn knows limits. So a history
//! that was taken under one setting is read the same under any other.

use super::Orchestration;
use super::execution::Execution;
use super::turn::Turn;
use crate::limits::{BeyondLimit, Buffered, HistoryUse, InstanceLimits, command_bytes, message_bytes};
use crate::message::Message;
use crate::model::{Command, Failure, GuestTurn, RuntimeStatus};

/// Number, time and members of a turn's record.
const TURN_BYTES: u64 = 100;

impl Orchestration {
    /// How much of its history the current execution has used.
    pub fn history(&self) -> HistoryUse {
        let bytes = self.execution.as_ref().map_or(0, |execution| execution.history_bytes);
        HistoryUse { turns: self.next_turn, bytes }
    }

    /// Whether there is room for a message from outside. An event that a task waits for needs none.
    /// What another instance sends is taken in any case: its sender could not be told.
    ///
    /// # Errors
    /// `TooManyEvents`.
    pub fn check_room(&self, message: &Message, limits: &InstanceLimits) -> Result<(), BeyondLimit> {
        let (Message::Event { name, data }, Some(execution)) = (message, &self.execution) else { return Ok(()) };
        if self.status != RuntimeStatus::Suspended && execution.events.is_awaited(name) {
            return Ok(());
        }
        let mut buffered = execution.buffered_events();
        buffered.add(name, data);
        if limits.have_room_for(buffered) {
            return Ok(());
        }
        let Buffered { count, bytes } = buffered;
        let (most, most_bytes) = (limits.max_buffered_events, limits.max_buffered_event_bytes);
        let text = format!(
            "with the event '{name}' {count} events of {bytes} bytes would wait for the code of instance '{}' to ask for them; at most \
             {most} of {most_bytes} bytes may",
            self.id
        );
        Err(BeyondLimit::new("TooManyEvents", text))
    }

    pub(super) fn count_received(&mut self, message: &Message) {
        if let Some(execution) = &mut self.execution {
            execution.history_bytes += message_bytes(message);
        }
    }

    pub(super) fn count_asked(&mut self, guest: &GuestTurn) {
        let Some(execution) = &mut self.execution else { return };
        let status = guest.custom_status.as_ref().map_or(0, |status| status.len_bytes() as u64);
        execution.history_bytes += TURN_BYTES + status + guest.commands.iter().map(command_bytes).sum::<u64>();
    }

    /// Why the execution must not go on behind this turn. One that ends with it may have any
    /// length, and one that stands still is not in the way.
    pub(super) fn history_fault(&self, turn: &Turn, guest: &GuestTurn) -> Option<Failure> {
        let limits = turn.limits.as_ref()?;
        let ends = turn.is_over() || guest.outcome.is_some() || self.code_has_ended();
        if ends || !self.may_run() {
            return None;
        }
        limits.check_history(self.history()).err().map(Failure::from)
    }
}

impl Execution {
    /// Whether there is room for what a command asks for.
    pub(super) fn check_command(&self, command: &Command, limits: &InstanceLimits) -> Result<(), BeyondLimit> {
        let (open, most) = (self.tasks.len(), limits.max_pending_tasks);
        if command.creates_task() && open >= most {
            let text = format!("the code asks for one more task while {open} are open; at most {most} may be");
            return Err(BeyondLimit::new("TooManyPendingTasks", text));
        }
        match command {
            Command::CallOrchestration(call) if self.start.nesting >= limits.max_nesting => {
                let (name, most) = (&call.name, limits.max_nesting);
                let text = format!(
                    "the code calls orchestration '{name}' with {} callers above itself; at most {most} may stand above one",
                    self.start.nesting
                );
                Err(BeyondLimit::new("NestedTooDeep", text))
            }
            Command::LockEntities(set) if set.len() > limits.max_section_entities => {
                let (count, most) = (set.len(), limits.max_section_entities);
                let text = format!("the code asks for a critical section of {count} entities; at most {most} are locked at a time");
                Err(BeyondLimit::new("TooManyEntities", text))
            }
            _ => Ok(()),
        }
    }

    fn buffered_events(&self) -> Buffered {
        let Buffered { count, bytes } = self.events.buffered();
        Buffered { count: count + self.held_events.count, bytes: bytes + self.held_events.bytes }
    }
}
