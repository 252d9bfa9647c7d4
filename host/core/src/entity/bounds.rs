//! How much waits for an entity's lock or for its time, and what is too much.

use super::Entity;
use crate::limits::{BeyondLimit, Buffered, InstanceLimits};
use crate::message::{Message, Operation};

impl Entity {
    /// Whether there is room for a message from outside. An operation that may run at once needs
    /// none. What another instance sends is taken in any case: its sender could not be told.
    ///
    /// # Errors
    /// `TooManyOperations`.
    pub fn check_room(&self, message: &Message, limits: &InstanceLimits) -> Result<(), BeyondLimit> {
        let Message::Operation(operation) = message else { return Ok(()) };
        if self.is_due(operation) && self.may_run(operation) {
            return Ok(());
        }
        let mut waiting = self.waiting;
        waiting.add(&operation.name, &operation.input);
        if limits.have_room_for(waiting) {
            return Ok(());
        }
        let Buffered { count, bytes } = waiting;
        let (most, most_bytes) = (limits.max_buffered_events, limits.max_buffered_event_bytes);
        let text = format!(
            "with the operation '{}' {count} operations of {bytes} bytes would wait for the lock of entity '{}' or for their time; at most \
             {most} of {most_bytes} bytes may",
            operation.name, self.id
        );
        Err(BeyondLimit::new("TooManyOperations", text))
    }

    pub(super) fn is_due(&self, operation: &Operation) -> bool {
        operation.at.is_none_or(|at| at <= self.time.now())
    }

    /// Lets an operation wait for its time.
    pub(super) fn schedule(&mut self, operation: Operation) {
        self.waiting.add(&operation.name, &operation.input);
        self.scheduled.push(operation);
    }

    /// Lets a message wait for the lock.
    pub(super) fn defer(&mut self, message: Message) {
        if let Message::Operation(operation) = &message {
            self.waiting.add(&operation.name, &operation.input);
        }
        self.deferred.push_back(message);
    }

    /// Counts again, after much has left.
    pub(super) fn count_waiting(&mut self) {
        self.waiting = Buffered::default();
        let deferred =
            self.deferred.iter().filter_map(|message| if let Message::Operation(operation) = message { Some(operation) } else { None });
        deferred.chain(&self.scheduled).for_each(|operation| self.waiting.add(&operation.name, &operation.input));
    }
}
