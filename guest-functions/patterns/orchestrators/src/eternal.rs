//! An eternal orchestration: it never ends, and never grows, because each round begins anew with an empty history.

use std::time::Duration;

use longhaul::{Context, Failure};
use serde::{Deserialize, Serialize};

/// The input of [`eternal_counter`], and what goes over from round to round.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Round {
    /// Rounds before this one.
    pub count: u64,
    /// The pause in each round, in milliseconds.
    pub pause_ms: u64,
    /// Absent: for ever.
    pub last: Option<u64>,
}

/// Counts its rounds, until the last one or until it is terminated.
#[longhaul::orchestrator(export = false)]
pub async fn eternal_counter(ctx: Context, round: Round) -> Result<u64, Failure> {
    let count = round.count + 1;
    ctx.set_custom_status(&count);
    if round.last.is_some_and(|last| count >= last) {
        return Ok(count);
    }
    ctx.timer(Duration::from_millis(round.pause_ms)).await?;
    ctx.continue_as_new(&Round { count, ..round });
    Ok(count)
}

#[cfg(test)]
mod tests {
    use longhaul::testing::Orchestration;
    use longhaul::turn::Outcome;
    use serde_json::json;

    use super::*;

    #[test]
    fn each_round_begins_anew_with_the_count_so_far() {
        let run = Orchestration::new::<eternal_counter>().input(&json!({"pauseMs": 1_000})).max_executions(50).run();
        assert_eq!(run.custom_status(), Some(50_u64));
        let Some(Outcome::ContinuedAsNew(next)) = run.outcome() else { panic!("it ended: {:?}", run.outcome()) };
        assert_eq!(serde_json::from_str::<Round>(&next.input).unwrap(), Round { count: 50, pause_ms: 1_000, last: None });
        run.check_replay().unwrap();
    }

    #[test]
    fn the_last_round_ends_it() {
        let run = Orchestration::new::<eternal_counter>().input(&json!({"pauseMs": 1_000, "last": 3})).run();
        assert_eq!(run.output(), Ok(3_u64));
        assert_eq!(run.end().to_string(), "2026-01-01T00:00:02.000Z");
    }
}
