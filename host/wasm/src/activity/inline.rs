//! Inline runs: activities that run on the caller's thread.
//!
//! An activity that imports nothing but the log cannot wait for anything, so it needs no future, no
//! stack of its own and no WASI. While its runs are short, it is called like an orchestrator.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use longhaul_core::{Failure, Payload};
use wasmtime::component::{Component, Linker};
use wasmtime::{Engine, Result, Store, Trap};

use super::ActivityContext;
use super::guest_pool::{Guest, GuestPool};
use crate::bindings::inline_activity::{ActivityFunction, ActivityFunctionPre};
use crate::bindings::{log, types};
use crate::component_world::FunctionKind;
use crate::config::Config;
use crate::error::GuestError;
use crate::limiter::Limiter;
use crate::log::{GuestLog, HasLog};
use crate::ticker::Ticker;

/// Longest inline run. Far longer than an expected run, since a busy machine may take the thread
/// off its core during one.
const LONGEST_RUN: Duration = Duration::from_millis(50);
/// Longest asynchronous run that counts as short.
const SHORT_RUN: Duration = Duration::from_millis(5);
/// Most short runs in a row that are required after long ones.
const MOST_RUNS_NEEDED: u32 = 1_000;

/// The host's state in the store of an inline guest.
pub(crate) struct InlineState {
    log: Arc<GuestLog>,
    limiter: Limiter,
}

pub(crate) type InlineGuest = Guest<InlineState, ActivityFunction>;

/// An activity that is linked for calls without futures.
pub(super) struct InlineActivity {
    pre: ActivityFunctionPre<InlineState>,
    config: Arc<Config>,
    /// Short runs in a row.
    short_runs: AtomicU32,
    /// How many of them are required before the next run is inline.
    runs_needed: AtomicU32,
}

impl InlineActivity {
    /// `None` if the component imports anything that it could wait for.
    pub(super) fn link(engine: &Engine, component: &Component, config: Arc<Config>) -> Result<Option<Self>> {
        let mut linker = Linker::<InlineState>::new(engine);
        log::add_to_linker::<_, HasLog>(&mut linker, |state| &state.log)?;
        types::add_to_linker::<_, HasLog>(&mut linker, |state| &state.log)?;
        let wants_more = component.component_type().imports(engine).any(|(name, _)| !name.starts_with("longhaul:durable/"));
        if wants_more {
            return Ok(None);
        }
        let pre = ActivityFunctionPre::new(linker.instantiate_pre(component)?)?;
        Ok(Some(Self { pre, config, short_runs: AtomicU32::new(0), runs_needed: AtomicU32::new(1) }))
    }

    /// Whether the next run is likely to be short, and has time for another run if it is not.
    pub(super) fn is_expected(&self, timeout: Option<Duration>) -> bool {
        let deadline = self.config.limits.activity_deadline_for(timeout);
        deadline > LONGEST_RUN * 2 && self.short_runs.load(Ordering::Relaxed) >= self.runs_needed.load(Ordering::Relaxed)
    }

    /// Notes how long an asynchronous run took.
    pub(super) fn note(&self, took: Duration) {
        if took <= SHORT_RUN {
            self.short_runs.fetch_add(1, Ordering::Relaxed);
        } else {
            self.short_runs.store(0, Ordering::Relaxed);
        }
    }

    /// Runs the activity in a new guest or one of the pool. `None` if it took too long: the run has
    /// had no effect besides its log lines, and more short runs are required before the next inline
    /// one.
    pub(super) fn run(
        &self,
        pool: Option<&GuestPool<InlineGuest>>,
        context: &ActivityContext,
        input: &Payload,
    ) -> Option<Result<Result<Payload, Failure>, GuestError>> {
        let mut pooled = GuestPool::take_or(pool, || self.new_guest(context));
        let outcome = self.call(&mut pooled.guest, context, input);
        let InlineState { limiter, log } = pooled.guest.store.data();
        match outcome {
            Ok(outcome) => {
                let (outcome, memory_bytes) = (super::checked(outcome, &self.config.limits), limiter.memory_bytes());
                if let Some(pool) = pool
                    && outcome.is_ok()
                {
                    pool.put_back(pooled, memory_bytes);
                }
                Some(outcome)
            }
            Err(error) if matches!(error.downcast_ref::<Trap>(), Some(Trap::Interrupt)) => {
                self.expect_long_runs();
                None
            }
            Err(error) => Some(Err(GuestError::of(&error, limiter.refused(), LONGEST_RUN, log.take_panic().as_deref()))),
        }
    }

    fn new_guest(&self, context: &ActivityContext) -> InlineGuest {
        let Self { pre, config, .. } = self;
        let log = GuestLog::new(context.log_context(), config.log.clone(), &config.limits);
        let limiter = Limiter::sharing(config.limits.activity_memory_bytes, config.memory.clone());
        let mut store = Store::new(pre.engine(), InlineState { log, limiter });
        store.limiter(|state| &mut state.limiter);
        store.set_hostcall_fuel(config.limits.handover_bytes());
        InlineGuest { store, function: None }
    }

    fn call(&self, guest: &mut InlineGuest, context: &ActivityContext, input: &Payload) -> Result<Result<String, types::Failure>> {
        let Guest { store, function } = guest;
        store.set_epoch_deadline(Ticker::ticks(LONGEST_RUN));
        let function = match function {
            Some(function) => {
                let state = store.data_mut();
                state.limiter.begin_call();
                state.log.begin_call_for(context.log_context());
                function
            }
            None => {
                self.config.counts.add(FunctionKind::Activity);
                function.insert(self.pre.instantiate(&mut *store)?)
            }
        };
        function.longhaul_durable_activity().call_run(store, &context.clone().into(), &input.as_str().to_owned())
    }

    fn expect_long_runs(&self) {
        let needed = self.runs_needed.load(Ordering::Relaxed);
        self.runs_needed.store(needed.saturating_mul(10).min(MOST_RUNS_NEEDED), Ordering::Relaxed);
        self.short_runs.store(0, Ordering::Relaxed);
    }
}
