//! Calls of guests that were under way when the host died: see [`crate::recorder`].

use std::sync::Arc;

use longhaul_core::message::{ActivityRun, TaskRef};
use longhaul_core::{Failure, InstanceId, Payload};

use crate::activities::{call_of, failure};
use crate::context::Shared;
use crate::ports::{ActivityEnd, ActivityFunction};
use crate::recorder::{Admission, Entry, Key, Recorder};
use crate::state::commit_queue::Commit;
use crate::state::instance::recorded_among;
use crate::state::scheduler::Job;
use crate::turns::outcome::{After, Trouble, Work};

/// The type of the failure of what ended the host.
const HOST_DIED: &str = "HostDied";

impl Shared {
    /// The recorder, if it records.
    pub(crate) fn recorder(&self) -> Option<&Arc<Recorder>> {
        self.config.recorder.as_ref().filter(|recorder| recorder.is_armed())
    }
}

fn key_of_turn(id: &InstanceId) -> Key {
    Key::of(&[b"turn", id.as_str().as_bytes()])
}

pub(crate) fn key_of_run(run: &ActivityRun) -> Key {
    let TaskRef { instance, execution, task } = &run.caller;
    let task = task.to_string();
    Key::of(&[b"activity", instance.as_str().as_bytes(), execution.as_str().as_bytes(), task.as_bytes(), &run.attempt.to_le_bytes()])
}

/// What a turn or batch may do.
pub(crate) enum Permission {
    Granted(Option<Entry>),
    /// It is to come to nothing, for this reason.
    Refused(String),
}

/// Asks for a turn or batch. `Err`: the instance is offered again once no suspect runs alone.
pub(crate) fn ask(shared: &Arc<Shared>, job: Job) -> Result<(Job, Permission), Box<Work>> {
    let Some(recorder) = shared.recorder().filter(|_| job.park.is_none()) else { return Ok((job, Permission::Granted(None))) };
    let key = key_of_turn(&job.id);
    match recorder.try_admit(key) {
        Admission::Granted(entry) => Ok((job, Permission::Granted(entry))),
        Admission::Refused(reason) => {
            recorder.forget(&key);
            Ok((job, Permission::Refused(reason)))
        }
        Admission::Later => {
            // Before it can be offered again: it is at work until it is handed back.
            shared.board().slot(&job.id).is_held = true;
            offer_later(shared, recorder.clone(), job.id.clone());
            let recorded = recorded_among(&job.deliveries);
            Err(Box::new(Work::without_record(Commit::default(), job.deliveries, recorded, After::Reload(Trouble::Suspect))))
        }
    }
}

/// The failure of what ended the host.
pub(crate) fn host_died(reason: &str) -> Failure {
    Failure { non_retriable: true, ..Failure::new(HOST_DIED, reason) }
}

/// Has a held instance offered again once no suspect runs alone.
fn offer_later(shared: &Arc<Shared>, recorder: Arc<Recorder>, id: InstanceId) {
    let of = shared.clone();
    shared.on_workers(|| {
        tokio::spawn(async move {
            recorder.until_nothing_runs_alone().await;
            let mut board = of.board();
            if let Some(slot) = board.slots.get_mut(&id) {
                slot.is_held = false;
                board.schedule(&id);
            }
        });
    });
}

/// Runs an activity on the workers.
pub(crate) async fn run_activity(shared: &Shared, activity: &dyn ActivityFunction, run: ActivityRun) -> Result<Payload, Failure> {
    let call = call_of(activity, &run);
    let ended: ActivityEnd = match shared.recorder().zip(activity.place()) {
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
