//! How much memory instances take, counted as it changes.
//!
//! Everything that is weighed adds to one sum for as long as it is there, so the sum is right
//! however it goes away.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// A sum of weights; clones share it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Scale(Arc<AtomicU64>);

/// The weight of something, on its scale until it is dropped.
#[derive(Debug)]
pub(crate) struct Weight {
    scale: Scale,
    bytes: u64,
}

impl Scale {
    /// Everything that is on it, in bytes.
    pub(crate) fn bytes(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    /// Something that weighs so much.
    pub(crate) fn weigh(&self, bytes: u64) -> Weight {
        self.0.fetch_add(bytes, Ordering::Relaxed);
        Weight { scale: self.clone(), bytes }
    }
}

impl Weight {
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// It weighs so much now.
    pub(crate) fn set(&mut self, bytes: u64) {
        match bytes.checked_sub(self.bytes) {
            Some(more) => self.scale.0.fetch_add(more, Ordering::Relaxed),
            None => self.scale.0.fetch_sub(self.bytes - bytes, Ordering::Relaxed),
        };
        self.bytes = bytes;
    }
}

impl Drop for Weight {
    fn drop(&mut self) {
        self.scale.0.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scale_shows_what_is_on_it() {
        let scale = Scale::default();
        let (mut one, other) = (scale.weigh(5), scale.weigh(7));
        one.set(2);
        assert_eq!((scale.bytes(), one.bytes()), (9, 2));
        one.set(10);
        drop(other);
        assert_eq!(scale.bytes(), 10);
        drop(one);
        assert_eq!(scale.bytes(), 0);
    }
}
