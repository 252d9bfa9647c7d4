//! Orchestrators: guests that stay in memory between their turns.

use std::sync::Arc;

use longhaul_core::{Completion, GuestTurn, StartContext, Timestamp};
use wasmtime::Store;
use wasmtime::component::InstancePre;

use crate::background::Background;
use crate::bindings::orchestrator::exports::longhaul::durable::orchestrator::Turn;
use crate::bindings::orchestrator::{OrchestratorFunction, OrchestratorFunctionPre};
use crate::component_world::FunctionKind;
use crate::config::Config;
use crate::convert;
use crate::deterministic::{GuestState, begin_time, end_time, new_store};
use crate::error::GuestError;
use crate::log::{GuestLog, LogContext};

/// A compiled and linked orchestrator; clones share it.
#[derive(Clone)]
pub struct OrchestratorComponent(Arc<Linked>);

struct Linked {
    pre: OrchestratorFunctionPre<GuestState>,
    config: Arc<Config>,
    background: Arc<Background>,
}

impl OrchestratorComponent {
    pub(crate) fn new(pre: InstancePre<GuestState>, config: Arc<Config>, background: Arc<Background>) -> wasmtime::Result<Self> {
        Ok(Self(Arc::new(Linked { pre: OrchestratorFunctionPre::new(pre)?, config, background })))
    }

    /// A new guest, ready for [`OrchestratorGuest::start`]. Takes microseconds.
    ///
    /// # Errors
    /// [`GuestError::Busy`] when [`max_hot_guests`](crate::Runtime::max_hot_guests) guests are in
    /// memory; any other when the component's own start-up code fails.
    pub fn instantiate(&self, log: LogContext) -> Result<OrchestratorGuest, GuestError> {
        let Linked { pre, config, background } = &*self.0;
        let log = GuestLog::new(log, config.log.clone(), &config.limits);
        let mut store = new_store(pre.engine(), log, config, background);
        config.counts.add(FunctionKind::Orchestrator);
        let instantiated = pre.instantiate(&mut store);
        end_time(&mut store);
        match instantiated {
            Ok(function) => {
                let initial_bytes = store.data().limiter.memory_bytes();
                let live = Some((store, function));
                Ok(OrchestratorGuest { live, config: config.clone(), execution: Arc::default(), turn: 0, initial_bytes })
            }
            Err(error) => Err(store.data().failed(&error, config.limits.turn_deadline)),
        }
    }
}

/// One execution of an orchestration in memory.
///
/// Calls block: make them on a guest thread with a stack of at least 1 MiB, never on a tokio
/// worker. A guest whose call failed is gone; further calls return [`GuestError::Gone`].
pub struct OrchestratorGuest {
    live: Option<(Store<GuestState>, OrchestratorFunction)>,
    config: Arc<Config>,
    execution: Arc<[u8]>,
    turn: u64,
    /// Bytes of its memories before its first call.
    initial_bytes: usize,
}

/// A guest's memory is this large before it has done anything: a stack and tables of constants, of
/// which most is never touched.
const MOSTLY_UNTOUCHED_BYTES: usize = 2 << 20;
/// The part of that memory that is touched.
const TOUCHED_SHARE: usize = 8;

impl OrchestratorGuest {
    /// About how many bytes of the guest's memories are in use: all by which they have grown, and
    /// of the initial memory a part, unless that was large.
    pub fn touched_bytes(&self) -> u64 {
        let bytes = self.live.as_ref().map_or(0, |(store, _)| store.data().limiter.memory_bytes());
        let untouched = self.initial_bytes.min(MOSTLY_UNTOUCHED_BYTES);
        (bytes.saturating_sub(untouched) + untouched / TOUCHED_SHARE) as u64
    }

    /// The first activation. Called once, before any `resume`.
    ///
    /// # Errors
    /// Any [`GuestError`]; the guest is gone then.
    pub fn start(&mut self, context: StartContext) -> Result<GuestTurn, GuestError> {
        self.execution = context.execution_id.as_str().as_bytes().into();
        self.turn = 0;
        let (now, replaying) = (context.now, context.replaying);
        let context = convert::start_context(context);
        self.call(now, replaying, |store, function| function.longhaul_durable_orchestrator().call_start(store, &context))
    }

    /// A later activation. `received` must be the same batch in every replay.
    ///
    /// # Errors
    /// Any [`GuestError`]; the guest is gone then.
    pub fn resume(&mut self, now: Timestamp, replaying: bool, received: Vec<Completion>) -> Result<GuestTurn, GuestError> {
        self.turn += 1;
        let received: Vec<_> = received.into_iter().map(convert::completion).collect();
        self.call(now, replaying, |store, function| {
            function.longhaul_durable_orchestrator().call_resume(store, now.0, replaying, &received)
        })
    }

    /// Whether the guest can still be called.
    pub fn is_live(&self) -> bool {
        self.live.is_some()
    }

    fn call<F>(&mut self, now: Timestamp, replaying: bool, run: F) -> Result<GuestTurn, GuestError>
    where
        F: FnOnce(&mut Store<GuestState>, &OrchestratorFunction) -> wasmtime::Result<Turn>,
    {
        // Taken out and put back only after success, so a guest that failed in any way is dropped
        // here.
        let (mut store, function) = self.live.take().ok_or(GuestError::Gone)?;
        // A replay consists of many calls, each of which may be too short to be interrupted.
        if store.data().is_over() {
            return Err(GuestError::Stopping);
        }
        let limits = &self.config.limits;
        store.data_mut().begin_call(now, &[b"orchestration", &self.execution, &self.turn.to_le_bytes()], replaying);
        begin_time(&mut store, limits);
        let turn = run(&mut store, &function);
        end_time(&mut store);
        let turn = turn.map_err(|error| store.data().failed(&error, limits.turn_deadline))?;
        let turn = convert::turn(turn, limits, replaying)?;
        store.data_mut().limiter.settle();
        self.live = Some((store, function));
        Ok(turn)
    }
}
