//! The Azure-style list of events, a view of the recorded turns.
//!
//! Nothing of it is stored. The chain is read once more ([`crate::orchestration`] does that), and what each message and command did is
//! told in the words of the wire contract: names in PascalCase, a scheduled task folded into its completion, the current
//! execution only.
//!
//! - `builder`: watches the turns and tells what messages did; `commands`: what commands led to. `list`: the list and its open tasks. `shape`: one JSON object for
//!   each type of event.

mod builder;
mod commands;
mod list;
mod shape;

#[cfg(test)]
mod tests;

pub use list::HistoryEvent;

use crate::model::InstanceId;
use crate::orchestration::Chain;
use crate::record::Record;

/// What a client wants to see of an instance's history. By default neither inputs nor results.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HistoryOptions {
    /// False leaves out every member `Input`.
    pub show_input: bool,
    /// False leaves out every member `Result`.
    pub show_output: bool,
}

/// The events of the instance's current execution in order, one JSON object each. Empty if it was never started, or is an entity.
///
/// `chain` is what [`fold`](crate::orchestration::fold()) takes: records as the store returns them, each with its mark of a base.
pub fn history_events(id: &InstanceId, chain: impl IntoIterator<Item = (Record, bool)>, options: HistoryOptions) -> Vec<HistoryEvent> {
    let mut builder = builder::HistoryBuilder::new(options);
    Chain::read(id.clone(), chain, &mut builder);
    builder.into_events()
}
