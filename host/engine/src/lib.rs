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
mod ahead;
mod alarms;
mod api;
mod board;
pub mod budget;
pub mod clock;
mod commit;
mod correction;
mod counters;
mod errands;
mod error;
mod failure_log;
mod hold;
mod keys;
mod lane;
mod late;
mod load;
mod operate;
mod orchestrate;
mod permit;
mod ports;
mod pressure;
mod purge;
mod reads;
pub mod recorder;
mod recovery;
mod residency;
mod reuse;
mod shared;
mod slot;
mod suspects;
mod threads;
mod watchdog;
mod weight;
mod worker;
mod world;

pub use api::{Engine, EngineError, StartRequest};
pub use counters::Counts;
pub use error::StartError;
pub use keys::{Keyed, KeyedRequest, TimerStart};
pub use permit::Permit;
pub use ports::{
    ActivityCall, ActivityEnd, ActivityFunction, ActivityPlace, Deployment, EntityFunction, GuestError, Guests, OrchestratorFunction,
    OrchestratorGuest, PortFuture,
};
pub use reads::Read;
pub use reuse::ReusePolicy;
pub use shared::EngineConfig;
pub use world::{Simulated, Simulation};
