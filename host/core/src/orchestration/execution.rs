//! One execution: its tasks, alarms and critical section.

use std::collections::{BTreeMap, BTreeSet};

use super::critical_section::CriticalSection;
use super::events::{Event, Events};
use super::ready::Ready;
use super::rewind::{PreviousIds, ReusableCommands};
use crate::limits::{Buffered, start_bytes};
use crate::message::{ActivityRun, Message, Outgoing, Start, TaskRef};
use crate::model::{ActivityCall, EntityId, ExecutionId, GuestOutcome, InstanceId, OrchestrationCall, TaskId, TaskResult, Timestamp};
use crate::record::Outcome;

/// Something the orchestration waits for.
#[derive(Debug)]
pub(super) enum Task {
    /// `asked_in`: what the execution was called when it asked.
    Activity {
        call: ActivityCall,
        progress: Progress,
        asked_in: ExecutionId,
    },
    /// `known`: the task that the child answers to, as far as it was told.
    Child {
        call: OrchestrationCall,
        id: InstanceId,
        progress: Progress,
        known: TaskRef,
    },
    Timer {
        at: Timestamp,
    },
    Event {
        name: String,
    },
    Entity {
        entity: EntityId,
        operation: String,
    },
    Lock,
}

impl Task {
    /// Whether an execution that waits for its open tasks waits for this one.
    pub(super) fn holds_up_the_end(&self) -> bool {
        match self {
            Self::Activity { .. } | Self::Child { .. } | Self::Timer { .. } => true,
            Self::Event { .. } | Self::Entity { .. } | Self::Lock => false,
        }
    }
}

/// How far a call with a retry policy has come.
#[derive(Clone, Copy, Debug)]
pub(super) struct Progress {
    /// From 1.
    pub(super) attempt: u32,
    pub(super) first_attempt_at: Timestamp,
    /// Set while a failed attempt backs off.
    pub(super) retry_at: Option<Timestamp>,
}

impl Progress {
    pub(super) fn begun(now: Timestamp) -> Self {
        Self { attempt: 1, first_attempt_at: now, retry_at: None }
    }
}

/// What an execution held when its memory was last added up.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Weighed {
    /// What its history took then.
    pub(super) history_bytes: u64,
    pub(super) held_bytes: u64,
}

#[derive(Debug)]
pub(super) struct Execution {
    pub(super) start: Start,
    /// What tasks answer to: the execution's id, until a rewind gives it another one.
    current: ExecutionId,
    /// What tasks answered to before.
    pub(super) previous_ids: PreviousIds,
    /// What was done before a rewind and need not be done again.
    pub(super) reusable: ReusableCommands,
    /// Set between a rewind and the next turn: what that turn sends.
    pub(super) settling: Option<Vec<Outgoing>>,
    /// How it ended, once it has.
    pub(super) ended: Option<Outcome>,
    /// Whether the guest was activated for the first time.
    pub(super) begun: bool,
    pub(super) tasks: BTreeMap<TaskId, Task>,
    pub(super) next_task: u32,
    /// Timers and back-offs by time.
    pub(super) alarms: BTreeSet<(Timestamp, TaskId)>,
    /// Activities with an attempt under way: counted, since a fan-out has too many to look through
    /// each turn.
    pub(super) running: usize,
    pub(super) events: Events,
    /// Ended tasks that the guest has not been told of.
    pub(super) ready: Ready,
    /// What arrived while the instance was suspended, oldest first.
    pub(super) held: Vec<Message>,
    /// The events among them.
    pub(super) held_events: Buffered,
    /// The critical section that is asked for or held.
    pub(super) section: Option<CriticalSection>,
    /// How the code ended, while the execution waits for what it left open.
    pub(super) returned: Option<GuestOutcome>,
    /// Activities, children and timers that are open: counted for the same reason.
    pub(super) holding: usize,
    /// Numbers derived ids.
    pub(super) derived: u32,
    /// What its history takes up.
    pub(super) history_bytes: u64,
    pub(super) weighed: Weighed,
}

impl Execution {
    pub(super) fn new(start: Start, events: Events) -> Self {
        Self {
            history_bytes: start_bytes(&start) + events.buffered().bytes as u64,
            current: start.execution.clone(),
            previous_ids: PreviousIds::default(),
            reusable: ReusableCommands::default(),
            settling: None,
            ended: None,
            start,
            begun: false,
            tasks: BTreeMap::new(),
            next_task: 0,
            alarms: BTreeSet::new(),
            running: 0,
            events,
            ready: Ready::default(),
            held: Vec::new(),
            held_events: Buffered::default(),
            section: None,
            returned: None,
            holding: 0,
            derived: 0,
            weighed: Weighed::default(),
        }
    }

    pub(super) fn id(&self) -> &ExecutionId {
        &self.current
    }

    /// From now on tasks answer to another id.
    pub(super) fn rename(&mut self, execution: ExecutionId) {
        let before = std::mem::replace(&mut self.current, execution);
        self.previous_ids.rename(before, self.next_task);
    }

    /// The task that an entity's answer is for.
    pub(super) fn answered_task(&self, execution: &ExecutionId, task: TaskId) -> Option<TaskId> {
        if *execution == self.current { Some(task) } else { self.previous_ids.task(execution, task) }
    }

    pub(super) fn task_ref(&self, instance: &InstanceId, task: TaskId) -> TaskRef {
        TaskRef { instance: instance.clone(), execution: self.id().clone(), task }
    }

    pub(super) fn has_activation(&self, now: Timestamp) -> bool {
        if self.returned.is_some() {
            false
        } else if self.begun {
            !self.ready.is_empty()
        } else {
            self.start.at.is_none_or(|at| at <= now)
        }
    }

    pub(super) fn wake_at(&self) -> Option<Timestamp> {
        if self.begun { self.alarms.first().map(|(at, _)| *at) } else { self.start.at }
    }

    pub(super) fn has_running_activities(&self) -> bool {
        self.running > 0
    }

    pub(super) fn due(&self, now: Timestamp) -> Vec<Message> {
        let due = self.alarms.iter().take_while(|(at, _)| *at <= now);
        due.map(|(_, task)| match self.tasks.get(task) {
            Some(Task::Activity { .. } | Task::Child { .. }) => Message::RetryDue { task: *task },
            _ => Message::TimerFired { task: *task },
        })
        .collect()
    }

    pub(super) fn running_activities(&self, instance: &InstanceId) -> Vec<ActivityRun> {
        let runs = self.tasks.iter().filter_map(|(task, open)| match open {
            // A result that is held back while the instance is suspended is recorded: its attempt
            // has run.
            Task::Activity { call, progress, asked_in } if progress.retry_at.is_none() && !self.holds_result(*task, progress.attempt) => {
                Some(self.activity_run(instance, *task, call, progress.attempt, asked_in))
            }
            _ => None,
        });
        runs.collect()
    }

    fn holds_result(&self, of: TaskId, number: u32) -> bool {
        let is_result = |held: &Message| match held {
            Message::ActivityDone { execution, task, attempt, .. } => execution == self.id() && *task == of && *attempt == number,
            _ => false,
        };
        self.held.iter().any(is_result)
    }

    pub(super) fn activity_run(
        &self,
        instance: &InstanceId,
        task: TaskId,
        call: &ActivityCall,
        attempt: u32,
        asked_in: &ExecutionId,
    ) -> ActivityRun {
        ActivityRun {
            caller: self.task_ref(instance, task),
            attempt,
            name: call.name.clone(),
            input: call.input.clone(),
            timeout_ms: call.timeout_ms,
            deployment: self.start.deployment,
            asked_in: asked_in.clone(),
        }
    }

    /// Closes a task and tells the guest. Does nothing for a task that is not open.
    pub(super) fn complete(&mut self, task: TaskId, outcome: TaskResult) {
        if self.close(task).is_some() {
            self.ready.push(task, outcome);
        }
    }

    /// Closes a wait for an event and hands the event out.
    pub(super) fn complete_wait(&mut self, task: TaskId, event: Event) {
        if self.close(task).is_some() {
            self.ready.push_event(task, event);
        }
    }

    /// Closes a task and removes it from every index.
    pub(super) fn close(&mut self, task: TaskId) -> Option<Task> {
        let closed = self.tasks.remove(&task)?;
        self.holding -= usize::from(closed.holds_up_the_end());
        match &closed {
            Task::Activity { progress, .. } => match progress.retry_at {
                Some(at) => _ = self.alarms.remove(&(at, task)),
                None => self.running -= 1,
            },
            Task::Child { progress, .. } => {
                if let Some(at) = progress.retry_at {
                    self.alarms.remove(&(at, task));
                }
            }
            Task::Timer { at } => _ = self.alarms.remove(&(*at, task)),
            Task::Entity { entity, .. } => {
                if let Some(section) = &mut self.section {
                    section.leave_call(entity, task);
                }
            }
            Task::Event { .. } | Task::Lock => {}
        }
        Some(closed)
    }
}
