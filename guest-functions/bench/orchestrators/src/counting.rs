//! Signals to entities, and calls.

use longhaul::{Context, EntityId, Failure};
use serde::Deserialize;

/// The input of [`signal_many`] and [`add_many`].
#[derive(Debug, Deserialize)]
pub struct CountInput {
    /// What the counters' keys begin with; a number follows.
    prefix: String,
    /// Number of the first counter.
    first: u64,
    /// How many counters there are. They take turns, from the first on.
    keys: u64,
    /// How often one is added.
    times: u64,
}

impl CountInput {
    fn counter(&self, number: u64) -> EntityId {
        EntityId::new("Counter", format!("{}{}", self.prefix, (self.first + number) % self.keys.max(1)))
    }
}

/// Signals counters to add one, all in one turn, and returns how many signals it sent. They arrive later.
#[longhaul::orchestrator(export = false)]
pub async fn signal_many(ctx: Context, input: CountInput) -> Result<u64, Failure> {
    for number in 0..input.times {
        ctx.signal_entity(&input.counter(number), "Add", &1);
    }
    Ok(input.times)
}

/// Calls counters to add one, one call after the other, and returns how many answers it had.
///
/// # Errors
/// An answer of zero fails it: a counter that has been added to cannot be zero.
#[longhaul::orchestrator(export = false)]
pub async fn add_many(ctx: Context, input: CountInput) -> Result<u64, Failure> {
    for number in 0..input.times {
        if ctx.call_entity::<u64>(&input.counter(number), "Add", &1).await? == 0 {
            return Err(Failure::new("NotCounted", format!("call {number} was answered with 0")));
        }
    }
    Ok(input.times)
}
