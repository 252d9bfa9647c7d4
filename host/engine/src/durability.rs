//! To the store and back.

pub(crate) mod loader;
pub(crate) mod purge;
pub(crate) mod recovery;
