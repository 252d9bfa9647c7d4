//! The memory that running activities and client functions share.

use std::sync::atomic::{AtomicUsize, Ordering};

/// How many bytes these guests may have together, and how many they have.
///
/// A guest may not have more than it leaves free. So the more guests want much, the less each can
/// have, and something is always left for a guest that needs little.
#[derive(Debug)]
pub struct GuestMemory {
    limit_bytes: usize,
    used_bytes: AtomicUsize,
}

impl GuestMemory {
    /// Twice as many bytes as one guest is to have while it is alone.
    pub fn new(limit_bytes: usize) -> Self {
        Self { limit_bytes, used_bytes: AtomicUsize::new(0) }
    }

    /// The bound on all of them, bytes.
    pub fn limit_bytes(&self) -> usize {
        self.limit_bytes
    }

    /// The bytes that they have now.
    pub fn used_bytes(&self) -> usize {
        self.used_bytes.load(Ordering::Relaxed)
    }

    /// Takes `more` bytes for a guest that has `own` already. Returns whether it may have them.
    pub(crate) fn take(&self, own: usize, more: usize) -> bool {
        let fits = |used: usize| {
            let free = self.limit_bytes.saturating_sub(used);
            own.checked_add(more).filter(|wanted| *wanted <= free).map(|_| used + more)
        };
        self.used_bytes.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fits).is_ok()
    }

    pub(crate) fn give_back(&self, bytes: usize) {
        self.used_bytes.fetch_sub(bytes, Ordering::Relaxed);
    }
}

impl Default for GuestMemory {
    /// Practically unbounded.
    fn default() -> Self {
        Self::new(usize::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How much a guest gets that takes one byte after the other.
    fn hoard(memory: &GuestMemory) -> usize {
        (0..).take_while(|own| memory.take(*own, 1)).count()
    }

    #[test]
    fn a_guest_alone_has_half_and_many_leave_room_for_one_more() {
        let memory = GuestMemory::new(1_000_000);
        let first = hoard(&memory);
        assert_eq!(first, 500_000);
        let all: usize = first + (0..10).map(|_| hoard(&memory)).sum::<usize>();
        assert!(all < 1_000_000 && memory.used_bytes() == all, "{all}");
        memory.give_back(all);
        assert_eq!(memory.used_bytes(), 0);
    }

    #[test]
    fn those_that_grow_side_by_side_have_the_same() {
        let memory = GuestMemory::new(65_000);
        let mut guests = [0; 64];
        let mut grows = true;
        while grows {
            grows = false;
            for own in &mut guests {
                if memory.take(*own, 1) {
                    *own += 1;
                    grows = true;
                }
            }
        }
        let free = memory.limit_bytes() - memory.used_bytes();
        assert!(guests.iter().all(|own| (950..=1_050).contains(own)) && free > 900, "{guests:?} and {free}");
    }
}
