//! Instances that come to rest, and those that leave memory.

use longhaul_core::InstanceId;

use super::Scheduler;
use crate::state::cache::Counted;
use crate::state::instance::Phase;

/// Entries examined per eviction attempt. If none can be evicted, the next attempt continues from
/// there.
const MAX_TRIES: usize = 16;

impl Scheduler {
    /// Notes that an instance was used, and how it counts against the limits.
    pub(super) fn count(&mut self, id: &InstanceId, counted: Counted) {
        if self.cells.contains_key(id) {
            self.cache.note_used(id, counted);
        }
    }

    /// An instance came to rest: it leaves memory if it has ended, or if there are too many.
    pub(super) fn settle(&mut self, id: &InstanceId) {
        if self.grant_hold(id) {
            return;
        }
        let Some(cell) = self.cells.get(id).filter(|cell| cell.is_idle()) else { return };
        match &cell.phase {
            Phase::InMemory { resident, .. } if self.cache.evicts_at_once() || resident.has_ended() => self.forget(id),
            Phase::Cold => self.forget(id),
            Phase::InMemory { .. } | Phase::Loading | Phase::Busy(_) | Phase::Purging => {}
        }
        self.make_room();
    }

    /// Evicts the longest idle until the limits hold, or none can be evicted.
    pub(crate) fn make_room(&mut self) {
        let mut tries = self.cache.len().min(MAX_TRIES);
        while self.cache.is_over() && tries > 0 {
            tries -= 1;
            let Some(id) = self.cache.next_victim() else { return };
            let cell = self.cells.get(&id);
            if cell.is_some_and(|cell| cell.is_idle() && matches!(cell.phase, Phase::InMemory { .. })) {
                self.forget(&id);
            }
        }
    }

    fn forget(&mut self, id: &InstanceId) {
        self.count(id, Counted::Not);
        self.end_prefetch(id);
        let Some(cell) = self.cells.remove(id) else { return };
        if let Some(resident) = cell.phase.into_resident() {
            if !self.cache.evicts_at_once() {
                self.note_gone(id, &resident);
            }
            self.to_drop.push(resident);
        }
    }

    /// Bytes that instances hold, and how many they may.
    pub(crate) fn memory(&self) -> (u64, u64) {
        (self.cache.scale().bytes(), self.cache.max_bytes())
    }

    /// Where what instances hold is weighed.
    pub(crate) fn scale(&self) -> crate::state::weight::Scale {
        self.cache.scale().clone()
    }
}

#[cfg(test)]
mod tests;
