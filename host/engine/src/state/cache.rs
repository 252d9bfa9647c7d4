//! Who stays in memory.
//!
//! A waiting instance with a live guest costs tens of KiB and some memory mappings, and whatever its state and its guest hold; so there are limits on
//! the number and on the bytes. The one that was idle longest leaves first. Leaving is dropping: what the instance is, is in the log.

use std::collections::VecDeque;

use longhaul_core::InstanceId;

use crate::context::EngineConfig;
use crate::state::instance::{Place, Slot};
use crate::state::scheduler::Board;
use crate::state::weight::Scale;

/// How many entries one look for room goes through: where nobody can go, the next look finds somebody.
const MAX_TRIES: usize = 16;

/// The list of ages, and the limits.
#[derive(Debug)]
pub(crate) struct Ages {
    /// By last use; an entry whose number is not the slot's is out of date.
    list: VecDeque<(InstanceId, u64)>,
    next: u64,
    /// How many are in the list with their latest age.
    listed: usize,
    /// How many of these have a guest, or the calls that bring one back.
    counted: usize,
    limit: usize,
    /// What instances hold: their states, guests and mailboxes, and commits on their way.
    pub(crate) scale: Scale,
    pub(crate) max_bytes: u64,
    evict_at_once: bool,
}

impl Ages {
    pub(crate) fn new(config: &EngineConfig) -> Self {
        Self {
            list: VecDeque::new(),
            next: 0,
            listed: 0,
            counted: 0,
            limit: config.max_hot_instances,
            scale: Scale::default(),
            max_bytes: config.instance_memory_bytes,
            evict_at_once: config.evict_after_every_turn,
        }
    }

    pub(crate) fn clear(&mut self) {
        self.list.clear();
        self.listed = 0;
        self.counted = 0;
    }

    /// Whether there are too many, or too much in them.
    fn is_over(&self) -> bool {
        self.counted > self.limit || self.scale.bytes() > self.max_bytes
    }
}

/// How an instance at rest counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Counted {
    /// Not at all: it is not there, at work, or there for a moment only.
    #[default]
    Not,
    /// By its bytes.
    ByBytes,
    /// By its number as well.
    ByNumber,
}

impl Board {
    /// Notes that an instance was used, and how it counts against the limits.
    pub(crate) fn count(&mut self, id: &InstanceId, counted: Counted) {
        let Some(slot) = self.slots.get_mut(id) else { return };
        let ages = &mut self.ages;
        let before = std::mem::replace(&mut slot.counted, counted);
        ages.listed = ages.listed + usize::from(counted != Counted::Not) - usize::from(before != Counted::Not);
        ages.counted = ages.counted + usize::from(counted == Counted::ByNumber) - usize::from(before == Counted::ByNumber);
        if counted != Counted::Not {
            ages.next += 1;
            slot.age = ages.next;
            ages.list.push_back((id.clone(), slot.age));
        }
    }

    /// An instance came to rest: it leaves memory if it has ended, or if there are too many.
    pub(crate) fn settle(&mut self, id: &InstanceId) {
        if self.grant_hold(id) {
            return;
        }
        let Some(slot) = self.slots.get(id).filter(|slot| slot.is_idle()) else { return };
        match &slot.place {
            Place::Resident(resident) if self.ages.evict_at_once || resident.has_ended() => self.forget(id),
            Place::Cold => self.forget(id),
            Place::Resident(_) | Place::Loading | Place::Busy | Place::Purging => {}
        }
        self.make_room();
    }

    /// Lets the longest idle go until the limits hold, or nobody can go.
    pub(crate) fn make_room(&mut self) {
        let mut tries = self.ages.list.len().min(MAX_TRIES);
        while self.ages.is_over() && tries > 0 {
            tries -= 1;
            self.let_oldest_go();
        }
        self.drop_stale_ages();
    }

    /// Lets the first of the list go, if it can.
    fn let_oldest_go(&mut self) {
        let Some((id, age)) = self.ages.list.pop_front() else { return };
        let Some(slot) = self.slots.get(&id).filter(|slot| slot.age == age && slot.counted != Counted::Not) else { return };
        if slot.is_idle() && matches!(slot.place, Place::Resident(_)) {
            self.forget(&id);
        } else {
            self.ages.list.push_back((id, age));
        }
    }

    /// Entries out of date are dropped once they are the larger part of the list.
    fn drop_stale_ages(&mut self) {
        let Self { ages, slots, .. } = self;
        if ages.list.len() > 64 + 4 * ages.listed {
            ages.list.retain(|(id, age)| slots.get(id).is_some_and(|slot| slot.counted != Counted::Not && slot.age == *age));
        }
    }

    /// Commits were written: turns that waited for that begin.
    pub(crate) fn commits_are_written(&mut self) {
        if self.held_back.is_empty() || self.unwritten.bytes() > self.max_unwritten_bytes {
            return;
        }
        for id in std::mem::take(&mut self.held_back) {
            let Some(slot) = self.slots.get_mut(&id) else { continue };
            slot.held_back = false;
            if matches!(slot.place, Place::Resident(_)) {
                self.schedule(&id);
            }
        }
    }

    fn forget(&mut self, id: &InstanceId) {
        self.count(id, Counted::Not);
        self.end_ahead(id);
        if let Some(Slot { place: Place::Resident(resident), .. }) = self.slots.remove(id) {
            if !self.ages.evict_at_once {
                self.note_gone(id, &resident);
            }
            self.leaving.push(resident);
        }
    }
}

#[cfg(test)]
mod tests;
