//! Turns that were under way when the host died: see [`crate::recorder`].

use std::sync::Arc;

use longhaul_core::InstanceId;

use super::outcome::{After, TurnOutcome};
use crate::context::EngineContext;
use crate::recorder::{Admission, Entry, Key, Recorder};
use crate::state::instance::Job;
use crate::state::mailbox::recorded_among;
use crate::state::scheduler::turn_end::TurnFailure;

fn key_of_turn(id: &InstanceId) -> Key {
    Key::of(&[b"turn", id.as_str().as_bytes()])
}

/// What a turn or batch may do.
pub(crate) enum Permission {
    Granted(Option<Entry>),
    /// It is to fail, for this reason.
    Refused(String),
}

/// Asks for a turn or batch. `Err`: the instance is offered again once no suspect runs alone.
pub(crate) fn ask(context: &Arc<EngineContext>, job: Job) -> Result<(Job, Permission), Box<TurnOutcome>> {
    let Some(recorder) = context.recorder().filter(|_| job.park.is_none()) else { return Ok((job, Permission::Granted(None))) };
    let key = key_of_turn(&job.id);
    match recorder.try_admit(key) {
        Admission::Granted(entry) => Ok((job, Permission::Granted(entry))),
        Admission::Refused(reason) => {
            recorder.forget(&key);
            Ok((job, Permission::Refused(reason)))
        }
        Admission::Later => {
            // Before it can be offered again: it is at work until it is handed back.
            context.scheduler().hold_suspect(&job.id);
            offer_later(context, recorder.clone(), job.id.clone());
            let recorded = recorded_among(&job.deliveries);
            Err(Box::new(TurnOutcome {
                returned: job.deliveries,
                ..TurnOutcome::without_record(recorded, After::Reload(TurnFailure::Suspect))
            }))
        }
    }
}

/// Has a held instance offered again once no suspect runs alone.
fn offer_later(context: &Arc<EngineContext>, recorder: Arc<Recorder>, id: InstanceId) {
    let of = context.clone();
    context.on_workers(|| {
        tokio::spawn(async move {
            recorder.until_nothing_runs_alone().await;
            of.scheduler().offer_again(&id);
        });
    });
}
