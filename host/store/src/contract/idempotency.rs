//! What is kept of requests that came with a key.

use longhaul_core::{InstanceId, Timestamp};

use super::StoreFuture;
#[cfg(doc)]
use super::{Batch, Log, Store};

/// What is kept of a request that came with a key, so that the same request later gets the same
/// answer and has no second effect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdempotencyNote {
    /// The key, at most 1,024 bytes.
    pub key: String,
    /// SHA-256 of the request: tells a retry from another request under the same key.
    pub digest: [u8; 32],
    /// The instance that took the message, from which the answer is made again.
    pub instance: InstanceId,
    /// When it was accepted.
    pub at: Timestamp,
}

/// Notes of keyed requests. They come into the store with [`Batch::keys`]. Nothing else in the
/// store depends on them, and they are no projection: neither [`Store::rebuild`] nor [`Log::purge`]
/// touches them.
pub trait IdempotencyNotes: Send + Sync {
    /// The note of a key, however old.
    fn idempotency_note(&self, key: &str) -> StoreFuture<'_, Option<IdempotencyNote>>;

    /// Removes notes made before `before`, at most `limit` of them and the oldest first. Returns
    /// how many were removed: fewer than `limit` means that none is left.
    fn forget_idempotency_notes(&self, before: Timestamp, limit: u32) -> StoreFuture<'_, u32>;
}
