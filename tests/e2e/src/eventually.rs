//! Waiting for a condition.

use std::fmt::Display;
use std::time::{Duration, Instant};

/// What one look found: what was waited for, or what was seen instead.
pub type Seen<T> = Result<T, String>;

/// Between two looks.
const PAUSE: Duration = Duration::from_millis(15);

/// Looks until `look` finds what it wants, and returns that.
///
/// # Panics
/// When `limit` has passed: with `what` was waited for and what was seen last.
pub async fn eventually<T, Look>(what: impl Display, limit: Duration, mut look: impl FnMut() -> Look) -> T
where
    Look: Future<Output = Seen<T>>,
{
    let deadline = Instant::now() + limit;
    loop {
        match look().await {
            Ok(found) => return found,
            Err(seen) if Instant::now() >= deadline => panic!("waited {limit:?} for {what}; seen last: {seen}"),
            Err(_) => tokio::time::sleep(PAUSE).await,
        }
    }
}
