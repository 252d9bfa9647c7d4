//! Bounds how many guests compute in the background at a time.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// A blocking semaphore that gives its places to threads in the order in which they ask.
///
/// tokio's semaphore is fair too, but is waited for by futures, and guests that are called plainly
/// wait on their thread.
pub(crate) struct FairSemaphore {
    places: Mutex<Places>,
    changed: Condvar,
}

struct Places {
    free: usize,
    /// The numbers of the threads that wait, in the order in which they asked.
    waiting: VecDeque<u64>,
    next: u64,
    /// Every thread gets a place without waiting.
    is_open: bool,
}

/// A place. Dropping it gives the place back.
pub(crate) struct Permit {
    semaphore: Arc<FairSemaphore>,
    has_waited: bool,
}

impl Permit {
    /// Whether the thread waited for it.
    pub fn has_waited(&self) -> bool {
        self.has_waited
    }
}

impl FairSemaphore {
    /// A semaphore with so many places, at least one.
    pub fn new(places: usize) -> Arc<Self> {
        let places = Places { free: places, waiting: VecDeque::new(), next: 0, is_open: false };
        Arc::new(Self { places: Mutex::new(places), changed: Condvar::new() })
    }

    fn places(&self) -> MutexGuard<'_, Places> {
        // Every change is whole before anything can panic.
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Blocks this thread until there is a place for it.
    pub fn acquire(self: &Arc<Self>) -> Permit {
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
        // There may be a place for the next thread as well.
        self.changed.notify_all();
        Permit { semaphore: self.clone(), has_waited }
    }

    /// How many threads wait.
    #[cfg(test)]
    pub fn waiting(&self) -> usize {
        self.places().waiting.len()
    }

    /// From now on every thread gets a place without waiting.
    pub fn open(&self) {
        self.places().is_open = true;
        self.changed.notify_all();
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.semaphore.places().free += 1;
        self.semaphore.changed.notify_all();
    }
}
