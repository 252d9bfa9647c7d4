//! Guests of activities that may be used again, between two runs.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use wasmtime::Store;

use super::as_future::IoGuest;
use super::at_once::PlainGuest;

/// Memory of all guests that are kept, MiB: what they may touch, not what they did.
const MAX_KEPT_MIB: u32 = 256;
/// What a kept guest counts for at least, MiB.
const LEAST_MIB: u32 = 4;
/// Most guests that are kept at a time, whatever they belong to: the engine's pool has room for them beside those that run.
pub(crate) const MAX_KEPT: usize = (MAX_KEPT_MIB / LEAST_MIB) as usize;
/// Most guests that are kept for one activity.
const MAX_KEPT_EACH: usize = 32;

/// How often and how long a guest may be used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GuestReuse {
    /// Runs after which it is thrown away, default 1,000.
    pub calls: u32,
    /// How long after its first run it is thrown away, default 60 s; a run under way is not cut short.
    pub age: Duration,
}

impl Default for GuestReuse {
    fn default() -> Self {
        Self { calls: 1_000, age: Duration::from_secs(60) }
    }
}

/// What is kept for all activities.
pub(crate) struct Shelves {
    /// One permit for each MiB.
    room: Arc<Semaphore>,
    all: Mutex<Vec<Weak<KeptGuests>>>,
}

impl Default for Shelves {
    fn default() -> Self {
        Self { room: Arc::new(Semaphore::new(MAX_KEPT_MIB as usize)), all: Mutex::default() }
    }
}

impl Shelves {
    /// Room for the guests of one activity. They are dropped with it.
    pub fn add(&self, reuse: GuestReuse) -> Arc<KeptGuests> {
        let kept = Arc::new(KeptGuests { plain: Shelf::new(reuse, &self.room), io: Shelf::new(reuse, &self.room) });
        let mut all = locked(&self.all);
        all.retain(|shelf| shelf.strong_count() > 0);
        all.push(Arc::downgrade(&kept));
        kept
    }

    /// Throws away what is too old; called now and then, for activities that are not called any more.
    pub fn drop_old(&self) {
        let all: Vec<_> = locked(&self.all).iter().filter_map(Weak::upgrade).collect();
        for kept in all {
            kept.plain.drop_old();
            kept.io.drop_old();
        }
    }
}

/// What is kept for one activity, by the way in which it runs.
pub(crate) struct KeptGuests {
    pub plain: Shelf<PlainGuest>,
    pub io: Shelf<IoGuest>,
}

pub(crate) struct Shelf<G> {
    reuse: GuestReuse,
    room: Arc<Semaphore>,
    idle: Mutex<Vec<Idle<G>>>,
}

struct Idle<G> {
    used: Used<G>,
    _room: OwnedSemaphorePermit,
}

/// A guest with its past.
pub(crate) struct Used<G> {
    pub guest: G,
    runs: u32,
    born: Instant,
}

/// A store and, once it runs, the function in it.
pub(crate) struct Guest<S: 'static, F> {
    pub store: Store<S>,
    pub function: Option<F>,
}

impl<G> Used<G> {
    pub fn new(guest: G) -> Self {
        Self { guest, runs: 0, born: Instant::now() }
    }
}

impl<G> Shelf<G> {
    fn new(reuse: GuestReuse, room: &Arc<Semaphore>) -> Self {
        Self { reuse, room: room.clone(), idle: Mutex::default() }
    }

    /// The guest that ran last, or a new one.
    pub fn take_or(shelf: Option<&Self>, new: impl FnOnce() -> G) -> Used<G> {
        shelf.and_then(Self::take).unwrap_or_else(|| Used::new(new()))
    }

    fn take(&self) -> Option<Used<G>> {
        loop {
            let Idle { used, _room } = locked(&self.idle).pop()?;
            if !self.is_old(&used) {
                return Some(used);
            }
        }
    }

    /// Keeps a guest after a run that ended well, if it may be used again and there is room.
    pub fn put_back(&self, mut used: Used<G>, memory_bytes: usize) {
        used.runs += 1;
        if used.runs >= self.reuse.calls || self.is_old(&used) {
            return;
        }
        let mib = u32::try_from(memory_bytes.div_ceil(1 << 20)).unwrap_or(u32::MAX).max(LEAST_MIB);
        let Ok(room) = self.room.clone().try_acquire_many_owned(mib) else { return };
        let mut idle = locked(&self.idle);
        if idle.len() < MAX_KEPT_EACH {
            idle.push(Idle { used, _room: room });
        }
    }

    fn is_old(&self, used: &Used<G>) -> bool {
        used.born.elapsed() >= self.reuse.age
    }

    fn drop_old(&self) {
        let old: Vec<_> = locked(&self.idle).extract_if(.., |idle| self.is_old(&idle.used)).collect();
        // Dropping a guest takes a while: not under the lock.
        drop(old);
    }
}

/// Every change behind these locks is one call that cannot stop halfway.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shelf(age: Duration) -> Shelf<Arc<()>> {
        Shelf::new(GuestReuse { calls: 1_000, age }, &Shelves::default().room)
    }

    #[test]
    fn what_is_too_old_is_thrown_away_without_being_called_for() {
        let (young, old) = (shelf(Duration::from_secs(3_600)), shelf(Duration::from_millis(1)));
        for (shelf, left) in [(young, 1), (old, 0)] {
            let guest = Arc::new(());
            shelf.put_back(Used::new(guest.clone()), 0);
            while left == 0 && Arc::strong_count(&guest) > 1 {
                shelf.drop_old();
            }
            shelf.drop_old();
            assert_eq!(Arc::strong_count(&guest), 1 + left);
        }
    }

    #[test]
    fn no_more_is_kept_than_there_is_room_for() {
        let shelf = shelf(Duration::from_secs(3_600));
        let guest = Arc::new(());
        (0..3).for_each(|_| shelf.put_back(Used::new(guest.clone()), 100 << 20));
        assert_eq!(Arc::strong_count(&guest), 1 + 2, "two times 100 MiB fit into 256 MiB");
        drop(shelf.take());
        shelf.put_back(Used::new(guest.clone()), 156 << 20);
        assert_eq!(Arc::strong_count(&guest), 1 + 2, "what is taken leaves its room to others");
    }

    #[test]
    fn an_activity_keeps_so_many_and_no_more() {
        let shelf = shelf(Duration::from_secs(3_600));
        let guest = Arc::new(());
        (0..2 * MAX_KEPT_EACH).for_each(|_| shelf.put_back(Used::new(guest.clone()), 0));
        assert_eq!(Arc::strong_count(&guest), 1 + MAX_KEPT_EACH);
    }
}
