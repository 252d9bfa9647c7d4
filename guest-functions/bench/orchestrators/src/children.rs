//! Many instances started from inside, without HTTP.

use longhaul::{Context, Failure, join_all};
use serde::Deserialize;
use serde_json::Value;

/// The input of [`call_many`].
#[derive(Debug, Deserialize)]
pub struct CallManyInput {
    /// The orchestration to call.
    orchestration: String,
    /// Its input.
    #[serde(default)]
    input: Value,
    /// What each call must return.
    expected: Value,
    /// How many calls in all.
    count: u64,
    /// How many calls are under way at a time.
    lanes: u64,
}

/// Calls an orchestration many times, some of the calls at a time, and returns how many calls there were.
///
/// # Errors
/// The first call that fails or returns something else than expected fails this one.
#[longhaul::orchestrator(export = false)]
pub async fn call_many(ctx: Context, input: CallManyInput) -> Result<u64, Failure> {
    let lanes = input.lanes.max(1);
    let (ctx, input) = (&ctx, &input);
    let walked = join_all((0..lanes).map(|lane| async move {
        let mut calls = 0;
        // Lane 2 of 10 makes the calls 2, 12, 22, so every lane has its share to within one.
        for _ in (lane..input.count).step_by(usize::try_from(lanes).unwrap_or(usize::MAX)) {
            let output: Value = ctx.call_orchestration(&input.orchestration, &input.input).await?;
            if output != input.expected {
                return Err(Failure::new("WrongOutput", format!("{} returned {output}", input.orchestration)));
            }
            calls += 1;
        }
        Ok(calls)
    }));
    walked.await.into_iter().try_fold(0, |sum, calls: Result<u64, Failure>| Ok(sum + calls?))
}
