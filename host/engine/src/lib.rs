//! Runs instances: mailboxes, guest threads, ordered commits, effects after durability.
//!
//! A message goes into its receiver's mailbox. A guest thread takes the instance, runs a turn, and
//! in one step under the scheduler's lock hands the commit to the committer's queue and the turn's
//! messages to their receivers' mailboxes: so the log and every mailbox have the same order. The
//! committer writes what has gathered in one transaction and only then releases what the outside
//! can see.
//!
//! Files import downward in this list, and none imports from a file above its own:
//!
//! - `engine`: what others may ask; its files are `send`, `reads`, `reuse` and `keyed`.
//! - `turns`: what guest threads do. `workers`: their loop. `turn` takes one, `orchestration` and
//!   `entity` are its two kinds, `replay` brings guests back, `outcome` hands the result in.
//!   `suspects`: turns that were under way when the host died. `watchdog`: whether work lies
//!   untouched.
//! - `durability`: `committer`, `loader`, `recovery`, `purge`, and the `expiry` of idempotency
//!   notes.
//! - `timers`: the tasks that follow the clock, and its `correction`.
//! - `activities`: what runs outside the log, and the `register` of it.
//! - `context`: what all parts share. `pressure`: waiting while instances hold too much.
//! - `state`: the locked state, the scheduler and all that it holds.
//! - The ground: `ports` (guests and apps), `world` (time, ids, and how a simulation takes its
//!   place), `config`, `error`, `counters`, `errands` (what a stop waits for), `failure_log`,
//!   `answers` (memory for answers), `crew` (the workers that there are), `idempotency`, `permit`
//!   (leave to act), [`budget`], [`clock`], [`long_work`] (where long texts are read and written),
//!   [`recorder`] (which guests ran when the host died), `panics`.

mod activities;
mod answers;
pub mod budget;
pub mod clock;
mod config;
mod context;
mod counters;
mod crew;
mod durability;
mod engine;
mod errands;
mod error;
mod failure_log;
mod idempotency;
pub mod long_work;
mod panics;
mod permit;
mod ports;
mod pressure;
pub mod recorder;
mod state;
mod timers;
mod turns;
mod world;

pub use config::{EngineConfig, ReusePolicy};
pub use counters::Counts;
pub use durability::purge::Purged;
pub use engine::keyed::Keyed;
pub use engine::reads::Read;
pub use engine::{Engine, StartRequest};
pub use error::{EngineError, StartError};
pub use idempotency::{KeyedRequest, TimerStart};
pub use permit::Permit;
pub use ports::{
    ActivityCall, ActivityEnd, ActivityFunction, ActivityPlace, Deployment, EntityFunction, GuestError, Guests, OrchestratorFunction,
    OrchestratorGuest, PortFuture,
};
pub use state::reservations::Binding;
pub use turns::replay::{Divergence, replay};
pub use world::{ActivityStandIn, Simulated, WorkerKind, World};
