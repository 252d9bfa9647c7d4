//! Activities one after the other, and all at once.

use longhaul::{Context, Failure, join_all};
use serde::{Deserialize, Serialize};

const CITIES: [&str; 3] = ["Tokyo", "Seattle", "London"];

/// Greets three cities, one after the other.
#[longhaul::orchestrator(export = false)]
pub async fn hello_sequence(ctx: Context) -> Result<Vec<String>, Failure> {
    greet(&ctx, "SayHello").await
}

/// The same with the activity whose guest may serve many calls.
#[longhaul::orchestrator(export = false)]
pub async fn hello_reused(ctx: Context) -> Result<Vec<String>, Failure> {
    greet(&ctx, "SayHelloReused").await
}

async fn greet(ctx: &Context, activity: &str) -> Result<Vec<String>, Failure> {
    let mut greetings = Vec::with_capacity(CITIES.len());
    for city in CITIES {
        greetings.push(ctx.call_activity(activity, city).await?);
    }
    Ok(greetings)
}

/// Has the numbers from 1 to `n` squared in parallel and adds up the squares.
#[longhaul::orchestrator(export = false)]
pub async fn fan_out(ctx: Context, n: u64) -> Result<u64, Failure> {
    let squares = join_all((1..=n).map(|number| ctx.call_activity::<u64>("Square", &number))).await;
    squares.into_iter().try_fold(0, |sum, square| Ok(sum + square?))
}

/// What [`long_sequence`] returns.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Walked {
    /// The sum of the squares.
    pub sum: u64,
    /// Milliseconds that each tenth of the steps took, by the turns' own time.
    pub tenths_ms: Vec<u64>,
}

/// Has the numbers from 1 to `n` squared one after the other, adds up the squares and says how long each tenth took.
#[longhaul::orchestrator(export = false)]
pub async fn long_sequence(ctx: Context, n: u64) -> Result<Walked, Failure> {
    let mut walked = Walked { sum: 0, tenths_ms: Vec::new() };
    let mut begun = ctx.now();
    for number in 1..=n {
        walked.sum += ctx.call_activity::<u64>("Square", &number).await?;
        if number * 10 / n > (number - 1) * 10 / n {
            let took = ctx.now().since(begun);
            walked.tenths_ms.push(u64::try_from(took.as_millis()).unwrap_or(u64::MAX));
            begun = ctx.now();
        }
    }
    Ok(walked)
}
