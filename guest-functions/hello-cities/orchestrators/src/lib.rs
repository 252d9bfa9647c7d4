//! Orchestrators to try Longhaul with, and to measure it.

use std::time::Duration;

use longhaul::{Context, EntityId, Failure, join_all};
use serde::Deserialize;

longhaul::export_orchestrators!(hello_sequence, fan_out, long_sequence, wait_for_go, count_together);

/// Greets three cities, one after the other.
#[longhaul::orchestrator(export = false)]
pub async fn hello_sequence(ctx: Context) -> Result<Vec<String>, Failure> {
    let mut greetings = Vec::new();
    for city in ["Tokyo", "Seattle", "London"] {
        greetings.push(ctx.call_activity("SayHello", city).await?);
    }
    Ok(greetings)
}

/// Has the numbers from 1 to `n` squared in parallel and adds up the squares.
#[longhaul::orchestrator(export = false)]
pub async fn fan_out(ctx: Context, n: u64) -> Result<u64, Failure> {
    let squares = join_all((1..=n).map(|number| ctx.call_activity::<u64>("Square", &number))).await;
    let squares = squares.into_iter().collect::<Result<Vec<_>, _>>()?;
    Ok(squares.iter().sum())
}

/// The same, one number after the other.
#[longhaul::orchestrator(export = false)]
pub async fn long_sequence(ctx: Context, n: u64) -> Result<u64, Failure> {
    let mut sum = 0;
    for number in 1..=n {
        sum += ctx.call_activity::<u64>("Square", &number).await?;
    }
    Ok(sum)
}

/// The input of [`wait_for_go`].
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct WaitForGoInput {
    timeout_seconds: Option<u64>,
}

/// Waits for the event `go` and returns its payload.
#[longhaul::orchestrator(export = false)]
pub async fn wait_for_go(ctx: Context, input: WaitForGoInput) -> Result<serde_json::Value, Failure> {
    let wait = ctx.wait_for_event("go");
    Ok(match input.timeout_seconds {
        Some(seconds) => wait.timeout(Duration::from_secs(seconds)).await?,
        None => wait.await?,
    })
}

/// The input of [`count_together`].
#[derive(Debug, Deserialize)]
pub struct CountInput {
    counter: String,
    times: u32,
}

/// Adds one to a counter that others may use too, that many times in a critical section, and returns the counter's value.
///
/// The value grows by exactly `times` between entering and leaving the section, whoever else counts.
#[longhaul::orchestrator(export = false)]
pub async fn count_together(ctx: Context, input: CountInput) -> Result<i64, Failure> {
    let counter = EntityId::new("Counter", input.counter);
    let section = ctx.lock(std::slice::from_ref(&counter)).await?;
    let before: i64 = ctx.call_entity(&counter, "Get", &()).await?;
    for _ in 0..input.times {
        ctx.call_entity::<i64>(&counter, "Add", &1).await?;
    }
    let after: i64 = ctx.call_entity(&counter, "Get", &()).await?;
    section.release();
    if after - before != i64::from(input.times) {
        return Err(Failure::new("Disturbed", format!("the counter went from {before} to {after} inside the critical section")));
    }
    Ok(after)
}

#[cfg(test)]
mod tests;
