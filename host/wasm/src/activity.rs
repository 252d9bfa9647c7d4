//! Activities: a guest for one run, or for many where the app asks for it; as a future or, where that is possible and quicker, on
//! the caller's thread.

use std::sync::Arc;
use std::time::{Duration, Instant};

use longhaul_core::{Failure, InstanceId, Payload, TaskId};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use wasmtime::component::{Component, InstancePre};

use as_future::AsFuture;
use at_once::AtOnce;
pub use kept::GuestReuse;
use kept::KeptGuests;
pub(crate) use kept::{MAX_KEPT, Shelves};

use crate::background::Background;
use crate::bindings::types;
use crate::config::{Config, Limits};
use crate::convert;
use crate::error::GuestError;
use crate::io::{AppEnvironment, HttpClient, IoState};
use crate::log::LogContext;

mod as_future;
mod at_once;
mod kept;

/// A compiled and linked activity; clones share it.
#[derive(Clone)]
pub struct ActivityComponent {
    linked: Arc<Linked>,
    /// Absent if every run has a guest of its own.
    kept: Option<Arc<KeptGuests>>,
}

struct Linked {
    as_future: AsFuture,
    at_once: Option<AtOnce>,
    config: Arc<Config>,
    running: Arc<Semaphore>,
    shelves: Arc<Shelves>,
    background: Arc<Background>,
}

/// A place among the activities that run at a time.
#[derive(Debug)]
pub struct ActivityPlace(#[expect(dead_code, reason = "it is held, and freed with its value")] OwnedSemaphorePermit);

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

impl ActivityContext {
    fn log_context(&self) -> LogContext {
        LogContext { function: self.name.clone(), instance: Some(self.instance_id.clone()) }
    }
}

impl ActivityComponent {
    pub(crate) fn new(
        component: &Component,
        pre: InstancePre<IoState>,
        config: Arc<Config>,
        http_client: HttpClient,
        running: Arc<Semaphore>,
        shelves: Arc<Shelves>,
        background: Arc<Background>,
    ) -> wasmtime::Result<Self> {
        let at_once = AtOnce::link(pre.engine(), component, config.clone())?;
        let as_future = AsFuture::new(pre, config.clone(), http_client)?;
        Ok(Self { linked: Arc::new(Linked { as_future, at_once, config, running, shelves, background }), kept: None })
    }

    /// The same activity with guests that are used again, never by two runs at a time. What its code leaves in its memory is there in later
    /// runs, so all of them must be of one function of one app, with one environment.
    ///
    /// A guest is thrown away after a run that did not return, whatever the reason, or whose output was refused. At most 32 are kept
    /// for the result and its clones, and 256 MiB of memory for all activities together; they go with the last clone.
    #[must_use]
    pub fn with_reuse(&self, reuse: GuestReuse) -> Self {
        Self { linked: self.linked.clone(), kept: Some(self.linked.shelves.add(reuse)) }
    }

    /// Whether [`run_at_once`](Self::run_at_once) is worth a try: the activity imports nothing that it could wait for, and its runs
    /// were short so far. The first run never is.
    pub fn is_expected_at_once(&self, timeout: Option<Duration>) -> bool {
        self.linked.at_once.as_ref().is_some_and(|at_once| at_once.is_expected(timeout))
    }

    /// Runs the activity on the caller's thread, for 50 ms at most. Plain and blocking, like an orchestrator's calls.
    ///
    /// `None`: it was not to be, because [`is_expected_at_once`](Self::is_expected_at_once) is false, because as many activities run
    /// as may, or because it took too long. The run had no effect then but its log lines; [`run`](Self::run) it.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    pub fn run_at_once(&self, context: &ActivityContext, input: &Payload) -> Option<Result<Result<Payload, Failure>, GuestError>> {
        let at_once = self.linked.at_once.as_ref().filter(|at_once| at_once.is_expected(context.timeout))?;
        let _permit = self.linked.running.try_acquire().ok()?;
        at_once.run(self.kept.as_ref().map(|kept| &kept.plain), context, input)
    }

    /// Runs the activity, in a new guest unless [`with_reuse`](Self::with_reuse) says otherwise. Waits while
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
        self.run_in(self.place().await, context, input, environment).await
    }

    /// Waits while [`max_running_activities`](crate::Config::max_running_activities) others run.
    pub async fn place(&self) -> ActivityPlace {
        ActivityPlace(self.linked.running.clone().acquire_owned().await.expect("the semaphore is never closed"))
    }

    /// As [`run`](Self::run), in a place that was waited for before.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    pub async fn run_in(
        &self,
        _place: ActivityPlace,
        context: ActivityContext,
        input: Payload,
        environment: Arc<AppEnvironment>,
    ) -> Result<Result<Payload, Failure>, GuestError> {
        let Linked { at_once, config, background, .. } = &*self.linked;
        let deadline = config.limits.activity_deadline_for(context.timeout);
        let begun = Instant::now();
        let (linked, kept) = (self.linked.clone(), self.kept.clone());
        let guest = async move {
            let kept = kept.as_ref().map(|kept| &kept.io);
            linked.as_future.run(kept, context, input, environment, deadline).await
        };
        let result = tokio::time::timeout(deadline, background.run(guest)).await;
        if let Some(at_once) = at_once {
            at_once.note(begun.elapsed());
        }
        result.unwrap_or_else(|_elapsed| Err(GuestError::deadline(deadline)))
    }
}

fn checked(outcome: Result<String, types::Failure>, limits: &Limits) -> Result<Result<Payload, Failure>, GuestError> {
    match outcome {
        Ok(output) if output.len() > limits.max_activity_output_bytes => {
            Err(GuestError::OutputTooLarge { bytes: output.len(), limit_bytes: limits.max_activity_output_bytes })
        }
        outcome => convert::activity_outcome(outcome, limits),
    }
}
