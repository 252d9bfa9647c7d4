//! Where Longhaul keeps its log.
//!
//! - [`contract`]: what the host needs of a store, one trait for each part.
//! - [`memory`]: the reference store; nothing survives the process.
//! - [`sqlite`]: the real one.
//! - `projection`: from pending records to rows: what any database needs.
//! - `conformance`, with the feature of that name: what every store must do, one function each.

#[cfg(feature = "conformance")]
pub mod conformance;
pub mod contract;
pub mod memory;
pub mod sqlite;

mod projection;

pub use contract::*;
pub use memory::MemoryStore;
#[cfg(feature = "fuzzing")]
pub use projection::range::for_fuzzing;
pub use sqlite::{SqliteConfig, SqliteStore};
