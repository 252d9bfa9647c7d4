//! The state of a guest that may reach outside, and what it may reach.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use wasmtime::component::{Linker, ResourceTable};
use wasmtime::{Engine, Result, Store};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpView};

use crate::bindings::{log, types};
use crate::client::ClientHost;
use crate::error::{GuestError, Refused};
use crate::limiter::Limiter;
use crate::log::{GuestLog, HasLog, LogContext, LogLevel, LogStdout};
use crate::memory::GuestMemory;

mod allowed_hosts;
mod bodies;
mod bounded;
mod connector;
mod error_code;
mod exchange;
mod failed;
mod guest_secrets;
mod held;
mod outgoing;
mod own_listeners;
mod resolver;
mod stream;
mod trust;

pub use allowed_hosts::{AllowedHosts, InvalidHost};
pub use exchange::is_forbidden_method;
pub(crate) use exchange::{HttpClient, exchange, new_http_client};
pub(crate) use failed::RequestFailed;
pub use guest_secrets::Secrets;
pub(crate) use outgoing::destination;
pub use own_listeners::OwnListeners;
pub use trust::tls_client_config;

use held::{Held, MAX_FIELDS_BYTES, MAX_HANDLES, MAX_RESOURCES};
use outgoing::Outgoing;

/// Most random bytes of one call: the host must not compute for long without giving way.
const MAX_RANDOM_BYTES: u64 = 64 << 10;

/// What an app's activities and client functions can reach outside of their guest.
#[derive(Clone, Debug, Default)]
pub struct AppEnvironment {
    /// App settings: the guest's environment variables.
    pub settings: BTreeMap<String, String>,
    /// Values that the operator gives to the function: environment variables, too, and kept out of
    /// everything that the host writes down.
    pub secrets: Secrets,
    /// Where outgoing HTTP requests may go, default nowhere.
    pub allowed_hosts: AllowedHosts,
}

impl IoState {
    /// Why a call has no result.
    pub(crate) fn failed(&self, error: &wasmtime::Error, deadline: Duration) -> GuestError {
        let panic = self.log.take_panic();
        let panic = panic.as_deref().map(|panic| self.secrets().hidden_in(panic));
        GuestError::of(error, self.refused(), deadline, panic.as_deref())
    }

    /// The secrets of the function.
    pub(crate) fn secrets(&self) -> &Secrets {
        &self.outgoing.environment.secrets
    }

    /// Begins another call of a pooled guest.
    pub(crate) fn begin_call(&mut self, log: LogContext) {
        self.limiter.begin_call();
        self.log.begin_call_for(log);
    }

    /// The bound that the guest met during this call, if any.
    pub(crate) fn refused(&self) -> Refused {
        Refused { held: self.held.is_beyond(), ..self.limiter.refused() }
    }
}

/// A table without room.
fn no_table() -> ResourceTable {
    let mut table = ResourceTable::new();
    table.set_max_capacity(0);
    table
}

/// A table for the resources of one guest.
pub(crate) fn new_table(most: usize) -> ResourceTable {
    let mut table = ResourceTable::new();
    table.set_max_capacity(most);
    table
}

/// The host's state in the store of an I/O guest.
pub(crate) struct IoState {
    pub log: Arc<GuestLog>,
    pub limiter: Limiter,
    /// Only client functions have one.
    pub client: Option<Arc<dyn ClientHost>>,
    /// Made on first use: many guests never use it, and it costs system calls.
    wasi: Option<Box<WasiCtx>>,
    http: WasiHttpCtx,
    outgoing: Outgoing,
    table: ResourceTable,
    held: Held,
}

impl WasiView for IoState {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        let (log, environment) = (&self.log, &self.outgoing.environment);
        let ctx = self.wasi.get_or_insert_with(|| Box::new(wasi(log, environment)));
        WasiCtxView { ctx, table: &mut self.table }
    }
}

impl WasiHttpView for IoState {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        if !self.held.note_call(&mut self.table, &mut self.limiter) {
            // The call finds none of its resources then, which ends the guest.
            self.table = no_table();
        }
        WasiHttpCtxView { ctx: &mut self.http, table: &mut self.table, hooks: &mut self.outgoing }
    }
}

/// What [`new_store`] needs to know.
pub(crate) struct Guest {
    pub log: Arc<GuestLog>,
    pub environment: Arc<AppEnvironment>,
    pub client: Option<Arc<dyn ClientHost>>,
    pub http_client: HttpClient,
    pub memory_bytes: usize,
    pub memory: Arc<GuestMemory>,
    /// Most bytes that it may hand over in one call.
    pub handover_bytes: usize,
}

/// A store that gives way to other futures at each tick. It has no deadline of its own: the caller
/// sets one.
pub(crate) fn new_store(engine: &Engine, guest: Guest) -> Store<IoState> {
    let Guest { log, environment, client, http_client, memory_bytes, memory, handover_bytes } = guest;
    let mut http = WasiHttpCtx::new();
    http.set_field_size_limit(MAX_FIELDS_BYTES);
    let state = IoState {
        limiter: Limiter::sharing(memory_bytes, memory),
        client,
        wasi: None,
        http,
        outgoing: Outgoing { client: http_client, environment, log: log.clone() },
        table: new_table(MAX_RESOURCES),
        held: Held::default(),
        log,
    };
    let mut store = Store::new(engine, state);
    store.set_max_component_handles(MAX_HANDLES);
    store.set_hostcall_fuel(handover_bytes);
    store.limiter(|state| &mut state.limiter);
    // A fresh store has no time at all; from the first tick on it yields instead of trapping.
    store.set_epoch_deadline(1);
    store.epoch_deadline_async_yield_and_update(1);
    store
}

/// WASI with the app's settings and the function's secrets as the environment, no files and closed
/// input; printed output goes to the log.
fn wasi(log: &Arc<GuestLog>, environment: &AppEnvironment) -> WasiCtx {
    let mut wasi = WasiCtx::builder();
    wasi.max_random_size(MAX_RANDOM_BYTES);
    wasi.stdout(LogStdout::new(log.clone(), LogLevel::Info));
    wasi.stderr(LogStdout::new(log.clone(), LogLevel::Warn));
    for (name, value) in &environment.settings {
        wasi.env(name, value);
    }
    for (name, value) in environment.secrets.iter() {
        wasi.env(name, value);
    }
    wasi.build()
}

/// Links what activities and client functions may import. Files and sockets are linked, because
/// standard libraries want them, but there is no folder to open and no address that can be reached.
pub(crate) fn linker(engine: &Engine) -> Result<Linker<IoState>> {
    let mut linker = Linker::<IoState>::new(engine);
    log::add_to_linker::<_, HasLog>(&mut linker, |state| &state.log)?;
    types::add_to_linker::<_, HasLog>(&mut linker, |state| &state.log)?;
    wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
    wasmtime_wasi_http::p2::add_only_http_to_linker_async(&mut linker)?;
    bounded::add_to_linker(&mut linker)?;
    error_code::add_to_linker(&mut linker)?;
    Ok(linker)
}
