//! What the host needs of a store.
//!
//! The log is the truth; rows are its index. A store answers every question as of the last append that it acknowledged,
//! whether or not its tables have caught up. None of the futures may be dropped half-way: callers run them in jobs of their own.

use std::collections::HashSet;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

#[cfg(doc)]
use longhaul_core::Standing;
use longhaul_core::record::NewRecord;
use longhaul_core::{DeploymentId, InstanceId, InstanceRow, Record, Timestamp};
use serde::{Deserialize, Serialize};

mod lists;

pub(crate) use lists::Filling;
pub use lists::{EntityQuery, InstanceQuery, Page, Payloads, TooLong};

/// What a store's method returns.
pub type StoreFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T, Error>> + Send + 'a>>;

/// Work that a store runs for its owner.
pub type Job = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Ends such work, or waits for its end.
pub type JobHandle = tokio::task::JoinHandle<()>;

/// Place of a record in the log, from 1, in the order of commits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position(pub i64);

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
    /// The data cannot be used by this version, or not by a second process; the text names the file and says why.
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

/// Records to append in order, in one transaction.
#[derive(Debug, Default)]
pub struct Batch {
    /// The records with their text, encoded by whoever made them.
    pub records: Vec<EncodedRecord>,
    /// Instances whose last position the caller wants to know, as of the end of this batch.
    pub tails: Vec<InstanceId>,
    /// Instances among the records' of which no record was ever appended, so that a store need not look for the end of a chain. For ids that
    /// the caller has just made; others may be new as well. Naming an instance that has records breaks its chain.
    pub new: HashSet<InstanceId>,
    /// Notes of keyed requests, written with the records or not at all. A note replaces an earlier one of the same key.
    pub keys: Vec<IdempotencyNote>,
    /// Due times of timers whose start is among the records, written with them or not at all.
    pub fired: Vec<ScheduleFired>,
}

/// What is kept of a request that came with a key, so that the same request later gets the same answer and has no second effect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdempotencyNote {
    /// The key, at most 1,024 bytes.
    pub key: String,
    /// SHA-256 of the request: tells a retry from another request under the same key.
    pub digest: [u8; 32],
    /// The instance that took the message, from which the answer is made again.
    pub instance: InstanceId,
    /// When it was accepted.
    pub at: Timestamp,
}

/// A record and its text.
#[derive(Clone, Debug)]
pub struct EncodedRecord {
    /// The record.
    pub record: Arc<NewRecord>,
    /// What [`Record::encode`] returned for it.
    pub data: String,
    /// Whether it is a message that is left out where it comes too late for its receiver ([`Standing::is_late`]), as the records before
    /// it leave that. Never for an entity.
    pub if_wanted: bool,
}

/// A record as it stands in its instance's chain.
#[derive(Clone, Debug, PartialEq)]
pub struct ChainRecord {
    /// Its place in the log.
    pub position: Position,
    /// Whether the chain can be read from here.
    pub base: bool,
    /// The fact.
    pub record: Record,
}

/// A timer of an app has started an instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScheduleFired {
    /// The app.
    pub app: String,
    /// The timer's name.
    pub name: String,
    /// The due time that is dealt with; absent for a start by hand, which takes no due time's place.
    pub due: Option<Timestamp>,
    /// What was started.
    pub instance: InstanceId,
}

/// How a timer of an app stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScheduleState {
    /// The app.
    pub app: String,
    /// The timer's name.
    pub name: String,
    /// What the manifest said of its times when this was written: if it says something else now, `handled` counts for nothing.
    pub plan: String,
    /// Whether somebody paused it (true) or resumed it (false); absent: the manifest decides.
    pub paused: Option<bool>,
    /// All due times up to this one are dealt with.
    pub handled: Timestamp,
    /// The due time for which it last started something.
    pub last_due: Option<Timestamp>,
    /// What it started last, by its schedule or by hand.
    pub last_instance: Option<InstanceId>,
}

/// Where a batch went.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Appended {
    /// For each instance of [`Batch::tails`], in order, the position of its last record; `None` if it has none.
    pub tails: Vec<Option<Position>>,
}

/// The log: the committer's side of a store.
pub trait Log: Send + Sync {
    /// Appends a batch in order, in one transaction, and returns once it is on stable storage. With neither records nor keys, only
    /// the tails are looked up.
    ///
    /// Callers gather up to [`MAX_BATCH_RECORDS`]. What belongs together is never split, so a batch may be larger than that.
    ///
    /// # Errors
    /// [`Error::Full`] and [`Error::Unavailable`]: nothing was written. [`Error::Unknown`]: read the log before anything else.
    fn append(&self, batch: Batch) -> StoreFuture<'_, Appended>;

    /// The chain that ends at `tail`, oldest first: back to the latest base record at or before `tail`, and further back to the
    /// oldest message that the base's `inbox_before` still needs. Messages before the base that are not needed may come too or be left out,
    /// but the needed ones come as the last messages before the base.
    /// Other records before the base are left out. Empty when `tail` is gone: purged, or dropped behind a later base.
    fn read_chain(&self, tail: Position) -> StoreFuture<'_, Vec<ChainRecord>>;

    /// The same, unless the texts of its records have more than `max_bytes`. A chain that is too long is not read.
    fn read_chain_within(&self, tail: Position, max_bytes: u64) -> StoreFuture<'_, Result<Vec<ChainRecord>, TooLong>> {
        Box::pin(async move {
            let chain = self.read_chain(tail).await?;
            let bytes = chain.iter().map(|link| link.record.encode().len() as u64).sum();
            Ok(if bytes > max_bytes { Err(TooLong { bytes }) } else { Ok(chain) })
        })
    }

    /// The chains that end at `tails`, in the order asked for; no tail stands there twice. Each is what [`Log::read_chain`] gives, as of
    /// some moment since the call. A database answers all of them in one round trip; without that they are read one after the other.
    ///
    /// Callers bound how many chains they ask for: all of them are in memory at a time.
    fn read_chains(&self, tails: Vec<Position>) -> StoreFuture<'_, Vec<Vec<ChainRecord>>> {
        Box::pin(async move {
            let mut chains = Vec::with_capacity(tails.len());
            for tail in tails {
                chains.push(self.read_chain(tail).await?);
            }
            Ok(chains)
        })
    }

    /// The same, those chains left out whose records' texts have more than `max_bytes_each`.
    fn read_chains_within(&self, tails: Vec<Position>, max_bytes_each: u64) -> StoreFuture<'_, Vec<Result<Vec<ChainRecord>, TooLong>>> {
        Box::pin(async move {
            let mut chains = Vec::with_capacity(tails.len());
            for tail in tails {
                chains.push(self.read_chain_within(tail, max_bytes_each).await?);
            }
            Ok(chains)
        })
    }

    /// Instances that a starting host must load at once ([`InstanceRow::has_work`]), in order of their last change.
    fn with_work(&self) -> StoreFuture<'_, Vec<InstanceId>>;

    /// Up to `limit` instances with a wake-up before `before`, soonest first; parked and ended ones are left out.
    fn due(&self, before: Timestamp, limit: u32) -> StoreFuture<'_, Vec<(InstanceId, Timestamp)>>;

    /// Up to `limit` instances with a wake-up whose latest turn or batch was later than `now`, as after a clock was put back. Soonest wake-up first, and
    /// only those behind `after` in that order; parked and ended ones are left out. Looks through all wake-ups.
    fn ahead_of(&self, now: Timestamp, after: (Timestamp, InstanceId), limit: u32) -> StoreFuture<'_, Vec<(InstanceId, Timestamp)>>;

    /// Removes the first of the instances with their whole chains, in one transaction: at least one, and no further one beyond
    /// [`MAX_PURGED_RECORDS`] records or [`MAX_PURGED_BYTES`], so that no commit waits long behind it. Callers ask again for the rest.
    ///
    /// Instances with something to do stay ([`may_be_purged`]), whatever the caller believed.
    fn purge(&self, instances: Vec<InstanceId>) -> StoreFuture<'_, Purged>;
}

/// What a purge did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Purged {
    /// How many of the removed instances had a row.
    pub removed: u32,
    /// Instances that stay because they have something to do, in the order asked for.
    pub kept: Vec<InstanceId>,
    /// Instances that this step did not come to, in the order asked for.
    pub rest: Vec<InstanceId>,
}

/// Records after which a step of [`Log::purge`] takes no further instance.
pub const MAX_PURGED_RECORDS: usize = 4_096;

/// Bytes of records after which a step of [`Log::purge`] takes no further instance.
pub const MAX_PURGED_BYTES: usize = 16 << 20;

/// Whether an instance can be removed and nothing is lost: an orchestration that has ended or an entity that is not locked, without
/// messages that it has not taken.
pub fn may_be_purged(row: &InstanceRow) -> bool {
    row.inbox == 0 && row.locked_by.is_none() && (row.id.is_entity() || row.status.is_terminal())
}

/// Most records that a caller should gather for one batch.
pub const MAX_BATCH_RECORDS: usize = 4_096;

/// Rows: the queries' side of a store.
pub trait Instances: Send + Sync {
    /// The row of one instance.
    fn instance(&self, id: &InstanceId) -> StoreFuture<'_, Option<InstanceRow>>;

    /// The row of one instance with those payloads alone that are asked for, unless it has more than `max_bytes`. What is not asked for, or too
    /// long, is not read.
    fn instance_within(
        &self,
        id: &InstanceId,
        payloads: Payloads,
        max_bytes: u64,
    ) -> StoreFuture<'_, Result<Option<InstanceRow>, TooLong>> {
        let row = self.instance(id);
        Box::pin(async move { Ok(row.await?.map(|row| payloads.within(row, max_bytes)).transpose()) })
    }

    /// Position of the instance's last record.
    fn tail(&self, id: &InstanceId) -> StoreFuture<'_, Option<Position>>;

    /// A page of instances.
    fn list(&self, query: InstanceQuery) -> StoreFuture<'_, Page>;

    /// A page of entities that exist (have a state).
    fn list_entities(&self, query: EntityQuery) -> StoreFuture<'_, Page>;

    /// Whether any instance that has not ended is pinned to the deployment.
    fn deployment_in_use(&self, deployment: DeploymentId) -> StoreFuture<'_, bool>;
}

/// One immutable version of an app.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Deployment {
    /// Its number.
    pub id: DeploymentId,
    /// The app's name.
    pub app: String,
    /// The manifest as it was sent, TOML.
    pub manifest: String,
    /// Each component that the manifest names, by its file name, and the SHA-256 of its bytes (64 lower-case hexadecimal digits).
    pub components: Vec<(String, String)>,
    /// When it was accepted.
    pub created_at: Timestamp,
}

/// Deployments and the bytes of their components.
pub trait Deployments: Send + Sync {
    /// Stores components that are not there yet, stores the deployment under the next number (the `id` given is ignored) and
    /// makes it current, all in one transaction.
    ///
    /// # Errors
    /// [`Error::Refused`] when bytes do not have the digest given for them, or when the deployment names a component that is
    /// neither given nor stored.
    fn deploy(&self, deployment: Deployment, components: Vec<(String, Vec<u8>)>) -> StoreFuture<'_, DeploymentId>;

    /// The deployment that new instances begin on.
    fn current(&self) -> StoreFuture<'_, Option<Deployment>>;

    /// One deployment.
    fn deployment(&self, id: DeploymentId) -> StoreFuture<'_, Option<Deployment>>;

    /// All deployments, newest first.
    fn deployments(&self) -> StoreFuture<'_, Vec<Deployment>>;

    /// The bytes of a component.
    fn component(&self, sha256: &str) -> StoreFuture<'_, Option<Vec<u8>>>;
}

/// Notes of keyed requests. They come into the store with [`Batch::keys`]. Nothing else in the store depends on them, and they are no
/// projection: neither [`Store::rebuild`] nor [`Log::purge`] touches them.
pub trait IdempotencyNotes: Send + Sync {
    /// The note of a key, however old.
    fn idempotency_note(&self, key: &str) -> StoreFuture<'_, Option<IdempotencyNote>>;

    /// Removes notes made before `before`, at most `limit` of them and the oldest first. Returns how many were removed: fewer than
    /// `limit` means that none is left.
    fn forget_idempotency_notes(&self, before: Timestamp, limit: u32) -> StoreFuture<'_, u32>;
}

/// How the timers of apps stand. Like the keys, no projection of the log.
pub trait Schedules: Send + Sync {
    /// All timers, ordered by app and name.
    fn schedules(&self) -> StoreFuture<'_, Vec<ScheduleState>>;

    /// Writes one timer, in place of what was there under its app and name.
    fn put_schedule(&self, timer: ScheduleState) -> StoreFuture<'_, ()>;

    /// Forgets a timer. One that is not there is none the worse for it.
    fn remove_schedule(&self, app: &str, name: &str) -> StoreFuture<'_, ()>;
}

/// What is kept of a key that lets callers in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessKey {
    /// What it opens, a word of the host's.
    pub scope: String,
    /// Its name, unique within its scope.
    pub name: String,
    /// SHA-256 of the key. The key itself is nowhere.
    pub digest: [u8; 32],
    /// When it was made, or made anew.
    pub created_at: Timestamp,
}

/// API keys. No projection of the log.
pub trait AccessKeys: Send + Sync {
    /// All of them, ordered by scope and name.
    fn access_keys(&self) -> StoreFuture<'_, Vec<AccessKey>>;

    /// Writes one, in place of what was there under its scope and name.
    fn put_access_key(&self, key: AccessKey) -> StoreFuture<'_, ()>;

    /// Removes one. One that is not there is none the worse for it.
    fn remove_access_key(&self, scope: &str, name: &str) -> StoreFuture<'_, ()>;
}

/// All of it.
pub trait Store: Log + Instances + Deployments + IdempotencyNotes + Schedules + AccessKeys {
    /// Brings the tables up to date and lets go of the data. The store answers [`Error::Unavailable`] from then on.
    fn close(&self) -> StoreFuture<'_, ()>;

    /// Drops every row and builds the table again from the log.
    fn rebuild(&self) -> StoreFuture<'_, ()>;

    /// Runs a job that does little but append, one batch after the other, in a place from where an append is quick: the thread that writes, if
    /// there is one, so that no batch is handed from thread to thread. Whatever else the job has to do must not wait for long. It may be given
    /// up when the store is closed.
    ///
    /// Called on tokio's runtime.
    fn run_beside_writer(&self, job: Job) -> JobHandle {
        tokio::spawn(job)
    }

    /// How often [`Log::append`] has called the database's driver since the store was opened. A text of several statements is one call:
    /// calls are what costs. 0 where there is no driver.
    fn append_statements(&self) -> u64 {
        0
    }
}
