//! The file and how it is opened.
//!
//! - `open`: lock, inspect, connect, migrate, verify, recover. `reopen`: once more after a failure.
//! - `lock`: one process per file. `header`: what can be said of a file without SQLite. `schema`:
//!   whose file it is, and which version. `private`: files that only their owner can read.

mod header;
mod lock;
mod open;
mod private;
mod reopen;
mod schema;

pub(super) use lock::ProcessLock;
pub(super) use open::{close, connect, open, reading};
pub(super) use reopen::Trust;
