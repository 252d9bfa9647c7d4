//! Calls an external system, waits for it to call back, and tries again if it does not.

use std::time::Duration;

use domain::{
    Attempt, AttemptChange, AttemptState, AttemptsState, CALLBACK_EVENT, CallApiInput, CallApiOutput, MainInput, PLACEHOLDER_INSTANCE_ID,
    Settings,
};
use longhaul::{Context, EntityId, Failure, TaskError};

/// Tries up to `maxAttempts` times to have the external system call back with `true`, and tells how that went.
#[longhaul::orchestrator]
pub async fn main_orchestrator(ctx: Context, input: MainInput) -> Result<String, Failure> {
    input.settings.check().map_err(|reason| Failure::new("InvalidSettings", reason).non_retriable())?;
    let run = AttemptLoop::new(ctx, input);
    run.set_overall_state("Attempting API request and waiting for external system call back.");
    let mut attempts = 0;
    let last = loop {
        attempts += 1;
        let attempt = run.attempt().await?;
        if attempt.is_success || attempts >= run.settings.max_attempts {
            break attempt;
        }
    };
    let Attempt { state, message, .. } = last;
    let summary = format!("Completed API request after {attempts} attempts. Final state {state}, status text: {message}");
    run.set_overall_state(&summary);
    Ok(summary)
}

/// What stays the same from attempt to attempt.
struct AttemptLoop {
    ctx: Context,
    /// Holds the record of the attempts.
    entity: EntityId,
    callback_uri: String,
    settings: Settings,
}

impl AttemptLoop {
    fn new(ctx: Context, input: MainInput) -> Self {
        let instance_id = ctx.instance_id();
        let uri = input.send_event_post_uri.replace("{eventName}", CALLBACK_EVENT).replace(PLACEHOLDER_INSTANCE_ID, &instance_id);
        Self { entity: EntityId::new("AttemptsEntity", instance_id), ctx, callback_uri: uri, settings: input.settings }
    }

    /// Makes one attempt and returns what the entity has recorded of it.
    async fn attempt(&self) -> Result<Attempt, Failure> {
        let id = self.ctx.new_guid().to_string();
        self.ctx.signal_entity(&self.entity, "AddAttempt", &id);
        self.recorded().await?;
        self.set_state(&id, AttemptState::Executing);
        let input = CallApiInput {
            callback_uri: self.callback_uri.clone(),
            error_likelihood_percentage: self.settings.error_likelihood_percentage,
        };
        let (state, message) = match self.ctx.call_activity::<CallApiOutput>("CallApiActivity", &input).await {
            Ok(_) => self.wait_for_callback(&id).await?,
            Err(failure) => (AttemptState::ExecutedFailed, failure.to_string()),
        };
        self.update(AttemptChange { id: id.clone(), state: Some(state), message: Some(message), timeout_due: None });
        let recorded = self.recorded().await?;
        let attempt = recorded.attempts.get(&id).cloned();
        attempt.ok_or_else(|| Failure::new("UnknownAttempt", format!("the entity has no record of attempt '{id}'")))
    }

    /// Waits until the external system calls back or the time is up.
    async fn wait_for_callback(&self, id: &str) -> Result<(AttemptState, String), Failure> {
        let timeout = Duration::from_secs(self.settings.timeout_seconds);
        let message = "Request sent to API successfully".to_owned();
        self.update(AttemptChange {
            id: id.to_owned(),
            state: Some(AttemptState::ExecutedSuccess),
            message: Some(message),
            timeout_due: None,
        });
        let due = (self.ctx.now() + timeout).to_string();
        self.update(AttemptChange {
            id: id.to_owned(),
            state: Some(AttemptState::WaitingForCallback),
            message: None,
            timeout_due: Some(due),
        });
        // The wait begins before the lock is granted, so that it ends at the very time that was recorded.
        let callback = self.ctx.wait_for_event::<bool>(CALLBACK_EVENT).timeout(timeout);
        let section = self.ctx.lock(std::slice::from_ref(&self.entity)).await?;
        let called_back = callback.await;
        section.release();
        Ok(match called_back {
            Ok(success) => {
                let state = if success { AttemptState::CallbackSuccess } else { AttemptState::CallbackFailure };
                (state, format!("External system called back with {state}"))
            }
            Err(timed_out @ TaskError::TimedOut { .. }) => (AttemptState::TimedOut, timed_out.to_string()),
            // A call-back that is no boolean is a call-back all the same, and not a good one.
            Err(TaskError::Unreadable(reason)) => {
                (AttemptState::CallbackFailure, format!("External system called back with something else: {reason}"))
            }
            Err(other) => return Err(other.into()),
        })
    }

    async fn recorded(&self) -> Result<AttemptsState, Failure> {
        Ok(self.ctx.call_entity(&self.entity, "Get", &()).await?)
    }

    fn set_state(&self, id: &str, state: AttemptState) {
        let change = AttemptChange { id: id.to_owned(), state: Some(state), ..AttemptChange::default() };
        self.ctx.signal_entity(&self.entity, "UpdateAttemptState", &change);
    }

    fn update(&self, change: AttemptChange) {
        self.ctx.signal_entity(&self.entity, "UpdateAttempt", &change);
    }

    fn set_overall_state(&self, state: &str) {
        self.ctx.signal_entity(&self.entity, "UpdateOverallState", state);
    }
}

#[cfg(test)]
mod tests;
