//! Who stays in memory.
//!
//! A waiting instance with a live guest costs tens of KiB and some memory mappings, so there is a limit; the one that was idle longest leaves
//! first. Leaving is dropping: what the instance is, is in the log.

use std::collections::VecDeque;

use longhaul_core::InstanceId;

use super::board::Board;
use super::shared::EngineConfig;
use super::slot::{Place, Slot};

/// How many entries one look for room goes through: where nobody can go, the next look finds somebody.
const MAX_TRIES: usize = 16;

/// The list of ages, and the limit.
#[derive(Debug)]
pub(super) struct Ages {
    /// By last use; an entry whose number is not the slot's is out of date.
    list: VecDeque<(InstanceId, u64)>,
    next: u64,
    counted: usize,
    limit: usize,
    evict_at_once: bool,
}

impl Ages {
    pub(super) fn new(config: &EngineConfig) -> Self {
        Self { list: VecDeque::new(), next: 0, counted: 0, limit: config.max_hot_instances, evict_at_once: config.evict_after_every_turn }
    }

    pub(super) fn clear(&mut self) {
        self.list.clear();
        self.counted = 0;
    }
}

impl Board {
    /// Notes that an instance was used, and whether it counts against the limit.
    pub(super) fn count(&mut self, id: &InstanceId, counts: bool) {
        let Some(slot) = self.slots.get_mut(id) else { return };
        let ages = &mut self.ages;
        match (slot.counted, counts) {
            (false, true) => ages.counted += 1,
            (true, false) => ages.counted -= 1,
            (true, true) | (false, false) => {}
        }
        slot.counted = counts;
        if counts {
            ages.next += 1;
            slot.age = ages.next;
            ages.list.push_back((id.clone(), slot.age));
        }
    }

    /// An instance came to rest: it leaves memory if it has ended, or if there are too many.
    pub(super) fn settle(&mut self, id: &InstanceId) {
        let Some(slot) = self.slots.get(id).filter(|slot| slot.is_idle()) else { return };
        match &slot.place {
            Place::Resident(resident) if self.ages.evict_at_once || resident.has_ended() => self.forget(id),
            Place::Cold => self.forget(id),
            Place::Resident(_) | Place::Loading | Place::Busy | Place::Purging => {}
        }
        self.make_room();
    }

    /// Lets the longest idle go until the limit holds, or nobody can go.
    fn make_room(&mut self) {
        let mut tries = self.ages.list.len().min(MAX_TRIES);
        while self.ages.counted > self.ages.limit && tries > 0 {
            tries -= 1;
            let Some((id, age)) = self.ages.list.pop_front() else { return };
            let Some(slot) = self.slots.get(&id).filter(|slot| slot.age == age && slot.counted) else { continue };
            if slot.is_idle() && matches!(slot.place, Place::Resident(_)) {
                self.forget(&id);
            } else {
                self.ages.list.push_back((id, age));
            }
        }
        self.drop_stale_ages();
    }

    /// Entries out of date are dropped once they are the larger part of the list.
    fn drop_stale_ages(&mut self) {
        let Self { ages, slots, .. } = self;
        if ages.list.len() > 64 + 4 * ages.counted {
            ages.list.retain(|(id, age)| slots.get(id).is_some_and(|slot| slot.counted && slot.age == *age));
        }
    }

    fn forget(&mut self, id: &InstanceId) {
        self.count(id, false);
        self.end_ahead(id);
        if let Some(Slot { place: Place::Resident(resident), .. }) = self.slots.remove(id) {
            if !self.ages.evict_at_once {
                self.note_gone(id, &resident);
            }
            self.leaving.push(resident);
        }
    }
}
