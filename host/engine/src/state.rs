//! What the engine has in memory: instances, mailboxes and queues, all behind one lock.
//!
//! Only files of this folder can name a field of the locked state; all others call verbs of the
//! [`scheduler`]. Each file below the scheduler holds one part of the state or of its contents and
//! knows nothing of the whole.
//!
//! - [`scheduler`]: the state, and what can be done to it. `instance`: one instance in memory.
//! - `mailbox`, `resident`: its messages, and what is known of it. [`hold`]: what keeps it at rest.
//! - `commit_queue`, `activity_queue`: work for the committer and, between turns, for guest
//!   threads.
//! - `wakeups`: what is due. `prefetch`, `lane`, `cache`, `weight`: what is in memory, and how
//!   much.
//! - `idle_threads`, [`signals`]: how the engine's parts wake each other.
//! - [`reservations`]: idempotency keys of requests under way; they have a lock of their own.

pub(crate) mod activity_queue;
mod cache;
pub(crate) mod commit_queue;
pub(crate) mod hold;
mod idle_threads;
pub(crate) mod instance;
mod lane;
pub(crate) mod mailbox;
mod prefetch;
pub(crate) mod reservations;
pub(crate) mod resident;
pub(crate) mod scheduler;
pub(crate) mod signals;
mod wakeups;
pub(crate) mod weight;

pub(crate) use wakeups::HORIZON_MS;
