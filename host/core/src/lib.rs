//! The decisions of Longhaul, and nothing else.
//!
//! This crate is given an instance's state, the messages that arrived and the turn that the guest
//! returned; it yields the new state, the record to append and the [`Effect`]s that follow. It
//! reads no clock, draws no random numbers and does no I/O, so that every rule is tested in
//! milliseconds.
//!
//! - [`model`]: the words shared by all crates: ids, time, payloads, failures, commands.
//! - [`message`]: what can arrive for an instance.
//! - [`record`]: the durable facts, as they stand in the log.
//! - [`row`]: what the log says about an instance at a glance; a pure function of its records.
//! - [`standing`]: which messages come too late for an orchestration.
//! - [`orchestration`]: the state of an orchestration instance and its turns.
//! - [`entity`]: the state of an entity and its batches.
//! - `own_time`: the time of an instance beside the machine's clock.
//! - [`limits`]: what one instance may take up, and what is too much.
//! - [`history`]: the events of an execution as a neutral list, a view of the recorded turns.

pub mod entity;
pub mod history;
pub mod limits;
pub mod message;
pub mod model;
pub mod orchestration;
mod own_time;
pub mod record;
pub mod row;
pub mod standing;

pub use entity::Entity;
pub use message::{Effect, Message, Outgoing};
pub use model::*;
pub use orchestration::Orchestration;
pub use record::Record;
pub use row::InstanceRow;
pub use standing::Standing;
