//! The state of an orchestration instance and its turns.
//!
//! A turn begins ([`Orchestration::begin_turn`]), takes in what arrived
//! ([`Orchestration::receive`]), decides what the guest is called with
//! ([`Orchestration::activate`]), and ends with what the guest asked for
//! ([`Orchestration::end_turn`]). All of it is deterministic, so folding the recorded turns
//! ([`fold()`]) gives the same state and the same calls to the guest.
//!
//! - The state: `execution` (one execution: its tasks and alarms), `events` (buffered events and
//!   the waits for them), `ready` (ended tasks that the guest has not been told of),
//!   `critical_section`, `attempts` (how calls are tried again).
//! - The turn: `turn`, `receive` (what each message does), `command` (what each command does),
//!   `locking` (how a critical section is entered and left), `finish` (how an execution ends),
//!   `bounds` (what is counted, and what is too much), `weight` (what an instance takes in memory).
//! - `replay`: from records back to state, and what a replay must give to the guest.
//! - `rewind`: how a failed execution goes on.

mod attempts;
mod bounds;
mod command;
mod critical_section;
mod events;
mod execution;
mod finish;
mod locking;
mod ready;
mod receive;
mod replay;
mod rewind;
mod turn;
mod weight;

#[cfg(test)]
pub(crate) mod tests;

pub use receive::Refusal;
pub(crate) use replay::{Chain, ReplayObserver};
pub use replay::{Folded, Mismatch, ReplayStep, fold};
pub(crate) use turn::Arrived;
pub use turn::{Activation, Step, Turn};

use crate::message::{ActivityRun, Message};
use crate::model::{DeploymentId, ExecutionId, InstanceId, RuntimeStatus, TaskId, TaskResult, Timestamp};
use crate::own_time::OwnTime;
use execution::Execution;
use rewind::ReusableCommands;

/// The state of one orchestration instance: all that its chain of records says.
#[derive(Debug)]
pub struct Orchestration {
    id: InstanceId,
    /// The current or last execution; absent while the instance was never started.
    execution: Option<Execution>,
    status: RuntimeStatus,
    /// Number of the next turn.
    next_turn: u32,
    time: OwnTime,
    parked: Option<String>,
}

impl Orchestration {
    /// An instance of which nothing is known yet.
    pub fn blank(id: InstanceId) -> Self {
        Self { id, execution: None, status: RuntimeStatus::Pending, next_turn: 0, time: OwnTime::default(), parked: None }
    }

    /// The instance's id.
    pub fn id(&self) -> &InstanceId {
        &self.id
    }

    /// How it stands; `None` if it was never started.
    pub fn status(&self) -> Option<RuntimeStatus> {
        self.execution.as_ref().map(|_| self.status)
    }

    /// Why it is parked, if it is.
    pub fn parked(&self) -> Option<&str> {
        self.parked.as_deref()
    }

    /// Parks the instance. The caller records it.
    pub fn park(&mut self, reason: String) {
        self.parked = Some(reason);
    }

    /// The orchestration's name and the deployment that its current execution is pinned to.
    pub fn function(&self) -> Option<(&str, DeploymentId)> {
        self.execution.as_ref().map(|execution| (&*execution.start.name, execution.start.deployment))
    }

    /// When the instance was started first; `None` if it never was, or by a version that did not
    /// note it.
    pub fn born_at(&self) -> Option<Timestamp> {
        self.execution.as_ref()?.start.born_at
    }

    /// Whether this may be the instance that was started first at `born_at`, and not another one
    /// that has its id. That cannot be told where an earlier version started it.
    pub fn may_be_born_at(&self, born_at: Timestamp) -> bool {
        self.execution.is_some() && self.born_at().is_none_or(|own| own == born_at)
    }

    /// The time that a turn taken at `clock` has: it never goes backwards within an instance.
    pub fn turn_time(&self, clock: Timestamp) -> Timestamp {
        self.time.at(clock, self.wakes_itself_at())
    }

    /// What the instance's own alarms say at `now`: timers that are due and back-offs that are
    /// over, soonest first.
    pub fn due(&self, now: Timestamp) -> Vec<Message> {
        match (&self.execution, self.may_run()) {
            (Some(execution), true) => execution.due(now),
            (_, _) => Vec::new(),
        }
    }

    /// Whether a turn is due at `clock` though nothing arrived: a first turn, completions that were
    /// ready at once, or a clock that was put back.
    pub fn needs_turn(&self, clock: Timestamp) -> bool {
        self.is_left_ahead(clock) || self.has_activation(self.turn_time(clock))
    }

    /// Whether the clock was put back, so that what the instance waits for would come too late: a
    /// turn records when that comes now.
    pub fn is_left_ahead(&self, clock: Timestamp) -> bool {
        self.wakes_itself_at().is_some() && self.time.is_left_ahead(clock)
    }

    fn has_activation(&self, now: Timestamp) -> bool {
        self.may_run() && self.execution.as_ref().is_some_and(|execution| execution.settling.is_some() || execution.has_activation(now))
    }

    /// When the instance next has something to do by itself, by the machine's clock.
    pub fn wake_at(&self) -> Option<Timestamp> {
        self.wakes_itself_at().map(|at| self.time.by_clock(at))
    }

    /// The same by the instance's own time.
    fn wakes_itself_at(&self) -> Option<Timestamp> {
        if !self.may_run() {
            return None;
        }
        self.execution.as_ref().and_then(Execution::wake_at)
    }

    /// Whether the code has ended, though the execution may still wait for what it left open: its
    /// guest is not called again.
    pub fn code_has_ended(&self) -> bool {
        self.execution.as_ref().is_some_and(|execution| self.status.is_terminal() || execution.returned.is_some())
    }

    /// Attempts of activities that should be running now.
    pub fn running_activities(&self) -> Vec<ActivityRun> {
        match &self.execution {
            Some(execution) if !self.status.is_terminal() => execution.running_activities(&self.id),
            _ => Vec::new(),
        }
    }

    /// The current or last execution's id.
    pub(crate) fn execution_id(&self) -> Option<&str> {
        self.execution.as_ref().map(|execution| execution.id().as_str())
    }

    /// What tasks answer to.
    pub(crate) fn current_execution(&self) -> Option<ExecutionId> {
        self.execution.as_ref().map(|execution| execution.id().clone())
    }

    /// The lock task of the critical section that is granted.
    fn granted_section(&self) -> Option<TaskId> {
        self.execution.as_ref()?.section.as_ref()?.granted_lock()
    }

    fn take_reusable(&mut self) -> ReusableCommands {
        self.execution.as_mut().map(|execution| std::mem::take(&mut execution.reusable)).unwrap_or_default()
    }

    fn put_reusable(&mut self, reusable: ReusableCommands) {
        if let Some(execution) = &mut self.execution {
            execution.reusable = reusable;
        }
    }

    /// The task that an answer of an entity is for, if it was asked for before a rewind.
    pub(crate) fn asked_as(&self, execution: &ExecutionId, task: TaskId) -> TaskId {
        self.execution.as_ref().and_then(|current| current.answered_task(execution, task)).unwrap_or(task)
    }

    /// The execution that waits for this one.
    pub(crate) fn parent_execution_id(&self) -> Option<&str> {
        let parent = self.execution.as_ref()?.start.parent.as_ref()?;
        Some(parent.execution.as_str())
    }

    /// Until when a call's failed attempt backs off.
    pub(crate) fn retry_at(&self, task: TaskId) -> Option<Timestamp> {
        self.execution.as_ref()?.retry_at(task)
    }

    /// How a task ended that the guest has not been told of.
    pub(crate) fn unseen(&self, task: TaskId) -> Option<&TaskResult> {
        Some(&self.execution.as_ref()?.ready.get(task)?.outcome)
    }

    /// Whether the code may take a step: started, neither ended, suspended nor parked.
    fn may_run(&self) -> bool {
        self.execution.is_some() && self.parked.is_none() && !self.status.is_terminal() && self.status != RuntimeStatus::Suspended
    }

    pub(crate) fn is_live(&self) -> bool {
        self.execution.is_some() && !self.status.is_terminal()
    }

    /// Whether a starting host must load the instance at once.
    fn is_pending(&self) -> bool {
        let execution = match &self.execution {
            Some(execution) if !self.status.is_terminal() => execution,
            _ => return false,
        };
        execution.has_running_activities() || (self.may_run() && execution.has_activation(self.time.now()))
    }
}
