//! The cache of instances: which of those at rest leave memory first.
//!
//! A waiting instance with a live guest costs tens of KiB and some memory mappings, and whatever
//! its state and its guest hold; so there are limits on the number and on the bytes. The one that
//! was idle longest leaves first. Leaving is dropping: what the instance is, is in the log.

use hashlink::LruCache;
use longhaul_core::InstanceId;

use crate::config::EngineConfig;
use crate::state::weight::Scale;

/// Instances by last use, and the limits.
pub(crate) struct Cache {
    /// The longest idle first; those that do not count are not in it.
    entries: LruCache<InstanceId, Counted>,
    /// How many of these have a guest, or the calls that bring one back.
    by_number: usize,
    limit: usize,
    /// What instances hold: their states, guests and mailboxes, and commits on their way.
    scale: Scale,
    max_bytes: u64,
    evicts_at_once: bool,
}

/// How an instance at rest counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Counted {
    /// Not at all: it is not there, at work, or there for a moment only.
    #[default]
    Not,
    /// By its bytes.
    ByBytes,
    /// By its number as well.
    ByNumber,
}

impl Cache {
    pub(super) fn new(config: &EngineConfig) -> Self {
        Self {
            entries: LruCache::new_unbounded(),
            by_number: 0,
            limit: config.max_hot_instances,
            scale: Scale::default(),
            max_bytes: config.instance_memory_bytes,
            evicts_at_once: config.evict_after_every_turn,
        }
    }

    pub(super) fn clear(&mut self) {
        self.entries.clear();
        self.by_number = 0;
    }

    /// Where what instances hold is weighed.
    pub(super) fn scale(&self) -> &Scale {
        &self.scale
    }

    pub(super) fn max_bytes(&self) -> u64 {
        self.max_bytes
    }

    /// Whether every instance leaves memory after every turn.
    pub(super) fn evicts_at_once(&self) -> bool {
        self.evicts_at_once
    }

    /// Whether there are too many, or too much in them.
    pub(super) fn is_over(&self) -> bool {
        self.by_number > self.limit || self.scale.bytes() > self.max_bytes
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Notes that an instance was used, and how it counts from now on.
    pub(super) fn note_used(&mut self, id: &InstanceId, counted: Counted) {
        let before = match counted {
            Counted::Not => self.entries.remove(id),
            // An id that is there already need not be cloned.
            Counted::ByBytes | Counted::ByNumber => match self.entries.get_mut(id) {
                Some(entry) => Some(std::mem::replace(entry, counted)),
                None => self.entries.insert(id.clone(), counted),
            },
        };
        let number = |counted| usize::from(counted == Counted::ByNumber);
        self.by_number = self.by_number + number(counted) - before.map_or(0, number);
    }

    /// The instance that was idle for longest. It counts as used now: where it cannot leave, the
    /// next look finds another.
    pub(super) fn next_victim(&mut self) -> Option<InstanceId> {
        let id = self.entries.iter().next()?.0.clone();
        self.entries.get(&id);
        Some(id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_one_that_was_used_longest_ago_is_the_next_victim() {
        let id = |text: &str| InstanceId::trusted(text);
        let mut cache = Cache::new(&EngineConfig { max_hot_instances: 2, ..EngineConfig::default() });
        cache.note_used(&id("a"), Counted::ByNumber);
        cache.note_used(&id("b"), Counted::ByNumber);
        cache.note_used(&id("c"), Counted::ByBytes);
        assert!(!cache.is_over(), "one of them has no guest");
        cache.note_used(&id("c"), Counted::ByNumber);
        assert!(cache.is_over());
        cache.note_used(&id("a"), Counted::ByNumber);
        assert_eq!([(); 4].map(|()| cache.next_victim()), ["b", "c", "a", "b"].map(|text| Some(id(text))));
        cache.note_used(&id("b"), Counted::Not);
        assert_eq!((cache.is_over(), cache.len()), (false, 2));
    }
}
