//! What the engine asks of the apps that it runs: their deployments, functions and guests.
//!
//! The engine decides when a guest is called and what is made of its answer. How a guest is made
//! and kept within its bounds is the business of the side that implements these traits.

use std::pin::Pin as Pinned;
use std::sync::Arc;
use std::time::Duration;

use longhaul_core::entity::{GuestBatch, GuestOperation};
use longhaul_core::limits::BeyondLimit;
use longhaul_core::{Completion, DeploymentId, EntityId, Failure, GuestTurn, InstanceId, Payload, Pin, StartContext, TaskId, Timestamp};

/// A future behind a trait object.
pub type PortFuture<'port, T> = Pinned<Box<dyn Future<Output = T> + Send + 'port>>;

/// What came of an activity: the outer error says that it came to no result of its own.
pub type ActivityEnd = Result<Result<Payload, Failure>, GuestError>;

/// The deployments that there are.
pub trait Guests: Send + Sync {
    /// The deployment that new instances begin on; `None` until the first deploy.
    fn current(&self) -> Option<Arc<dyn Deployment>>;

    /// A deployment, if it is in memory already.
    fn loaded(&self, id: DeploymentId) -> Option<Arc<dyn Deployment>>;

    /// Brings a deployment into memory. The error says why that cannot be.
    fn load(self: Arc<Self>, id: DeploymentId) -> PortFuture<'static, Result<Arc<dyn Deployment>, String>>;

    /// Has `then` called on the calling thread each time an orchestrator or entity that it runs has
    /// not returned for 10 to 20 ms. If `then` is true, the thread gives way to all others from
    /// then on.
    fn when_held_up(&self, then: Box<dyn Fn() -> bool>);

    /// The engine stops: guests that compute for long go on side by side from now on, so that they
    /// end sooner.
    fn end_waits_for_processors(&self);

    /// Interrupts orchestrators and entities that compute, and refuses further calls of them with
    /// [`GuestError::Stopping`].
    fn end_guests(&self);
}

/// One deployment in memory. Names of functions are compared ignoring case.
pub trait Deployment: Send + Sync {
    /// What executions that begin on it are pinned to.
    fn pin(&self) -> Pin;

    /// The orchestrator of this name.
    fn orchestrator(&self, name: &str) -> Option<&dyn OrchestratorFunction>;

    /// The entity of this name.
    fn entity(&self, name: &str) -> Option<&dyn EntityFunction>;

    /// The activity of this name, those included that the host carries out without a guest.
    fn activity(&self, name: &str) -> Option<Arc<dyn ActivityFunction>>;

    /// What a caller is told that asks for an orchestrator which the deployment does not have.
    fn unknown_orchestrator(&self, name: &str) -> String;
}

/// An orchestrator's code.
pub trait OrchestratorFunction {
    /// Its name, as the deployment spells it.
    fn name(&self) -> &Arc<str>;

    /// A new guest for an execution of `instance`.
    ///
    /// # Errors
    /// [`GuestError::NoCapacity`] when there is no room for it; any other when its start-up fails.
    fn open(&self, instance: InstanceId) -> Result<Box<dyn OrchestratorGuest>, GuestError>;
}

/// One execution of an orchestrator in memory. Its calls are plain and block. A guest whose call
/// failed is gone.
pub trait OrchestratorGuest: Send {
    /// The first activation. Called once, before any `resume`.
    ///
    /// # Errors
    /// Any [`GuestError`]; the guest is gone then.
    fn start(&mut self, context: StartContext) -> Result<GuestTurn, GuestError>;

    /// A later activation. `received` is the same batch in every replay.
    ///
    /// # Errors
    /// Any [`GuestError`]; the guest is gone then.
    fn resume(&mut self, now: Timestamp, replaying: bool, received: Vec<Completion>) -> Result<GuestTurn, GuestError>;

    /// About how many bytes of memory the guest has touched.
    fn touched_bytes(&self) -> u64;
}

/// An entity's code.
pub trait EntityFunction {
    /// Runs a batch of operations in a new guest. Plain and blocking. `instance` is the entity's id
    /// as an instance. `state` is `None` while the entity does not exist. The result holds as many
    /// results as operations were given.
    ///
    /// # Errors
    /// Any [`GuestError`]; the state is as it was before.
    fn run(
        &self,
        instance: &InstanceId,
        id: &EntityId,
        state: Option<Payload>,
        now: Timestamp,
        operations: Vec<GuestOperation>,
    ) -> Result<GuestBatch, GuestError>;
}

/// What an activity knows about its call.
#[derive(Clone, Debug)]
pub struct ActivityCall {
    /// The instance that called.
    pub instance: InstanceId,
    /// The task that waits.
    pub task: TaskId,
    /// Which attempt, from 1.
    pub attempt: u32,
    /// The same for every run of one call.
    pub idempotency_key: String,
    /// Longest run, if the caller or the app set one.
    pub timeout: Option<Duration>,
}

/// An activity's code.
pub trait ActivityFunction: Send + Sync {
    /// Its longest run, if the app set one.
    fn timeout(&self) -> Option<Duration>;

    /// Whether [`run_at_once`](Self::run_at_once) is worth a try.
    fn is_expected_at_once(&self, timeout: Option<Duration>) -> bool;

    /// Runs it on the calling thread, for some milliseconds at most. `None`: it cannot run at once,
    /// and had no effect; [`run`](Self::run) it.
    fn run_at_once(&self, call: ActivityCall, input: &Payload) -> Option<ActivityEnd>;

    /// Runs it as a future. Waits while as many activities run as may; dropping the future ends it.
    fn run(&self, call: ActivityCall, input: Payload) -> PortFuture<'_, ActivityEnd>;

    /// Waits for a place among the activities that run at a time. `None`: no guest runs this one,
    /// the host carries it out by itself.
    fn place(&self) -> Option<PortFuture<'_, Box<dyn ActivityPlace + '_>>>;
}

/// A place among the activities that run at a time.
pub trait ActivityPlace: Send {
    /// Runs the activity in this place; dropping the future ends it.
    fn run<'run>(self: Box<Self>, call: ActivityCall, input: Payload) -> PortFuture<'run, ActivityEnd>
    where
        Self: 'run;
}

/// A call of a guest came to no result.
#[derive(Clone, Debug, thiserror::Error)]
pub enum GuestError {
    /// There is no room for another guest now.
    #[error("{0}")]
    NoCapacity(String),
    /// The host stops and waits no longer. Says nothing about the code: never recorded as an
    /// outcome.
    #[error("the host stops")]
    Stopping,
    /// The guest handed over more than is taken.
    #[error("{0}")]
    BeyondLimit(BeyondLimit),
    /// The guest was stopped, or stopped itself.
    #[error("{message}")]
    Stopped {
        /// The type of the failure that an activity's caller gets.
        error_type: &'static str,
        /// What happened.
        message: String,
        /// Where, innermost frame first; may be empty.
        backtrace: String,
        /// Whether the same call may well succeed later.
        is_transient: bool,
    },
}

impl GuestError {
    /// Whether the same call may well succeed later, with nothing changed in the code or its input.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::NoCapacity(_) | Self::Stopping => true,
            Self::BeyondLimit(_) => false,
            Self::Stopped { is_transient, .. } => *is_transient,
        }
    }
}
