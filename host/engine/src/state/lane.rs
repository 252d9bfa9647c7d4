//! Turns for whose guests there was no memory: they are tried again one after the other.
//!
//! Several guests that need much would each get a part of what there is, come to nothing, and begin anew side by side, for ever. One at a time
//! gets as much as a guest may have, as soon as those are done that run already.

use std::collections::VecDeque;

use longhaul_core::{InstanceId, Timestamp};

use crate::state::cache::Counted;
use crate::state::instance::Place;
use crate::state::scheduler::Board;

/// How long until an instance is tried again that found no room though it was alone.
const PAUSE_MS: u64 = 20;

/// Those that are tried again.
#[derive(Debug, Default)]
pub(crate) struct Lane {
    holder: Option<InstanceId>,
    /// Not in memory; each may have ended or gone meanwhile.
    waiting: VecDeque<InstanceId>,
}

impl Lane {
    /// Whether it is this instance's turn.
    pub(crate) fn is_held_by(&self, id: &InstanceId) -> bool {
        self.holder.as_ref() == Some(id)
    }
}

impl Board {
    /// There was no room for the instance's guest: it leaves memory and is tried again when its turn comes.
    pub(crate) fn try_again_alone(&mut self, id: &InstanceId, now: Timestamp) {
        let is_first = !std::mem::replace(&mut self.slot(id).in_lane, true);
        let slot = self.slot(id);
        slot.place = Place::Cold;
        // A turn that was due by itself must not be forgotten.
        slot.wake = true;
        slot.weigh_state(0);
        self.count(id, Counted::Not);
        match &self.lane.holder {
            Some(holder) if holder != id => {
                if is_first {
                    self.lane.waiting.push_back(id.clone());
                }
            }
            _ => {
                self.lane.holder = Some(id.clone());
                self.set_alarm(id, Some(now.plus(PAUSE_MS)), now);
            }
        }
        self.make_room();
    }

    /// The instance had its turn, or has another trouble: the next one is tried.
    pub(crate) fn leave_lane(&mut self, id: &InstanceId) {
        if !std::mem::take(&mut self.slot(id).in_lane) || !self.lane.is_held_by(id) {
            return;
        }
        self.lane.holder = None;
        while let Some(next) = self.lane.waiting.pop_front() {
            if self.slots.get(&next).is_some_and(|slot| slot.in_lane) {
                self.lane.holder = Some(next.clone());
                return self.schedule(&next);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::context::EngineConfig;
    use crate::durability::loader::blank;
    use crate::state::commit_queue::gather;

    const NOW: Timestamp = Timestamp(1);

    fn id(text: &str) -> InstanceId {
        InstanceId::trusted(text)
    }

    /// How many instances are being read.
    fn reads(board: &mut Board) -> usize {
        gather(board, usize::MAX).len()
    }

    #[test]
    fn those_without_room_are_tried_one_after_the_other() {
        let mut board = Board::new(Default::default(), &EngineConfig::default());
        for name in ["a", "b", "c"] {
            board.try_again_alone(&id(name), NOW);
        }
        assert_eq!(board.alarms.next(), Some(Timestamp(21)), "the first is tried soon");
        board.wake(&id("b"));
        assert_eq!(reads(&mut board), 0, "b waits, whatever comes for it");
        board.wake(&id("a"));
        assert_eq!(reads(&mut board), 1);
        // Once more it finds no room; it stays the first.
        board.try_again_alone(&id("a"), NOW);
        board.wake(&id("c"));
        assert_eq!(reads(&mut board), 0);
        board.rest(&id("a"), blank(&id("a")), NOW);
        assert_eq!(reads(&mut board), 1, "b is read by itself");
        board.reload(&id("b"));
        assert!(board.lane.is_held_by(&id("c")), "b has another trouble, and c its turn");
    }
}
