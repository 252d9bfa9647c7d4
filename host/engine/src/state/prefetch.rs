//! Counts prefetched instances: those loaded shortly before their timers fire, without a turn
//! since.

/// How long before its wake-up an instance is loaded, milliseconds.
pub(super) const PREFETCH_MS: u64 = 3_000;

/// Most prefetches under way: a load for a message waits behind so many.
pub(super) const MAX_LOADING: usize = 128;

/// Most instances in memory only because they are due soon, besides those that the cache counts.
/// They have no guest, so each is a few KiB.
const MAX_PREFETCHED: usize = 8_192;

/// The instances that were prefetched and have not had a turn since.
#[derive(Debug, Default)]
pub(super) struct Prefetch {
    count: usize,
    /// Those among them that are being loaded.
    loading: usize,
}

impl Prefetch {
    pub(super) fn has_room(&self) -> bool {
        self.loading < MAX_LOADING && self.count < MAX_PREFETCHED
    }

    /// The load of one begins.
    pub(super) fn begin(&mut self) {
        self.count += 1;
        self.loading += 1;
    }

    /// The load of one has ended.
    pub(super) fn end_load(&mut self) {
        self.loading -= 1;
    }

    /// One is from now on an instance like any other, or leaves. Returns whether that makes room
    /// again.
    pub(super) fn end(&mut self) -> bool {
        let was_full = self.count == MAX_PREFETCHED;
        self.count -= 1;
        was_full
    }

    #[cfg(test)]
    pub(super) fn counts(&self) -> (usize, usize) {
        (self.count, self.loading)
    }
}
