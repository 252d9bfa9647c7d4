//! Human interaction: waits for someone's answer, but not for ever.

use std::time::Duration;

use longhaul::{Context, Either, Failure, select};
use serde::Deserialize;

/// The input of [`approval`].
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Application {
    /// What is to be approved.
    pub what: String,
    /// How long to wait for the answer.
    pub timeout_seconds: u64,
}

/// Asks for approval and returns `approved`, `rejected` or `escalated`.
#[longhaul::orchestrator(export = false)]
pub async fn approval(ctx: Context, application: Application) -> Result<&'static str, Failure> {
    ctx.call_activity::<()>("AskForApproval", &application.what).await?;
    let answer = ctx.wait_for_event::<bool>("Approval");
    let deadline = ctx.timer(Duration::from_secs(application.timeout_seconds));
    // Whichever comes second is cancelled.
    match select(answer, deadline).await {
        Either::Left(answer) => Ok(if answer? { "approved" } else { "rejected" }),
        Either::Right(_) => {
            ctx.call_activity::<()>("Escalate", &application.what).await?;
            Ok("escalated")
        }
    }
}

#[cfg(test)]
mod tests {
    use longhaul::testing::Orchestration;
    use longhaul::turn::Command;
    use patterns_activities::{ask_for_approval, escalate};
    use serde_json::json;

    use super::*;

    fn applied<'a>() -> Orchestration<'a> {
        let application = json!({"what": "a new chair", "timeoutSeconds": 3600});
        Orchestration::new::<approval>().input(&application).real_activity::<ask_for_approval>().real_activity::<escalate>()
    }

    #[test]
    fn an_answer_in_time_decides_and_the_timer_is_cancelled() {
        for (answer, output) in [(true, "approved"), (false, "rejected")] {
            let run = applied().event_after(Duration::from_secs(3_599), "Approval", &answer).run();
            assert_eq!(run.output::<String>().unwrap(), output);
            assert_eq!(run.end().to_string(), "2026-01-01T00:59:59.000Z");
            run.check_replay().unwrap();
        }
    }

    #[test]
    fn without_an_answer_it_escalates_and_the_wait_is_cancelled() {
        let run = applied().run();
        assert_eq!(run.output::<String>().unwrap(), "escalated");
        assert!(run.commands().iter().any(|command| matches!(command, Command::Cancel(_))));
        run.check_replay().unwrap();
    }
}
