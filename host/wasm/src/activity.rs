//! Activities: a guest for one run, as a future or, where that is possible and quicker, on the caller's thread.

use std::sync::Arc;
use std::time::{Duration, Instant};

use longhaul_core::{Failure, InstanceId, Payload, TaskId};
use tokio::sync::Semaphore;
use wasmtime::component::{Component, InstancePre};

use at_once::AtOnce;

use crate::bindings::activity::ActivityFunctionPre;
use crate::bindings::activity::exports::longhaul::durable::activity::Context;
use crate::bindings::types;
use crate::config::{Config, Limits};
use crate::convert;
use crate::error::GuestError;
use crate::io::{AppEnvironment, Guest, HttpClient, IoState, new_store};
use crate::log::{GuestLog, LogContext};
use crate::world::FunctionKind;

mod at_once;

/// A compiled and linked activity; clones share it.
#[derive(Clone)]
pub struct ActivityComponent(Arc<Linked>);

struct Linked {
    pre: ActivityFunctionPre<IoState>,
    at_once: Option<AtOnce>,
    config: Arc<Config>,
    http_client: HttpClient,
    running: Arc<Semaphore>,
}

/// What an activity knows about its call.
#[derive(Clone, Debug)]
pub struct ActivityContext {
    /// The activity's name as the deployment spells it.
    pub name: Arc<str>,
    /// The instance that called.
    pub instance_id: InstanceId,
    /// The task that waits.
    pub task: TaskId,
    /// Which attempt, from 1.
    pub attempt: u32,
    /// The same for every run of one call.
    pub idempotency_key: String,
    /// Longest run, if the caller or the manifest set one; else [`Limits::activity_deadline`](crate::Limits::activity_deadline).
    /// Never above [`Limits::max_activity_deadline`](crate::Limits::max_activity_deadline).
    pub timeout: Option<Duration>,
}

impl ActivityComponent {
    pub(crate) fn new(
        component: &Component,
        pre: InstancePre<IoState>,
        config: Arc<Config>,
        http_client: HttpClient,
        running: Arc<Semaphore>,
    ) -> wasmtime::Result<Self> {
        let at_once = AtOnce::link(pre.engine(), component, config.clone())?;
        Ok(Self(Arc::new(Linked { pre: ActivityFunctionPre::new(pre)?, at_once, config, http_client, running })))
    }

    /// Whether [`run_at_once`](Self::run_at_once) is worth a try: the activity imports nothing that it could wait for, and its runs
    /// were short so far. The first run never is.
    pub fn is_expected_at_once(&self, timeout: Option<Duration>) -> bool {
        self.0.at_once.as_ref().is_some_and(|at_once| at_once.is_expected(timeout))
    }

    /// Runs the activity in a new guest on the caller's thread, for 50 ms at most. Plain and blocking, like an orchestrator's calls.
    ///
    /// `None`: it was not to be, because [`is_expected_at_once`](Self::is_expected_at_once) is false, because as many activities run
    /// as may, or because it took too long. The run had no effect then but its log lines; [`run`](Self::run) it.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    pub fn run_at_once(&self, context: &ActivityContext, input: &Payload) -> Option<Result<Result<Payload, Failure>, GuestError>> {
        let at_once = self.0.at_once.as_ref().filter(|at_once| at_once.is_expected(context.timeout))?;
        let _permit = self.0.running.try_acquire().ok()?;
        at_once.run(context, input)
    }

    /// Runs the activity in a new guest. Waits while
    /// [`max_running_activities`](crate::Config::max_running_activities) others run; dropping the future ends the run.
    ///
    /// # Errors
    /// The inner failure is the activity's own. [`GuestError`] when it came to no result; for the caller's retry policy both count the same.
    pub async fn run(
        &self,
        context: ActivityContext,
        input: Payload,
        environment: Arc<AppEnvironment>,
    ) -> Result<Result<Payload, Failure>, GuestError> {
        let _permit = self.0.running.acquire().await.expect("the semaphore is never closed");
        let deadline = self.0.config.limits.activity_deadline_for(context.timeout);
        let begun = Instant::now();
        let result = tokio::time::timeout(deadline, self.run_now(context, input, environment, deadline)).await;
        if let Some(at_once) = &self.0.at_once {
            at_once.note(begun.elapsed());
        }
        result.unwrap_or_else(|_elapsed| Err(GuestError::deadline(deadline)))
    }

    async fn run_now(
        &self,
        context: ActivityContext,
        input: Payload,
        environment: Arc<AppEnvironment>,
        deadline: Duration,
    ) -> Result<Result<Payload, Failure>, GuestError> {
        let Linked { pre, config, http_client, .. } = &*self.0;
        let who = LogContext { function: context.name.clone(), instance: Some(context.instance_id.clone()) };
        let log = GuestLog::new(who, config.log.clone(), &config.limits);
        let memory_bytes = config.limits.activity_memory_bytes;
        let mut store = new_store(pre.engine(), Guest { log, environment, client: None, http_client: http_client.clone(), memory_bytes });
        let context = Context {
            name: context.name.as_ref().to_owned(),
            instance_id: context.instance_id.as_str().to_owned(),
            task: context.task.0,
            attempt: context.attempt,
            idempotency_key: context.idempotency_key,
        };
        let outcome = async {
            config.counts.add(FunctionKind::Activity);
            let function = pre.instantiate_async(&mut store).await?;
            function.longhaul_durable_activity().call_run(&mut store, &context, &input.as_str().to_owned()).await
        };
        match outcome.await {
            Ok(outcome) => checked(outcome, &config.limits),
            Err(error) => Err(GuestError::of(&error, store.data().limiter.refused(), deadline)),
        }
    }
}

fn checked(outcome: Result<String, types::Failure>, limits: &Limits) -> Result<Result<Payload, Failure>, GuestError> {
    match outcome {
        Ok(output) if output.len() > limits.max_activity_output_bytes => {
            Err(GuestError::OutputTooLarge { bytes: output.len(), limit_bytes: limits.max_activity_output_bytes })
        }
        outcome => convert::activity_outcome(outcome),
    }
}
