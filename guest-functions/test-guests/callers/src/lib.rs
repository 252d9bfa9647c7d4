//! Orchestrators that make the one call that their input describes, and return what came of it, a failure too.

use std::time::Duration;

use longhaul::{Context, Failure, HttpRequest, RetryPolicy, TaskError};
use serde::Deserialize;
use serde_json::{Value, json};

longhaul::export_orchestrators!(call_activity, call_child, child, call_http);

/// A retry policy in JSON.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Retry {
    max_attempts: u32,
    first_interval_ms: u64,
    backoff: Option<f64>,
    max_interval_ms: Option<u64>,
    retry_timeout_ms: Option<u64>,
    jitter: Option<f64>,
    #[serde(default)]
    give_up_on: Vec<String>,
}

impl Retry {
    fn policy(self) -> RetryPolicy {
        let mut policy = RetryPolicy::new(self.max_attempts, Duration::from_millis(self.first_interval_ms));
        policy.backoff_coefficient = self.backoff.unwrap_or(1.0);
        policy.max_interval_ms = self.max_interval_ms;
        policy.retry_timeout_ms = self.retry_timeout_ms;
        policy.jitter = self.jitter.unwrap_or(0.0);
        policy.give_up_on = self.give_up_on;
        policy
    }
}

/// What to call.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Call {
    name: String,
    #[serde(default)]
    input: Value,
    retry: Option<Retry>,
    timeout_ms: Option<u64>,
    /// Gives the call up after this time.
    cancel_after_ms: Option<u64>,
}

fn told(result: Result<Value, TaskError>) -> Value {
    match result {
        Ok(output) => json!({"output": output}),
        Err(error) => {
            let failure = Failure::from(error);
            json!({"errorType": failure.error_type, "message": failure.message, "details": failure.details})
        }
    }
}

/// Calls an activity.
#[longhaul::orchestrator(export = false)]
pub async fn call_activity(ctx: Context, call: Call) -> Result<Value, Failure> {
    let mut running = ctx.call_activity(&call.name, &call.input);
    if let Some(retry) = call.retry {
        running = running.retry(retry.policy());
    }
    if let Some(ms) = call.timeout_ms {
        running = running.timeout(Duration::from_millis(ms));
    }
    let Some(ms) = call.cancel_after_ms else { return Ok(told(running.await)) };
    ctx.timer(Duration::from_millis(ms)).await?;
    running.cancel();
    ctx.set_custom_status("cancelled");
    Ok(ctx.wait_for_event("Go").await?)
}

/// Calls an orchestration.
#[longhaul::orchestrator(export = false)]
pub async fn call_child(ctx: Context, call: Call) -> Result<Value, Failure> {
    let mut running = ctx.call_orchestration(&call.name, &call.input);
    if let Some(retry) = call.retry {
        running = running.retry(retry.policy());
    }
    Ok(told(running.await))
}

/// Calls an activity once, and fails as that does.
#[longhaul::orchestrator(export = false)]
pub async fn child(ctx: Context, call: Call) -> Result<Value, Failure> {
    Ok(ctx.call_activity(&call.name, &call.input).await?)
}

/// A request and how to send it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HttpInput {
    request: HttpRequest,
    timeout_ms: Option<u64>,
    retry: Option<Retry>,
}

/// Sends an HTTP request.
#[longhaul::orchestrator(export = false)]
pub async fn call_http(ctx: Context, input: HttpInput) -> Result<Value, Failure> {
    let mut request = input.request;
    if let Some(ms) = input.timeout_ms {
        request = request.timeout(Duration::from_millis(ms));
    }
    if let Some(retry) = input.retry {
        request = request.retry(retry.policy());
    }
    let answer = ctx.call_http(request).await;
    Ok(told(answer.map(|answer| json!(answer))))
}
