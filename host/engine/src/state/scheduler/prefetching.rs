//! Prefetch: loads sleeping instances shortly before their timers fire.
//!
//! Instances that were in memory when they went to sleep may not be when they are due, and
//! thousands that are due within a second cannot all be loaded within that second. So they are
//! loaded a little before, the soonest first, and only the turn is left for when they are due.
//! Prefetching never makes a timer fire early: a prefetched instance idles like any other cached
//! one.

use longhaul_core::{InstanceId, Timestamp};

use super::Scheduler;
use crate::state::instance::{InstanceCell, Phase};
use crate::state::prefetch::PREFETCH_MS;
use crate::state::resident::{Guest, Resident};

/// Instances with a longer history count against `max_hot_instances`.
const MAX_SMALL_TURNS: usize = 16;
const MAX_SMALL_BYTES: usize = 4 << 10;

impl Scheduler {
    /// Has instances loaded whose wake-up is near, as many as there is room for.
    pub(super) fn prefetch(&mut self, now: Timestamp) {
        while self.prefetch.has_room()
            && let Some(id) = self.wakeups.take_absent(now.plus(PREFETCH_MS))
        {
            if self.cells.contains_key(&id) {
                // It came back by itself.
                continue;
            }
            let cell = InstanceCell::new(Phase::Cold, self.cache.scale()).prefetched();
            self.cells.insert(id.clone(), cell);
            self.prefetch.begin();
            self.schedule(&id);
        }
    }

    /// When there is an instance to prefetch; `None` as long as there is no room either.
    pub(super) fn next_prefetch(&self) -> Option<Timestamp> {
        let at = self.wakeups.next_absent().filter(|_| self.prefetch.has_room())?;
        Some(Timestamp(at.0.saturating_sub(PREFETCH_MS)))
    }

    /// An instance was loaded and is about to come to rest.
    pub(super) fn end_prefetch_load(&mut self, id: &InstanceId, resident: &Resident, now: Timestamp) {
        if self.cells.get(id).is_none_or(|cell| !cell.is_prefetched) {
            return;
        }
        self.prefetch.end_load();
        let is_due_soon = resident.wake_at().is_some_and(|at| at <= now.plus(PREFETCH_MS));
        if !is_due_soon || !is_small(resident) {
            self.end_prefetch(id);
        }
        self.signals.wakeup_changed.notify_one();
    }

    /// The instance is from now on one like any other, or leaves.
    pub(super) fn end_prefetch(&mut self, id: &InstanceId) {
        if let Some(cell) = self.cells.get_mut(id).filter(|cell| cell.is_prefetched) {
            cell.is_prefetched = false;
            if self.prefetch.end() {
                // There is room again for the next.
                self.signals.wakeup_changed.notify_one();
            }
        }
    }

    /// The instance has left memory: if it is due soon it is wanted back. But if it had not had a
    /// turn, loading it again would not keep it here either.
    pub(super) fn note_gone(&mut self, id: &InstanceId, resident: &Resident) {
        let had_guest = match resident {
            Resident::Orchestration(orchestration) => !matches!(orchestration.guest, Guest::Replay(_)),
            Resident::Entity(_) => false,
        };
        if had_guest && self.wakeups.note_absent(id) {
            self.signals.wakeup_changed.notify_one();
        }
    }
}

fn is_small(resident: &Resident) -> bool {
    let Resident::Orchestration(orchestration) = resident else { return false };
    match &orchestration.guest {
        Guest::Fresh => true,
        Guest::Live(_) => false,
        Guest::Replay(steps) => {
            steps.len() <= MAX_SMALL_TURNS && steps.iter().map(|step| step.payload_bytes()).sum::<usize>() <= MAX_SMALL_BYTES
        }
    }
}

#[cfg(test)]
mod tests;
