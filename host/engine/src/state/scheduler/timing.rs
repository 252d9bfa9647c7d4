//! What the clock brings: wake-ups that go off, and clocks that were put back.

use longhaul_core::{InstanceId, Timestamp};

use super::Scheduler;
use crate::state::instance::Phase;

impl Scheduler {
    /// Wakes instances that are due, `limit` at most, and has those loaded that are due soon.
    /// Returns when to look again; `None`: not before a wake-up changes.
    pub(crate) fn advance(&mut self, now: Timestamp, limit: usize) -> Option<Timestamp> {
        for id in self.wakeups.take_due(now, limit) {
            self.wake(&id);
        }
        self.prefetch(now);
        [self.wakeups.next(), self.next_prefetch()].into_iter().flatten().min()
    }

    /// Notes wake-ups that stand in the store.
    pub(crate) fn note_due(&mut self, due: Vec<(InstanceId, Timestamp)>, now: Timestamp) {
        for (id, at) in due {
            self.wakeups.set_if_sooner(&id, at, now);
        }
        self.signals.wakeup_changed.notify_one();
    }

    /// Gives instances in memory a turn whose latest one was ahead of the clock.
    pub(crate) fn wake_left_ahead(&mut self, now: Timestamp) {
        let is_left = |phase: &Phase| match phase {
            Phase::InMemory { resident, .. } => resident.is_left_ahead(now),
            // These come to rest by a time that may have been read before the clock was put back.
            Phase::Busy(_) | Phase::Loading => true,
            Phase::Cold | Phase::Purging => false,
        };
        let mut ids: Vec<_> = self.cells.iter().filter(|(_, cell)| is_left(&cell.phase)).map(|(id, _)| id.clone()).collect();
        // A map has no order, and a simulation must repeat itself.
        ids.sort();
        ids.iter().for_each(|id| self.wake(id));
    }

    /// Wakes those instances of which nothing is in memory.
    pub(crate) fn wake_absent<'ids>(&mut self, ids: impl Iterator<Item = &'ids InstanceId>) {
        let absent: Vec<_> = ids.filter(|id| !self.cells.contains_key(*id)).collect();
        absent.into_iter().for_each(|id| self.wake(id));
    }
}
