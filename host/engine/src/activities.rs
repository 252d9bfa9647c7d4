//! What runs outside the log: activities.
//!
//! Those that may have to wait for something are futures on tokio's workers. Those that cannot, and were quick so far, run on the guest
//! threads between turns: then a call, its result and the turn that consumes it often need no other thread at all.
//!
//! A result is handed to its instance in memory and becomes durable in the turn that consumes it. Until that turn is queued for its commit, the
//! run stays in the books here, so that an instance that leaves memory and comes back does not start it a second time. Where memory is given up
//! because a commit failed, results that are lost with it are taken out of the books, so that they run again.

use std::collections::{HashMap, HashSet, hash_map};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use longhaul_core::limits::BeyondLimit;
use longhaul_core::message::{ActivityRun, Message, TaskRef};
use longhaul_core::{Failure, InstanceId, Payload, TaskResult};
use tokio::runtime::Handle;
use tokio::task::AbortHandle;

use crate::context::Shared;
use crate::ports::{ActivityCall, ActivityFunction, GuestError};
use crate::recorder;
use crate::state::instance::Delivery;
use crate::turns::outcome::panic_text;
use crate::turns::suspects;
use crate::world::Simulation;

/// How long an activity waits until instances hold less.
const ROOM_PATIENCE: Duration = Duration::from_secs(60);

pub(crate) struct Activities {
    running: Mutex<HashMap<TaskRef, Entry>>,
    /// Where futures run: guest threads have no runtime of their own.
    runtime: Handle,
}

/// The attempt that is under way.
struct Entry {
    attempt: u32,
    how: Running,
}

/// How a run takes place.
enum Running {
    OnWorkers(AbortHandle),
    OnGuestThread,
}

impl Entry {
    fn stop(self) {
        if let Running::OnWorkers(job) = self.how {
            job.abort();
        }
    }
}

/// One attempt of a call.
#[derive(Debug)]
pub(crate) struct Attempt {
    caller: TaskRef,
    number: u32,
}

impl Attempt {
    /// The attempt of which this message is the result, if it is one.
    pub(crate) fn of(instance: &InstanceId, message: &Message) -> Option<Self> {
        let Message::ActivityDone { execution, task, attempt, .. } = message else { return None };
        Some(Self { caller: TaskRef { instance: instance.clone(), execution: execution.clone(), task: *task }, number: *attempt })
    }
}

/// A run on its way to a guest thread.
pub(crate) struct RunAtOnce {
    run: ActivityRun,
    code: Code,
}

/// What a guest thread runs.
enum Code {
    Guest(Arc<dyn ActivityFunction>),
    Simulated(Arc<dyn Simulation>),
}

impl Activities {
    /// Futures will run on `runtime`.
    pub(crate) fn new(runtime: Handle) -> Self {
        Self { running: Mutex::default(), runtime }
    }

    fn running(&self) -> std::sync::MutexGuard<'_, HashMap<TaskRef, Entry>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs attempts, except those that are under way. Returns the runs that a guest thread should take.
    #[must_use]
    pub(crate) fn start(&self, shared: &Arc<Shared>, runs: Vec<ActivityRun>) -> Vec<RunAtOnce> {
        let mut at_once = Vec::new();
        if runs.is_empty() || shared.is_stopping() {
            return at_once;
        }
        let mut running = self.running();
        let mut begun = 0;
        for run in runs {
            if running.get(&run.caller).is_some_and(|entry| entry.attempt >= run.attempt) {
                continue;
            }
            begun += 1;
            let (caller, attempt) = (run.caller.clone(), run.attempt);
            let how = match quick_function(shared, &run) {
                Some(code) => {
                    at_once.push(RunAtOnce { run, code });
                    Running::OnGuestThread
                }
                None => self.spawn(shared, run),
            };
            // The result of an earlier attempt is of no use any more, and must not stand in the way of this one.
            if let Some(earlier) = running.insert(caller, Entry { attempt, how }) {
                earlier.stop();
            }
        }
        shared.counters.activities(begun);
        at_once
    }

    fn spawn(&self, shared: &Arc<Shared>, run: ActivityRun) -> Running {
        Running::OnWorkers(self.runtime.spawn(attempt(shared.clone(), run)).abort_handle())
    }

    /// Goes on with a run on the workers that was too long for a guest thread, unless it was cancelled.
    fn move_to_workers(&self, shared: &Arc<Shared>, run: ActivityRun) {
        if let Some(entry) = self.running().get_mut(&run.caller).filter(|entry| entry.attempt == run.attempt)
            && !shared.is_stopping()
        {
            entry.how = self.spawn(shared, run);
        }
    }

    /// Stops a run whose result is no longer wanted.
    pub(crate) fn cancel(&self, task: &TaskRef) {
        if let Some(entry) = self.running().remove(task) {
            entry.stop();
        }
    }

    /// Whether a run was not cancelled meanwhile.
    fn is_wanted(&self, run: &ActivityRun) -> bool {
        self.running().get(&run.caller).is_some_and(|entry| entry.attempt == run.attempt)
    }

    /// These results have gone into a turn, or are lost.
    pub(crate) fn let_go(&self, results: impl IntoIterator<Item = Attempt>) {
        let mut running = self.running();
        for Attempt { caller, number } in results {
            if let hash_map::Entry::Occupied(entry) = running.entry(caller)
                && entry.get().attempt == number
            {
                entry.remove();
            }
        }
    }

    /// Stops the runs of these instances, whose results may have been lost already.
    pub(crate) fn forget(&self, instances: &HashSet<InstanceId>) {
        let of_these = self.running().extract_if(|caller, _| instances.contains(&caller.instance)).collect::<Vec<_>>();
        of_these.into_iter().for_each(|(_, entry)| entry.stop());
    }

    /// Stops everything; what was under way runs again after the next start.
    pub(crate) fn stop(&self) {
        self.running().drain().for_each(|(_, entry)| entry.stop());
    }
}

/// The function, if it is in memory and its run is likely to be over at once.
fn quick_function(shared: &Shared, run: &ActivityRun) -> Option<Code> {
    if let Some(simulation) = shared.world.simulation() {
        return simulation.is_quick(run).then(|| Code::Simulated(simulation.clone()));
    }
    if shared.recorder().is_some_and(|recorder| recorder.is_suspect(&suspects::key_of_run(run))) {
        return None;
    }
    let app = shared.guests.loaded(run.deployment)?;
    let activity = app.activity(&run.name)?;
    activity.is_expected_at_once(timeout(&*activity, run)).then(|| Code::Guest(activity))
}

/// Carries a run out on the calling guest thread. Returns its result for the instance that called it; `None` if the run is not wanted any more, or
/// was too long and goes on on the workers.
pub(crate) fn run_at_once(shared: &Arc<Shared>, RunAtOnce { run, code }: RunAtOnce) -> Option<(InstanceId, Message)> {
    if !shared.activities.is_wanted(&run) {
        return None;
    }
    let at_once = || match code {
        Code::Guest(activity) => {
            let entry = shared.recorder().and_then(|recorder| recorder.begin(suspects::key_of_run(&run), None));
            let ended = activity.run_at_once(call_of(&*activity, &run), &run.input);
            entry.into_iter().for_each(recorder::Entry::ended);
            ended.map(|ended| ended.unwrap_or_else(|error| Err(failure(error))))
        }
        Code::Simulated(simulation) => simulation.run_quickly(&run),
    };
    let ended = catch_unwind(AssertUnwindSafe(at_once)).unwrap_or_else(|panic| Some(Err(host_panicked(panic_text(&*panic)))));
    if ended.is_none() {
        shared.activities.move_to_workers(shared, run);
        return None;
    }
    ended.map(|ended| done(run.caller, run.attempt, ended))
}

async fn attempt(shared: Arc<Shared>, run: ActivityRun) {
    let mut ending = Ending { shared: shared.clone(), of: Some((run.caller.clone(), run.attempt)) };
    // Its result is held until its instance has taken it. A wait that is over in vain has been long enough.
    let _has_room = shared.instances_have_room(ROOM_PATIENCE).await;
    let ended = outcome(&shared, run).await;
    if let Some((caller, attempt)) = ending.of.take() {
        let (to, message) = done(caller, attempt, ended);
        shared.board().deliver(&to, Delivery::unrecorded(message));
    }
}

/// A run in which the host panics fails: without a result its caller would wait for ever.
struct Ending {
    shared: Arc<Shared>,
    of: Option<(TaskRef, u32)>,
}

impl Drop for Ending {
    fn drop(&mut self) {
        // A run that is stopped is dropped as well, and has no result.
        if std::thread::panicking()
            && let Some((caller, attempt)) = self.of.take()
        {
            let (to, message) = done(caller, attempt, Err(host_panicked("see its log")));
            self.shared.board_as_it_is().deliver(&to, Delivery::unrecorded(message));
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

async fn outcome(shared: &Shared, run: ActivityRun) -> Result<Payload, Failure> {
    if let Some(simulation) = shared.world.simulation() {
        return simulation.run_activity(run).await;
    }
    let app =
        match shared.guests.loaded(run.deployment) {
            Some(app) => app,
            None => shared.guests.clone().load(run.deployment).await.map_err(|error| {
                Failure::new("DeploymentUnavailable", format!("deployment {} cannot be loaded: {error}", run.deployment))
            })?,
        };
    let Some(activity) = app.activity(&run.name) else {
        let text = format!("The function '{}' doesn't exist, is disabled, or is not an activity function.", run.name);
        return Err(Failure { non_retriable: true, ..Failure::new("FunctionNotFound", text) });
    };
    suspects::run_activity(shared, &*activity, run).await
}

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

fn timeout(activity: &dyn ActivityFunction, run: &ActivityRun) -> Option<Duration> {
    shorter(run.timeout_ms.map(Duration::from_millis), activity.timeout())
}

/// The caller's timeout or the manifest's, whichever ends first.
fn shorter(one: Option<Duration>, other: Option<Duration>) -> Option<Duration> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}

/// A run that came to nothing counts as a failure of the activity: its retry policy decides.
pub(crate) fn failure(error: GuestError) -> Failure {
    let text = error.to_string();
    let (kind, backtrace) = match error {
        GuestError::NoCapacity(_) | GuestError::Stopping => ("Unavailable", String::new()),
        GuestError::BeyondLimit(BeyondLimit { error_type, .. }) => (error_type, String::new()),
        GuestError::Stopped { error_type, backtrace, .. } => (error_type, backtrace),
    };
    Failure { details: Some(backtrace).filter(|backtrace| !backtrace.is_empty()), ..Failure::new(kind, text) }
}
