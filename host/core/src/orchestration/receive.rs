//! What each message does to the state.

use super::Orchestration;
use super::events::Events;
use super::execution::{Execution, Task};
use super::turn::{Activation, Turn};
use crate::limits::Buffered;
use crate::message::{Message, Start, TaskRef};
use crate::model::{Failure, InstanceId, Payload, Pin, RuntimeStatus, StartContext, TaskId, TaskResult, Timestamp};
use crate::record::{Outcome, Received};

/// Why an instance does not take a message from outside. Nothing is recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It was never started.
    Unknown,
    /// It has ended.
    Ended(RuntimeStatus),
    /// It exists and has not ended.
    Exists(RuntimeStatus),
    /// It is suspended already.
    AlreadySuspended,
    /// It is neither suspended nor parked.
    NotSuspended,
    /// It has not failed.
    NotFailed(RuntimeStatus),
}

impl Orchestration {
    /// Whether a message from outside makes sense now.
    ///
    /// # Errors
    /// [`Refusal`] says why not.
    pub fn admit(&self, message: &Message) -> Result<(), Refusal> {
        let status = match (self.status(), message) {
            (Some(status), Message::Start(_)) if !status.is_terminal() => return Err(Refusal::Exists(status)),
            (_, Message::Start(_)) => return Ok(()),
            (None, _) => return Err(Refusal::Unknown),
            (Some(RuntimeStatus::Failed), Message::Rewind { .. }) => return Ok(()),
            (Some(status), Message::Rewind { .. }) => return Err(Refusal::NotFailed(status)),
            (Some(status), _) if status.is_terminal() => return Err(Refusal::Ended(status)),
            (Some(status), _) => status,
        };
        match message {
            Message::Suspend { .. } if status == RuntimeStatus::Suspended => Err(Refusal::AlreadySuspended),
            Message::Resume { .. } if status != RuntimeStatus::Suspended && self.parked.is_none() => Err(Refusal::NotSuspended),
            _ => Ok(()),
        }
    }

    /// Whether a message that has no record of its own would change nothing, so that it can be
    /// dropped without one.
    pub fn ignores(&self, message: &Message) -> bool {
        let Some(execution) = self.execution.as_ref().filter(|_| !self.status.is_terminal()) else {
            return !matches!(message, Message::Start(_) | Message::Rewind { .. });
        };
        // Tasks never open again, so what comes too late now will not be in time later.
        let (of, wanted) = match message {
            Message::ActivityDone { execution: of, task, attempt, .. } => (of, execution.awaits_attempt(*task, Some(*attempt))),
            Message::ChildDone { execution: of, task, .. } => (of, execution.awaits_attempt(*task, None)),
            Message::EntityReply { execution: of, task, .. } => {
                let task = execution.answered_task(of, *task);
                return !task.is_some_and(|task| matches!(execution.tasks.get(&task), Some(Task::Entity { .. })));
            }
            Message::LockGranted { execution: of, task } => (of, matches!(execution.tasks.get(task), Some(Task::Lock))),
            Message::TimerFired { task } => (execution.id(), matches!(execution.tasks.get(task), Some(Task::Timer { .. }))),
            Message::RetryDue { task } => (execution.id(), execution.retry_at(*task).is_some()),
            Message::Start(_) | Message::Event { .. } | Message::Terminate { .. } => return false,
            Message::Suspend { .. } | Message::Resume { .. } | Message::Rewind { .. } => return false,
            Message::Operation(_) | Message::Lock(_) | Message::Release(_) => return true,
        };
        of != execution.id() || !wanted
    }

    /// Opens a turn; an execution that begins with it by continue-as-new is pinned to `current`.
    /// Give it messages with [`Self::receive`], then close the list with [`Self::activate`].
    pub fn begin_turn(&mut self, clock: Timestamp, current: impl Into<Pin>) -> Turn {
        let was_left_ahead = self.is_left_ahead(clock);
        self.time.advance(clock, self.wakes_itself_at());
        let mut turn = self.open_turn(current.into());
        turn.settles |= was_left_ahead;
        turn
    }

    /// The same for a turn that is read back, whose time is recorded.
    pub(super) fn begin_recorded_turn(&mut self, now: Timestamp, current: impl Into<Pin>) -> Turn {
        self.time.go_to(now);
        self.open_turn(current.into())
    }

    fn open_turn(&mut self, current: Pin) -> Turn {
        let mut turn = Turn::new(self.time.now(), current, self.execution.is_none());
        if let Some(outgoing) = self.execution.as_mut().and_then(|execution| execution.settling.take()) {
            turn.settles = true;
            turn.outgoing = outgoing;
        }
        turn
    }

    /// Applies one message. `recorded`: it is a record of its own in the instance's chain. A turn
    /// takes no more once [`Turn::is_over`].
    pub fn receive(&mut self, turn: &mut Turn, message: Message, recorded: bool) {
        turn.received.push(if recorded { Received::Inbox } else { Received::Inline(message.clone()) });
        self.count_received(&message);
        self.apply(turn, message, recorded);
    }

    /// Decides what the guest is to be called with, now that everything that arrived is applied.
    pub fn activate(&mut self, turn: &mut Turn) {
        if turn.is_over() || !self.may_run() {
            return;
        }
        let Some(execution) = self.execution.as_mut().filter(|execution| execution.has_activation(turn.now)) else { return };
        turn.calls_guest = true;
        if execution.begun {
            let (received, events) = execution.ready.take();
            turn.delivered_events = events;
            turn.activation = Some(Activation::Resume { now: turn.now, received });
            return;
        }
        execution.begun = true;
        self.status = RuntimeStatus::Running;
        let start = &execution.start;
        turn.activation = Some(Activation::Start(StartContext {
            instance_id: self.id.clone(),
            execution_id: start.execution.clone(),
            name: start.name.clone(),
            version: start.version.clone(),
            tags: start.tags.clone(),
            parent_instance_id: start.parent.as_ref().map(|parent| parent.instance.clone()),
            input: start.input.clone(),
            now: turn.now,
            replaying: false,
        }));
    }

    /// Applies a message that was held back; its turn has recorded it.
    pub(crate) fn apply_held(&mut self, turn: &mut Turn, message: Message) {
        self.apply(turn, message, true);
    }

    fn apply(&mut self, turn: &mut Turn, message: Message, recorded: bool) {
        match message {
            Message::Start(start) => self.receive_start(turn, *start, recorded),
            Message::Terminate { reason, recursive, parent } if self.is_live() => {
                if self.is_child_of(parent.as_ref()) {
                    self.terminate(turn, reason, recursive);
                }
            }
            Message::Suspend { .. } if self.is_live() => self.status = RuntimeStatus::Suspended,
            Message::Resume { .. } if self.is_live() => self.receive_resume(turn),
            Message::Rewind { reason: _, caller, deployment } => self.receive_rewind(turn, caller.map(|caller| *caller), deployment),
            other => self.receive_for_code(turn, other),
        }
    }

    fn receive_start(&mut self, turn: &mut Turn, start: Start, recorded: bool) {
        if self.is_live() {
            if let Some(TaskRef { instance, execution, task }) = start.parent {
                let failure = Failure::new("InstanceExists", format!("an instance '{}' exists and has not ended", self.id));
                turn.send(instance, Message::ChildDone { execution, task, result: TaskResult::Failed(failure) });
            }
            return;
        }
        turn.began = Some(start.execution.clone());
        if self.execution.is_some() {
            turn.is_base = true;
            turn.started = recorded.then(|| Box::new(start.clone()));
        }
        self.begin_execution(start, Events::default(), RuntimeStatus::Pending);
    }

    pub(super) fn begin_execution(&mut self, start: Start, events: Events, status: RuntimeStatus) {
        self.parked = None;
        self.execution = Some(Execution::new(start, events));
        self.status = status;
        self.next_turn = 0;
    }

    fn receive_resume(&mut self, turn: &mut Turn) {
        self.parked = None;
        turn.resumed = true;
        let Some(execution) = &mut self.execution else { return };
        if self.status != RuntimeStatus::Suspended {
            return;
        }
        self.status = if execution.begun { RuntimeStatus::Running } else { RuntimeStatus::Pending };
        for message in self.take_held() {
            self.apply_held(turn, message);
        }
    }

    /// What arrived while the instance was suspended, oldest first.
    pub(crate) fn take_held(&mut self) -> Vec<Message> {
        let Some(execution) = &mut self.execution else { return Vec::new() };
        execution.held_events = Buffered::default();
        std::mem::take(&mut execution.held)
    }

    /// Messages that the code would notice: kept back while the instance is suspended, dropped when
    /// no task waits for them.
    fn receive_for_code(&mut self, turn: &mut Turn, message: Message) {
        let Some(execution) = self.execution.as_mut().filter(|_| !self.status.is_terminal()) else { return };
        if self.status == RuntimeStatus::Suspended {
            if let Message::Event { name, data } = &message {
                execution.held_events.add(name, data);
            }
            execution.held.push(message);
            return;
        }
        match message {
            Message::Event { name, data } => {
                if let Some((task, event)) = execution.events.arrive(name, data) {
                    execution.complete_wait(task, event);
                }
            }
            Message::ActivityDone { execution: of, task, attempt, result } if of == *execution.id() => {
                execution.attempt_done(turn.now, task, Some(attempt), result);
            }
            Message::ChildDone { execution: of, task, result } if of == *execution.id() => {
                execution.attempt_done(turn.now, task, None, result)
            }
            Message::EntityReply { execution: of, task, result } => match execution.answered_task(&of, task) {
                Some(task) => execution.entity_replied(task, result),
                None => execution.reusable.answer(&of, task, result),
            },
            Message::LockGranted { execution: of, task } if of == *execution.id() => execution.lock_granted(task),
            Message::TimerFired { task } => execution.timer_fired(turn.now, task),
            Message::RetryDue { task } => execution.retry(turn, &self.id, task),
            // An answer for an earlier execution, or a message that is not for orchestrations.
            _ => {}
        }
    }

    /// Whether a termination that comes from this parent is meant for this instance. One from
    /// outside always is.
    pub(crate) fn is_child_of(&self, parent: Option<&TaskRef>) -> bool {
        parent.is_none_or(|parent| self.execution.as_ref().is_some_and(|execution| execution.start.parent.as_ref() == Some(parent)))
    }

    fn terminate(&mut self, turn: &mut Turn, reason: Option<String>, recursive: bool) {
        if recursive && let Some(execution) = &self.execution {
            for (task, child) in execution.children() {
                let parent = Some(execution.task_ref(&self.id, task));
                turn.send(child, Message::Terminate { reason: reason.clone(), recursive, parent });
            }
        }
        self.end_execution(turn, Outcome::Terminated(reason));
    }
}

impl Execution {
    fn children(&self) -> Vec<(TaskId, InstanceId)> {
        let children = self.tasks.iter().filter_map(|(task, open)| match open {
            Task::Child { id, .. } => Some((*task, id.clone())),
            _ => None,
        });
        children.collect()
    }

    /// Never before its time, even if a message says that it fired.
    fn timer_fired(&mut self, now: Timestamp, task: TaskId) {
        if let Some(Task::Timer { at }) = self.tasks.get(&task)
            && *at <= now
        {
            self.complete(task, TaskResult::Completed(Payload::null()));
        }
    }

    fn entity_replied(&mut self, task: TaskId, result: TaskResult) {
        let Some(Task::Entity { entity, operation }) = self.tasks.get(&task) else { return };
        let result = match result {
            TaskResult::Failed(failure) => {
                let text = format!("Operation '{operation}' of entity '{entity}' failed: {}", failure.message);
                TaskResult::Failed(failure.wrapped(text))
            }
            completed => completed,
        };
        self.complete(task, result);
    }
}
