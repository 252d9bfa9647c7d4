//! Attempts of activities that may have ended the host: see [`crate::recorder`].

use longhaul_core::message::{ActivityRun, TaskRef};
use longhaul_core::{Failure, Payload};

use super::call::{call_of, failure};
use crate::context::EngineContext;
use crate::ports::{ActivityEnd, ActivityFunction};
use crate::recorder::{Entry, Key};

/// The type of the failure of what ended the host.
const HOST_DIED: &str = "HostDied";

/// Names an attempt across starts of the host.
pub(crate) fn key_of_run(run: &ActivityRun) -> Key {
    let TaskRef { instance, execution, task } = &run.caller;
    let task = task.to_string();
    Key::of(&[b"activity", instance.as_str().as_bytes(), execution.as_str().as_bytes(), task.as_bytes(), &run.attempt.to_le_bytes()])
}

/// The failure of what ended the host.
pub(crate) fn host_died(reason: &str) -> Failure {
    Failure { non_retriable: true, ..Failure::new(HOST_DIED, reason) }
}

/// Runs an activity on the workers.
pub(crate) async fn run(context: &EngineContext, activity: &dyn ActivityFunction, run: ActivityRun) -> Result<Payload, Failure> {
    let call = call_of(activity, &run);
    let ended: ActivityEnd = match context.recorder().zip(activity.place()) {
        None => activity.run(call, run.input).await,
        Some((recorder, place)) => {
            let key = key_of_run(&run);
            let alone = match recorder.admit(&key).await {
                Ok(alone) => alone,
                Err(reason) => {
                    recorder.forget(&key);
                    tracing::error!(instance = %run.caller.instance, activity = %run.name, "the attempt is not run again: {reason}");
                    return Err(host_died(&format!("{reason}; a rewind of the instance tries again")));
                }
            };
            // After that: suspects that wait must not take places from all others.
            let place = place.await;
            let mut entry = recorder.begin(key, alone);
            let mut running = place.run(call, run.input);
            let ended = match entry.as_ref().and_then(Entry::trial) {
                Some(trial) => match tokio::time::timeout(trial, &mut running).await {
                    Ok(ended) => ended,
                    Err(_) => {
                        entry.iter_mut().for_each(Entry::acquit);
                        running.await
                    }
                },
                None => running.await,
            };
            entry.into_iter().for_each(Entry::ended);
            ended
        }
    };
    ended.unwrap_or_else(|error| Err(failure(error)))
}
