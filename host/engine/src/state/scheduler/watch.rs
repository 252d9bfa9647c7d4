//! What must hold: nothing is queued while every worker waits.

use super::Scheduler;
use crate::state::instance::Phase;

impl Scheduler {
    /// Whether something is queued, every worker waits, and none of them has been called: a wake-up
    /// was lost, and nothing but chance would bring a worker. Never true while there are no workers
    /// yet, or no longer.
    pub(crate) fn is_stalled(&self) -> bool {
        self.waiting_jobs() > 0 && self.workers.has_crew() && self.workers.is_at_rest()
    }

    /// Calls a worker if what is queued has stalled. Returns how much was.
    pub(crate) fn call_if_stalled(&mut self) -> usize {
        if !self.is_stalled() {
            return 0;
        }
        self.call_guest_thread();
        self.waiting_jobs()
    }

    /// What lies untouched though something could be done about it at once. To be asked when every
    /// task that could run has run, as a simulation can tell: goes through all that is in memory.
    pub(crate) fn left_lying(&self) -> Vec<String> {
        let (jobs, waiting) = (self.waiting_jobs(), self.workers.uncalled());
        let uncalled = (jobs > 0 && waiting > 0).then(|| format!("{jobs} jobs are queued while {waiting} workers wait"));
        let instances = self.cells.iter().filter_map(|(id, cell)| {
            let is_left = match &cell.phase {
                Phase::InMemory { .. } => cell.phase.is_at_rest() && cell.turns_in_flight < self.max_turns_in_flight,
                Phase::Cold => !cell.in_lane,
                Phase::Loading | Phase::Busy(_) | Phase::Purging => false,
            };
            (cell.has_work() && is_left).then(|| format!("{id} has something to do and is neither queued nor being read"))
        });
        uncalled.into_iter().chain(instances).collect()
    }
}
