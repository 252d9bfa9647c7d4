//! Bounds what a guest may allocate, and remembers that it asked for more.

use std::sync::Arc;

use wasmtime::{ResourceLimiter, Result};

use crate::error::Refused;
use crate::memory::GuestMemory;

/// Core instances, memories and tables of one guest: generous for any toolchain, small enough to
/// keep a bad component from exhausting the pool.
const MAX_CORE_INSTANCES: usize = 100;
const MAX_MEMORIES: usize = 4;
const MAX_TABLES: usize = 20;
const MAX_TABLE_ELEMENTS: usize = 100_000;
/// Bytes of one element of a table.
const TABLE_ELEMENT_BYTES: usize = size_of::<usize>();

/// Counts all memory of one guest: its memories, its tables, and what the host holds for it. The
/// bound is on the sum.
pub(crate) struct Limiter {
    limit_bytes: usize,
    memory_bytes: usize,
    table_bytes: usize,
    /// What the host holds for the guest.
    held_bytes: usize,
    /// What was granted last, in case the growth fails all the same.
    granted_bytes: usize,
    refused: Refused,
    /// The memory that it shares with other guests, if any.
    shared: Option<Arc<GuestMemory>>,
    /// The part of its memory that does not count as shared.
    settled_bytes: usize,
}

impl Limiter {
    pub fn new(limit_bytes: usize) -> Self {
        let refused = Refused::default();
        Self { limit_bytes, memory_bytes: 0, table_bytes: 0, held_bytes: 0, granted_bytes: 0, refused, shared: None, settled_bytes: 0 }
    }

    /// One of the guests that share `memory`.
    pub fn sharing(limit_bytes: usize, memory: Arc<GuestMemory>) -> Self {
        Self { shared: Some(memory), ..Self::new(limit_bytes) }
    }

    /// The guest's call is over: its memory no longer counts among that of running guests.
    pub fn settle(&mut self) {
        let bytes = self.memory_bytes();
        self.give_back(bytes.saturating_sub(self.settled_bytes));
        self.settled_bytes = bytes;
    }

    /// Begins a call: forgets what was refused before.
    pub fn begin_call(&mut self) {
        self.refused = Refused::default();
    }

    /// All memory of the guest: its memories and tables, and what the host holds for it.
    pub fn memory_bytes(&self) -> usize {
        self.memory_bytes + self.table_bytes + self.held_bytes
    }

    /// Notes what the host holds for the guest now. Returns whether that and the guest's own memory
    /// are within the bound.
    pub fn hold(&mut self, bytes: usize) -> bool {
        if let Some(less) = self.held_bytes.checked_sub(bytes) {
            self.give_back(less);
            self.held_bytes = bytes;
            return true;
        }
        let granted = self.grant(bytes - self.held_bytes);
        self.held_bytes += std::mem::take(&mut self.granted_bytes);
        granted
    }

    /// The bound that the guest met during this call. A guest that runs on after a refusal and
    /// traps for another reason in the same call is reported as short of memory too: the trap
    /// itself does not tell.
    pub fn refused(&self) -> Refused {
        self.refused
    }

    /// Whether so many more bytes fit.
    fn grant(&mut self, more_bytes: usize) -> bool {
        let own = self.memory_bytes();
        self.granted_bytes = 0;
        if own.checked_add(more_bytes).is_none_or(|sum| sum > self.limit_bytes) {
            self.refused.memory_bytes = Some(self.limit_bytes);
            return false;
        }
        if self.shared.as_ref().is_some_and(|shared| !shared.take(own.saturating_sub(self.settled_bytes), more_bytes)) {
            self.refused.shared_memory = true;
            return false;
        }
        self.granted_bytes = more_bytes;
        true
    }

    fn give_back(&self, bytes: usize) {
        if let Some(shared) = &self.shared {
            shared.give_back(bytes);
        }
    }

    /// Takes back the last grant.
    fn take_back(&mut self) -> usize {
        let bytes = std::mem::take(&mut self.granted_bytes);
        self.give_back(bytes);
        bytes
    }
}

impl Drop for Limiter {
    fn drop(&mut self) {
        self.give_back(self.memory_bytes().saturating_sub(self.settled_bytes));
    }
}

impl ResourceLimiter for Limiter {
    fn memory_growing(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> Result<bool> {
        if maximum.is_some_and(|maximum| desired > maximum) {
            self.refused.memory_bytes = Some(self.limit_bytes);
            self.granted_bytes = 0;
            return Ok(false);
        }
        let granted = self.grant(desired.saturating_sub(current));
        self.memory_bytes += self.granted_bytes;
        Ok(granted)
    }

    fn memory_grow_failed(&mut self, _error: wasmtime::Error) -> Result<()> {
        self.memory_bytes -= self.take_back();
        self.refused.memory_bytes = Some(self.limit_bytes);
        Ok(())
    }

    fn table_growing(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> Result<bool> {
        if desired > MAX_TABLE_ELEMENTS || maximum.is_some_and(|maximum| desired > maximum) {
            self.granted_bytes = 0;
            return Ok(false);
        }
        let granted = self.grant(desired.saturating_sub(current) * TABLE_ELEMENT_BYTES);
        self.table_bytes += self.granted_bytes;
        Ok(granted)
    }

    fn table_grow_failed(&mut self, _error: wasmtime::Error) -> Result<()> {
        self.table_bytes -= self.take_back();
        Ok(())
    }

    fn instances(&self) -> usize {
        MAX_CORE_INSTANCES
    }

    fn memories(&self) -> usize {
        MAX_MEMORIES
    }

    fn tables(&self) -> usize {
        MAX_TABLES
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guest_at_rest_takes_nothing_of_what_those_at_work_share() {
        let memory = Arc::new(GuestMemory::new(1_000));
        let mut limiter = Limiter::sharing(900, memory.clone());
        assert!(limiter.memory_growing(0, 400, None).unwrap());
        assert_eq!(memory.used_bytes(), 400);
        limiter.settle();
        assert_eq!((memory.used_bytes(), limiter.memory_bytes()), (0, 400));
        assert!(limiter.memory_growing(400, 800, None).unwrap(), "only what it grows by counts");
        assert!(!limiter.memory_growing(800, 950, None).unwrap() && limiter.refused().memory_bytes.is_some());
        drop(limiter);
        assert_eq!(memory.used_bytes(), 0);
    }

    #[test]
    fn several_memories_share_one_bound() {
        let mut limiter = Limiter::new(100);
        assert!(limiter.memory_growing(0, 60, None).unwrap());
        assert!(!limiter.memory_growing(0, 60, None).unwrap(), "a second memory of 60 bytes is beyond 100");
        assert_eq!((limiter.refused().memory_bytes, limiter.memory_bytes()), (Some(100), 60));
        limiter.begin_call();
        assert!(limiter.memory_growing(0, 40, None).unwrap());
        assert_eq!((limiter.refused().memory_bytes, limiter.memory_bytes()), (None, 100));
    }

    #[test]
    fn tables_and_what_the_host_holds_count_too() {
        let mut limiter = Limiter::new(10 * TABLE_ELEMENT_BYTES);
        assert!(limiter.table_growing(0, 4, None).unwrap() && limiter.hold(4 * TABLE_ELEMENT_BYTES));
        assert!(!limiter.memory_growing(0, 3 * TABLE_ELEMENT_BYTES, None).unwrap());
        assert!(limiter.hold(0) && limiter.memory_growing(0, 3 * TABLE_ELEMENT_BYTES, None).unwrap());
        assert!(!limiter.hold(4 * TABLE_ELEMENT_BYTES), "beside the memory there is no room for that");
    }

    #[test]
    fn what_was_granted_and_failed_does_not_count() {
        let mut limiter = Limiter::new(100);
        assert!(limiter.memory_growing(10, 90, None).unwrap());
        limiter.memory_grow_failed(wasmtime::Error::msg("no memory")).unwrap();
        assert_eq!((limiter.memory_bytes(), limiter.refused().memory_bytes), (0, Some(100)));
        assert!(!limiter.memory_growing(0, 50, Some(40)).unwrap());
        limiter.memory_grow_failed(wasmtime::Error::msg("too much")).unwrap();
        assert_eq!(limiter.memory_bytes(), 0, "what was refused was not counted");
    }

    #[test]
    fn guests_that_share_memory_have_it_together_and_give_it_back() {
        let shared = Arc::new(GuestMemory::new(100));
        let mut first = Limiter::sharing(1_000, shared.clone());
        let mut second = Limiter::sharing(1_000, shared.clone());
        assert!(first.memory_growing(0, 40, None).unwrap() && first.hold(10) && first.hold(5));
        assert!(!first.memory_growing(40, 60, None).unwrap(), "that would be more than it leaves to others");
        assert!(first.refused().shared_memory && first.refused().memory_bytes.is_none());
        assert!(second.table_growing(0, 3, None).unwrap());
        assert_eq!(shared.used_bytes(), 45 + 3 * TABLE_ELEMENT_BYTES);
        second.table_grow_failed(wasmtime::Error::msg("no memory")).unwrap();
        assert_eq!(shared.used_bytes(), 45);
        drop((first, second));
        assert_eq!(shared.used_bytes(), 0);
    }
}
