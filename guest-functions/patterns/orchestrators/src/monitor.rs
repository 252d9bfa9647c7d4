//! A monitor: looks again and again until something is as it should be, or the time is up.

use std::time::Duration;

use longhaul::{Context, EntityId, Failure, Timestamp};
use serde::{Deserialize, Serialize};

/// The input of [`watch_counter`].
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Watch {
    /// The counter's key.
    pub counter: String,
    /// The value to wait for.
    pub at_least: i64,
    /// The pause between two looks, in milliseconds.
    pub poll_ms: u64,
    /// When to give up.
    pub until: Timestamp,
}

/// Returns the counter's value once it is high enough; nothing if it was not in time.
#[longhaul::orchestrator(export = false)]
pub async fn watch_counter(ctx: Context, watch: Watch) -> Result<Option<i64>, Failure> {
    let value: i64 = ctx.call_entity(&EntityId::new("Counter", &watch.counter), "get", &()).await?;
    if value >= watch.at_least {
        return Ok(Some(value));
    }
    let next_look = ctx.now() + Duration::from_millis(watch.poll_ms);
    if next_look > watch.until {
        return Ok(None);
    }
    ctx.timer_at(next_look).await?;
    // Begins anew with an empty history, so that a year of looks costs no more than one.
    ctx.continue_as_new(&watch);
    Ok(None)
}

#[cfg(test)]
mod tests {
    use longhaul::testing::{Orchestration, Run};
    use patterns_entities::counter::Counter;
    use serde_json::json;

    use super::*;

    fn watched(value: i64) -> Run {
        let until = "2026-01-01T00:01:00Z".parse().unwrap();
        let watch = Watch { counter: "visits".into(), at_least: 10, poll_ms: 7_000, until };
        let counter = EntityId::new("Counter", "visits");
        Orchestration::new::<watch_counter>().input(&watch).entity::<Counter>().entity_state(&counter, &json!(value)).run()
    }

    #[test]
    fn a_counter_that_is_high_enough_ends_the_watch_at_once() {
        assert_eq!(watched(10).output(), Ok(Some(10_i64)));
    }

    #[test]
    fn a_counter_that_stays_low_is_looked_at_until_the_time_is_up() {
        let run = watched(9);
        assert_eq!(run.output(), Ok(None::<i64>));
        assert_eq!(run.end().to_string(), "2026-01-01T00:00:56.000Z", "the ninth look; a tenth would come too late");
        run.check_replay().unwrap();
    }
}
