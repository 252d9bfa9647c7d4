//! About how much memory an instance takes.
//!
//! A turn must not look through all that its instance holds to say how much that is: a fan-out has
//! a hundred thousand tasks. What a history takes is counted as it grows, and an instance holds at
//! most what it held when it was last looked through and what came since. It is looked through
//! again once much has come.

use super::Orchestration;
use super::execution::{Execution, Task, Weighed};
use crate::entity::Entity;
use crate::limits::{message_bytes, start_bytes};
use crate::message::Message;
use crate::model::{Payload, TaskResult};

/// An instance, a task, or a message without its texts.
const FRAME_BYTES: u64 = 200;
/// How much a history grows at least until its instance is looked through again.
const LOOK_AGAIN_BYTES: u64 = 256 << 10;

impl Orchestration {
    /// About how many bytes its state takes in memory, at most.
    pub fn held_bytes(&mut self) -> u64 {
        FRAME_BYTES + self.execution.as_mut().map_or(0, Execution::held_bytes)
    }
}

impl Execution {
    fn held_bytes(&mut self) -> u64 {
        let since = self.history_bytes.saturating_sub(self.weighed.history_bytes);
        // Looking through costs time for each task, so so many must have come that they have paid
        // for it.
        let tasks = (self.tasks.len() + self.ready.len() + self.held.len()) as u64;
        if since < LOOK_AGAIN_BYTES.max(tasks * FRAME_BYTES / 2) {
            return self.weighed.held_bytes + since;
        }
        let held_bytes = self.look_through();
        self.weighed = Weighed { history_bytes: self.history_bytes, held_bytes };
        held_bytes
    }

    fn look_through(&self) -> u64 {
        let tasks: u64 = self.tasks.values().map(task_bytes).sum();
        let ready: u64 = self.ready.iter().map(|completion| FRAME_BYTES + result_bytes(&completion.outcome)).sum();
        let held: u64 = self.held.iter().map(Message::bytes).sum();
        let events = self.events.buffered();
        start_bytes(&self.start) + tasks + ready + held + events.bytes as u64 + events.count as u64 * FRAME_BYTES
    }
}

fn task_bytes(task: &Task) -> u64 {
    let texts = match task {
        Task::Activity { call, .. } => call.name.len() + call.input.len_bytes(),
        Task::Child { call, .. } => call.name.len() + call.input.len_bytes(),
        Task::Event { name } => name.len(),
        Task::Entity { operation, .. } => operation.len(),
        Task::Timer { .. } | Task::Lock => 0,
    };
    FRAME_BYTES + texts as u64
}

fn result_bytes(result: &TaskResult) -> u64 {
    match result {
        TaskResult::Completed(value) => value.len_bytes() as u64,
        TaskResult::Failed(failure) => (failure.message.len() + failure.details.as_ref().map_or(0, String::len)) as u64,
    }
}

impl Entity {
    /// About how many bytes it takes in memory.
    pub fn held_bytes(&self) -> u64 {
        let waiting = self.waiting();
        let state = self.state().map_or(0, Payload::len_bytes);
        FRAME_BYTES + (state + waiting.bytes) as u64 + waiting.count as u64 * FRAME_BYTES
    }
}

impl Message {
    /// About how many bytes it takes in memory.
    pub fn bytes(&self) -> u64 {
        message_bytes(self)
    }
}
