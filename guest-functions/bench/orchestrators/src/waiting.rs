//! Events and timers.

use std::time::Duration;

use longhaul::{Context, Failure, Timestamp, join_all};
use serde::{Deserialize, Serialize};

/// The input of [`wait_for_go`].
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WaitForGoInput {
    timeout_seconds: u64,
}

/// Waits for the event `go` and returns its payload; fails if it does not come in time.
#[longhaul::orchestrator(export = false)]
pub async fn wait_for_go(ctx: Context, input: WaitForGoInput) -> Result<serde_json::Value, Failure> {
    Ok(ctx.wait_for_event("go").timeout(Duration::from_secs(input.timeout_seconds)).await?)
}

/// Sleeps that many milliseconds from its first turn on. Returns how many milliseconds late its turn came.
#[longhaul::orchestrator(export = false)]
pub async fn sleep_for(ctx: Context, milliseconds: u64) -> Result<u64, Failure> {
    let due = ctx.now() + Duration::from_millis(milliseconds);
    ctx.timer_at(due).await?;
    Ok(ctx.now().as_millis().saturating_sub(due.as_millis()))
}

/// What [`sleep_until`] returns, milliseconds.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Slept {
    /// Time between its first turn and the time it was to wake at; below zero if it began too late to sleep at all.
    pub ahead_ms: i64,
    /// Time between the time it was to wake at and the turn in which it did; below zero if that came too early.
    pub late_ms: i64,
}

/// Sleeps until a time, given as milliseconds since 1970.
#[longhaul::orchestrator(export = false)]
pub async fn sleep_until(ctx: Context, due: u64) -> Result<Slept, Failure> {
    let ahead_ms = difference(due, ctx.now().as_millis());
    ctx.timer_at(Timestamp::from_millis(due)).await?;
    Ok(Slept { ahead_ms, late_ms: difference(ctx.now().as_millis(), due) })
}

/// The input of [`sleep_together`].
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SleepTogetherInput {
    /// How many instances sleep.
    count: u64,
    /// When the first is to wake, milliseconds from now.
    first_after_ms: u64,
    /// How long after the first the last is to wake, milliseconds.
    within_ms: u64,
}

/// Has many instances sleep that are all to wake within a short time, and returns what each says.
#[longhaul::orchestrator(export = false)]
pub async fn sleep_together(ctx: Context, input: SleepTogetherInput) -> Result<Vec<Slept>, Failure> {
    let first = ctx.now().as_millis() + input.first_after_ms;
    let due = |number: u64| first + input.within_ms * number / input.count;
    let slept = join_all((0..input.count).map(|number| ctx.call_orchestration::<Slept>("SleepUntil", &due(number)))).await;
    Ok(slept.into_iter().collect::<Result<_, _>>()?)
}

fn difference(later: u64, earlier: u64) -> i64 {
    i64::try_from(i128::from(later) - i128::from(earlier)).unwrap_or(i64::MAX)
}
