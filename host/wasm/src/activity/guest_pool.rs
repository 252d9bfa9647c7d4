//! Pools of activity guests that may serve another run.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use wasmtime::Store;

use super::asynchronous::IoGuest;
use super::inline::InlineGuest;

/// Memory of all pooled guests, MiB: what they may touch, not what they did.
const MAX_POOLED_MIB: u32 = 256;
/// The least that a pooled guest counts for, MiB.
const LEAST_MIB: u32 = 4;
/// Most pooled guests of all activities together: wasmtime's pooling allocator has room for them
/// beside the guests that run.
pub(crate) const MAX_POOLED: usize = (MAX_POOLED_MIB / LEAST_MIB) as usize;
/// Most pooled guests of one activity.
const MAX_POOLED_EACH: usize = 32;

/// How often and how long a guest may be used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GuestReuse {
    /// Runs after which it is thrown away, default 1,000.
    pub calls: u32,
    /// How long after its first run it is thrown away, default 60 s; a run under way is not cut
    /// short.
    pub age: Duration,
}

impl Default for GuestReuse {
    fn default() -> Self {
        Self { calls: 1_000, age: Duration::from_secs(60) }
    }
}

/// The pools of all activities, which share one bound on memory.
pub(crate) struct GuestPools {
    /// One permit for each MiB.
    room: Arc<Semaphore>,
    all: Mutex<Vec<Weak<ActivityPools>>>,
}

impl Default for GuestPools {
    fn default() -> Self {
        Self { room: Arc::new(Semaphore::new(MAX_POOLED_MIB as usize)), all: Mutex::default() }
    }
}

impl GuestPools {
    /// Adds the pools of one activity; their guests are dropped with them.
    pub fn add(&self, reuse: GuestReuse) -> Arc<ActivityPools> {
        let pools = Arc::new(ActivityPools { inline: GuestPool::new(reuse, &self.room), io: GuestPool::new(reuse, &self.room) });
        let mut all = locked(&self.all);
        all.retain(|pools| pools.strong_count() > 0);
        all.push(Arc::downgrade(&pools));
        pools
    }

    /// Drops guests that are too old. Called regularly, for the sake of activities that are no
    /// longer called.
    pub fn drop_old(&self) {
        let all: Vec<_> = locked(&self.all).iter().filter_map(Weak::upgrade).collect();
        for pools in all {
            pools.inline.drop_old();
            pools.io.drop_old();
        }
    }
}

/// The pools of one activity, one for each way in which it runs.
pub(crate) struct ActivityPools {
    pub inline: GuestPool<InlineGuest>,
    pub io: GuestPool<IoGuest>,
}

/// Idle guests of one activity.
pub(crate) struct GuestPool<G> {
    reuse: GuestReuse,
    room: Arc<Semaphore>,
    idle: Mutex<Vec<Idle<G>>>,
}

struct Idle<G> {
    guest: PooledGuest<G>,
    _room: OwnedSemaphorePermit,
}

/// A guest with what decides whether it may serve another run.
pub(crate) struct PooledGuest<G> {
    pub guest: G,
    runs: u32,
    born: Instant,
}

/// A store and, once it runs, the function in it.
pub(crate) struct Guest<S: 'static, F> {
    pub store: Store<S>,
    pub function: Option<F>,
}

impl<G> PooledGuest<G> {
    pub fn new(guest: G) -> Self {
        Self { guest, runs: 0, born: Instant::now() }
    }
}

impl<G> GuestPool<G> {
    fn new(reuse: GuestReuse, room: &Arc<Semaphore>) -> Self {
        Self { reuse, room: room.clone(), idle: Mutex::default() }
    }

    /// The guest that ran last, or a new one.
    pub fn take_or(pool: Option<&Self>, new: impl FnOnce() -> G) -> PooledGuest<G> {
        pool.and_then(Self::take).unwrap_or_else(|| PooledGuest::new(new()))
    }

    fn take(&self) -> Option<PooledGuest<G>> {
        loop {
            let Idle { guest, _room } = locked(&self.idle).pop()?;
            if !self.is_old(&guest) {
                return Some(guest);
            }
        }
    }

    /// Takes a guest back after a successful run, if it may be used again and there is room.
    pub fn put_back(&self, mut guest: PooledGuest<G>, memory_bytes: usize) {
        guest.runs += 1;
        if guest.runs >= self.reuse.calls || self.is_old(&guest) {
            return;
        }
        let mib = u32::try_from(memory_bytes.div_ceil(1 << 20)).unwrap_or(u32::MAX).max(LEAST_MIB);
        let Ok(room) = self.room.clone().try_acquire_many_owned(mib) else { return };
        let mut idle = locked(&self.idle);
        if idle.len() < MAX_POOLED_EACH {
            idle.push(Idle { guest, _room: room });
        }
    }

    fn is_old(&self, guest: &PooledGuest<G>) -> bool {
        guest.born.elapsed() >= self.reuse.age
    }

    fn drop_old(&self) {
        let old: Vec<_> = locked(&self.idle).extract_if(.., |idle| self.is_old(&idle.guest)).collect();
        // Dropped outside the lock: freeing a guest's memory takes a while.
        drop(old);
    }
}

/// A poisoned lock is usable: every change behind these locks is one call that cannot stop halfway.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pool(age: Duration) -> GuestPool<Arc<()>> {
        GuestPool::new(GuestReuse { calls: 1_000, age }, &GuestPools::default().room)
    }

    #[test]
    fn what_is_too_old_is_thrown_away_without_being_called_for() {
        let (young, old) = (pool(Duration::from_secs(3_600)), pool(Duration::from_millis(1)));
        for (pool, left) in [(young, 1), (old, 0)] {
            let guest = Arc::new(());
            pool.put_back(PooledGuest::new(guest.clone()), 0);
            while left == 0 && Arc::strong_count(&guest) > 1 {
                pool.drop_old();
            }
            pool.drop_old();
            assert_eq!(Arc::strong_count(&guest), 1 + left);
        }
    }

    #[test]
    fn no_more_is_kept_than_there_is_room_for() {
        let pool = pool(Duration::from_secs(3_600));
        let guest = Arc::new(());
        (0..3).for_each(|_| pool.put_back(PooledGuest::new(guest.clone()), 100 << 20));
        assert_eq!(Arc::strong_count(&guest), 1 + 2, "two times 100 MiB fit into 256 MiB");
        drop(pool.take());
        pool.put_back(PooledGuest::new(guest.clone()), 156 << 20);
        assert_eq!(Arc::strong_count(&guest), 1 + 2, "what is taken leaves its room to others");
    }

    #[test]
    fn an_activity_keeps_so_many_and_no_more() {
        let pool = pool(Duration::from_secs(3_600));
        let guest = Arc::new(());
        (0..2 * MAX_POOLED_EACH).for_each(|_| pool.put_back(PooledGuest::new(guest.clone()), 0));
        assert_eq!(Arc::strong_count(&guest), 1 + MAX_POOLED_EACH);
    }
}
