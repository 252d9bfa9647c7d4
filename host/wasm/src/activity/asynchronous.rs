//! Asynchronous runs: activities as futures, with everything that they may import.

use std::sync::Arc;
use std::time::Duration;

use longhaul_core::{Failure, Payload};
use wasmtime::component::InstancePre;

use super::ActivityContext;
use super::guest_pool::{self, GuestPool};
use crate::background::before_reading;
use crate::bindings::activity::{ActivityFunction, ActivityFunctionPre};
use crate::component_world::FunctionKind;
use crate::config::Config;
use crate::error::GuestError;
use crate::io::{AppEnvironment, Guest, HttpClient, IoState, new_store};
use crate::log::GuestLog;

pub(crate) type IoGuest = guest_pool::Guest<IoState, ActivityFunction>;

/// An activity that is linked for calls as a future.
pub(super) struct AsyncActivity {
    pre: ActivityFunctionPre<IoState>,
    config: Arc<Config>,
    http_client: HttpClient,
}

impl AsyncActivity {
    pub(super) fn new(pre: InstancePre<IoState>, config: Arc<Config>, http_client: HttpClient) -> wasmtime::Result<Self> {
        Ok(Self { pre: ActivityFunctionPre::new(pre)?, config, http_client })
    }

    /// Runs the activity in a new guest or one of the pool. Dropping the future drops the guest.
    pub(super) async fn run(
        &self,
        pool: Option<&GuestPool<IoGuest>>,
        context: ActivityContext,
        input: Payload,
        environment: Arc<AppEnvironment>,
        deadline: Duration,
    ) -> Result<Result<Payload, Failure>, GuestError> {
        before_reading(input.as_str().len()).await;
        let mut pooled = GuestPool::take_or(pool, || self.new_guest(&context, environment.clone()));
        let outcome = self.call(&mut pooled.guest, context, &input).await;
        let state = pooled.guest.store.data();
        let memory_bytes = state.limiter.memory_bytes();
        let outcome = outcome.map_err(|error| state.failed(&error, deadline))?;
        before_reading(outcome.as_ref().map_or(0, String::len)).await;
        let outcome = super::checked(environment.secrets.kept_out(outcome), &self.config.limits)?;
        if let Some(pool) = pool {
            pool.put_back(pooled, memory_bytes);
        }
        Ok(outcome)
    }

    fn new_guest(&self, context: &ActivityContext, environment: Arc<AppEnvironment>) -> IoGuest {
        let limits = &self.config.limits;
        let log = GuestLog::hiding(context.log_context(), self.config.log.clone(), limits, environment.secrets.clone());
        let (http_client, memory_bytes) = (self.http_client.clone(), limits.activity_memory_bytes);
        let (memory, handover_bytes) = (self.config.memory.clone(), limits.handover_bytes());
        let guest = Guest { log, environment, client: None, http_client, memory_bytes, memory, handover_bytes };
        IoGuest { store: new_store(self.pre.engine(), guest), function: None }
    }

    async fn call(
        &self,
        guest: &mut IoGuest,
        context: ActivityContext,
        input: &Payload,
    ) -> wasmtime::Result<Result<String, crate::bindings::types::Failure>> {
        let guest_pool::Guest { store, function } = guest;
        let function = match function {
            Some(function) => {
                store.data_mut().begin_call(context.log_context());
                function
            }
            None => {
                self.config.counts.add(FunctionKind::Activity);
                function.insert(self.pre.instantiate_async(&mut *store).await?)
            }
        };
        function.longhaul_durable_activity().call_run(store, &context.into(), &input.as_str().to_owned()).await
    }
}
