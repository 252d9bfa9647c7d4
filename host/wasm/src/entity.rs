//! Entities: a guest for one batch of operations.

use std::sync::Arc;

use longhaul_core::entity::{GuestBatch, GuestOperation};
use longhaul_core::{EntityId, Payload, Timestamp};
use wasmtime::component::InstancePre;

use crate::background::Background;
use crate::bindings::entity::EntityFunctionPre;
use crate::component_world::FunctionKind;
use crate::config::Config;
use crate::convert;
use crate::deterministic::{GuestState, end_time, new_store};
use crate::error::GuestError;
use crate::log::{GuestLog, LogContext};

/// A compiled and linked entity; clones share it.
#[derive(Clone)]
pub struct EntityComponent(Arc<Linked>);

struct Linked {
    pre: EntityFunctionPre<GuestState>,
    config: Arc<Config>,
    background: Arc<Background>,
}

impl EntityComponent {
    pub(crate) fn new(pre: InstancePre<GuestState>, config: Arc<Config>, background: Arc<Background>) -> wasmtime::Result<Self> {
        Ok(Self(Arc::new(Linked { pre: EntityFunctionPre::new(pre)?, config, background })))
    }

    /// Runs a batch in a new guest. Plain and blocking, like an orchestrator's calls.
    ///
    /// `state` is `None` while the entity does not exist. The result holds as many results as
    /// operations were given.
    ///
    /// # Errors
    /// Any [`GuestError`] but [`GuestError::Gone`]; the state is as it was before.
    pub fn run(
        &self,
        log: LogContext,
        id: &EntityId,
        state: Option<Payload>,
        now: Timestamp,
        operations: Vec<GuestOperation>,
    ) -> Result<GuestBatch, GuestError> {
        let Linked { pre, config, background } = &*self.0;
        if background.is_over() {
            return Err(GuestError::Stopping);
        }
        let log = GuestLog::new(log, config.log.clone(), &config.limits);
        let mut store = new_store(pre.engine(), log, config, background);
        let seed = [b"entity", id.name.as_bytes(), id.key.as_bytes(), &now.0.to_le_bytes()];
        store.data_mut().begin_call(now, &seed, false);

        let count = operations.len();
        let operations: Vec<_> = operations.into_iter().map(convert::operation).collect();
        let state = state.map(|state| state.as_str().to_owned());
        config.counts.add(FunctionKind::Entity);
        let batch = pre.instantiate(&mut store).and_then(|function| {
            let entity = function.longhaul_durable_entity();
            entity.call_run(&mut store, &convert::entity_id_out(id), state.as_ref(), now.0, &operations)
        });
        end_time(&mut store);
        let batch = batch.map_err(|error| store.data().failed(&error, config.limits.turn_deadline))?;
        convert::batch(batch, count, &config.limits)
    }
}
