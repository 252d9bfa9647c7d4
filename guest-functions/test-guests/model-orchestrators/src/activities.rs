//! Activities that are still to run when their instance ends.

use std::time::Duration;

use longhaul::{Context, Failure, RetryPolicy, join_all};
use serde::{Deserialize, Serialize};

/// Calls an activity that always fails, again and again.
#[longhaul::orchestrator(export = false)]
pub async fn retry_for_ever(ctx: Context, text: String) -> Result<(), Failure> {
    let policy = RetryPolicy::new(u32::MAX, Duration::from_millis(200));
    Ok(ctx.call_activity("NoteAndFail", &text).retry(policy).await?)
}

/// The input of [`many_at_once`].
#[derive(Deserialize)]
pub struct Many {
    text: String,
    count: u32,
    ms: u64,
}

#[derive(Serialize)]
struct Sleep<'a> {
    text: &'a str,
    ms: u64,
}

/// Calls many activities that take their time.
#[longhaul::orchestrator(export = false)]
pub async fn many_at_once(ctx: Context, many: Many) -> Result<(), Failure> {
    let sleep = Sleep { text: &many.text, ms: many.ms };
    let slept = join_all((0..many.count).map(|_| ctx.call_activity::<()>("NoteAndSleep", &sleep))).await;
    Ok(slept.into_iter().collect::<Result<_, _>>()?)
}
