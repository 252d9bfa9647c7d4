//! Events and timers.

use std::time::Duration;

use longhaul::{Context, Either, Failure, Timestamp, select};
use serde::{Deserialize, Serialize};

/// The input of [`collect`], and what goes over when it continues as new.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Collection {
    want: usize,
    per_execution: usize,
    #[serde(default)]
    seen: Vec<u64>,
}

impl Collection {
    /// A collection of that many numbers in one execution.
    pub fn new(want: usize) -> Self {
        Self { want, per_execution: want + 1, seen: Vec::new() }
    }
}

/// Collects the payloads of `want` events `number`, and continues as new after every few.
#[longhaul::orchestrator(export = false)]
pub async fn collect(ctx: Context, mut collection: Collection) -> Result<Vec<u64>, Failure> {
    for _ in 0..collection.per_execution {
        if collection.seen.len() == collection.want {
            return Ok(collection.seen);
        }
        collection.seen.push(ctx.wait_for_event("number").await?);
    }
    ctx.continue_as_new(&collection);
    Ok(Vec::new())
}

/// The input of [`patient`].
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Patience {
    timer_ms: u64,
    ticks: u32,
}

/// Waits for events `tick` while a timer runs, and tells how many came before it fired.
#[longhaul::orchestrator(export = false)]
pub async fn patient(ctx: Context, patience: Patience) -> Result<String, Failure> {
    let mut timer = ctx.timer(Duration::from_millis(patience.timer_ms));
    for tick in 0..patience.ticks {
        if let Either::Right(_) = select(ctx.wait_for_event::<()>("tick"), &mut timer).await {
            return Ok(format!("fired after {tick}"));
        }
    }
    Ok(format!("{} and the timer did not fire", patience.ticks))
}

/// The input of [`sleep`]: a time, or a number of milliseconds.
#[derive(Deserialize)]
#[serde(untagged)]
pub enum Sleep {
    /// Until then.
    Until(Timestamp),
    /// For so many milliseconds.
    For(u64),
}

/// Sleeps until its time has come or the event `wake` comes, and tells which, and when it meant to wake up.
#[longhaul::orchestrator(export = false)]
pub async fn sleep(ctx: Context, sleep: Sleep) -> Result<(&'static str, Timestamp, Timestamp), Failure> {
    let due = match sleep {
        Sleep::Until(time) => time,
        Sleep::For(ms) => ctx.now() + Duration::from_millis(ms),
    };
    let what = match select(ctx.timer_at(due), ctx.wait_for_event::<()>("wake")).await {
        Either::Left(_) => "slept",
        Either::Right(_) => "woken",
    };
    Ok((what, due, ctx.now()))
}
