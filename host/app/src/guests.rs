//! The functions of deployments as the engine calls them: its ports, over guests.

use std::sync::Arc;
use std::time::Duration;

use longhaul_core::entity::{GuestBatch, GuestOperation};
use longhaul_core::{Completion, DeploymentId, EntityId, GuestTurn, InstanceId, Payload, Pin, StartContext, Timestamp};
use longhaul_engine::{
    ActivityCall, ActivityEnd, ActivityPlace, Deployment, EntityFunction, GuestError, Guests, OrchestratorFunction, OrchestratorGuest,
    PortFuture,
};
use longhaul_wasm::{
    ActivityContext, ActivityPlace as GuestPlace, EntityComponent, GuestError as WasmError, LogContext, OrchestratorComponent,
    OrchestratorGuest as WasmOrchestrator,
};

use super::load::{ActivityFunction, App, Function};
use super::registry::Registry;

impl Guests for Registry {
    fn current(&self) -> Option<Arc<dyn Deployment>> {
        Some(Self::current(self)?)
    }

    fn loaded(&self, id: DeploymentId) -> Option<Arc<dyn Deployment>> {
        Some(self.get(id)?)
    }

    fn load(self: Arc<Self>, id: DeploymentId) -> PortFuture<'static, Result<Arc<dyn Deployment>, String>> {
        Box::pin(async move {
            match Self::load(&self, id).await {
                Ok(app) => Ok(app as Arc<dyn Deployment>),
                Err(error) => Err(error.to_string()),
            }
        })
    }

    fn when_held_up(&self, then: Box<dyn Fn() -> bool>) {
        longhaul_wasm::when_held_up(then);
    }

    fn end_waits_for_processors(&self) {
        Self::end_waits_for_processors(self);
    }

    fn end_guests(&self) {
        Self::end_guests(self);
    }
}

impl Deployment for App {
    fn pin(&self) -> Pin {
        Self::pin(self)
    }

    fn orchestrator(&self, name: &str) -> Option<&dyn OrchestratorFunction> {
        Some(Self::orchestrator(self, name)?)
    }

    fn entity(&self, name: &str) -> Option<&dyn EntityFunction> {
        Some(Self::entity(self, name)?)
    }

    fn activity(&self, name: &str) -> Option<Arc<dyn longhaul_engine::ActivityFunction>> {
        if let Some(http) = self.http_activity(name) {
            return Some(http.clone());
        }
        Some(Self::activity(self, name)?.clone())
    }

    fn unknown_orchestrator(&self, name: &str) -> String {
        Self::unknown_orchestrator(self, name)
    }
}

impl OrchestratorFunction for Function<OrchestratorComponent> {
    fn name(&self) -> &Arc<str> {
        &self.name
    }

    fn open(&self, instance: InstanceId) -> Result<Box<dyn OrchestratorGuest>, GuestError> {
        let log = LogContext { function: self.name.clone(), instance: Some(instance) };
        Ok(Box::new(OrchestratorInMemory(self.component.instantiate(log).map_err(guest_error)?)))
    }
}

/// An execution in memory.
struct OrchestratorInMemory(WasmOrchestrator);

impl OrchestratorGuest for OrchestratorInMemory {
    fn start(&mut self, context: StartContext) -> Result<GuestTurn, GuestError> {
        self.0.start(context).map_err(guest_error)
    }

    fn resume(&mut self, now: Timestamp, replaying: bool, received: Vec<Completion>) -> Result<GuestTurn, GuestError> {
        self.0.resume(now, replaying, received).map_err(guest_error)
    }

    fn touched_bytes(&self) -> u64 {
        self.0.touched_bytes()
    }
}

impl EntityFunction for Function<EntityComponent> {
    fn run(
        &self,
        instance: &InstanceId,
        id: &EntityId,
        state: Option<Payload>,
        now: Timestamp,
        operations: Vec<GuestOperation>,
    ) -> Result<GuestBatch, GuestError> {
        let log = LogContext { function: self.name.clone(), instance: Some(instance.clone()) };
        self.component.run(log, id, state, now, operations).map_err(guest_error)
    }
}

impl longhaul_engine::ActivityFunction for ActivityFunction {
    fn timeout(&self) -> Option<Duration> {
        self.timeout
    }

    fn is_expected_at_once(&self, timeout: Option<Duration>) -> bool {
        self.function.component.is_expected_inline(timeout)
    }

    fn run_at_once(&self, call: ActivityCall, input: &Payload) -> Option<ActivityEnd> {
        let ended = self.function.component.run_inline(&self.context(call), input)?;
        Some(ended.map_err(guest_error))
    }

    fn run(&self, call: ActivityCall, input: Payload) -> PortFuture<'_, ActivityEnd> {
        let context = self.context(call);
        Box::pin(async move {
            let ended = self.function.component.run(context, input, self.environment.clone()).await;
            ended.map_err(guest_error)
        })
    }

    fn place(&self) -> Option<PortFuture<'_, Box<dyn ActivityPlace + '_>>> {
        Some(Box::pin(async move {
            let place = self.function.component.place().await;
            Box::new(Placed { activity: self, place }) as Box<dyn ActivityPlace>
        }))
    }
}

impl ActivityFunction {
    fn context(&self, call: ActivityCall) -> ActivityContext {
        let ActivityCall { instance, task, attempt, idempotency_key, timeout } = call;
        ActivityContext { name: self.function.name.clone(), instance_id: instance, task, attempt, idempotency_key, timeout }
    }
}

/// An activity that has its place among those that run.
struct Placed<'app> {
    activity: &'app ActivityFunction,
    place: GuestPlace,
}

impl ActivityPlace for Placed<'_> {
    fn run<'run>(self: Box<Self>, call: ActivityCall, input: Payload) -> PortFuture<'run, ActivityEnd>
    where
        Self: 'run,
    {
        Box::pin(async move {
            let Self { activity, place } = *self;
            let (context, environment) = (activity.context(call), activity.environment.clone());
            let ended = activity.function.component.run_in(place, context, input, environment).await;
            ended.map_err(guest_error)
        })
    }
}

/// What the engine makes of a guest's end.
fn guest_error(error: WasmError) -> GuestError {
    let error_type = match error {
        WasmError::Busy(_) => return GuestError::NoCapacity(error.to_string()),
        WasmError::Stopping => return GuestError::Stopping,
        WasmError::BeyondLimit(beyond) => return GuestError::BeyondLimit(beyond),
        WasmError::Trap { .. } => "Trap",
        WasmError::Deadline { .. } => "Timeout",
        WasmError::Memory { .. } => "OutOfMemory",
        WasmError::Resources => "TooManyResources",
        WasmError::Handover => "PayloadTooLarge",
        WasmError::Protocol(_) => "Protocol",
        WasmError::OutputTooLarge { .. } => "OutputTooLarge",
        WasmError::Gone => "Unavailable",
    };
    let (message, is_transient) = (error.to_string(), error.is_transient());
    let backtrace = match error {
        WasmError::Trap { backtrace, .. } => backtrace,
        _ => String::new(),
    };
    GuestError::Stopped { error_type, message, backtrace, is_transient }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_engine_learns_what_a_caller_is_told_and_whether_to_try_again() {
        let of = |error: WasmError| match guest_error(error) {
            GuestError::Stopped { error_type, message, backtrace, is_transient } => (error_type, message, backtrace, is_transient),
            other => panic!("{other:?}"),
        };
        let trap = WasmError::Trap { message: "unreachable".into(), backtrace: "0: f".into() };
        assert_eq!(of(trap), ("Trap", "the guest trapped: unreachable".into(), "0: f".into(), false));
        let late = WasmError::Deadline { limit_ms: 5 };
        assert_eq!(of(late), ("Timeout", "the guest did not return within 5 ms".into(), String::new(), true));
        let full = guest_error(WasmError::Busy("1,000 are here".into()));
        assert!(matches!(&full, GuestError::NoCapacity(_)) && full.is_transient());
        assert_eq!(full.to_string(), "no room for another guest: 1,000 are here");
    }
}
