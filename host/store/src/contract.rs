//! What the host needs of a store, one trait for each part: [`Log`], [`Instances`],
//! [`Deployments`], [`IdempotencyNotes`], [`Schedules`] and [`AccessKeys`]; [`Store`] is all of
//! them. [`WriterThread`] is beside the contract: a store may have one.
//!
//! The log is the truth; rows are its index. A store answers every question as of the last append
//! that it acknowledged, whether or not its tables have caught up. None of the futures may be
//! dropped half-way: callers run them in jobs of their own.

use std::future::Future;
use std::pin::Pin;

mod access_keys;
mod deployments;
mod idempotency;
mod instances;
mod log;
mod schedules;
mod writer_thread;

pub use access_keys::{AccessKey, AccessKeys};
pub use deployments::{Deployment, Deployments};
pub(crate) use deployments::{check_digests, missing_component};
pub use idempotency::{IdempotencyNote, IdempotencyNotes};
pub use instances::{EntityQuery, InstanceQuery, Instances, Page, Payloads, TooLong};
pub use log::{
    Appended, Batch, ChainRecord, EncodedRecord, Log, MAX_BATCH_RECORDS, MAX_PURGED_BYTES, MAX_PURGED_RECORDS, Position, Purged,
    may_be_purged,
};
pub use schedules::{ScheduleFired, ScheduleState, Schedules};
pub use writer_thread::{Job, JobHandle, WriterThread};

/// What a store's method returns.
pub type StoreFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T, Error>> + Send + 'a>>;

/// Why a store could not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The disk is full; nothing was written.
    #[error("the disk is full: {0}")]
    Full(String),
    /// The outcome of a write cannot be known: read the log before anything else.
    #[error("the outcome of a write is unknown: {0}")]
    Unknown(String),
    /// The store cannot serve now; nothing was written.
    #[error("the store is unavailable: {0}")]
    Unavailable(String),
    /// The data cannot be used by this version, or not by a second process; the text names the file
    /// and says why.
    #[error("{0}")]
    Refused(String),
    /// Stored data is not what this version wrote.
    #[error("stored data is damaged: {0}")]
    Damaged(String),
}

impl Error {
    /// Whether trying again later can help.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Full(_) | Self::Unavailable(_) => true,
            Self::Unknown(_) | Self::Refused(_) | Self::Damaged(_) => false,
        }
    }
}

/// All of it.
pub trait Store: Log + Instances + Deployments + IdempotencyNotes + Schedules + AccessKeys {
    /// Brings the tables up to date and closes the data. The store answers [`Error::Unavailable`]
    /// from then on.
    fn close(&self) -> StoreFuture<'_, ()>;

    /// Drops every row and builds the table again from the log.
    fn rebuild(&self) -> StoreFuture<'_, ()>;
}
