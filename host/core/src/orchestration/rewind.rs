//! How a failed execution goes on from before its first failure.
//!
//! - `request`: what a message that rewinds does, and the first turn after it.
//! - `log`: the turns kept while a chain is read that a rewind will cut. `cut`: where it is cut,
//!   and what is kept of the turns behind.
//! - `reuse`: what the undone turns did and need not do again; `repeat`: a command that finds
//!   itself there.
//! - `previous_ids`: under which ids things were asked for before.

mod cut;
mod log;
mod previous_ids;
mod repeat;
mod request;
mod reuse;

pub(super) use cut::{Cut, cut};
pub(super) use log::{LogItem, LoggedRewind, LoggedTurn, TurnLog};
pub(super) use previous_ids::PreviousIds;
pub(super) use request::RewindRequest;
pub(super) use reuse::ReusableCommands;
