//! An orchestrator whose input is its program, so that a test can say in one place what is to happen.

use std::pin::Pin;
use std::time::Duration;

use longhaul::{Context, EntityId, Failure, RetryPolicy, join_all};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What is to be done, in order.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Step {
    /// Calls `Needy` with each of these URLs at once.
    All(Vec<String>),
    /// Calls `Needy`, in this many attempts.
    Retry(String, u32),
    /// Runs steps as a child, with an id if there is one.
    Child(Option<String>, Vec<Step>),
    /// Runs steps, and others if they fail; then the failure goes on.
    Rescue(Vec<Step>, Vec<Step>),
    /// Waits for the event of this name.
    Event(String),
    /// Waits, milliseconds.
    Sleep(u64),
    /// Runs steps in a critical section on `MisbehavingEntity` of this key.
    Section(String, Vec<Step>),
    /// Calls `add` of `MisbehavingEntity` of this key.
    Add(String, Value),
    /// Signals `add` to `MisbehavingEntity` of this key.
    Signal(String, Value),
    /// Fails before this time, milliseconds of UTC.
    NotBefore(u64),
}

/// Carries out its input, and returns what each step came to.
#[longhaul::orchestrator]
pub async fn plan(ctx: Context, steps: Vec<Step>) -> Result<Vec<Value>, Failure> {
    run(&ctx, steps).await
}

type Running<'a> = Pin<Box<dyn Future<Output = Result<Vec<Value>, Failure>> + 'a>>;

fn run(ctx: &Context, steps: Vec<Step>) -> Running<'_> {
    Box::pin(async move {
        let mut results = Vec::new();
        for step in steps {
            results.push(one(ctx, step).await?);
        }
        Ok(results)
    })
}

async fn one(ctx: &Context, step: Step) -> Result<Value, Failure> {
    let list = |key: String| EntityId::new("MisbehavingEntity", key);
    Ok(match step {
        Step::All(urls) => {
            let calls = join_all(urls.iter().map(|url| ctx.call_activity::<Value>("Needy", url))).await;
            Value::Array(calls.into_iter().collect::<Result<_, _>>()?)
        }
        Step::Retry(url, attempts) => {
            let policy = RetryPolicy::new(attempts, Duration::from_millis(1));
            ctx.call_activity("Needy", &url).retry(policy).await?
        }
        Step::Child(id, steps) => {
            let call = ctx.call_orchestration("Plan", &steps);
            match id {
                Some(id) => call.instance_id(id).await?,
                None => call.await?,
            }
        }
        Step::Rescue(steps, others) => match run(ctx, steps).await {
            Ok(results) => Value::Array(results),
            Err(failure) => {
                run(ctx, others).await?;
                return Err(failure);
            }
        },
        Step::Event(name) => ctx.wait_for_event(&name).await?,
        Step::Sleep(millis) => {
            ctx.timer(Duration::from_millis(millis)).await?;
            Value::Null
        }
        Step::Section(key, steps) => {
            let section = ctx.lock(&[list(key)]).await?;
            let results = run(ctx, steps).await?;
            section.release();
            Value::Array(results)
        }
        Step::Add(key, value) => ctx.call_entity(&list(key), "add", &value).await?,
        Step::Signal(key, value) => {
            ctx.signal_entity(&list(key), "add", &value);
            Value::Null
        }
        Step::NotBefore(millis) if ctx.now().as_millis() < millis => return Err(Failure::new("TooEarly", "not yet")),
        Step::NotBefore(_) => Value::Null,
    })
}
