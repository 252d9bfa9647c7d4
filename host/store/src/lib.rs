//! Where Longhaul keeps its log.
//!
//! - [`contract`]: what the host needs of a store, as three small traits.
//! - [`memory`]: the reference store; nothing survives the process.
//! - [`sqlite`]: the real one.
//! - [`conformance`]: what every store must do, one function each.

pub mod conformance;
pub mod contract;
pub mod memory;
pub mod sqlite;

mod deployment;

pub use contract::*;
pub use memory::MemoryStore;
pub use sqlite::{SqliteConfig, SqliteStore};
