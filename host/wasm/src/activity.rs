//! Activities: a guest for each run, or for several runs where the app asks for it. A run is a
//! future or, where that is possible and quicker, a plain call on the caller's thread.

use std::sync::Arc;
use std::time::{Duration, Instant};

use longhaul_core::{Failure, InstanceId, Payload, TaskId};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use wasmtime::component::{Component, InstancePre};

use asynchronous::AsyncActivity;
use guest_pool::ActivityPools;
pub use guest_pool::GuestReuse;
pub(crate) use guest_pool::{GuestPools, MAX_POOLED};
use inline::InlineActivity;

use crate::background::Background;
use crate::bindings::{self, types};
use crate::config::{Config, Limits};
use crate::convert;
use crate::error::GuestError;
use crate::io::{AppEnvironment, HttpClient, IoState};
use crate::log::LogContext;

mod asynchronous;
mod guest_pool;
mod inline;

/// A compiled and linked activity; clones share it.
#[derive(Clone)]
pub struct ActivityComponent {
    linked: Arc<Linked>,
    /// Absent if every run has a guest of its own.
    pools: Option<Arc<ActivityPools>>,
}

struct Linked {
    asynchronous: AsyncActivity,
    inline: Option<InlineActivity>,
    config: Arc<Config>,
    running: Arc<Semaphore>,
    all_pools: Arc<GuestPools>,
    background: Arc<Background>,
}

/// A place among the activities that run at a time; dropping it frees the place.
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
    /// Longest run, if the caller or the manifest set one; else
    /// [`Limits::activity_deadline`](crate::Limits::activity_deadline). Never above
    /// [`Limits::max_activity_deadline`](crate::Limits::max_activity_deadline).
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
        all_pools: Arc<GuestPools>,
        background: Arc<Background>,
    ) -> wasmtime::Result<Self> {
        let inline = InlineActivity::link(pre.engine(), component, config.clone())?;
        let asynchronous = AsyncActivity::new(pre, config.clone(), http_client)?;
        Ok(Self { linked: Arc::new(Linked { asynchronous, inline, config, running, all_pools, background }), pools: None })
    }

    /// The same activity with guests that serve one run after another, never two at a time. What
    /// the code leaves in its memory is there in later runs, so all runs must be of one function of
    /// one app, with one environment.
    ///
    /// A guest is dropped after a run that did not return, for whatever reason, or whose output was
    /// refused. The pool of the result and its clones holds at most 32 idle guests, and the pools
    /// of all activities at most 256 MiB of memory; a pool is dropped with the last clone.
    #[must_use]
    pub fn with_reuse(&self, reuse: GuestReuse) -> Self {
        Self { linked: self.linked.clone(), pools: Some(self.linked.all_pools.add(reuse)) }
    }

    /// Whether [`run_inline`](Self::run_inline) is worth a try: the activity imports nothing that
    /// it could wait for, and its recent runs were short. The first run never runs inline.
    pub fn is_expected_inline(&self, timeout: Option<Duration>) -> bool {
        self.linked.inline.as_ref().is_some_and(|inline| inline.is_expected(timeout))
    }

    /// Runs the activity on the caller's thread, for at most 50 ms. The call blocks, as an
    /// orchestrator's does.
    ///
    /// Returns `None` if [`is_expected_inline`](Self::is_expected_inline) is false, if as many
    /// activities run as may, or if the run took too long. Such a run has had no effect besides its
    /// log lines; call [`run`](Self::run) instead.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    pub fn run_inline(&self, context: &ActivityContext, input: &Payload) -> Option<Result<Result<Payload, Failure>, GuestError>> {
        let inline = self.linked.inline.as_ref().filter(|inline| inline.is_expected(context.timeout))?;
        let _permit = self.linked.running.try_acquire().ok()?;
        inline.run(self.pools.as_ref().map(|pools| &pools.inline), context, input)
    }

    /// Runs the activity, in a new guest unless [`with_reuse`](Self::with_reuse) says otherwise.
    /// Waits while [`max_running_activities`](crate::Config::max_running_activities) others run;
    /// dropping the future ends the run.
    ///
    /// # Errors
    /// The inner failure is the activity's own; [`GuestError`] says why there is no result. For the
    /// caller's retry policy both count the same.
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

    /// As [`run`](Self::run), in a place from [`place`](Self::place).
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
        let Linked { inline, config, background, .. } = &*self.linked;
        let deadline = config.limits.activity_deadline_for(context.timeout);
        let begun = Instant::now();
        let (linked, pools) = (self.linked.clone(), self.pools.clone());
        let guest = async move {
            let pool = pools.as_ref().map(|pools| &pools.io);
            linked.asynchronous.run(pool, context, input, environment, deadline).await
        };
        let result = tokio::time::timeout(deadline, background.run(guest)).await;
        if let Some(inline) = inline {
            inline.note(begun.elapsed());
        }
        result.unwrap_or_else(|_elapsed| Err(GuestError::deadline(deadline)))
    }
}

/// The bindings have a type of their own for each way of calling, with the same members.
macro_rules! context_of_the_bindings {
    ($($context:path),*) => {$(
        impl From<ActivityContext> for $context {
            fn from(context: ActivityContext) -> Self {
                Self {
                    name: context.name.as_ref().to_owned(),
                    instance_id: context.instance_id.as_str().to_owned(),
                    task: context.task.0,
                    attempt: context.attempt,
                    idempotency_key: context.idempotency_key,
                }
            }
        }
    )*};
}

context_of_the_bindings!(
    bindings::activity::exports::longhaul::durable::activity::Context,
    bindings::inline_activity::exports::longhaul::durable::activity::Context
);

fn checked(outcome: Result<String, types::Failure>, limits: &Limits) -> Result<Result<Payload, Failure>, GuestError> {
    match outcome {
        Ok(output) if output.len() > limits.max_activity_output_bytes => {
            Err(GuestError::OutputTooLarge { bytes: output.len(), limit_bytes: limits.max_activity_output_bytes })
        }
        outcome => convert::activity_outcome(outcome, limits),
    }
}
