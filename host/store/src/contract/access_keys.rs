//! API keys.

use longhaul_core::Timestamp;

use super::StoreFuture;

/// What is kept of an API key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessKey {
    /// What it opens, a word of the host's.
    pub scope: String,
    /// Its name, unique within its scope.
    pub name: String,
    /// SHA-256 of the key. The key itself is nowhere.
    pub digest: [u8; 32],
    /// When it was made, or made anew.
    pub created_at: Timestamp,
}

/// API keys. No projection of the log.
pub trait AccessKeys: Send + Sync {
    /// All of them, ordered by scope and name.
    fn access_keys(&self) -> StoreFuture<'_, Vec<AccessKey>>;

    /// Writes one, in place of what was there under its scope and name.
    fn put_access_key(&self, key: AccessKey) -> StoreFuture<'_, ()>;

    /// Removes one. Does nothing if it does not exist.
    fn remove_access_key(&self, scope: &str, name: &str) -> StoreFuture<'_, ()>;
}
