//! Runs instances: mailboxes, guest threads, ordered commits, effects after durability.
//!
//! A message goes into its receiver's mailbox. A guest thread takes the instance, runs a turn, and in one step under the
//! `board`'s lock hands the commit to the committer's queue and the turn's messages to their receivers' mailboxes: so the log and every
//! mailbox have the same order. The committer writes whatever has gathered in one transaction and only then releases what the
//! outside can see.
//!
//! - `api`: what others may ask. `board`: slots, mailboxes and queues, all behind one lock. `slot`: one instance in memory.
//! - `threads`: the guest threads; `worker`: what they do with a job; `watchdog`: whether they do it; `orchestrate` and `operate` are the two kinds of job.
//! - `error`: why it does not do what was asked. `commit`: the committer. `load`: from a chain of records back into memory.
//! - `lane`: turns for whose guests there was no room; `pressure`: waiting while instances hold too much.
//! - `keys`: requests that come with a key. `activities`: what runs outside the log. `alarms`: what is due. `ahead`: who is read before it is due. `correction`: when the clock is put back. `residency`: who stays in memory; `weight`: how much
//!   they hold.
//! - `reads`: what is read for answers. `recovery`: a starting host, and what follows a failed commit. `purge` with `hold`: removal from the store.
//! - `errands`: what a stop waits for. `late`: messages that come after their receiver's end.
//! - `recorder`: which guests ran when the host died. `suspects`: what becomes of their calls.
//! - `budget`: memory for one use of it. `clock`: the time, for what is no decision. `permit`: leave to act.
//! - `ports`: what the engine asks of the apps that it runs.
//! - `reuse`: what a start does to a live instance of the same id. `world`: what is taken from the machine, and how a simulation takes its place.

mod activities;
pub mod budget;
pub mod clock;
mod context;
mod correction;
mod counters;
mod durability;
mod engine;
mod errands;
mod error;
mod failure_log;
mod idempotency;
mod permit;
mod ports;
mod pressure;
pub mod recorder;
mod state;
mod turns;
mod world;

pub use context::EngineConfig;
pub use counters::Counts;
pub use engine::reads::Read;
pub use engine::reuse::ReusePolicy;
pub use engine::{Engine, StartRequest};
pub use error::{EngineError, StartError};
pub use idempotency::{Keyed, KeyedRequest, TimerStart};
pub use permit::Permit;
pub use ports::{
    ActivityCall, ActivityEnd, ActivityFunction, ActivityPlace, Deployment, EntityFunction, GuestError, Guests, OrchestratorFunction,
    OrchestratorGuest, PortFuture,
};
pub use world::{Simulated, Simulation};
