//! Files that the host and its commands read and write.
//!
//! - [`given`]: files that they are told to read. [`private`]: files that only the host's own user can read.

pub mod given;
pub mod private;
