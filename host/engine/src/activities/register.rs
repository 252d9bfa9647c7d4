//! The register of activities that are under way.
//!
//! A result is handed to its instance in memory and becomes durable in the turn that consumes it.
//! Until that turn is queued for its commit, the attempt stays in the register, so that an instance
//! that leaves memory and comes back does not start it a second time. Where memory is discarded
//! because a commit failed, attempts whose results are lost with it are removed, so that they run
//! again.

use std::collections::{HashMap, HashSet, hash_map};
use std::sync::{Mutex, MutexGuard, PoisonError};

use longhaul_core::InstanceId;
use longhaul_core::message::{ActivityRun, Message, TaskRef};
use tokio::task::AbortHandle;

/// The register.
#[derive(Default)]
pub(crate) struct RunningActivities {
    running: Mutex<HashMap<TaskRef, Entry>>,
}

/// The attempt that is under way.
struct Entry {
    attempt: u32,
    how: Running,
}

/// How an attempt runs.
pub(crate) enum Running {
    OnWorkers(AbortHandle),
    OnGuestThread,
}

impl Entry {
    fn stop(self) {
        if let Running::OnWorkers(job) = self.how {
            job.abort();
        }
    }
}

/// One attempt of a call.
#[derive(Debug)]
pub(crate) struct Attempt {
    caller: TaskRef,
    number: u32,
}

impl Attempt {
    /// The attempt of which this message is the result, if it is one.
    pub(crate) fn of(instance: &InstanceId, message: &Message) -> Option<Self> {
        let Message::ActivityDone { execution, task, attempt, .. } = message else { return None };
        Some(Self { caller: TaskRef { instance: instance.clone(), execution: execution.clone(), task: *task }, number: *attempt })
    }
}

impl RunningActivities {
    fn running(&self) -> MutexGuard<'_, HashMap<TaskRef, Entry>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins attempts by `begin`, except those that are under way. Returns how many were begun.
    pub(crate) fn start(&self, runs: Vec<ActivityRun>, mut begin: impl FnMut(ActivityRun) -> Running) -> usize {
        let mut running = self.running();
        let mut begun = 0;
        for run in runs {
            if running.get(&run.caller).is_some_and(|entry| entry.attempt >= run.attempt) {
                continue;
            }
            begun += 1;
            let (caller, attempt) = (run.caller.clone(), run.attempt);
            let how = begin(run);
            // The result of an earlier attempt is of no use any more, and must not stand in the way
            // of this one.
            if let Some(earlier) = running.insert(caller, Entry { attempt, how }) {
                earlier.stop();
            }
        }
        begun
    }

    /// Continues an attempt in another way, unless it was cancelled.
    pub(crate) fn continue_by(&self, run: ActivityRun, begin: impl FnOnce(ActivityRun) -> Running) {
        if let Some(entry) = self.running().get_mut(&run.caller).filter(|entry| entry.attempt == run.attempt) {
            entry.how = begin(run);
        }
    }

    /// Stops an attempt whose result is no longer wanted.
    pub(crate) fn cancel(&self, task: &TaskRef) {
        if let Some(entry) = self.running().remove(task) {
            entry.stop();
        }
    }

    /// Whether an attempt was not cancelled.
    pub(crate) fn is_wanted(&self, run: &ActivityRun) -> bool {
        self.running().get(&run.caller).is_some_and(|entry| entry.attempt == run.attempt)
    }

    /// The results of these attempts have gone into a turn, or are lost.
    pub(crate) fn release(&self, attempts: impl IntoIterator<Item = Attempt>) {
        let mut running = self.running();
        for Attempt { caller, number } in attempts {
            if let hash_map::Entry::Occupied(entry) = running.entry(caller)
                && entry.get().attempt == number
            {
                entry.remove();
            }
        }
    }

    /// Stops the attempts of these instances, whose results may have been lost already.
    pub(crate) fn forget(&self, instances: &HashSet<InstanceId>) {
        let of_these = self.running().extract_if(|caller, _| instances.contains(&caller.instance)).collect::<Vec<_>>();
        of_these.into_iter().for_each(|(_, entry)| entry.stop());
    }

    /// Stops everything; what was under way runs again after the next start.
    pub(crate) fn stop(&self) {
        self.running().drain().for_each(|(_, entry)| entry.stop());
    }
}
