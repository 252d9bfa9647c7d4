//! Bounds what a guest may allocate, and remembers that it asked for more.

use wasmtime::{ResourceLimiter, Result};

/// Core instances, memories and tables of one guest: generous for any toolchain, small enough to keep a bad component from
/// eating the pool.
const MAX_CORE_INSTANCES: usize = 100;
const MAX_MEMORIES: usize = 4;
const MAX_TABLES: usize = 20;
const MAX_TABLE_ELEMENTS: usize = 100_000;

pub(crate) struct Limiter {
    limit_bytes: usize,
    memory_bytes: usize,
    refused: bool,
}

impl Limiter {
    pub fn new(limit_bytes: usize) -> Self {
        Self { limit_bytes, memory_bytes: 0, refused: false }
    }

    /// Begins a call: forgets what was refused before.
    pub fn begin_call(&mut self) {
        self.refused = false;
    }

    /// What the guest's memories have grown to.
    pub fn memory_bytes(&self) -> usize {
        self.memory_bytes
    }

    /// The bound, if the guest asked for more during this call. A guest that lives on after a refusal and traps for another
    /// reason in the same call is reported as short of memory too: the trap itself does not tell.
    pub fn refused(&self) -> Option<usize> {
        self.refused.then_some(self.limit_bytes)
    }
}

impl ResourceLimiter for Limiter {
    fn memory_growing(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> Result<bool> {
        let granted = desired <= self.limit_bytes && maximum.is_none_or(|maximum| desired <= maximum);
        self.refused |= !granted;
        if granted {
            self.memory_bytes += desired - current;
        }
        Ok(granted)
    }

    fn memory_grow_failed(&mut self, _error: wasmtime::Error) -> Result<()> {
        self.refused = true;
        Ok(())
    }

    fn table_growing(&mut self, _current: usize, desired: usize, _maximum: Option<usize>) -> Result<bool> {
        Ok(desired <= MAX_TABLE_ELEMENTS)
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
