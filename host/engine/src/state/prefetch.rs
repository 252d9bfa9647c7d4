//! Who is read before its alarm goes off.
//!
//! Instances that were in memory when they went to sleep may not be when they are due, and thousands that are due within a second cannot all
//! be read within that second. So they are read a little before, the soonest first, and only the turn is left for when it is due. Nothing
//! comes earlier for that: who was read ahead is at rest like anybody in memory.

use longhaul_core::{InstanceId, Timestamp};

use crate::state::instance::{Guest, Place, Resident, Slot};
use crate::state::scheduler::Board;

/// How long before its alarm an instance is read, milliseconds.
const READ_AHEAD_MS: u64 = 3_000;

/// Most readings ahead under way: whoever gets a message meanwhile waits behind so many.
const MAX_BEING_READ: usize = 128;

/// Most instances in memory only because they are due soon, besides those that [`Ages`](crate::state::cache::Ages) counts. They have no guest, so
/// each is a few KiB.
const MAX_AHEAD: usize = 8_192;

/// Whose history is longer takes a place among those that memory is limited for.
const MAX_SMALL_TURNS: usize = 16;
const MAX_SMALL_BYTES: usize = 4 << 10;

/// Counts those that were read ahead and have not had a turn since.
#[derive(Debug, Default)]
pub(crate) struct Ahead {
    count: usize,
    /// Those among them that are being read.
    being_read: usize,
}

impl Ahead {
    fn room(&self) -> usize {
        MAX_BEING_READ.saturating_sub(self.being_read).min(MAX_AHEAD.saturating_sub(self.count))
    }
}

impl Board {
    /// Has those read whose alarm is near, as many as there is room for.
    pub(crate) fn read_ahead(&mut self, now: Timestamp) {
        while self.ahead.room() > 0
            && let Some(id) = self.alarms.take_absent(now.plus(READ_AHEAD_MS))
        {
            if self.slots.contains_key(&id) {
                // It came back by itself.
                continue;
            }
            self.slots.insert(id.clone(), Slot { is_ahead: true, ..Slot::new(Place::Cold, &self.ages.scale) });
            self.ahead.count += 1;
            self.ahead.being_read += 1;
            self.schedule(&id);
        }
    }

    /// When there is somebody to read ahead; `None` as long as there is no room either.
    pub(crate) fn next_read_ahead(&self) -> Option<Timestamp> {
        let at = self.alarms.next_absent().filter(|_| self.ahead.room() > 0)?;
        Some(Timestamp(at.0.saturating_sub(READ_AHEAD_MS)))
    }

    /// An instance was read and is about to come to rest.
    pub(crate) fn note_read(&mut self, id: &InstanceId, resident: &Resident, now: Timestamp) {
        if self.slots.get(id).is_none_or(|slot| !slot.is_ahead) {
            return;
        }
        self.ahead.being_read -= 1;
        let is_due_soon = resident.wake_at().is_some_and(|at| at <= now.plus(READ_AHEAD_MS));
        if !is_due_soon || !is_small(resident) {
            self.end_ahead(id);
        }
        self.signals.alarm_changed.notify_one();
    }

    /// The instance is from now on one like any other, or leaves.
    pub(crate) fn end_ahead(&mut self, id: &InstanceId) {
        if let Some(slot) = self.slots.get_mut(id).filter(|slot| slot.is_ahead) {
            slot.is_ahead = false;
            if self.ahead.count == MAX_AHEAD {
                // There is room again for the next.
                self.signals.alarm_changed.notify_one();
            }
            self.ahead.count -= 1;
        }
    }

    /// The instance has left memory: if it is due soon it is wanted back. But if it had not had a turn, reading it again would not keep it
    /// here either.
    pub(crate) fn note_gone(&mut self, id: &InstanceId, resident: &Resident) {
        let had_guest = match resident {
            Resident::Orchestration(orchestration) => !matches!(orchestration.guest, Guest::Replay(_)),
            Resident::Entity(_) => false,
        };
        if had_guest && self.alarms.note_absent(id) {
            self.signals.alarm_changed.notify_one();
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
