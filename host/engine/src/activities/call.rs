//! An activity's call, and what its failure is to the caller.

use std::time::Duration;

use longhaul_core::Failure;
use longhaul_core::limits::BeyondLimit;
use longhaul_core::message::{ActivityRun, TaskRef};

use crate::ports::{ActivityCall, ActivityFunction, GuestError};

/// What an activity is told of an attempt.
pub(crate) fn call_of(activity: &dyn ActivityFunction, run: &ActivityRun) -> ActivityCall {
    let TaskRef { instance, execution: _, task } = &run.caller;
    ActivityCall {
        instance: instance.clone(),
        task: *task,
        attempt: run.attempt,
        idempotency_key: format!("{}:{task}", run.asked_in),
        timeout: timeout(activity, run),
    }
}

/// The longest run of an attempt: the caller's bound or the app's, whichever ends first.
pub(crate) fn timeout(activity: &dyn ActivityFunction, run: &ActivityRun) -> Option<Duration> {
    shorter(run.timeout_ms.map(Duration::from_millis), activity.timeout())
}

/// The caller's timeout or the manifest's, whichever ends first.
fn shorter(one: Option<Duration>, other: Option<Duration>) -> Option<Duration> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}

/// A run without a result counts as a failure of the activity: its retry policy decides.
pub(crate) fn failure(error: GuestError) -> Failure {
    let text = error.to_string();
    let (kind, backtrace) = match error {
        GuestError::NoCapacity(_) | GuestError::Stopping => ("Unavailable", String::new()),
        GuestError::BeyondLimit(BeyondLimit { error_type, .. }) => (error_type, String::new()),
        GuestError::Stopped { error_type, backtrace, .. } => (error_type, backtrace),
    };
    Failure { details: Some(backtrace).filter(|backtrace| !backtrace.is_empty()), ..Failure::new(kind, text) }
}
