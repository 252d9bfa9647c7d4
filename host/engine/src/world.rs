//! What the engine takes from the world around it: the time, new ids, executors, and what
//! activities return.
//!
//! A host takes them from the [`Machine`]. A simulation brings a world of its own, runs everything
//! on one thread in virtual time, and so can repeat a run from its seed; see
//! `docs/guide/simulation.md`. All decisions, the scheduler, the committer, loading and recovery
//! are the same code.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use longhaul_core::message::ActivityRun;
use longhaul_core::{Failure, Payload, Timestamp};

use crate::clock;

/// A future that a simulation answers with.
pub type Simulated<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// The world around the engine. What has a default is for worlds in which time is virtual.
pub trait World: Send + Sync {
    /// The time.
    fn now(&self) -> Timestamp;

    /// An id that was never given before: 32 hexadecimal digits.
    fn fresh_id(&self) -> String;

    /// What the workers are that run guests.
    fn workers(&self) -> WorkerKind;

    /// Comes between two steps of work where a guest thread could be held up; `None`: nothing comes
    /// between. What it waits for lets others go first.
    fn pause(&self) -> Option<Simulated<()>> {
        None
    }

    /// How long the guest of the turn that was just taken computes, in virtual time; `None`: its
    /// time has passed already. Where that is long, the worker is replaced as a guest thread would
    /// be.
    fn computing_time(&self) -> Option<Duration> {
        None
    }

    /// What carries out all activities instead of the deployments' code, if anything does.
    fn stand_in(self: Arc<Self>) -> Option<Arc<dyn ActivityStandIn>> {
        None
    }
}

/// What the workers are that run guests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WorkerKind {
    /// Threads: synchronous calls of guests would starve timers on tokio's workers.
    Threads,
    /// Tasks of the caller's runtime, which has one thread. The world looks for lost wake-ups by
    /// itself, and nothing hides from it what there is to find.
    Tasks,
}

/// Carries out activities instead of the deployments' code.
pub trait ActivityStandIn: Send + Sync {
    /// Whether this attempt goes to a worker that runs guests, and not to a task of its own.
    fn is_quick(&self, run: &ActivityRun) -> bool;

    /// The result of a quick attempt; `None`: it took too long, and continues in a task of its own.
    fn run_quickly(&self, run: &ActivityRun) -> Option<Result<Payload, Failure>>;

    /// The result of an attempt in a task of its own.
    fn run_activity(&self, run: ActivityRun) -> Simulated<Result<Payload, Failure>>;
}

/// The machine that the process runs on.
pub(crate) struct Machine;

impl World for Machine {
    fn now(&self) -> Timestamp {
        clock::now()
    }

    fn fresh_id(&self) -> String {
        uuid::Uuid::now_v7().simple().to_string()
    }

    fn workers(&self) -> WorkerKind {
        WorkerKind::Threads
    }
}
