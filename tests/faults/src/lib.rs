//! Random programs against the real host while it is killed, paused and starved of room, checked against a model.
//!
//! A seed chooses the programs and the faults. [`round()`] is one run with one seed, in this order:
//!
//! - [`generate`] makes up programs, and [`model`] foretells what must come of them;
//! - [`ticks`] are what a timer of the app starts;
//! - [`company`] is what is done to instances from outside beside that;
//! - [`subject`] is the host, [`client`] what is asked of it, [`ledger`] the server to which its activities report;
//! - [`nemesis`] does to the host what the seed says, on a [`disk`] of its own where this machine allows that;
//! - [`database`] looks into the database once the host has stopped.
//!
//! [`writes`] runs each [`scenario`] again and again and kills the host at its first, second, third … write, which [`tracer`] counts.

pub mod client;
pub mod company;
pub mod database;
pub mod disk;
pub mod generate;
pub mod ledger;
pub mod model;
pub mod nemesis;
pub mod round;
pub mod scenario;
pub mod subject;
pub mod tally;
pub mod ticks;
pub mod tracer;
pub mod writes;

pub use round::{Failed, Passed, Run, round};
pub use tally::Tally;
pub use writes::Counted;
