//! The engine on one thread in virtual time, with a seed for all that chance decides; see
//! `docs/guide/simulation.md`.
//!
//! What runs is the real engine: board, committer, alarms, loading, recovery, residency, and real
//! guests. What stands in for the machine:
//!
//! - [`universe`]: time, ids, pauses, and activities that do as they are told.
//! - [`store`]: a store in memory behind a gate that lets calls fail, hang or take their time.
//! - [`life`]: one engine after the other over the same store.
//!
//! [`seeds`] runs random programs under random faults as [`plan`] says, with the clients of
//! [`client`], and compares what comes of them with the model of the `faults` package and the rules
//! of [`check`]. [`step`] runs short scenarios instead, and lets one call of the store after the
//! other fail.

pub mod check;
pub mod client;
pub mod life;
pub mod plan;
pub mod seeds;
pub mod step;
pub mod store;
pub mod universe;
