//! Budgets of memory: how many bytes one use of it may take at a time, in all.
//!
//! What cannot be told from outside how much of it there will be, such as the bodies of requests,
//! is paid for before it is there. What has no room waits or is refused; the host goes on.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// What a budget counts in. A part of a unit counts as a whole one.
const UNIT_BYTES: u64 = 1_024;

/// The bytes that one use of memory may take. Clones share it.
#[derive(Clone, Debug)]
pub struct Budget {
    free: Arc<Semaphore>,
    units: u32,
}

/// Bytes of a budget, given back when this is dropped.
#[derive(Debug)]
pub struct Room(OwnedSemaphorePermit);

/// How a budget stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemoryUse {
    /// What it is for.
    pub of: &'static str,
    /// Bytes taken now.
    pub used: u64,
    /// Bytes that may be.
    pub limit: u64,
}

impl MemoryUse {
    /// How this one stands.
    pub fn of(of: &'static str, budget: &Budget) -> Self {
        Self { of, used: budget.used(), limit: budget.limit() }
    }
}

impl Budget {
    /// A budget of so many bytes, at least 1,024 and at most 4 TiB.
    pub fn new(bytes: u64) -> Self {
        let units = u32::try_from(bytes / UNIT_BYTES).unwrap_or(u32::MAX).max(1);
        Self { free: Arc::new(Semaphore::new(units as usize)), units }
    }

    /// How many bytes there are.
    pub fn limit(&self) -> u64 {
        u64::from(self.units) * UNIT_BYTES
    }

    /// How many of them are taken.
    pub fn used(&self) -> u64 {
        self.limit().saturating_sub(self.free.available_permits() as u64 * UNIT_BYTES)
    }

    /// Room for so many bytes, if there is some now. What is larger than the whole budget takes all
    /// of it, so that it can be had alone.
    pub fn take(&self, bytes: u64) -> Option<Room> {
        self.free.clone().try_acquire_many_owned(self.units_of(bytes)).ok().map(Room)
    }

    /// The same, after a wait of at most `patience`. Those that wait are served in the order of
    /// their coming.
    pub async fn take_within(&self, bytes: u64, patience: Duration) -> Option<Room> {
        let taken = tokio::time::timeout(patience, self.free.clone().acquire_many_owned(self.units_of(bytes))).await;
        // The semaphore is never closed.
        taken.ok()?.ok().map(Room)
    }

    fn units_of(&self, bytes: u64) -> u32 {
        u32::try_from(bytes.div_ceil(UNIT_BYTES)).unwrap_or(u32::MAX).min(self.units)
    }
}

impl Room {
    /// How many bytes this is.
    pub fn bytes(&self) -> u64 {
        self.0.num_permits() as u64 * UNIT_BYTES
    }

    /// Adds what was taken besides.
    pub fn add(&mut self, more: Self) {
        self.0.merge(more.0);
    }

    /// Gives back what is above so many bytes.
    pub fn shrink_to(&mut self, bytes: u64) {
        let keep = usize::try_from(bytes.div_ceil(UNIT_BYTES)).unwrap_or(usize::MAX);
        drop(self.0.split(self.0.num_permits().saturating_sub(keep)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_is_given_out_once_and_comes_back() {
        let budget = Budget::new(10 << 10);
        let first = budget.take(6 << 10).unwrap();
        assert_eq!((budget.used(), budget.limit()), (6 << 10, 10 << 10));
        assert!(budget.take(5 << 10).is_none());
        let rest = budget.take((3 << 10) + 1).unwrap();
        assert_eq!((rest.bytes(), budget.used()), (4 << 10, 10 << 10), "a part of a unit counts as one");
        drop((first, rest));
        assert_eq!(budget.used(), 0);
    }

    #[test]
    fn what_is_larger_than_the_budget_has_it_alone() {
        let budget = Budget::new(4 << 10);
        let all = budget.take(u64::MAX).unwrap();
        assert!(budget.take(1).is_none());
        drop(all);
        let _one = budget.take(1).unwrap();
        assert!(budget.take(u64::MAX).is_none());
    }

    #[test]
    fn room_grows_and_shrinks() {
        let budget = Budget::new(8 << 10);
        let mut room = budget.take(2 << 10).unwrap();
        room.add(budget.take(4 << 10).unwrap());
        assert_eq!(budget.used(), 6 << 10);
        room.shrink_to(1);
        assert_eq!((budget.used(), room.bytes()), (1 << 10, 1 << 10));
        room.shrink_to(5 << 10);
        assert_eq!(budget.used(), 1 << 10);
    }

    #[tokio::test]
    async fn a_wait_for_room_ends() {
        let budget = Budget::new(1 << 10);
        let taken = budget.take(1).unwrap();
        assert!(budget.take_within(1, Duration::from_millis(1)).await.is_none());
        let (_first, second) = tokio::join!(async { drop(taken) }, budget.take_within(1, Duration::from_secs(60)));
        assert!(second.is_some());
    }
}
