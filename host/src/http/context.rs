//! What every handler may use.

use std::sync::Arc;

use tokio::sync::watch;

use super::bodies::Bodies;
use super::config::{Addresses, HttpConfig};
use super::router::{RPC_PREFIX, Router};
use super::routes::functions::Functions;
use crate::access::Access;
use crate::app::Registry;
use crate::app::deployment::Deployer;
use crate::schedules::Schedules;
use longhaul_engine::Engine;
use longhaul_engine::budget::MemoryUse;

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
    pub(super) stopping: watch::Sender<bool>,
}

impl Api {
    /// Answers with the help of `engine`, and takes deployments with `deployer`.
    pub fn new(
        engine: Engine,
        registry: Arc<Registry>,
        deployer: Deployer,
        schedules: Arc<Schedules>,
        config: HttpConfig,
        addresses: Addresses,
        access: Arc<Access>,
    ) -> Arc<Self> {
        Arc::new(Self {
            engine,
            registry,
            deployer,
            schedules,
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
