//! Records every attempt of an instance, so that anyone can see how far it has come.

use domain::{Attempt, AttemptChange, AttemptState, AttemptsState, UtcTime};
use longhaul::{EntityContext, Failure};
use serde::{Deserialize, Serialize};

/// The attempts of the instance whose id is the entity's key.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AttemptsEntity(AttemptsState);

#[longhaul::entity]
impl AttemptsEntity {
    fn add_attempt(&mut self, ctx: &mut EntityContext, id: String) -> Result<(), Failure> {
        if self.0.attempts.get(&id).is_some() {
            return Err(Failure::new("AttemptExists", format!("there is an attempt '{id}' already")));
        }
        let now = ctx.now().to_string();
        self.0.attempts.0.push(Attempt {
            id,
            started: now.clone(),
            state_set: now,
            timeout_due: None,
            state: AttemptState::New,
            message: String::new(),
            is_success: false,
        });
        Ok(())
    }

    fn update_attempt_state(&mut self, ctx: &mut EntityContext, input: StateUpdate) -> Result<(), Failure> {
        self.change(ctx, AttemptChange { id: input.id, state: Some(input.state), ..AttemptChange::default() })
    }

    fn update_attempt_message(&mut self, ctx: &mut EntityContext, input: MessageUpdate) -> Result<(), Failure> {
        self.change(ctx, AttemptChange { id: input.id, message: Some(input.message), ..AttemptChange::default() })
    }

    fn update_attempt_timeout_due(&mut self, ctx: &mut EntityContext, input: TimeoutDueUpdate) -> Result<(), Failure> {
        self.change(ctx, AttemptChange { id: input.id, timeout_due: Some(input.timeout_due), ..AttemptChange::default() })
    }

    fn update_attempt(&mut self, ctx: &mut EntityContext, input: AttemptChange) -> Result<(), Failure> {
        self.change(ctx, input)
    }

    fn update_overall_state(&mut self, state: String) {
        self.0.overall_state = state;
    }

    fn get(&self) -> AttemptsState {
        self.0.clone()
    }
}

impl AttemptsEntity {
    fn change(&mut self, ctx: &EntityContext, change: AttemptChange) -> Result<(), Failure> {
        let attempt = self.0.attempts.get_mut(&change.id);
        let attempt = attempt.ok_or_else(|| Failure::new("UnknownAttempt", format!("there is no attempt '{}'", change.id)))?;
        attempt.state = change.state.unwrap_or(attempt.state);
        if let Some(message) = change.message {
            attempt.message = message;
        }
        if let Some(due) = change.timeout_due {
            attempt.timeout_due = Some(due);
        }
        attempt.state_set = ctx.now().to_string();
        attempt.is_success = attempt.state.is_success();
        Ok(())
    }
}

#[derive(Deserialize)]
struct StateUpdate {
    id: String,
    state: AttemptState,
}

#[derive(Deserialize)]
struct MessageUpdate {
    id: String,
    message: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct TimeoutDueUpdate {
    id: String,
    timeout_due: UtcTime,
}

#[cfg(test)]
mod tests;
