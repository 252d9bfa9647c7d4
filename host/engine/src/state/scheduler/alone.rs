//! Turns for whose guests there was no memory.

use longhaul_core::{InstanceId, Timestamp};

use super::Scheduler;
use crate::state::cache::Counted;
use crate::state::instance::Phase;

/// How long until an instance is tried again that found no room though it was alone.
const PAUSE_MS: u64 = 20;

impl Scheduler {
    /// There was no room for the instance's guest: it leaves memory and is tried again when its
    /// turn comes.
    pub(crate) fn try_again_alone(&mut self, id: &InstanceId, now: Timestamp) {
        let cell = self.cell(id);
        let is_first = !std::mem::replace(&mut cell.in_lane, true);
        cell.phase = Phase::Cold;
        // A turn that was due by itself must not be forgotten.
        cell.wake = true;
        cell.weigh_state(0);
        self.count(id, Counted::Not);
        if !self.lane.is_held_by_another(id) {
            self.lane.give_to(id.clone());
            self.set_wakeup(id, Some(now.plus(PAUSE_MS)), now);
        } else if is_first {
            self.lane.wait(id.clone());
        }
        self.make_room();
    }

    /// The instance had its turn, or fails in another way: the next one is tried.
    pub(super) fn leave_lane(&mut self, id: &InstanceId) {
        if !std::mem::take(&mut self.cell(id).in_lane) || !self.lane.is_held_by(id) {
            return;
        }
        self.lane.leave();
        while let Some(next) = self.lane.next() {
            if self.cells.get(&next).is_some_and(|cell| cell.in_lane) {
                self.lane.give_to(next.clone());
                return self.schedule(&next);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::EngineConfig;
    use crate::state::resident::Resident;

    const NOW: Timestamp = Timestamp(1);

    fn id(text: &str) -> InstanceId {
        InstanceId::trusted(text)
    }

    /// How many instances are being read.
    fn reads(scheduler: &mut Scheduler) -> usize {
        scheduler.gather_commits(usize::MAX).len()
    }

    #[test]
    fn those_without_room_are_tried_one_after_the_other() {
        let mut scheduler = Scheduler::new(Default::default(), &EngineConfig::default());
        for name in ["a", "b", "c"] {
            scheduler.try_again_alone(&id(name), NOW);
        }
        assert_eq!(scheduler.wakeups.next(), Some(Timestamp(21)), "the first is tried soon");
        scheduler.wake(&id("b"));
        assert_eq!(reads(&mut scheduler), 0, "b waits, whatever comes for it");
        scheduler.wake(&id("a"));
        assert_eq!(reads(&mut scheduler), 1);
        // Once more it finds no room; it stays the first.
        scheduler.try_again_alone(&id("a"), NOW);
        scheduler.wake(&id("c"));
        assert_eq!(reads(&mut scheduler), 0);
        scheduler.rest(&id("a"), Resident::blank(&id("a")), NOW);
        assert_eq!(reads(&mut scheduler), 1, "b is read by itself");
        scheduler.reload(&id("b"));
        assert!(scheduler.lane.is_held_by(&id("c")), "b has another trouble, and c its turn");
    }
}
