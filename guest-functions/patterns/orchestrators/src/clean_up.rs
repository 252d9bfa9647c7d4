//! Scheduled clean-up: does something at regular times, for ever.

use std::time::Duration;

use longhaul::{Context, EntityId, Failure, Timestamp};
use serde::{Deserialize, Serialize};

/// The input of [`clean_up`].
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Schedule {
    /// Whose sessions: the entity's key.
    pub sessions: String,
    /// From one sweep to the next, in milliseconds.
    pub every_ms: u64,
    /// When the next sweep is due. Absent: now.
    pub next: Option<Timestamp>,
    /// How many sessions were swept so far.
    #[serde(default)]
    pub swept: usize,
}

/// Sweeps expired sessions at regular times; its custom status says how many that were.
#[longhaul::orchestrator(export = false)]
pub async fn clean_up(ctx: Context, schedule: Schedule) -> Result<(), Failure> {
    let due = schedule.next.unwrap_or(ctx.now());
    ctx.timer_at(due).await?;
    let swept: usize = ctx.call_entity(&EntityId::new("Sessions", &schedule.sessions), "sweep", &()).await?;
    let swept = schedule.swept + swept;
    ctx.set_custom_status(&swept);
    // Counted from when this sweep was due, not from when it ran: otherwise each delay would move all later sweeps.
    // After an outage it goes on from now; what was missed is not made up for.
    let next = (due + Duration::from_millis(schedule.every_ms)).max(ctx.now());
    ctx.continue_as_new(&Schedule { next: Some(next), swept, ..schedule });
    Ok(())
}

#[cfg(test)]
mod tests {
    use longhaul::testing::Orchestration;
    use patterns_entities::sessions::Sessions;
    use serde_json::json;

    use super::*;

    #[test]
    fn every_sweep_takes_what_has_expired_by_then() {
        let sessions = EntityId::new("Sessions", "web");
        let open = json!({"a": "2026-01-01T00:00:30Z", "b": "2026-01-01T00:02:30Z", "c": "2026-01-01T01:00:00Z"});
        let run = Orchestration::new::<clean_up>()
            .input(&json!({"sessions": "web", "everyMs": 60_000}))
            .entity::<Sessions>()
            .entity_state(&sessions, &open)
            .max_executions(4)
            .run();
        assert_eq!(run.custom_status(), Some(2_usize));
        assert_eq!(run.end().to_string(), "2026-01-01T00:03:00.000Z");
        assert_eq!(run.entity_state(&sessions), Some(json!({"c": "2026-01-01T01:00:00.000Z"})));
        run.check_replay().unwrap();
    }
}
