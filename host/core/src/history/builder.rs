//! Watches the turns and tells what happened.
//!
//! Whether a message did anything is not decided again here: the state is asked before and after.

use std::collections::VecDeque;

use serde_json::Value;

use super::HistoryOptions;
use super::commands::Commands;
use super::list::{HistoryEvent, Kind, List, Open};
use super::shape;
use crate::message::{Message, Start};
use crate::model::{Payload, RuntimeStatus, TaskId, TaskResult, Timestamp};
use crate::orchestration::{Arrived, Orchestration, ReplayObserver, ReplayStep, Step, Turn};
use crate::record::{NextExecution, Outcome};

pub(super) struct HistoryBuilder {
    list: List,
    /// The current execution's name, once there is one.
    name: String,
    next_task: u32,
    /// When each message arrived that waits for the instance to be resumed.
    held: VecDeque<Timestamp>,
}

impl HistoryBuilder {
    pub(super) fn new(options: HistoryOptions) -> Self {
        Self { list: List::new(options), name: String::new(), next_task: 0, held: VecDeque::new() }
    }

    pub(super) fn into_events(self) -> Vec<HistoryEvent> {
        self.list.into_events()
    }

    fn begin(&mut self, start: &Start, at: Timestamp) {
        self.forget();
        self.name = start.name.to_string();
        self.list.push(shape::execution_started(start, at));
    }

    fn resume(&mut self, state: &mut Orchestration, turn: &mut Turn, arrived: Arrived, reason: Option<String>) {
        self.list.push(shape::execution_resumed(reason.as_deref(), arrived.at));
        // The held messages are applied one by one, so that what each of them does can be seen.
        let held = state.take_held();
        state.receive(turn, arrived.message, arrived.recorded);
        for message in held {
            let at = self.held.pop_front().unwrap_or(arrived.at);
            self.apply(state, turn, message, at, Orchestration::apply_held);
        }
    }

    /// Applies a message that the code would notice, and tells what it did.
    fn apply(
        &mut self,
        state: &mut Orchestration,
        turn: &mut Turn,
        message: Message,
        at: Timestamp,
        apply: impl FnOnce(&mut Orchestration, &mut Turn, Message),
    ) {
        let retry_was_due = retry_of(&message).and_then(|task| state.retry_at(task));
        let was_wanted = !state.ignores(&message);
        apply(state, turn, message.clone());
        if was_wanted && (matches!(message, Message::Event { .. }) || state.ignores(&message)) {
            self.tell(state, message, retry_was_due, at);
        }
    }

    fn tell(&mut self, state: &Orchestration, message: Message, retry_was_due: Option<Timestamp>, at: Timestamp) {
        match message {
            Message::Event { name, data } => self.list.push(shape::event_raised(&name, &data, at)),
            Message::ActivityDone { task, result, .. } | Message::ChildDone { task, result, .. } => {
                self.tell_call_ended(state, task, result, at)
            }
            Message::EntityReply { execution, task, result } => {
                let task = state.asked_as(&execution, task);
                let response = match &result {
                    TaskResult::Completed(value) => shape::entity_response(Ok(value.as_str())),
                    TaskResult::Failed(failure) => shape::entity_response(Err(failure)),
                };
                self.tell_answer(task, &response, at);
            }
            Message::LockGranted { task, .. } => self.tell_answer(task, &shape::entity_response(Ok("Lock Acquisition Completed")), at),
            Message::TimerFired { task } => {
                if let Some(Kind::Timer(fire_at)) = self.list.close(task).map(|open| open.kind) {
                    self.list.push(shape::timer_fired(fire_at, at));
                }
            }
            Message::RetryDue { task } => self.tell_retry(task, retry_was_due.unwrap_or(at), at),
            Message::Start(_) | Message::Terminate { .. } | Message::Suspend { .. } | Message::Resume { .. } => {}
            Message::Rewind { .. } => {}
            Message::Operation(_) | Message::Lock(_) | Message::Release(_) => {}
        }
    }

    fn tell_call_ended(&mut self, state: &Orchestration, task: TaskId, result: TaskResult, at: Timestamp) {
        let retry_at = state.retry_at(task);
        let Some(open) = self.list.close(task) else { return };
        match result {
            TaskResult::Completed(value) => self.list.push(shape::call_completed(&open, &value, at)),
            TaskResult::Failed(failure) => {
                let what = if open.kind == Kind::Activity { "Activity" } else { "Orchestrator" };
                let reason = format!("{what} function '{}' failed: {}", open.name, failure.message);
                self.list.push(shape::call_failed(&open, &reason, &failure, at));
            }
        }
        if let Some(fire_at) = retry_at {
            self.list.back_off(task, open, shape::timer_created(fire_at, at));
        }
    }

    /// A back-off is over: the call is scheduled again.
    fn tell_retry(&mut self, task: TaskId, fire_at: Timestamp, at: Timestamp) {
        let Some(open) = self.list.close(task) else { return };
        self.list.push(shape::timer_fired(fire_at, at));
        let event = match &open.kind {
            Kind::Child(instance) => shape::child_created(&open.name, instance, &open.input, Value::Null, at),
            Kind::Activity | Kind::Timer(_) | Kind::Request(_) => shape::task_scheduled(&open.name, &open.input, at),
        };
        self.list.open(task, Open { scheduled_at: at, ..open }, event);
    }

    fn tell_answer(&mut self, task: TaskId, response: &Payload, at: Timestamp) {
        if let Some(Kind::Request(id)) = self.list.close(task).map(|open| open.kind) {
            self.list.push(shape::event_raised(&id, response, at));
        }
    }
}

fn retry_of(message: &Message) -> Option<TaskId> {
    match message {
        Message::RetryDue { task } => Some(*task),
        _ => None,
    }
}

impl ReplayObserver for HistoryBuilder {
    fn receive(&mut self, state: &mut Orchestration, turn: &mut Turn, arrived: Arrived) {
        let Arrived { recorded, at, .. } = arrived;
        match arrived.message {
            Message::Start(ref start) => {
                if !state.is_live() {
                    self.begin(start, at);
                }
                state.receive(turn, arrived.message, recorded);
            }
            Message::Terminate { ref reason, ref parent, .. } if state.is_live() => {
                if state.is_child_of(parent.as_ref()) {
                    self.list.push(shape::execution_terminated(reason.as_deref(), at));
                }
                state.receive(turn, arrived.message, recorded);
            }
            Message::Suspend { ref reason } if state.is_live() => {
                if state.status() != Some(RuntimeStatus::Suspended) {
                    self.list.push(shape::execution_suspended(reason.as_deref(), at));
                }
                state.receive(turn, arrived.message, recorded);
            }
            Message::Resume { ref reason } if state.is_live() => {
                let reason = reason.clone();
                self.resume(state, turn, arrived, reason);
            }
            // From a caller to a child that has not failed: the code does not notice.
            Message::Rewind { .. } => state.receive(turn, arrived.message, recorded),
            message if state.status() == Some(RuntimeStatus::Suspended) => {
                self.held.push_back(at);
                state.receive(turn, message, recorded);
            }
            message => self.apply(state, turn, message, at, |state, turn, message| state.receive(turn, message, recorded)),
        }
    }

    fn called(&mut self, state: &Orchestration, replay: ReplayStep, step: Step) {
        let mut commands = Commands::new(state, &step);
        for command in replay.recorded.commands {
            let task = TaskId(self.next_task);
            self.next_task += u32::from(command.creates_task());
            commands.tell(&mut self.list, task, command);
        }
    }

    fn closed(&mut self, now: Timestamp, outcome: Option<&Outcome>) {
        let event = match outcome {
            Some(Outcome::Completed(value)) => shape::execution_completed(RuntimeStatus::Completed, Some(value), None, now),
            Some(Outcome::Failed(failure)) => {
                let text = Payload::string(&failure.of_orchestrator(&self.name));
                shape::execution_completed(RuntimeStatus::Failed, Some(&text), Some(failure), now)
            }
            Some(Outcome::Terminated(reason)) => {
                let text = reason.as_deref().map(Payload::of_text);
                shape::execution_completed(RuntimeStatus::Terminated, text.as_ref(), None, now)
            }
            Some(Outcome::ContinuedAsNew(_)) | None => return,
        };
        self.list.push(event);
    }

    fn continued(&mut self, now: Timestamp, next: &NextExecution) {
        self.begin(&next.start, now);
        for (name, data) in &next.events {
            self.list.push(shape::event_raised(name, data, now));
        }
    }

    fn rewound(&mut self, state: &Orchestration, now: Timestamp, reason: Option<&str>) {
        self.held.clear();
        self.list.push(shape::execution_rewound(reason, state, now));
    }

    fn forget(&mut self) {
        self.list.clear();
        self.held.clear();
        self.next_task = 0;
    }
}
