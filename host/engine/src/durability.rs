//! To the store and back: commits, loads, and what follows a failure.

pub(crate) mod committer;
pub(crate) mod expiry;
pub(crate) mod loader;
pub(crate) mod purge;
pub(crate) mod recovery;
