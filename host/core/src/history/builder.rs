//! Observes the turns and notes what happened.
//!
//! Whether a message did anything is not decided again here: the state is asked before and after.

use std::collections::VecDeque;

use super::commands::Commands;
use super::event::{End, HistoryEntry, HistoryEvent};
use super::list::{Kind, List, Open};
use crate::message::{Message, Start};
use crate::model::{RuntimeStatus, TaskId, TaskResult, Timestamp};
use crate::orchestration::{Arrived, Orchestration, ReplayObserver, ReplayStep, Step, Turn};
use crate::record::{NextExecution, Outcome};

#[derive(Default)]
pub(super) struct HistoryBuilder {
    list: List,
    /// The current execution's name, once there is one.
    name: String,
    next_task: u32,
    /// When each message arrived that waits for the instance to be resumed.
    held: VecDeque<Timestamp>,
}

impl HistoryBuilder {
    pub(super) fn into_entries(self) -> Vec<HistoryEntry> {
        self.list.into_entries()
    }

    fn begin(&mut self, start: &Start, at: Timestamp) {
        self.forget();
        self.name = start.name.to_string();
        self.list.push(at, HistoryEvent::Started { name: self.name.clone(), input: start.input.clone(), not_before: start.at });
    }

    fn resume(&mut self, state: &mut Orchestration, turn: &mut Turn, arrived: Arrived, reason: Option<String>) {
        self.list.push(arrived.at, HistoryEvent::Resumed { reason });
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
            Message::Event { name, data } => self.list.push(at, HistoryEvent::EventReceived { name, data }),
            Message::ActivityDone { task, result, .. } | Message::ChildDone { task, result, .. } => {
                self.tell_call_ended(state, task, result, at)
            }
            Message::EntityReply { execution, task, result } => {
                let task = state.asked_as(&execution, task);
                self.tell_answer(task, at, |request| HistoryEvent::OperationAnswered { request, result });
            }
            Message::LockGranted { task, .. } => self.tell_answer(task, at, |request| HistoryEvent::LockGranted { request }),
            Message::TimerFired { task } => {
                if let Some(Kind::Timer(due)) = self.list.close(task).map(|open| open.kind) {
                    self.list.push(at, HistoryEvent::TimerFired { due });
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
            TaskResult::Completed(result) => self.list.push(at, HistoryEvent::CallCompleted { call: open.ended(), result }),
            TaskResult::Failed(failure) => {
                let what = if open.kind == Kind::Activity { "Activity" } else { "Orchestrator" };
                let told = format!("{what} function '{}' failed: {}", open.name, failure.message);
                self.list.push(at, HistoryEvent::CallFailed { call: open.ended(), told, failure });
            }
        }
        if let Some(due) = retry_at {
            self.list.back_off(task, open, at, due);
        }
    }

    /// A back-off is over: the call is scheduled again.
    fn tell_retry(&mut self, task: TaskId, due: Timestamp, at: Timestamp) {
        let Some(open) = self.list.close(task) else { return };
        self.list.push(at, HistoryEvent::TimerFired { due });
        let (name, input) = (open.name.clone(), open.input.clone());
        let event = match &open.kind {
            Kind::Child(instance) => HistoryEvent::ChildStarted { name, instance: instance.clone(), input, is_awaited: true },
            Kind::Activity | Kind::Timer(_) | Kind::Request(_) => HistoryEvent::ActivityScheduled { name, input },
        };
        self.list.open(task, Open { scheduled_at: at, ..open }, at, event);
    }

    fn tell_answer(&mut self, task: TaskId, at: Timestamp, answer: impl FnOnce(String) -> HistoryEvent) {
        if let Some(Kind::Request(request)) = self.list.close(task).map(|open| open.kind) {
            self.list.push(at, answer(request));
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
                    self.list.push(at, HistoryEvent::Terminated { reason: reason.clone() });
                }
                state.receive(turn, arrived.message, recorded);
            }
            Message::Suspend { ref reason } if state.is_live() => {
                if state.status() != Some(RuntimeStatus::Suspended) {
                    self.list.push(at, HistoryEvent::Suspended { reason: reason.clone() });
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
        let end = match outcome {
            Some(Outcome::Completed(value)) => End::Completed(value.clone()),
            Some(Outcome::Failed(failure)) => End::Failed { output: failure.of_orchestrator(&self.name), failure: failure.clone() },
            Some(Outcome::Terminated(reason)) => End::Terminated(reason.clone()),
            Some(Outcome::ContinuedAsNew(_)) | None => return,
        };
        self.list.push(now, HistoryEvent::Ended(end));
    }

    fn continued(&mut self, now: Timestamp, next: &NextExecution) {
        self.begin(&next.start, now);
        for (name, data) in &next.events {
            self.list.push(now, HistoryEvent::EventReceived { name: name.clone(), data: data.clone() });
        }
    }

    fn rewound(&mut self, state: &Orchestration, now: Timestamp, reason: Option<&str>) {
        self.held.clear();
        let (instance, parent_execution) = (state.id().clone(), state.parent_execution_id().map(str::to_owned));
        self.list.push(now, HistoryEvent::Rewound { reason: reason.map(str::to_owned), instance, parent_execution });
    }

    fn forget(&mut self) {
        self.list.clear();
        self.held.clear();
        self.next_task = 0;
    }
}
