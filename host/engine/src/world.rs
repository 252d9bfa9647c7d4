//! What the engine takes from the world around it: the time, new ids, executors, and what activities
//! return.
//!
//! A host takes them from the machine. A simulation brings its own, runs everything on one thread in virtual time, and so can repeat a run
//! from its seed; see `docs/guide/simulation.md`. All decisions, the scheduler, the committer, loading and recovery are the same code.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use crate::clock;
use longhaul_core::message::ActivityRun;
use longhaul_core::{Failure, Payload, Timestamp};

/// A future that a simulation answers with.
pub type Simulated<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// Stands in for the machine.
pub trait Simulation: Send + Sync {
    /// The time.
    fn now(&self) -> Timestamp;

    /// An id that was never given before: 32 hexadecimal digits.
    fn fresh_id(&self) -> String;

    /// Comes between two steps of work where a guest thread could be held up. What it waits for lets others go first.
    fn pause(&self) -> Simulated<()>;

    /// How long the guest of the turn that was just taken computes, in virtual time; `None`: it returns at once, and nothing comes between.
    /// Where that is long, the task is replaced as a guest thread would be.
    fn computing_time(&self) -> Option<Duration>;

    /// Whether this attempt goes to a worker that runs guests, and not to a task of its own.
    fn is_quick(&self, run: &ActivityRun) -> bool;

    /// The result of a quick attempt; `None`: it took too long, and goes on in a task of its own.
    fn run_quickly(&self, run: &ActivityRun) -> Option<Result<Payload, Failure>>;

    /// The result of an attempt in a task of its own.
    fn run_activity(&self, run: ActivityRun) -> Simulated<Result<Payload, Failure>>;
}

/// Where the engine takes from the world what it needs.
pub(crate) enum World {
    Machine,
    Simulated(Arc<dyn Simulation>),
}

impl World {
    pub(crate) fn now(&self) -> Timestamp {
        match self {
            Self::Machine => clock::now(),
            Self::Simulated(simulation) => simulation.now(),
        }
    }

    pub(crate) fn fresh_id(&self) -> String {
        match self {
            Self::Machine => uuid::Uuid::now_v7().simple().to_string(),
            Self::Simulated(simulation) => simulation.fresh_id(),
        }
    }

    pub(crate) fn simulation(&self) -> Option<&Arc<dyn Simulation>> {
        match self {
            Self::Machine => None,
            Self::Simulated(simulation) => Some(simulation),
        }
    }
}
