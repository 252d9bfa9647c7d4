//! The work behind the async HTTP API: it shows how far it is to whoever asks.

use std::time::Duration;

use longhaul::{Context, Failure};
use serde::{Deserialize, Serialize};

/// The input of [`long_work`].
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Work {
    /// How many steps there are.
    pub steps: u32,
    /// The pause after each step, in milliseconds.
    pub pause_ms: u64,
}

/// What the status of the instance shows as `customStatus`.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// Steps that are done.
    pub done: u32,
    /// Steps in all.
    pub of: u32,
}

/// Does one step after the other and returns how many it did.
#[longhaul::orchestrator(export = false)]
pub async fn long_work(ctx: Context, work: Work) -> Result<u32, Failure> {
    for step in 1..=work.steps {
        ctx.call_activity::<()>("DoStep", &step).await?;
        ctx.set_custom_status(&Progress { done: step, of: work.steps });
        ctx.timer(Duration::from_millis(work.pause_ms)).await?;
    }
    Ok(work.steps)
}

#[cfg(test)]
mod tests {
    use longhaul::testing::Orchestration;
    use patterns_activities::do_step;
    use serde_json::json;

    use super::*;

    #[test]
    fn the_status_shows_the_progress() {
        let run = Orchestration::new::<long_work>().input(&json!({"steps": 3, "pauseMs": 500})).real_activity::<do_step>().run();
        assert_eq!(run.output(), Ok(3_u32));
        assert_eq!(run.custom_status(), Some(Progress { done: 3, of: 3 }));
        run.check_replay().unwrap();
    }
}
