//! What runs outside the log: activities.
//!
//! Those that may have to wait for something are futures on tokio's workers. Those that cannot, and
//! were quick so far, run on the guest threads between turns: then a call, its result and the turn
//! that consumes it often need no other thread at all.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use longhaul_core::message::{ActivityRun, Message, TaskRef};
use longhaul_core::{Failure, InstanceId, Payload, TaskResult};

use crate::context::EngineContext;
use crate::panics::panic_text;
use crate::recorder;
use crate::state::activity_queue::{InlineCode, InlineRun};
use crate::state::mailbox::Delivery;
use call::{call_of, failure, timeout};
use register::Running;

pub(crate) mod call;
pub(crate) mod guarded;
pub(crate) mod register;

/// How long an activity waits until instances hold less.
const ROOM_PATIENCE: Duration = Duration::from_secs(60);

/// Runs attempts, except those that are under way. Returns the runs that a guest thread should
/// take.
#[must_use]
pub(crate) fn start(context: &Arc<EngineContext>, runs: Vec<ActivityRun>) -> Vec<InlineRun> {
    let mut inline = Vec::new();
    if runs.is_empty() || context.is_stopping() {
        return inline;
    }
    let begun = context.activities.start(runs, |run| match quick_function(context, &run) {
        Some(code) => {
            inline.push(InlineRun { run, code });
            Running::OnGuestThread
        }
        None => spawn(context, run),
    });
    context.counters.activities(begun);
    inline
}

fn spawn(context: &Arc<EngineContext>, run: ActivityRun) -> Running {
    Running::OnWorkers(context.spawn(attempt(context.clone(), run)))
}

/// Continues a run on the workers that was too long for a guest thread, unless it was cancelled.
fn move_to_workers(context: &Arc<EngineContext>, run: ActivityRun) {
    if !context.is_stopping() {
        context.activities.continue_by(run, |run| spawn(context, run));
    }
}

/// The function, if it is in memory and its run is likely to be over at once.
fn quick_function(context: &EngineContext, run: &ActivityRun) -> Option<InlineCode> {
    if let Some(stand_in) = &context.stand_in {
        return stand_in.is_quick(run).then(|| InlineCode::StandIn(stand_in.clone()));
    }
    if context.recorder().is_some_and(|recorder| recorder.is_suspect(&guarded::key_of_run(run))) {
        return None;
    }
    let app = context.guests.loaded(run.deployment)?;
    let activity = app.activity(&run.name)?;
    activity.is_expected_at_once(timeout(&*activity, run)).then(|| InlineCode::Guest(activity))
}

/// Carries a run out on the calling guest thread. Returns its result for the instance that called
/// it; `None` if the run is not wanted any more, or was too long and continues on the workers.
pub(crate) fn run_inline(context: &Arc<EngineContext>, InlineRun { run, code }: InlineRun) -> Option<(InstanceId, Message)> {
    if !context.activities.is_wanted(&run) {
        return None;
    }
    let run_inline = || match code {
        InlineCode::Guest(activity) => {
            let entry = context.recorder().and_then(|recorder| recorder.begin(guarded::key_of_run(&run), None));
            let ended = activity.run_at_once(call_of(&*activity, &run), &run.input);
            entry.into_iter().for_each(recorder::Entry::ended);
            ended.map(|ended| ended.unwrap_or_else(|error| Err(failure(error))))
        }
        InlineCode::StandIn(stand_in) => stand_in.run_quickly(&run),
    };
    let ended = catch_unwind(AssertUnwindSafe(run_inline)).unwrap_or_else(|panic| Some(Err(host_panicked(panic_text(&*panic)))));
    if ended.is_none() {
        move_to_workers(context, run);
        return None;
    }
    ended.map(|ended| done(run.caller, run.attempt, ended))
}

async fn attempt(context: Arc<EngineContext>, run: ActivityRun) {
    let mut ending = Ending { context: context.clone(), of: Some((run.caller.clone(), run.attempt)) };
    // Its result is held until its instance has taken it. A wait that is over in vain has been long
    // enough.
    let _has_room = context.instances_have_room(ROOM_PATIENCE).await;
    let ended = outcome(&context, run).await;
    if let Some((caller, attempt)) = ending.of.take() {
        let (to, message) = done(caller, attempt, ended);
        context.scheduler().deliver(&to, Delivery::unrecorded(message));
    }
}

/// A run in which the host panics fails: without a result its caller would wait for ever.
struct Ending {
    context: Arc<EngineContext>,
    of: Option<(TaskRef, u32)>,
}

impl Drop for Ending {
    fn drop(&mut self) {
        // A run that is stopped is dropped as well, and has no result.
        if std::thread::panicking()
            && let Some((caller, attempt)) = self.of.take()
        {
            let (to, message) = done(caller, attempt, Err(host_panicked("see its log")));
            self.context.scheduler_as_it_is().deliver(&to, Delivery::unrecorded(message));
        }
    }
}

fn host_panicked(text: &str) -> Failure {
    Failure::new("Unavailable", format!("the host panicked while the activity ran: {text}"))
}

fn done(caller: TaskRef, attempt: u32, ended: Result<Payload, Failure>) -> (InstanceId, Message) {
    let TaskRef { instance, execution, task } = caller;
    (instance, Message::ActivityDone { execution, task, attempt, result: TaskResult::from(ended) })
}

async fn outcome(context: &EngineContext, run: ActivityRun) -> Result<Payload, Failure> {
    if let Some(stand_in) = &context.stand_in {
        return stand_in.run_activity(run).await;
    }
    let app =
        match context.guests.loaded(run.deployment) {
            Some(app) => app,
            None => context.guests.clone().load(run.deployment).await.map_err(|error| {
                Failure::new("DeploymentUnavailable", format!("deployment {} cannot be loaded: {error}", run.deployment))
            })?,
        };
    let Some(activity) = app.activity(&run.name) else {
        let text = format!("The function '{}' doesn't exist, is disabled, or is not an activity function.", run.name);
        return Err(Failure { non_retriable: true, ..Failure::new("FunctionNotFound", text) });
    };
    guarded::run(context, &*activity, run).await
}
