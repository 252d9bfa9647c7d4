//! Wake-ups of the near future.
//!
//! Durable timers are not rows: an instance's earliest wake-up is a column of its row. The near
//! future is kept here; a job reads what comes near from the store, so that a million sleeping
//! instances cost rows only.

use std::collections::{BTreeSet, HashMap};

use longhaul_core::{InstanceId, Timestamp};

/// How far ahead wake-ups are kept in memory, milliseconds.
pub(crate) const HORIZON_MS: u64 = 60_000;

/// Wake-ups of the near future: at most one for each instance.
#[derive(Debug, Default)]
pub(super) struct Wakeups {
    /// The soonest first.
    queue: BTreeSet<(Timestamp, InstanceId)>,
    at: HashMap<InstanceId, Timestamp>,
    /// Those among them whose instances are not in memory, or were not when this was noted.
    absent: BTreeSet<(Timestamp, InstanceId)>,
}

impl Wakeups {
    /// Sets an instance's wake-up, in place of the one it had. Returns whether it is now the
    /// soonest of all.
    pub(super) fn set(&mut self, id: &InstanceId, at: Option<Timestamp>, now: Timestamp) -> bool {
        let at = at.filter(|at| *at <= now.plus(HORIZON_MS));
        if self.at.get(id).copied() == at {
            return false;
        }
        self.remove(id);
        let Some(at) = at else { return false };
        self.at.insert(id.clone(), at);
        self.queue.insert((at, id.clone()));
        self.next() == Some(at)
    }

    fn remove(&mut self, id: &InstanceId) {
        if let Some((id, at)) = self.at.remove_entry(id) {
            let entry = (at, id);
            self.queue.remove(&entry);
            self.absent.remove(&entry);
        }
    }

    /// Sets a wake-up that stands in the store, unless an earlier one is set.
    pub(super) fn set_if_sooner(&mut self, id: &InstanceId, at: Timestamp, now: Timestamp) {
        if self.at.get(id).is_none_or(|known| at < *known) {
            self.set(id, Some(at), now);
            self.note_absent(id);
        }
    }

    /// The instance is not in memory: it is to be loaded before its wake-up goes off, if it has
    /// one. Returns whether that is now the soonest of its kind.
    pub(super) fn note_absent(&mut self, id: &InstanceId) -> bool {
        let Some(at) = self.at.get(id).copied() else { return false };
        self.absent.insert((at, id.clone()));
        self.next_absent() == Some(at)
    }

    /// When the soonest wake-up goes off whose instance may not be in memory.
    pub(super) fn next_absent(&self) -> Option<Timestamp> {
        self.absent.first().map(|(at, _)| *at)
    }

    /// Takes the soonest whose instance may not be in memory and whose wake-up goes off by `until`.
    /// The wake-up stays set.
    pub(super) fn take_absent(&mut self, until: Timestamp) -> Option<InstanceId> {
        self.next_absent().filter(|at| *at <= until)?;
        self.absent.pop_first().map(|(_, id)| id)
    }

    /// When the next wake-up goes off.
    pub(super) fn next(&self) -> Option<Timestamp> {
        self.queue.first().map(|(at, _)| *at)
    }

    /// Takes out the instances that are due, the soonest first and no more than `limit`.
    pub(super) fn take_due(&mut self, now: Timestamp, limit: usize) -> Vec<InstanceId> {
        let mut due = Vec::new();
        while due.len() < limit && self.next().is_some_and(|at| at <= now) {
            let Some((at, id)) = self.queue.pop_first() else { break };
            self.at.remove(&id);
            // An instance that is due has no use of being loaded ahead.
            self.absent.remove(&(at, id.clone()));
            due.push(id);
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(text: &str) -> InstanceId {
        InstanceId::trusted(text)
    }

    #[test]
    fn a_wakeup_that_was_moved_goes_off_once_and_late() {
        let mut wakeups = Wakeups::default();
        wakeups.set(&id("a"), Some(Timestamp(10)), Timestamp(0));
        wakeups.set(&id("a"), Some(Timestamp(20)), Timestamp(0));
        assert!(wakeups.take_due(Timestamp(15), 9).is_empty());
        assert_eq!(wakeups.take_due(Timestamp(20), 9), [id("a")]);
        assert!(wakeups.take_due(Timestamp(99), 9).is_empty());
    }

    #[test]
    fn a_wakeup_that_was_removed_never_goes_off() {
        let mut wakeups = Wakeups::default();
        wakeups.set(&id("a"), Some(Timestamp(10)), Timestamp(0));
        wakeups.set(&id("a"), None, Timestamp(0));
        assert!(wakeups.take_due(Timestamp(15), 9).is_empty());
    }

    #[test]
    fn the_far_future_is_left_to_the_store() {
        let mut wakeups = Wakeups::default();
        wakeups.set(&id("a"), Some(Timestamp(HORIZON_MS + 1)), Timestamp(0));
        assert_eq!(wakeups.next(), None);
    }

    #[test]
    fn wakeups_go_off_in_the_order_of_their_times_however_few_at_a_time() {
        let mut wakeups = Wakeups::default();
        for (name, at) in [("c", 30), ("a", 10), ("d", 40), ("b", 20)] {
            wakeups.set(&id(name), Some(Timestamp(at)), Timestamp(0));
        }
        assert_eq!(wakeups.take_due(Timestamp(35), 2), [id("a"), id("b")]);
        assert_eq!(wakeups.take_due(Timestamp(35), 2), [id("c")]);
    }

    #[test]
    fn the_soonest_that_is_not_in_memory_comes_first_and_keeps_its_wakeup() {
        let mut wakeups = Wakeups::default();
        for (name, at) in [("late", 30), ("soon", 10), ("moved", 15)] {
            wakeups.set(&id(name), Some(Timestamp(at)), Timestamp(0));
            wakeups.note_absent(&id(name));
        }
        wakeups.set(&id("moved"), Some(Timestamp(50)), Timestamp(0));
        assert_eq!(wakeups.take_absent(Timestamp(20)), Some(id("soon")));
        assert_eq!(wakeups.take_absent(Timestamp(20)), None);
        assert_eq!(wakeups.take_absent(Timestamp(40)), Some(id("late")));
        assert_eq!(wakeups.take_due(Timestamp(30), 9), [id("soon"), id("late")]);
    }

    #[test]
    fn an_instance_without_a_wakeup_near_is_not_loaded_for_it() {
        let mut wakeups = Wakeups::default();
        assert!(!wakeups.note_absent(&id("a")));
        wakeups.set(&id("b"), Some(Timestamp(HORIZON_MS + 1)), Timestamp(0));
        assert!(!wakeups.note_absent(&id("b")));
        assert_eq!(wakeups.next_absent(), None);
    }
}
