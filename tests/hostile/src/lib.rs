//! Bad input and broken guests against the real host.
//!
//! - [`row`]: one bad input and the right answer to it. [`catalogue`]: all of them, by what they attack.
//! - [`wire`]: sends bytes as they are. [`command`]: runs the program in a folder of its own.
//! - [`guests`]: functions that misbehave, beside a canary; `cargo run -p hostile -- guests` measures what it notices.
//! - [`siege`]: all attacks at once against a host with default settings; `cargo run -p hostile -- siege` does it for long.
//! - [`subject`]: the host, what must not change in it, and the canary. [`round`]: one row after the other.
//!
//! After every row the same process runs, the host shows exactly what it showed before, and a canary orchestration completes.

pub mod catalogue;
pub mod command;
pub mod guests;
pub mod round;
pub mod row;
pub mod siege;
pub mod subject;
pub mod wire;
