//! What is due.
//!
//! Timers are not rows: an instance's earliest wake-up is a column of its row. The near future is kept here; a job reads what comes
//! near from the store, so that a million sleeping instances cost rows only.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use longhaul_core::{InstanceId, Timestamp};
use longhaul_store::Error as StoreError;

use crate::context::Shared;

/// How far ahead alarms are kept in memory, milliseconds.
const HORIZON_MS: u64 = 60_000;

/// How many wake-ups one reading of the store brings; more follow at once.
const READ_LIMIT: u32 = 10_000;

/// Most alarms that ring before somebody else gets the board.
const RUNG_AT_ONCE: usize = 256;

/// Alarms of the near future: at most one for each instance.
#[derive(Debug, Default)]
pub(crate) struct Alarms {
    heap: Heap,
    armed: HashMap<InstanceId, Timestamp>,
    /// Alarms of instances that are not in memory, or were not when this was noted: each once at most for every time that its instance left.
    absent: Heap,
}

/// Soonest first. An alarm that was moved or switched off leaves its old entry behind.
type Heap = BinaryHeap<Reverse<(Timestamp, InstanceId)>>;

impl Alarms {
    /// Sets an instance's alarm, in place of the one it had. Returns whether it is now the soonest of all.
    pub(crate) fn set(&mut self, id: &InstanceId, at: Option<Timestamp>, now: Timestamp) -> bool {
        let Some(at) = at.filter(|at| *at <= now.plus(HORIZON_MS)) else {
            self.armed.remove(id);
            return false;
        };
        if self.armed.get(id) == Some(&at) {
            return false;
        }
        self.armed.insert(id.clone(), at);
        self.heap.push(Reverse((at, id.clone())));
        self.heap.peek().is_some_and(|Reverse((first, _))| *first == at)
    }

    /// Sets an alarm that stands in the store, unless an earlier one is set.
    fn set_if_sooner(&mut self, id: &InstanceId, at: Timestamp, now: Timestamp) {
        if self.armed.get(id).is_none_or(|armed| at < *armed) {
            self.set(id, Some(at), now);
            self.note_absent(id);
        }
    }

    /// The instance is not in memory: it is to be read before its alarm goes off, if it has one. Returns whether that is now the soonest of its kind.
    pub(crate) fn note_absent(&mut self, id: &InstanceId) -> bool {
        let Some(at) = self.armed.get(id) else { return false };
        self.absent.push(Reverse((*at, id.clone())));
        self.absent.peek().is_some_and(|Reverse((first, _))| first == at)
    }

    /// When the soonest alarm goes off whose instance may not be in memory.
    pub(crate) fn next_absent(&self) -> Option<Timestamp> {
        self.absent.peek().map(|Reverse((at, _))| *at)
    }

    /// Takes out the soonest whose instance may not be in memory and whose alarm goes off by `until`. The alarm stays set.
    pub(crate) fn take_absent(&mut self, until: Timestamp) -> Option<InstanceId> {
        while self.next_absent().is_some_and(|at| at <= until)
            && let Some(Reverse((at, id))) = self.absent.pop()
        {
            if self.armed.get(&id) == Some(&at) {
                return Some(id);
            }
        }
        None
    }

    /// When the next alarm goes off.
    pub(crate) fn next(&self) -> Option<Timestamp> {
        self.heap.peek().map(|Reverse((at, _))| *at)
    }

    /// Takes out who is due, the soonest first and no more than `limit`.
    pub(crate) fn take_due(&mut self, now: Timestamp, limit: usize) -> Vec<InstanceId> {
        let mut due = Vec::new();
        while due.len() < limit
            && self.next().is_some_and(|at| at <= now)
            && let Some(Reverse((at, id))) = self.heap.pop()
        {
            if self.armed.get(&id) == Some(&at) {
                self.armed.remove(&id);
                due.push(id);
            }
        }
        due
    }
}

/// Wakes who is due, until the engine stops.
pub(crate) async fn ring(shared: Arc<Shared>) {
    while !shared.is_stopping() {
        let next = {
            let mut board = shared.board();
            let now = shared.now();
            for id in board.alarms.take_due(now, RUNG_AT_ONCE) {
                board.wake(&id);
            }
            board.read_ahead(now);
            let next = [board.alarms.next(), board.next_read_ahead()].into_iter().flatten().min();
            next.map(|at| at.since(now))
        };
        let changed = shared.signals.alarm_changed.notified();
        match next {
            Some(wait_ms) => _ = tokio::time::timeout(Duration::from_millis(wait_ms.min(HORIZON_MS)), changed).await,
            None => changed.await,
        }
    }
}

/// Reads the wake-ups that come near from the store, until the engine stops.
pub(crate) async fn read_ahead(shared: Arc<Shared>) {
    let mut pause = Duration::from_millis(HORIZON_MS / 2);
    while !shared.stopped_within(pause).await {
        pause = match read_near(&shared).await {
            Ok(false) => Duration::from_millis(HORIZON_MS / 2),
            // A full page holds the soonest; the next is read while these ring.
            Ok(true) => Duration::from_secs(1),
            Err(error) => {
                tracing::warn!(%error, "cannot read what is due; trying again");
                Duration::from_secs(1)
            }
        };
    }
}

/// Reads the wake-ups that come near from the store. Returns whether there may be more of them.
pub(crate) async fn read_near(shared: &Shared) -> Result<bool, StoreError> {
    let due = shared.store.due(shared.now().plus(HORIZON_MS), READ_LIMIT).await?;
    let full = due.len() >= READ_LIMIT as usize;
    let now = shared.now();
    let mut board = shared.board();
    for (id, at) in due {
        board.alarms.set_if_sooner(&id, at, now);
    }
    drop(board);
    shared.signals.alarm_changed.notify_one();
    Ok(full)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(text: &str) -> InstanceId {
        InstanceId::trusted(text)
    }

    #[test]
    fn an_alarm_that_was_moved_rings_once_and_late() {
        let mut alarms = Alarms::default();
        alarms.set(&id("a"), Some(Timestamp(10)), Timestamp(0));
        alarms.set(&id("a"), Some(Timestamp(20)), Timestamp(0));
        assert!(alarms.take_due(Timestamp(15), 9).is_empty());
        assert_eq!(alarms.take_due(Timestamp(20), 9), [id("a")]);
        assert!(alarms.take_due(Timestamp(99), 9).is_empty());
    }

    #[test]
    fn an_alarm_that_was_switched_off_stays_silent() {
        let mut alarms = Alarms::default();
        alarms.set(&id("a"), Some(Timestamp(10)), Timestamp(0));
        alarms.set(&id("a"), None, Timestamp(0));
        assert!(alarms.take_due(Timestamp(15), 9).is_empty());
    }

    #[test]
    fn the_far_future_is_left_to_the_store() {
        let mut alarms = Alarms::default();
        alarms.set(&id("a"), Some(Timestamp(HORIZON_MS + 1)), Timestamp(0));
        assert_eq!(alarms.next(), None);
    }
    #[test]
    fn alarms_ring_in_the_order_of_their_times_however_few_at_a_time() {
        let mut alarms = Alarms::default();
        for (name, at) in [("c", 30), ("a", 10), ("d", 40), ("b", 20)] {
            alarms.set(&id(name), Some(Timestamp(at)), Timestamp(0));
        }
        assert_eq!(alarms.take_due(Timestamp(35), 2), [id("a"), id("b")]);
        assert_eq!(alarms.take_due(Timestamp(35), 2), [id("c")]);
    }

    #[test]
    fn the_soonest_that_is_not_in_memory_comes_first_and_keeps_its_alarm() {
        let mut alarms = Alarms::default();
        for (name, at) in [("late", 30), ("soon", 10), ("moved", 15)] {
            alarms.set(&id(name), Some(Timestamp(at)), Timestamp(0));
            alarms.note_absent(&id(name));
        }
        alarms.set(&id("moved"), Some(Timestamp(50)), Timestamp(0));
        assert_eq!(alarms.take_absent(Timestamp(20)), Some(id("soon")));
        assert_eq!(alarms.take_absent(Timestamp(20)), None);
        assert_eq!(alarms.take_absent(Timestamp(40)), Some(id("late")));
        assert_eq!(alarms.take_due(Timestamp(30), 9), [id("soon"), id("late")]);
    }

    #[test]
    fn who_has_no_alarm_near_is_not_read_for_it() {
        let mut alarms = Alarms::default();
        assert!(!alarms.note_absent(&id("a")));
        alarms.set(&id("b"), Some(Timestamp(HORIZON_MS + 1)), Timestamp(0));
        assert!(!alarms.note_absent(&id("b")));
        assert_eq!(alarms.next_absent(), None);
    }
}
