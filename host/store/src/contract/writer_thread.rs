//! The thread of a store from which an append is quick.

use std::fmt::Debug;
use std::future::Future;
use std::pin::Pin;

#[cfg(doc)]
use super::Log;

/// Work that a store runs for its owner.
pub type Job = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Handle to a spawned job: abort it or await it.
pub type JobHandle = tokio::task::JoinHandle<()>;

/// The thread that writes, for stores that have one.
pub trait WriterThread: Debug + Send + Sync {
    /// Runs a job on the thread that writes, so that no batch is handed from thread to thread. For
    /// jobs that do little but append, one batch after the other: whatever else the job has to do
    /// must not wait for long. It may be given up when the store is closed.
    fn run(&self, job: Job) -> JobHandle;

    /// How often [`Log::append`] has called the database's driver since the store was opened. A
    /// text of several statements is one call: calls are what costs.
    fn append_statements(&self) -> u64;
}
