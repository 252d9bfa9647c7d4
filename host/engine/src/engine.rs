//! What the HTTP side and client functions may ask of the engine.

use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use longhaul_core::limits::check_time;
use longhaul_core::message::{Operation, Start};
use longhaul_core::{EntityId, ExecutionId, InstanceId, Message, Payload, RuntimeStatus, Tags, Timestamp, check_event_name, check_tags};
use longhaul_store::Store;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::budget::MemoryUse;
use crate::context::{EngineConfig, Shared};
use crate::correction;
use crate::counters::Counts;
use crate::durability::loader;
use crate::durability::purge;
pub use crate::durability::purge::Purged;
use crate::durability::recovery;
use crate::engine::reuse::ReusePolicy;
use crate::error::{EngineError, StartError};
use crate::idempotency;
use crate::idempotency::Claim;
use crate::permit::Permit;
use crate::ports::Guests;
use crate::state::commit_queue;
use crate::state::commit_queue::Commit;
use crate::state::instance::Delivery;
use crate::state::wakeups;
use crate::turns::watchdog;
use crate::turns::workers;
use crate::world::{Simulation, World};

pub(crate) mod reads;
pub(crate) mod reuse;

/// How long a message from outside waits for the turn that takes it before it gets a record of its own.
const PATIENCE: Duration = Duration::from_millis(500);

/// How long a message from outside waits until instances hold less, and up to which length it need not.
const ROOM_PATIENCE: Duration = Duration::from_secs(5);
const SMALL_MESSAGE_BYTES: u64 = 16 << 10;

/// When a message may be recorded before any turn looks at it.
#[derive(Clone, Copy)]
enum Late {
    Always,
    /// While the instance has not ended.
    IfLive,
    /// While no live instance has this id.
    Start,
    /// The answer depends on what the turn finds.
    Never,
}

impl Late {
    fn of(message: &Message) -> Self {
        match message {
            Message::Operation(_) => Self::Always,
            Message::Start(_) => Self::Start,
            Message::Event { .. } | Message::Terminate { .. } => Self::IfLive,
            _ => Self::Never,
        }
    }
}

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
    /// Longest wait for the end of a live instance that is to be replaced, where [`ReusePolicy::AnyState`] has it so; 3 minutes where
    /// nothing is said.
    pub replace_within: Option<Duration>,
    /// When the instance was started first that this starts again in place; now if absent.
    pub born_at: Option<Timestamp>,
}

/// The running engine. Cheap to clone.
#[derive(Clone)]
pub struct Engine {
    shared: Arc<Shared>,
    jobs: Arc<Mutex<Vec<JoinHandle<()>>>>,
    /// The key that the message sent next binds.
    claim: Option<Arc<Claim>>,
    /// Under which whatever this one sends is done.
    permit: Permit,
}

impl Engine {
    /// Starts the engine over a store: loads what has something to do, and goes on with it.
    ///
    /// # Errors
    /// When the store is damaged or threads cannot be started.
    pub async fn run(store: Arc<dyn Store>, guests: Arc<dyn Guests>, config: EngineConfig) -> Result<Self, StartError> {
        Self::run_in(store, guests, config, World::Machine).await
    }

    /// The same on the calling runtime alone, in the world of a simulation: for tests.
    ///
    /// # Errors
    /// When the store is damaged.
    pub async fn simulate(
        store: Arc<dyn Store>,
        guests: Arc<dyn Guests>,
        config: EngineConfig,
        simulation: Arc<dyn Simulation>,
    ) -> Result<Self, StartError> {
        // Simulations of a process share its guests' runtime, which outlives their stops.
        let config = EngineConfig { stop_grace: Duration::MAX, ..config };
        Self::run_in(store, guests, config, World::Simulated(simulation)).await
    }

    async fn run_in(store: Arc<dyn Store>, guests: Arc<dyn Guests>, config: EngineConfig, world: World) -> Result<Self, StartError> {
        let shared = Arc::new(Shared::new(store, guests, config, world));
        let beginning = recovery::begin(&shared).await?;
        let mut jobs = vec![
            match &shared.config.writer {
                Some(writer) => writer.run(Box::pin(commit_queue::run(shared.clone()))),
                None => tokio::spawn(commit_queue::run(shared.clone())),
            },
            tokio::spawn(wakeups::ring(shared.clone())),
            tokio::spawn(wakeups::read_ahead(shared.clone())),
            tokio::spawn(idempotency::forget_old(shared.clone())),
        ];
        jobs.extend(beginning);
        workers::spawn(&shared).map_err(StartError::Threads)?;
        jobs.push(tokio::spawn(watchdog::watch(shared.clone())));
        jobs.push(tokio::spawn(correction::watch(shared.clone())));
        Ok(Self { shared, jobs: Arc::new(Mutex::new(jobs)), claim: None, permit: Permit::default() })
    }

    pub(crate) fn shared(&self) -> &Shared {
        &self.shared
    }

    /// This engine, to send messages that bind no key.
    pub(crate) fn without_claim(&self) -> Self {
        Self { claim: None, ..self.clone() }
    }

    /// This engine, to send one message that binds a key.
    pub(crate) fn with_claim(&self, claim: Claim) -> Self {
        Self { claim: Some(Arc::new(claim)), ..self.clone() }
    }

    /// This engine, to act while `permit` holds, on the instance that it is for: both are looked at when the instance takes what is sent.
    /// An act comes to [`EngineError::Denied`] where leave has ended, and to [`EngineError::NotFound`] where the id is another instance's.
    pub fn under(&self, permit: Permit) -> Self {
        Self { permit, ..self.clone() }
    }

    /// What it has done since it was started, and what it holds now.
    pub fn counts(&self) -> Counts {
        let in_memory = self.shared.board().slots.len();
        let statements = self.shared.config.writer.as_ref().map_or(0, |writer| writer.append_statements());
        self.shared.counters.read(statements, in_memory)
    }

    /// How the budgets of memory that it has stand.
    pub fn memory(&self) -> Vec<MemoryUse> {
        let ages = &self.shared.board().ages;
        let instances = MemoryUse { of: "instances", used: ages.scale.bytes(), limit: ages.max_bytes };
        vec![MemoryUse::of("answers", &self.shared.answers.budget), instances, MemoryUse::of("loads", &self.shared.long_loads)]
    }

    /// Stops: lets running turns end, those that do so within [`EngineConfig::stop_grace`], and writes what they decided. The others are
    /// taken again after the next start. Activities under way are given up and run again after the
    /// next start. The store is the caller's to close.
    pub async fn stop(&self) {
        self.shared.begin_to_stop();
        let jobs = std::mem::take(&mut *self.jobs.lock().unwrap_or_else(PoisonError::into_inner));
        self.shared.activities.stop();
        self.shared.guests.end_waits_for_processors();
        let mut turns_end = pin!(self.shared.guest_threads.join());
        if tokio::time::timeout(self.shared.config.stop_grace, turns_end.as_mut()).await.is_err() {
            tracing::warn!("some guests do not return; their turns are taken again after the next start");
            self.shared.guests.end_guests();
            turns_end.await;
        }
        let (flushed, reached) = oneshot::channel();
        self.shared.board().queue_commit(Commit::flush(flushed));
        if tokio::time::timeout(STOP_LIMIT, reached).await.is_err() {
            tracing::warn!("the last commits could not be written in time; what was accepted before is safe");
        }
        jobs.iter().for_each(JoinHandle::abort);
        for job in jobs {
            // Cancelled or not, it holds on to the store no longer.
            let _ = job.await;
        }
        if tokio::time::timeout(STOP_LIMIT, self.shared.errands.end()).await.is_err() {
            tracing::warn!("something still reads the store; it is closed all the same");
        }
    }

    /// Starts an orchestration. Returns once that is on stable storage.
    pub async fn start(&self, request: StartRequest) -> Result<InstanceId, EngineError> {
        Ok(self.start_to_watch(request).await?.0)
    }

    /// The same, with the time of the instance's first start, which tells it from a later one of its id.
    pub async fn start_to_watch(&self, request: StartRequest) -> Result<(InstanceId, Timestamp), EngineError> {
        let StartRequest { name, input, instance_id, version, tags, at, replace_within, born_at } = request;
        check_tags(&tags).map_err(|problem| EngineError::Invalid(problem.to_string()))?;
        let values = &self.shared.config.limits.values;
        values.check_name("the version", version.as_deref().unwrap_or_default())?;
        values.check_payload("the input", &input)?;
        check_time("the orchestration", at.unwrap_or_default())?;
        let app = self
            .shared
            .guests
            .current()
            .ok_or_else(|| EngineError::Invalid("no app is deployed yet; see `longhaul deploy --help`".into()))?;
        let Some(function) = app.orchestrator(&name) else {
            return Err(EngineError::UnknownOrchestrator(app.unknown_orchestrator(&name)));
        };
        let pin = app.pin();
        let fresh = self.shared.world.fresh_id();
        let chosen = instance_id.filter(|id| !id.is_empty());
        let is_new = chosen.is_none();
        let id = match chosen {
            Some(text) => InstanceId::orchestration(&text).map_err(|problem| EngineError::Invalid(problem.to_string()))?,
            None => InstanceId::trusted(fresh.clone()),
        };
        let execution = if is_new { ExecutionId::trusted(fresh) } else { ExecutionId::trusted(self.shared.world.fresh_id()) };
        let now = self.shared.now();
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
        let birth = match self.shared.config.reuse {
            ReusePolicy::AnyState if !is_new => self.send_replacing(&id, start, born_at, replace_within).await?,
            ReusePolicy::NonRunningStates | ReusePolicy::AnyState => {
                self.send(&id, Message::Start(Box::new(start)), is_new).await?;
                birth
            }
        };
        Ok((id, birth))
    }

    /// Raises an event. Returns once that is on stable storage.
    pub async fn raise_event(&self, id: &InstanceId, name: &str, data: Payload) -> Result<(), EngineError> {
        check_event_name(name).map_err(|problem| EngineError::Invalid(problem.to_string()))?;
        self.check("the event", name, &data)?;
        self.send(id, Message::Event { name: name.to_owned(), data }, false).await
    }

    /// Ends an instance, and with `recursive` its children.
    pub async fn terminate(&self, id: &InstanceId, reason: Option<String>, recursive: bool) -> Result<(), EngineError> {
        self.send(id, Message::Terminate { reason, recursive, parent: None }, false).await
    }

    /// Holds an instance. [`EngineError::WrongState`] if it is held already.
    pub async fn suspend(&self, id: &InstanceId, reason: Option<String>) -> Result<(), EngineError> {
        self.send(id, Message::Suspend { reason }, false).await
    }

    /// Lets a held or parked instance go on. [`EngineError::WrongState`] if it is neither.
    pub async fn resume(&self, id: &InstanceId, reason: Option<String>) -> Result<(), EngineError> {
        self.send(id, Message::Resume { reason }, false).await
    }

    /// Lets a failed instance go on from before its first failure, on the deployment that it is pinned to or, with `current_deployment`, on the
    /// current one. [`EngineError::NotFailed`] if it has not failed.
    pub async fn rewind(&self, id: &InstanceId, reason: Option<String>, current_deployment: bool) -> Result<(), EngineError> {
        let deployment = self.shared.guests.current().map(|app| app.pin().deployment).filter(|_| current_deployment);
        self.send(id, Message::Rewind { reason, caller: None, deployment }, false).await
    }

    /// Sends an operation to an entity. [`EngineError::Invalid`] if the current deployment has no such entity.
    pub async fn signal_entity(&self, entity: EntityId, operation: &str, input: Payload) -> Result<(), EngineError> {
        let known = self.shared.guests.current().is_some_and(|app| app.entity(&entity.name).is_some());
        if !known {
            return Err(EngineError::Invalid(format!("there is no entity function '{}' in the current deployment", entity.name)));
        }
        self.check("the operation", operation, &input)?;
        let message = Message::Operation(Operation { name: operation.to_owned(), input, caller: None, at: None });
        self.send(&entity.instance_id(), message, false).await
    }

    fn check(&self, what: &str, name: &str, payload: &Payload) -> Result<(), EngineError> {
        let values = &self.shared.config.limits.values;
        values.check_name(&format!("the name of {what}"), name)?;
        Ok(values.check_payload(&format!("the payload of {what}"), payload)?)
    }

    /// Puts a message from outside into the mailbox and waits until it is on stable storage.
    pub(crate) async fn send(&self, id: &InstanceId, message: Message, is_new: bool) -> Result<(), EngineError> {
        if id.is_entity() && !matches!(message, Message::Operation(_)) {
            return Err(EngineError::NotFound(id.clone()));
        }
        if message.bytes() > SMALL_MESSAGE_BYTES && !self.shared.instances_have_room(ROOM_PATIENCE).await {
            let most = self.shared.config.instance_memory_bytes;
            return Err(EngineError::Unavailable(format!(
                "instances at work hold more than {most} bytes; nothing large is taken until they hold less"
            )));
        }
        let (waiter, mut answer) = oneshot::channel();
        let takes_room = matches!(message, Message::Event { .. } | Message::Operation(_));
        let late = if is_new { Late::Always } else { Late::of(&message) };
        // What has an id of its own is not yet there to be meant.
        let born_at = self.permit.born_at().filter(|_| !is_new);
        if !self.permit.holds() {
            return Err(EngineError::Denied);
        }
        let note = self.claim.as_ref().map(|claim| claim.note(id, self.shared.now()));
        let ticket = {
            let mut board = self.shared.board();
            if board.closed || self.shared.is_stopping() {
                return Err(EngineError::Unavailable("the host is stopping, or its store does not take commits".into()));
            }
            let ticket = board.ticket();
            let delivery = Delivery { waiter: Some(waiter), ticket: Some(ticket), note, born_at, ..Delivery::unrecorded(message) };
            match is_new {
                true => board.admit_new(id, loader::blank(id), delivery),
                false => board.deliver(id, delivery),
            }
            ticket
        };
        let stopped = |_| EngineError::Unavailable("the host stopped before it could answer".into());
        if let Ok(answered) = tokio::time::timeout(PATIENCE, &mut answer).await {
            return answered.map_err(stopped)?;
        }
        // The instance is busy, or many others are before it: a record of its own makes the message safe without the turn.
        let recordable = match self.may_be_recorded(id, late).await {
            // Whoever is told so must be able to rely on it: the message does not wait for the instance's end.
            Err(conflict @ EngineError::Conflict(..)) if self.shared.board().withdraw(id, ticket) => return Err(conflict),
            Err(EngineError::Conflict(..)) => false,
            other => other?,
        };
        if recordable && takes_room {
            let mut board = self.shared.board();
            if let Err(beyond) = board.check_inbox(id, &self.shared.config.limits)
                && board.withdraw(id, ticket)
            {
                return Err(EngineError::NoRoom(beyond.to_string()));
            }
        }
        if recordable {
            let (waiter, recorded) = oneshot::channel();
            let now = self.shared.now();
            let outcome = self.shared.board().record_now(id, ticket, now, waiter);
            if outcome.is_ok() {
                return recorded.await.map_err(stopped)?;
            }
        }
        answer.await.map_err(stopped)?
    }

    /// Whether the instance, as its row shows it, takes a message that is recorded before any turn looks at it.
    async fn may_be_recorded(&self, id: &InstanceId, late: Late) -> Result<bool, EngineError> {
        match late {
            Late::Always => Ok(true),
            Late::Never => Ok(false),
            Late::IfLive => Ok(self.live_status(id).await?.is_some()),
            Late::Start => match self.live_status(id).await? {
                Some(status) => Err(EngineError::Conflict(id.clone(), status)),
                None => Ok(true),
            },
        }
    }

    /// How an instance stands that has not ended.
    async fn live_status(&self, id: &InstanceId) -> Result<Option<RuntimeStatus>, EngineError> {
        let status = self.head(id).await?.map(|row| row.status);
        Ok(status.filter(|status| !status.is_terminal()))
    }

    /// Removes an ended instance, or an entity, with its history. [`EngineError::WrongState`] if it has not ended. Returns how many were removed.
    pub async fn purge(&self, id: &InstanceId) -> Result<u32, EngineError> {
        purge::purge_one(&self.shared, id, &self.permit).await
    }

    /// Removes those of some instances that have ended, with their histories, many in one transaction. Live ones stay and are not told of: they have
    /// been started again since the caller saw them. Callers bound how many they name, since all are held at a time.
    pub async fn purge_ended(&self, ids: Vec<InstanceId>) -> Result<Purged, EngineError> {
        purge::purge(&self.shared, ids, &self.permit).await
    }
}
