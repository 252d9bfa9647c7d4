//! How many guests compute in the background at a time.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// Lets a few in at a time, in the order in which they come.
pub(crate) struct Gate {
    places: Mutex<Places>,
    changed: Condvar,
}

struct Places {
    free: usize,
    /// Whoever waits, by number, first come first.
    waiting: VecDeque<u64>,
    next: u64,
    /// Nobody waits any more.
    is_open: bool,
}

/// A place, until this is dropped.
pub(crate) struct Permit {
    gate: Arc<Gate>,
    has_waited: bool,
}

impl Permit {
    /// Whether it was not to be had at once.
    pub fn has_waited(&self) -> bool {
        self.has_waited
    }
}

impl Gate {
    /// There must be one place at least.
    pub fn new(places: usize) -> Arc<Self> {
        let places = Places { free: places, waiting: VecDeque::new(), next: 0, is_open: false };
        Arc::new(Self { places: Mutex::new(places), changed: Condvar::new() })
    }

    fn places(&self) -> MutexGuard<'_, Places> {
        // Every change is whole before anything can panic.
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for a place, on this thread.
    pub fn enter(self: &Arc<Self>) -> Permit {
        let mut places = self.places();
        let number = places.next;
        places.next += 1;
        places.waiting.push_back(number);
        let its_turn = |places: &Places| places.is_open || places.free > 0 && places.waiting.front() == Some(&number);
        let has_waited = !its_turn(&places);
        while !its_turn(&places) {
            places = self.changed.wait(places).unwrap_or_else(PoisonError::into_inner);
        }
        places.waiting.retain(|waiting| *waiting != number);
        places.free = places.free.saturating_sub(1);
        drop(places);
        // There may be a place for the next as well.
        self.changed.notify_all();
        Permit { gate: self.clone(), has_waited }
    }

    /// How many wait.
    #[cfg(test)]
    pub fn waiting(&self) -> usize {
        self.places().waiting.len()
    }

    /// Lets everybody in from now on.
    pub fn open(&self) {
        self.places().is_open = true;
        self.changed.notify_all();
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.gate.places().free += 1;
        self.gate.changed.notify_all();
    }
}
