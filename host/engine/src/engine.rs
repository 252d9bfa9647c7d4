//! What the HTTP side and client functions may ask of the engine.

use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use longhaul_core::limits::check_time;
use longhaul_core::message::{Operation, Start};
use longhaul_core::{EntityId, ExecutionId, InstanceId, Message, Payload, Tags, Timestamp, check_event_name, check_tags};
use longhaul_store::Store;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::budget::MemoryUse;
use crate::config::{EngineConfig, ReusePolicy};
use crate::context::EngineContext;
use crate::counters::Counts;
use crate::durability::purge::{self, Purged};
use crate::durability::{committer, expiry, recovery};
use crate::error::{EngineError, StartError};
use crate::long_work::by_length;
use crate::permit::Permit;
use crate::ports::Guests;
use crate::state::reservations::Binding;
use crate::timers::{self, correction};
use crate::turns::{watchdog, workers};
use crate::world::{Machine, World};

pub(crate) mod keyed;
pub(crate) mod reads;
mod reuse;
mod send;

/// Longest wait for the last commits when the engine stops.
const STOP_LIMIT: Duration = Duration::from_secs(10);

/// Starts an orchestration of the current deployment.
#[derive(Clone, Debug, Default)]
pub struct StartRequest {
    /// The orchestration, compared ignoring case.
    pub name: String,
    /// Its input; `null` where none was given.
    pub input: Payload,
    /// The new instance's id; made by the host when absent.
    pub instance_id: Option<String>,
    /// The version asked for.
    pub version: Option<String>,
    /// Texts to find the instance by. They stay through continue-as-new and restart.
    pub tags: Tags,
    /// Not before this time: the instance is pending until then.
    pub at: Option<Timestamp>,
    /// Longest wait for the end of a live instance that is to be replaced, where
    /// [`ReusePolicy::AnyState`] has it so; 3 minutes where nothing is said.
    pub replace_within: Option<Duration>,
    /// When the instance was started first that this starts again in place; now if absent.
    pub born_at: Option<Timestamp>,
}

/// The running engine. Cheap to clone.
///
/// What sends a message takes a [`Binding`]: the idempotency key that the message binds if it is
/// accepted, or none.
#[derive(Clone)]
pub struct Engine {
    context: Arc<EngineContext>,
    jobs: Arc<Mutex<Vec<JoinHandle<()>>>>,
    /// Under which whatever this one sends is done.
    permit: Permit,
}

impl Engine {
    /// Starts the engine over a store: loads what has something to do, and goes on with it.
    ///
    /// # Errors
    /// When the store is damaged or threads cannot be started.
    pub async fn run(store: Arc<dyn Store>, guests: Arc<dyn Guests>, config: EngineConfig) -> Result<Self, StartError> {
        Self::run_in(store, guests, config, Arc::new(Machine)).await
    }

    /// The same on the calling runtime alone, in the world of a simulation: for tests.
    ///
    /// # Errors
    /// When the store is damaged.
    pub async fn simulate(
        store: Arc<dyn Store>,
        guests: Arc<dyn Guests>,
        config: EngineConfig,
        world: Arc<dyn World>,
    ) -> Result<Self, StartError> {
        // Simulations of a process share its guests' runtime, which outlives their stops.
        let config = EngineConfig { stop_grace: Duration::MAX, ..config };
        Self::run_in(store, guests, config, world).await
    }

    async fn run_in(
        store: Arc<dyn Store>,
        guests: Arc<dyn Guests>,
        config: EngineConfig,
        world: Arc<dyn World>,
    ) -> Result<Self, StartError> {
        let context = Arc::new(EngineContext::new(store, guests, config, world));
        let beginning = recovery::begin(&context).await?;
        let mut jobs = vec![
            match &context.config.writer {
                Some(writer) => writer.run(Box::pin(committer::run(context.clone()))),
                None => tokio::spawn(committer::run(context.clone())),
            },
            tokio::spawn(timers::fire(context.clone())),
            tokio::spawn(timers::read_ahead(context.clone())),
            tokio::spawn(expiry::forget_old(context.clone())),
        ];
        jobs.extend(beginning);
        workers::spawn(&context).map_err(StartError::Threads)?;
        jobs.push(tokio::spawn(watchdog::watch(context.clone())));
        jobs.push(tokio::spawn(correction::watch(context.clone())));
        Ok(Self { context, jobs: Arc::new(Mutex::new(jobs)), permit: Permit::default() })
    }

    pub(crate) fn context(&self) -> &EngineContext {
        &self.context
    }

    /// This engine, to act while `permit` holds, on the instance that it is for: both are looked at
    /// when the instance takes what is sent. An act comes to [`EngineError::Denied`] where leave
    /// has ended, and to [`EngineError::NotFound`] where the id is another instance's.
    pub fn under(&self, permit: Permit) -> Self {
        Self { permit, ..self.clone() }
    }

    /// What it has done since it was started, and what it holds now.
    pub fn counts(&self) -> Counts {
        let in_memory = self.context.scheduler().instances_in_memory();
        let statements = self.context.config.writer.as_ref().map_or(0, |writer| writer.append_statements());
        self.context.counters.read(statements, in_memory)
    }

    /// How the budgets of memory that it has stand.
    pub fn memory(&self) -> Vec<MemoryUse> {
        let (used, limit) = self.context.scheduler().memory();
        let instances = MemoryUse { of: "instances", used, limit };
        vec![MemoryUse::of("answers", &self.context.answers.budget), instances, MemoryUse::of("loads", &self.context.long_loads)]
    }

    /// Stops: lets running turns end, those that do so within [`EngineConfig::stop_grace`], and
    /// writes what they decided. The others are taken again after the next start. Activities under
    /// way are given up and run again after the next start. The store is the caller's to close.
    pub async fn stop(&self) {
        self.context.begin_to_stop();
        let jobs = std::mem::take(&mut *self.jobs.lock().unwrap_or_else(PoisonError::into_inner));
        self.context.activities.stop();
        self.context.guests.end_waits_for_processors();
        let mut turns_end = pin!(self.context.crew.join());
        if tokio::time::timeout(self.context.config.stop_grace, turns_end.as_mut()).await.is_err() {
            tracing::warn!("some guests do not return; their turns are taken again after the next start");
            self.context.guests.end_guests();
            turns_end.await;
        }
        let (flushed, reached) = oneshot::channel();
        self.context.scheduler().queue_barrier(flushed);
        if tokio::time::timeout(STOP_LIMIT, reached).await.is_err() {
            tracing::warn!("the last commits could not be written in time; what was accepted before is safe");
        }
        jobs.iter().for_each(JoinHandle::abort);
        for job in jobs {
            // Cancelled or not, it holds on to the store no longer.
            let _ = job.await;
        }
        if tokio::time::timeout(STOP_LIMIT, self.context.errands.end()).await.is_err() {
            tracing::warn!("something still reads the store; it is closed all the same");
        }
    }

    /// Starts an orchestration. Returns once that is on stable storage.
    pub async fn start(&self, request: StartRequest, binding: &Binding) -> Result<InstanceId, EngineError> {
        Ok(self.start_to_watch(request, binding).await?.0)
    }

    /// The same, with the time of the instance's first start, which tells it from a later one of
    /// its id.
    pub async fn start_to_watch(&self, request: StartRequest, binding: &Binding) -> Result<(InstanceId, Timestamp), EngineError> {
        let StartRequest { name, input, instance_id, version, tags, at, replace_within, born_at } = request;
        check_tags(&tags).map_err(|problem| EngineError::Invalid(problem.to_string()))?;
        let values = &self.context.config.limits.values;
        values.check_name("the version", version.as_deref().unwrap_or_default())?;
        self.check_payload("the input", &input).await?;
        check_time("the orchestration", at.unwrap_or_default())?;
        let app = self
            .context
            .guests
            .current()
            .ok_or_else(|| EngineError::Invalid("no app is deployed yet; see `longhaul deploy --help`".into()))?;
        let Some(function) = app.orchestrator(&name) else {
            return Err(EngineError::UnknownOrchestrator(app.unknown_orchestrator(&name)));
        };
        let pin = app.pin();
        let fresh = self.context.world.fresh_id();
        let chosen = instance_id.filter(|id| !id.is_empty());
        let is_new = chosen.is_none();
        let id = match chosen {
            Some(text) => InstanceId::orchestration(&text).map_err(|problem| EngineError::Invalid(problem.to_string()))?,
            None => InstanceId::trusted(fresh.clone()),
        };
        let execution = if is_new { ExecutionId::trusted(fresh) } else { ExecutionId::trusted(self.context.world.fresh_id()) };
        let now = self.context.now();
        let birth = born_at.unwrap_or(now);
        let start = Start {
            name: function.name().clone(),
            input,
            execution,
            deployment: pin.deployment,
            on_return: pin.on_return,
            nesting: 0,
            created_at: now,
            born_at: Some(birth),
            version,
            parent: None,
            at,
            tags,
        };
        let birth = match self.context.config.reuse {
            ReusePolicy::AnyState if !is_new => self.send_replacing(&id, start, born_at, replace_within, binding).await?,
            ReusePolicy::NonRunningStates | ReusePolicy::AnyState => {
                self.send(&id, Message::Start(Box::new(start)), is_new, binding).await?;
                birth
            }
        };
        Ok((id, birth))
    }

    /// Raises an event. Returns once that is on stable storage.
    pub async fn raise_event(&self, id: &InstanceId, name: &str, data: Payload, binding: &Binding) -> Result<(), EngineError> {
        check_event_name(name).map_err(|problem| EngineError::Invalid(problem.to_string()))?;
        self.check("the event", name, &data).await?;
        self.send(id, Message::Event { name: name.to_owned(), data }, false, binding).await
    }

    /// Ends an instance, and with `recursive` its children.
    pub async fn terminate(&self, id: &InstanceId, reason: Option<String>, recursive: bool, binding: &Binding) -> Result<(), EngineError> {
        self.send(id, Message::Terminate { reason, recursive, parent: None }, false, binding).await
    }

    /// Holds an instance. [`EngineError::WrongState`] if it is held already.
    pub async fn suspend(&self, id: &InstanceId, reason: Option<String>, binding: &Binding) -> Result<(), EngineError> {
        self.send(id, Message::Suspend { reason }, false, binding).await
    }

    /// Lets a held or parked instance go on. [`EngineError::WrongState`] if it is neither.
    pub async fn resume(&self, id: &InstanceId, reason: Option<String>, binding: &Binding) -> Result<(), EngineError> {
        self.send(id, Message::Resume { reason }, false, binding).await
    }

    /// Lets a failed instance go on from before its first failure, on the deployment that it is
    /// pinned to or, with `current_deployment`, on the current one. [`EngineError::NotFailed`] if
    /// it has not failed.
    pub async fn rewind(
        &self,
        id: &InstanceId,
        reason: Option<String>,
        current_deployment: bool,
        binding: &Binding,
    ) -> Result<(), EngineError> {
        let deployment = self.context.guests.current().map(|app| app.pin().deployment).filter(|_| current_deployment);
        self.send(id, Message::Rewind { reason, caller: None, deployment }, false, binding).await
    }

    /// Sends an operation to an entity. [`EngineError::Invalid`] if the current deployment has no
    /// such entity.
    pub async fn signal_entity(&self, entity: EntityId, operation: &str, input: Payload, binding: &Binding) -> Result<(), EngineError> {
        let known = self.context.guests.current().is_some_and(|app| app.entity(&entity.name).is_some());
        if !known {
            return Err(EngineError::Invalid(format!("there is no entity function '{}' in the current deployment", entity.name)));
        }
        self.check("the operation", operation, &input).await?;
        let message = Message::Operation(Operation { name: operation.to_owned(), input, caller: None, at: None });
        self.send(&entity.instance_id(), message, false, binding).await
    }

    async fn check(&self, what: &str, name: &str, payload: &Payload) -> Result<(), EngineError> {
        self.context.config.limits.values.check_name(&format!("the name of {what}"), name)?;
        self.check_payload(&format!("the payload of {what}"), payload).await
    }

    async fn check_payload(&self, what: &str, payload: &Payload) -> Result<(), EngineError> {
        let (limits, what, payload) = (self.context.config.limits.clone(), what.to_owned(), payload.clone());
        Ok(by_length(payload.len_bytes(), move || limits.values.check_payload(&what, &payload)).await?)
    }

    /// Removes an ended instance, or an entity, with its history. [`EngineError::WrongState`] if it
    /// has not ended. Returns how many were removed.
    pub async fn purge(&self, id: &InstanceId) -> Result<u32, EngineError> {
        purge::purge_one(&self.context, id, &self.permit).await
    }

    /// Removes those of some instances that have ended, with their histories, many in one
    /// transaction. Live ones stay and are not told of: they have been started again since the
    /// caller saw them. Callers bound how many they name, since all are held at a time.
    pub async fn purge_ended(&self, ids: Vec<InstanceId>) -> Result<Purged, EngineError> {
        purge::purge(&self.context, ids, &self.permit).await
    }

    /// What lies untouched in memory though something could be done about it at once. For a
    /// simulation, which knows when nothing runs: a host that is at work has always something on
    /// its way.
    pub fn left_lying(&self) -> Vec<String> {
        self.context.scheduler_as_it_is().left_lying()
    }
}
