//! Attempts of calls: how one ends, when the next begins.

use super::execution::{Execution, Progress, Task};
use super::turn::Turn;
use crate::message::Effect;
use crate::model::{InstanceId, TaskId, TaskResult, Timestamp};

impl Execution {
    /// Whether this attempt of an activity or child is under way. A child does not say which
    /// attempt it was: there is never more than one under way.
    pub(super) fn awaits_attempt(&self, task: TaskId, attempt: Option<u32>) -> bool {
        match (self.tasks.get(&task), attempt) {
            (Some(Task::Activity { progress, .. }), Some(attempt)) => progress.retry_at.is_none() && progress.attempt == attempt,
            (Some(Task::Child { progress, .. }), None) => progress.retry_at.is_none(),
            (_, _) => false,
        }
    }

    /// An attempt of an activity or a child ended: the task ends with it, or backs off.
    pub(super) fn attempt_done(&mut self, now: Timestamp, task: TaskId, attempt: Option<u32>, result: TaskResult) {
        if !self.awaits_attempt(task, attempt) {
            return;
        }
        let (policy, progress, is_activity, what) = match self.tasks.get_mut(&task) {
            Some(Task::Activity { call, progress, .. }) => {
                (&call.retry, progress, true, format!("Activity function '{}' failed", call.name))
            }
            Some(Task::Child { call, progress, .. }) => {
                (&call.retry, progress, false, format!("Orchestrator function '{}' failed", call.name))
            }
            _ => return,
        };
        let chance = chance(self.start.execution.as_str(), task, progress.attempt);
        let failure = match result {
            TaskResult::Completed(_) => return self.complete(task, result),
            TaskResult::Failed(failure) => failure,
        };
        let next =
            policy.as_ref().and_then(|policy| policy.next_attempt(progress.attempt, progress.first_attempt_at, now, &failure, chance));
        match next {
            Some(at) => {
                progress.retry_at = Some(at);
                self.alarms.insert((at, task));
                self.running -= usize::from(is_activity);
            }
            None => {
                let text = format!("{what}: {}", failure.message);
                self.complete(task, TaskResult::Failed(failure.wrapped(text)));
            }
        }
    }

    /// Until when a failed attempt backs off.
    pub(super) fn retry_at(&self, task: TaskId) -> Option<Timestamp> {
        match self.tasks.get(&task) {
            Some(Task::Activity { progress, .. } | Task::Child { progress, .. }) => progress.retry_at,
            _ => None,
        }
    }

    /// A back-off is over: the next attempt begins. Never before its time, even if a message says
    /// so.
    pub(super) fn retry(&mut self, turn: &mut Turn, instance: &InstanceId, task: TaskId) {
        if self.retry_at(task).is_none_or(|at| at > turn.now) {
            return;
        }
        let Some(Task::Activity { progress, .. } | Task::Child { progress, .. }) = self.tasks.get_mut(&task) else { return };
        let Some(at) = progress.retry_at.take() else { return };
        progress.attempt += 1;
        let attempt = progress.attempt;
        self.alarms.remove(&(at, task));
        match self.tasks.get(&task) {
            Some(Task::Activity { call, asked_in, .. }) => {
                let run = self.activity_run(instance, task, call, attempt, asked_in);
                self.running += 1;
                turn.effects.push(Effect::RunActivity(run));
            }
            Some(Task::Child { call, id, .. }) => {
                let (call, id) = (call.clone(), id.clone());
                self.start_child(turn, instance, task, Progress { attempt, ..Progress::begun(turn.now) }, call, id);
            }
            _ => {}
        }
    }
}

/// A number from 0.0 to 1.0 that looks random and is the same on every fold.
fn chance(execution: &str, task: TaskId, attempt: u32) -> f64 {
    // FNV-1a, 64 bits: enough to spread retries, and no state to keep.
    let bytes = execution.bytes().chain(task.0.to_le_bytes()).chain(attempt.to_le_bytes());
    let hash = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    (hash >> 11) as f64 / (1_u64 << 53) as f64
}
