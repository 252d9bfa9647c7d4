//! What every handler may use.

use std::sync::Arc;

use tokio::sync::watch;

use super::bodies::Bodies;
use super::config::{Addresses, HttpConfig};
use super::router::{RPC_PREFIX, Router};
use super::routes::functions::Functions;
use crate::auth::Access;
use longhaul_app::Registry;
use longhaul_app::deployment::Deployer;
use longhaul_app::schedules::Schedules;
use longhaul_engine::Engine;
use longhaul_engine::budget::MemoryUse;

/// What is behind the HTTP interface.
pub struct Behind {
    /// Runs instances.
    pub engine: Engine,
    /// The deployments in memory.
    pub registry: Arc<Registry>,
    /// Takes deployments.
    pub deployer: Deployer,
    /// The timers at work.
    pub schedules: Arc<Schedules>,
    /// Who may do what.
    pub access: Arc<Access>,
    /// How many lines of the log nothing read in time.
    pub log_lines_dropped: fn() -> u64,
}

/// What requests are answered with.
pub struct Api {
    pub(super) engine: Engine,
    pub(super) registry: Arc<Registry>,
    pub(super) deployer: Deployer,
    pub(super) schedules: Arc<Schedules>,
    pub(super) public_routes: Router,
    pub(super) rpc_routes: Router,
    pub(super) config: HttpConfig,
    pub(super) addresses: Addresses,
    pub(super) access: Arc<Access>,
    pub(super) bodies: Arc<Bodies>,
    pub(super) functions: Functions,
    pub(super) log_lines_dropped: fn() -> u64,
    pub(super) stopping: watch::Sender<bool>,
}

impl Api {
    /// Answers with the help of `behind`.
    pub fn new(behind: Behind, config: HttpConfig, addresses: Addresses) -> Arc<Self> {
        let Behind { engine, registry, deployer, schedules, access, log_lines_dropped } = behind;
        Arc::new(Self {
            engine,
            registry,
            deployer,
            schedules,
            log_lines_dropped,
            public_routes: Router::new(&config.management_prefix),
            rpc_routes: Router::management_only(RPC_PREFIX),
            bodies: Bodies::new(config.memory.body_bytes, config.memory.body_bytes_per_address, config.body_deadline),
            functions: Functions::new(config.client_places),
            config,
            addresses,
            access,
            stopping: watch::Sender::new(false),
        })
    }

    /// Tells requests that wait for something to wait no longer.
    pub fn begin_to_stop(&self) {
        self.stopping.send_replace(true);
    }

    /// Resolves when the host shuts down.
    pub(super) async fn stopped(&self) {
        // An error would mean that the sender is gone, and it is part of this.
        let _ = self.stopping.subscribe().wait_for(|stopping| *stopping).await;
    }

    /// The budgets of memory, and what is taken of each.
    pub(super) fn memory(&self) -> Vec<MemoryUse> {
        let mut budgets = self.engine.memory();
        budgets.push(MemoryUse::of("bodies", self.bodies.budget()));
        let guests = self.registry.guest_memory();
        let (used, limit) = (guests.used_bytes() as u64, guests.limit_bytes() as u64);
        budgets.push(MemoryUse { of: "running-functions", used, limit });
        budgets
    }
}
