//! The state of an orchestrator or entity guest, and the stand-ins that keep its code
//! deterministic.
//!
//! A guest that imports nothing but `log` pays nothing for the stand-ins: they are made when one is
//! first used.

use std::sync::Arc;
use std::time::Duration;

use longhaul_core::Timestamp;
use wasmtime::component::{HasData, Linker, ResourceTable};
use wasmtime::{Engine, Result, Store, Trap, UpdateDeadline};
use wasmtime_wasi::cli::{WasiCli, WasiCliView};
use wasmtime_wasi::filesystem::{WasiFilesystem, WasiFilesystemView};
use wasmtime_wasi::p2::bindings::{cli, clocks, filesystem, random, sync};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};

use crate::background::{Background, Permit};
use crate::bindings::{log, types};
use crate::config::{Config, Limits};
use crate::error::GuestError;
use crate::io::new_table;
use crate::limiter::Limiter;
use crate::log::{GuestLog, HasLog, LogLevel, LogStdout};
use crate::ticker::Ticker;

mod clock;
mod random_numbers;

use clock::{HasTurnClock, TurnClock};
use random_numbers::{HasRandomNumbers, RandomNumbers};

/// Most resources that the host holds for one guest: streams and pollables of its standard library.
/// A guest keeps them between its calls.
const MAX_RESOURCES: usize = 100;
/// Most handles of one guest.
const MAX_HANDLES: usize = 10_000;

/// The host's state in the store of a deterministic guest.
pub(crate) struct GuestState {
    pub log: Arc<GuestLog>,
    pub limiter: Limiter,
    now: Timestamp,
    random: RandomNumbers,
    background: Arc<Background>,
    /// Its place among the guests that compute for long, while it has one.
    permit: Option<Permit>,
    /// Ticks that the call has left after its current slice of time.
    later_ticks: u64,
    wasi: Option<Box<(WasiCtx, ResourceTable)>>,
}

impl GuestState {
    /// Begins a call with its time and the seed of its random numbers.
    pub fn begin_call(&mut self, now: Timestamp, seed: &[&[u8]], replaying: bool) {
        self.now = now;
        self.random = RandomNumbers::seeded(seed);
        self.log.begin_call(replaying);
        self.limiter.begin_call();
    }

    /// Whether the host stops, and has waited for guests as long as it does.
    pub fn is_over(&self) -> bool {
        self.background.is_over()
    }

    /// Why a call has no result.
    pub fn failed(&self, error: &wasmtime::Error, deadline: Duration) -> GuestError {
        if self.background.is_over() && matches!(error.downcast_ref(), Some(Trap::Interrupt)) {
            return GuestError::Stopping;
        }
        GuestError::of(error, self.limiter.refused(), deadline, self.log.take_panic().as_deref())
    }

    fn turn_clock(&mut self) -> TurnClock<'_> {
        let now = self.now;
        TurnClock { now, table: self.ctx().table }
    }
}

impl WasiView for GuestState {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        let log = &self.log;
        let (ctx, table) = &mut **self.wasi.get_or_insert_with(|| Box::new((no_wasi(log), new_table(MAX_RESOURCES))));
        WasiCtxView { ctx, table }
    }
}

/// Empty environment, no arguments, no files, closed input; what is printed goes to the log.
fn no_wasi(log: &Arc<GuestLog>) -> WasiCtx {
    let mut builder = WasiCtx::builder();
    builder.stdout(LogStdout::new(log.clone(), LogLevel::Info));
    builder.stderr(LogStdout::new(log.clone(), LogLevel::Warn));
    builder.build()
}

/// A store for one guest with bounded memory. Call `begin_call` and set a deadline before anything
/// runs in it.
pub(crate) fn new_store(engine: &Engine, log: Arc<GuestLog>, config: &Config, background: &Arc<Background>) -> Store<GuestState> {
    let limits = &config.limits;
    let limiter = Limiter::sharing(limits.orchestrator_memory_bytes, config.memory.clone());
    let (now, random) = (Timestamp(0), RandomNumbers::seeded(&[]));
    let state = GuestState { log, limiter, now, random, background: background.clone(), permit: None, later_ticks: 0, wasi: None };
    let mut store = Store::new(engine, state);
    store.limiter(|state| &mut state.limiter);
    store.set_max_component_handles(MAX_HANDLES);
    store.epoch_deadline_callback(|mut store| {
        let state = store.data_mut();
        let slice = state.later_ticks.min(LATER_SLICE_TICKS);
        if slice == 0 || state.background.is_over() {
            return Ok(UpdateDeadline::Interrupt);
        }
        state.later_ticks -= slice;
        state.permit = state.background.next_slice(state.permit.take());
        if state.background.is_over() {
            return Ok(UpdateDeadline::Interrupt);
        }
        // The ticks of a wait do not count, and the tick in which it ends is shorter than the
        // others.
        let begun = state.permit.as_ref().is_some_and(Permit::has_waited);
        Ok(UpdateDeadline::Continue(slice + u64::from(begun)))
    });
    // A fresh store has no time at all; instantiating runs code already.
    begin_time(&mut store, limits);
    store
}

/// Ticks until a call counts as one that does not return soon.
const FIRST_SLICE_TICKS: u64 = 2;
/// Ticks after which others come first, from then on.
const LATER_SLICE_TICKS: u64 = 5;

/// Gives the guest the time of one call, for which [`end_time`] is to be called behind it.
pub(crate) fn begin_time(store: &mut Store<GuestState>, limits: &Limits) {
    let ticks = Ticker::ticks(limits.turn_deadline);
    let first = ticks.min(FIRST_SLICE_TICKS);
    store.data_mut().later_ticks = ticks - first;
    store.set_epoch_deadline(first);
}

/// The guest has returned: others may compute.
pub(crate) fn end_time(store: &mut Store<GuestState>) {
    store.data_mut().permit = None;
}

struct HasTable;

impl HasData for HasTable {
    type Data<'a> = &'a mut ResourceTable;
}

/// Everything that a deterministic guest may import. Sockets, HTTP and anything else are absent, so
/// that they cannot be linked even if the check of names let them pass.
pub(crate) fn linker(engine: &Engine) -> Result<Linker<GuestState>> {
    let mut linker = Linker::<GuestState>::new(engine);
    let l = &mut linker;
    log::add_to_linker::<_, HasLog>(l, |state| &state.log)?;
    types::add_to_linker::<_, HasLog>(l, |state| &state.log)?;
    clocks::wall_clock::add_to_linker::<_, HasTurnClock>(l, GuestState::turn_clock)?;
    clocks::monotonic_clock::add_to_linker::<_, HasTurnClock>(l, GuestState::turn_clock)?;
    random::random::add_to_linker::<_, HasRandomNumbers>(l, |state| &mut state.random)?;
    random::insecure::add_to_linker::<_, HasRandomNumbers>(l, |state| &mut state.random)?;
    random::insecure_seed::add_to_linker::<_, HasRandomNumbers>(l, |state| &mut state.random)?;
    sync::io::error::add_to_linker::<_, HasTable>(l, |state| state.ctx().table)?;
    sync::io::poll::add_to_linker::<_, HasTable>(l, |state| state.ctx().table)?;
    sync::io::streams::add_to_linker::<_, HasTable>(l, |state| state.ctx().table)?;
    filesystem::preopens::add_to_linker::<_, WasiFilesystem>(l, GuestState::filesystem)?;
    sync::filesystem::types::add_to_linker::<_, WasiFilesystem>(l, GuestState::filesystem)?;
    cli::exit::add_to_linker::<_, WasiCli>(l, GuestState::cli)?;
    cli::environment::add_to_linker::<_, WasiCli>(l, GuestState::cli)?;
    cli::stdin::add_to_linker::<_, WasiCli>(l, GuestState::cli)?;
    cli::stdout::add_to_linker::<_, WasiCli>(l, GuestState::cli)?;
    cli::stderr::add_to_linker::<_, WasiCli>(l, GuestState::cli)?;
    cli::terminal_input::add_to_linker::<_, WasiCli>(l, GuestState::cli)?;
    cli::terminal_output::add_to_linker::<_, WasiCli>(l, GuestState::cli)?;
    cli::terminal_stdin::add_to_linker::<_, WasiCli>(l, GuestState::cli)?;
    cli::terminal_stdout::add_to_linker::<_, WasiCli>(l, GuestState::cli)?;
    cli::terminal_stderr::add_to_linker::<_, WasiCli>(l, GuestState::cli)?;
    Ok(linker)
}
