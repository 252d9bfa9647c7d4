//! The engines and the components that were loaded into them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use longhaul_core::Sha256;
use tokio::sync::Semaphore;
use wasmtime::component::{self, Linker};
use wasmtime::{Engine, Precompiled};

use crate::activity::{ActivityComponent, GuestPools};
use crate::background::Background;
use crate::client::{self, ClientComponent};
use crate::compiled::{self, CompileError, Source};
use crate::component_world::{FunctionKind, check_names};
use crate::config::{Config, Limits};
use crate::counts::GuestCounts;
use crate::deterministic::{self, GuestState};
use crate::engine::{self, EngineKind};
use crate::entity::EntityComponent;
use crate::error::{ComponentError, Error};
use crate::http_call::HttpCaller;
use crate::io::{self, HttpClient, IoState};
use crate::memory::GuestMemory;
use crate::orchestrator::OrchestratorComponent;
use crate::ticker::Ticker;

/// Two engines, the components loaded into them, and a thread that keeps their time.
pub struct Runtime {
    config: Arc<Config>,
    max_hot_guests: usize,
    deterministic: Engine,
    io: Engine,
    deterministic_linker: Linker<GuestState>,
    io_linker: Linker<IoState>,
    client_linker: Linker<IoState>,
    http_client: HttpClient,
    activities: Arc<Semaphore>,
    requests: Arc<Semaphore>,
    pools: Arc<GuestPools>,
    background: Arc<Background>,
    loaded: Mutex<HashMap<(FunctionKind, String), Component>>,
    _ticker: Ticker,
}

/// A component ready to make guests; clones share it.
#[derive(Clone)]
pub enum Component {
    /// Answers HTTP requests.
    Client(ClientComponent),
    /// Replayed from history.
    Orchestrator(OrchestratorComponent),
    /// Has side effects.
    Activity(ActivityComponent),
    /// Keyed state.
    Entity(EntityComponent),
}

impl Runtime {
    /// Sets up the engines. Reserves address space for all guests, which costs no memory until they
    /// are used.
    ///
    /// # Errors
    /// [`Error::Engine`] when this machine does not have the address space or lacks what the engine
    /// needs, [`Error::Certificates`] when the file of certificate authorities cannot be used.
    pub fn new(config: Config) -> Result<Arc<Self>, Error> {
        let failed = |error: wasmtime::Error| Error::Engine(format!("{error:#}"));
        let deterministic = engine::deterministic(&config)?;
        let io = engine::io(&config)?;
        let mut client_linker = io::linker(&io).map_err(failed)?;
        client::add_to_linker(&mut client_linker).map_err(failed)?;
        let pools = Arc::new(GuestPools::default());
        let aging = pools.clone();
        let ticker = Ticker::start(vec![deterministic.clone(), io.clone()], move || aging.drop_old())
            .map_err(|error| Error::Engine(error.to_string()))?;
        Ok(Arc::new(Self {
            max_hot_guests: engine::max_hot_guests(&config),
            deterministic_linker: deterministic::linker(&deterministic).map_err(failed)?,
            io_linker: io::linker(&io).map_err(failed)?,
            client_linker,
            http_client: io::new_http_client(config.outbound_ca_file.as_deref(), config.own_listeners.clone())?,
            activities: Arc::new(Semaphore::new(config.max_running_activities)),
            requests: Arc::new(Semaphore::new(config.max_running_requests)),
            pools,
            background: Arc::new(Background::new(config.max_background_guests)),
            loaded: Mutex::default(),
            config: Arc::new(config),
            deterministic,
            io,
            _ticker: ticker,
        }))
    }

    /// A caller that sends requests over the connections that activities use.
    pub fn http_caller(&self) -> HttpCaller {
        HttpCaller::new(self.http_client.clone(), self.activities.clone(), self.config.clone())
    }

    /// Lets any number of guests compute for long from now on, whatever
    /// [`Config::max_background_guests`] says: for a stop of the host, which need not wait for one
    /// after the other then.
    pub fn end_waits_for_processors(&self) {
        self.background.open();
    }

    /// Interrupts orchestrators and entities that compute, within some 50 ms, and refuses further
    /// calls, all with [`GuestError::Stopping`](crate::GuestError::Stopping): for a stop of the
    /// host, which does not wait for guests that do not return.
    pub fn end_guests(&self) {
        self.background.end();
    }

    /// The bounds on guests and calls.
    pub fn limits(&self) -> &Limits {
        &self.config.limits
    }

    /// The memory that running activities and client functions share.
    pub fn memory(&self) -> &GuestMemory {
        &self.config.memory
    }

    /// How many guests were made so far.
    pub fn counts(&self) -> &GuestCounts {
        &self.config.counts
    }

    /// How many orchestrator and entity guests can be in memory at a time, waiting ones included.
    /// One more is refused with [`GuestError::Busy`](crate::GuestError::Busy).
    pub fn max_hot_guests(&self) -> usize {
        self.max_hot_guests
    }

    /// Checks that a component can serve as this kind of function. Compiles it, so
    /// [`load`](Self::load) is quick afterwards if there is a cache. Blocks for 50 ms and more.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    pub fn check(&self, kind: FunctionKind, bytes: &[u8]) -> Result<(), Error> {
        self.link(kind, &Sha256::of(bytes).to_string(), bytes).map(|_linked| ())
    }

    /// Checks a component and makes it ready; loading the same component again shares it. Blocks
    /// for 50 ms and more when it must be compiled, 0.1 ms when compiled code is in the cache,
    /// hardly at all when it is loaded already.
    ///
    /// # Errors
    /// [`Error::Digest`] when `sha256` (lower-case hexadecimal) is not that of `bytes`,
    /// [`Error::Component`] when it cannot be used, [`Error::Compiler`] when the host cannot
    /// compile now.
    pub fn load(&self, kind: FunctionKind, sha256: &str, bytes: &[u8]) -> Result<Component, Error> {
        let key = (kind, sha256.to_owned());
        if let Some(component) = self.loaded().get(&key) {
            return Ok(component.clone());
        }
        let actual = Sha256::of(bytes).to_string();
        if actual != sha256 {
            return Err(Error::Digest { expected: sha256.into(), actual });
        }
        let component = self.link(kind, sha256, bytes)?;
        Ok(self.loaded().entry(key).or_insert(component).clone())
    }

    /// Forgets loaded components for which `keep` is false. Guests and clones of them live on until
    /// they are dropped.
    pub fn unload_except(&self, keep: impl Fn(FunctionKind, &str) -> bool) {
        self.loaded().retain(|(kind, sha256), _component| keep(*kind, sha256));
    }

    fn loaded(&self) -> std::sync::MutexGuard<'_, HashMap<(FunctionKind, String), Component>> {
        // A poisoned lock is usable: every change of the map is one call that cannot stop halfway.
        self.loaded.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn link(&self, kind: FunctionKind, sha256: &str, bytes: &[u8]) -> Result<Component, Error> {
        refuse_what_is_no_component(bytes)?;
        let (engine, engine_kind) =
            if kind.is_deterministic() { (&self.deterministic, EngineKind::Deterministic) } else { (&self.io, EngineKind::Io) };
        let component =
            compiled::compile(engine, &self.config, &Source { kind: engine_kind, sha256, bytes }).map_err(|error| match error {
                CompileError::Unusable(reason) => ComponentError::Unusable { kind, reason }.into(),
                CompileError::TooCostly(what) => ComponentError::TooCostly { kind, what }.into(),
                CompileError::Broken(why) => Error::Compiler(why),
            })?;
        check_names(kind, &component, engine)?;
        let unusable = |error: wasmtime::Error| ComponentError::Unusable { kind, reason: format!("{error:#}") };
        Ok(self.link_as(kind, &component).map_err(unusable)?)
    }

    fn link_as(&self, kind: FunctionKind, component: &component::Component) -> wasmtime::Result<Component> {
        let (config, http_client, background) = (self.config.clone(), self.http_client.clone(), self.background.clone());
        Ok(match kind {
            FunctionKind::Orchestrator => Component::Orchestrator(OrchestratorComponent::new(
                self.deterministic_linker.instantiate_pre(component)?,
                config,
                background,
            )?),
            FunctionKind::Entity => {
                Component::Entity(EntityComponent::new(self.deterministic_linker.instantiate_pre(component)?, config, background)?)
            }
            FunctionKind::Activity => {
                let pre = self.io_linker.instantiate_pre(component)?;
                let (running, pools) = (self.activities.clone(), self.pools.clone());
                Component::Activity(ActivityComponent::new(component, pre, config, http_client, running, pools, background)?)
            }
            FunctionKind::Client => {
                let pre = self.client_linker.instantiate_pre(component)?;
                Component::Client(ClientComponent::new(pre, config, http_client, self.requests.clone(), background)?)
            }
        })
    }
}

/// Describes what was uploaded instead of a component. Compiled code is never taken from outside,
/// since the host trusts it.
fn refuse_what_is_no_component(bytes: &[u8]) -> Result<(), ComponentError> {
    let what = match bytes {
        [0, b'a', b's', b'm', 0x0d, 0, 1, 0, ..] => return Ok(()),
        [0, b'a', b's', b'm', 1, 0, 0, 0, ..] => "it is a core module; turn it into a component with `wasm-tools component new`",
        _ if Engine::detect_precompiled(bytes) == Some(Precompiled::Component) => "it is compiled code, which is never accepted",
        _ => "it does not begin like one",
    };
    Err(ComponentError::NotAComponent(what.into()))
}
