//! How an execution ends: what it leaves behind is cancelled or waited for, locks are released, the
//! caller is told.

use super::Orchestration;
use super::events::Events;
use super::execution::Task;
use super::turn::Turn;
use crate::limits::Buffered;
use crate::message::{Effect, Message, Start};
use crate::model::{Continuation, Failure, GuestOutcome, OnReturn, RuntimeStatus, TaskResult};
use crate::record::{NextExecution, Outcome};

impl Orchestration {
    /// The code ended. The execution ends with it, unless it is to wait for what is open; then it
    /// is given back what to record.
    pub(super) fn code_ended(&mut self, turn: &mut Turn, outcome: GuestOutcome) -> Option<GuestOutcome> {
        let execution = self.execution.as_mut().filter(|_| turn.outcome.is_none())?;
        match execution.start.on_return {
            OnReturn::WaitForOpenTasks if execution.holding > 0 => {
                // The code that would leave the section has ended, and the wait may last for days.
                if let Some((to, message)) = execution.leave_section(&self.id) {
                    turn.send(to, message);
                }
                execution.returned = Some(outcome.clone());
                Some(outcome)
            }
            OnReturn::WaitForOpenTasks | OnReturn::CancelOpenTasks => {
                self.end_as(turn, outcome);
                None
            }
        }
    }

    /// An execution whose code has ended ends once nothing is open that it waits for. A suspended
    /// one waits until it is resumed.
    pub(super) fn end_if_nothing_is_open(&mut self, turn: &mut Turn) {
        if turn.outcome.is_some() || !self.may_run() {
            return;
        }
        let ended = self.execution.as_mut().filter(|execution| execution.holding == 0).and_then(|execution| execution.returned.take());
        if let Some(outcome) = ended {
            self.end_as(turn, outcome);
        }
    }

    fn end_as(&mut self, turn: &mut Turn, outcome: GuestOutcome) {
        match outcome {
            GuestOutcome::Completed(value) => self.end_execution(turn, Outcome::Completed(value)),
            GuestOutcome::Failed(failure) => self.end_execution(turn, Outcome::Failed(failure)),
            GuestOutcome::ContinuedAsNew(continuation) => self.continue_as_new(turn, continuation),
        }
    }

    pub(super) fn end_execution(&mut self, turn: &mut Turn, outcome: Outcome) {
        self.status = match &outcome {
            Outcome::Completed(_) => RuntimeStatus::Completed,
            Outcome::Failed(_) => RuntimeStatus::Failed,
            Outcome::Terminated(_) => RuntimeStatus::Terminated,
            Outcome::ContinuedAsNew(_) => RuntimeStatus::Running,
        };
        self.parked = None;
        self.leave_nothing_behind(turn);
        if let Some(execution) = &mut self.execution {
            execution.ended = Some(outcome.clone());
        }
        self.tell_parent(turn, &outcome);
        turn.outcome = Some(outcome);
    }

    fn continue_as_new(&mut self, turn: &mut Turn, continuation: Continuation) {
        self.leave_nothing_behind(turn);
        let Some(execution) = &mut self.execution else { return };
        let Continuation { input, keep_events, version } = continuation;
        let events = if keep_events { execution.events.drain() } else { Vec::new() };
        let start = Start {
            name: execution.start.name.clone(),
            input,
            execution: execution.id().derive(turn.now, "next"),
            deployment: turn.current.deployment,
            created_at: turn.now,
            born_at: execution.start.born_at,
            version: version.or_else(|| execution.start.version.clone()),
            parent: execution.start.parent.clone(),
            at: None,
            tags: execution.start.tags.clone(),
            on_return: turn.current.on_return,
            nesting: execution.start.nesting,
        };
        let next = NextExecution { start, events };
        self.begin_execution(next.start.clone(), Events::carried(next.events.clone()), RuntimeStatus::Running);
        turn.outcome = Some(Outcome::ContinuedAsNew(Box::new(next)));
    }

    fn leave_nothing_behind(&mut self, turn: &mut Turn) {
        let Some(execution) = &mut self.execution else { return };
        if let Some((to, message)) = execution.leave_section(&self.id) {
            turn.send(to, message);
        }
        // What this very turn asked for must not start any more; what ran before is stopped.
        let never_started = turn.drop_runs();
        for (task, open) in std::mem::take(&mut execution.tasks) {
            if let Task::Activity { progress, .. } = open
                && progress.retry_at.is_none()
                && !never_started.contains(&task)
            {
                turn.effects.push(Effect::CancelActivity(execution.task_ref(&self.id, task)));
            }
        }
        // Events that were matched to waits and not yet seen were not consumed.
        for event in execution.ready.take().1.into_values() {
            execution.events.put_back(event);
        }
        execution.alarms.clear();
        execution.running = 0;
        execution.holding = 0;
        execution.returned = None;
        execution.held.clear();
        execution.held_events = Buffered::default();
    }

    pub(super) fn tell_parent(&self, turn: &mut Turn, outcome: &Outcome) {
        let Some(parent) = self.execution.as_ref().and_then(|execution| execution.start.parent.clone()) else { return };
        let result = match outcome {
            Outcome::Completed(value) => TaskResult::Completed(value.clone()),
            Outcome::Failed(failure) => TaskResult::Failed(failure.clone()),
            Outcome::Terminated(reason) => TaskResult::Failed(Failure::new("Terminated", reason.clone().unwrap_or_default())),
            Outcome::ContinuedAsNew(_) => return,
        };
        turn.send(parent.instance, Message::ChildDone { execution: parent.execution, task: parent.task, result });
    }
}
