//! The history of an execution as a list of events, a view of the recorded turns.
//!
//! Nothing of it is stored. The chain is read once more ([`crate::orchestration`] does that), and
//! what each message and command did becomes an event: a scheduled call is folded into its end, and
//! the current execution alone is shown. How a client sees it is decided elsewhere.
//!
//! - `event`: the events. `builder`: observes the turns and notes what messages did; `commands`:
//!   what commands led to. `list`: the list and its open tasks.

mod builder;
mod commands;
mod event;
mod list;

#[cfg(test)]
mod tests;

pub use event::{CallKind, End, EndedCall, HistoryEntry, HistoryEvent};

use crate::model::InstanceId;
use crate::orchestration::Chain;
use crate::record::Record;

/// The events of the instance's current execution in order. Empty if it was never started, or is an
/// entity.
///
/// `chain` is what [`fold`](crate::orchestration::fold()) takes: records as the store returns them,
/// each with its mark of a base.
pub fn history_events(id: &InstanceId, chain: impl IntoIterator<Item = (Record, bool)>) -> Vec<HistoryEntry> {
    let mut builder = builder::HistoryBuilder::default();
    Chain::read(id.clone(), chain, &mut builder);
    builder.into_entries()
}
