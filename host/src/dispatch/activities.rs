//! What runs outside the log: activities, on tokio's workers.
//!
//! A result is handed to its instance in memory and becomes durable in the turn that consumes it. Until then the run stays in
//! the books here, so that an instance that leaves memory and comes back does not start it a second time.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use longhaul_core::message::{ActivityRun, Message, TaskRef};
use longhaul_core::{ExecutionId, Failure, InstanceId, Payload, TaskId, TaskResult};
use longhaul_wasm::{ActivityContext, GuestError};
use tokio::task::AbortHandle;

use super::http_activity;
use super::shared::Shared;
use super::slot::Delivery;
use crate::app::ActivityFunction;

#[derive(Default)]
pub(super) struct Activities {
    running: Mutex<HashMap<TaskRef, AbortHandle>>,
}

impl Activities {
    fn running(&self) -> std::sync::MutexGuard<'_, HashMap<TaskRef, AbortHandle>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs an attempt, unless it is under way.
    pub(super) fn start(&self, shared: &Arc<Shared>, run: ActivityRun) {
        let mut running = self.running();
        if shared.is_stopping() || running.contains_key(&run.caller) {
            return;
        }
        let caller = run.caller.clone();
        let job = tokio::spawn(attempt(shared.clone(), run));
        running.insert(caller, job.abort_handle());
    }

    /// Stops a run whose result is no longer wanted.
    pub(super) fn cancel(&self, task: &TaskRef) {
        if let Some(job) = self.running().remove(task) {
            job.abort();
        }
    }

    /// The result has gone into a turn.
    pub(super) fn consumed(&self, instance: &InstanceId, execution: &ExecutionId, task: TaskId) {
        self.running().remove(&TaskRef { instance: instance.clone(), execution: execution.clone(), task });
    }

    /// Stops everything; what was under way runs again after the next start.
    pub(super) fn stop(&self) {
        for (_, job) in self.running().drain() {
            job.abort();
        }
    }
}

async fn attempt(shared: Arc<Shared>, run: ActivityRun) {
    let TaskRef { instance, execution, task } = run.caller.clone();
    let attempt = run.attempt;
    let result = TaskResult::from(outcome(&shared, run).await);
    let message = Message::ActivityDone { execution, task, attempt, result };
    shared.board().deliver(&instance, Delivery::unrecorded(message));
}

async fn outcome(shared: &Shared, run: ActivityRun) -> Result<Payload, Failure> {
    let app =
        match shared.registry.get(run.deployment) {
            Some(app) => app,
            None => shared.registry.load(run.deployment).await.map_err(|error| {
                Failure::new("DeploymentUnavailable", format!("deployment {} cannot be loaded: {error}", run.deployment))
            })?,
        };
    let own_timeout = run.timeout_ms.map(Duration::from_millis);
    if http_activity::is_meant(&run.name) {
        return http_activity::run(&shared.registry.http_caller(), &run.input, own_timeout, &app.environment).await;
    }
    let Some(ActivityFunction { function, timeout }) = app.activity(&run.name) else {
        let text = format!("The function '{}' doesn't exist, is disabled, or is not an activity function.", run.name);
        return Err(Failure { non_retriable: true, ..Failure::new("FunctionNotFound", text) });
    };
    let TaskRef { instance, execution, task } = run.caller;
    let context = ActivityContext {
        name: function.name.clone(),
        instance_id: instance,
        task,
        attempt: run.attempt,
        idempotency_key: format!("{execution}:{task}"),
        timeout: shorter(own_timeout, *timeout),
    };
    let ended = function.component.run(context, run.input, app.environment.clone()).await;
    ended.unwrap_or_else(|error| Err(failure(error)))
}

/// The caller's timeout or the manifest's, whichever ends first.
fn shorter(one: Option<Duration>, other: Option<Duration>) -> Option<Duration> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}

/// A run that came to nothing counts as a failure of the activity: its retry policy decides.
fn failure(error: GuestError) -> Failure {
    let kind = match error {
        GuestError::Trap { .. } => "Trap",
        GuestError::Deadline { .. } => "Timeout",
        GuestError::Memory { .. } => "OutOfMemory",
        GuestError::Protocol(_) => "Protocol",
        GuestError::OutputTooLarge { .. } => "OutputTooLarge",
        GuestError::Busy(_) | GuestError::Gone => "Unavailable",
    };
    let details = match &error {
        GuestError::Trap { backtrace, .. } if !backtrace.is_empty() => Some(backtrace.clone()),
        _ => None,
    };
    Failure { details, ..Failure::new(kind, error.to_string()) }
}
