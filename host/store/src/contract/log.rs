//! The log: the committer's side of a store.

use std::collections::HashSet;
use std::sync::Arc;

#[cfg(doc)]
use longhaul_core::Standing;
use longhaul_core::record::NewRecord;
use longhaul_core::{InstanceId, InstanceRow, Record, Timestamp};

#[cfg(doc)]
use super::Error;
use super::{IdempotencyNote, ScheduleFired, StoreFuture, TooLong};

/// Place of a record in the log, from 1, in the order of commits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position(pub i64);

/// Records to append in order, in one transaction.
#[derive(Debug, Default)]
pub struct Batch {
    /// The records with their text, encoded by their author.
    pub records: Vec<EncodedRecord>,
    /// Instances whose last position the caller wants to know, as of the end of this batch.
    pub tails: Vec<InstanceId>,
    /// Instances among the records' of which no record was ever appended, so that a store need not
    /// look for the end of a chain. For ids that the caller has just made; others may be new as
    /// well. Naming an instance that has records breaks its chain.
    pub new: HashSet<InstanceId>,
    /// Notes of keyed requests, written with the records or not at all. A note replaces an earlier
    /// one of the same key.
    pub keys: Vec<IdempotencyNote>,
    /// Due times of schedules whose start is among the records, written with them or not at all.
    pub fired: Vec<ScheduleFired>,
}

/// A record and its text.
#[derive(Clone, Debug)]
pub struct EncodedRecord {
    /// The record.
    pub record: Arc<NewRecord>,
    /// What [`Record::encode`] returned for it.
    pub data: String,
    /// Whether it is a message that is left out where it comes too late for its receiver
    /// ([`Standing::is_late`]), as the records before it leave that. Never for an entity.
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

/// Where a batch went.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Appended {
    /// For each instance of [`Batch::tails`], in order, the position of its last record; `None` if
    /// it has none.
    pub tails: Vec<Option<Position>>,
}

/// The log: the committer's side of a store.
pub trait Log: Send + Sync {
    /// Appends a batch in order, in one transaction, and returns once it is on stable storage. With
    /// neither records nor keys, only the tails are looked up.
    ///
    /// Callers gather up to [`MAX_BATCH_RECORDS`]. What belongs together is never split, so a batch
    /// may be larger than that.
    ///
    /// # Errors
    /// [`Error::Full`] and [`Error::Unavailable`]: nothing was written. [`Error::Unknown`]: read
    /// the log before anything else.
    fn append(&self, batch: Batch) -> StoreFuture<'_, Appended>;

    /// The chain that ends at `tail`, oldest first: back to the latest base record at or before
    /// `tail`, and further back to the oldest message that the base's `inbox_before` still needs.
    /// Messages before the base that are not needed may come too or be left out, but the needed
    /// ones come as the last messages before the base. Other records before the base are left out.
    /// Empty when `tail` is gone: purged, or dropped behind a later base.
    fn read_chain(&self, tail: Position) -> StoreFuture<'_, Vec<ChainRecord>>;

    /// The same, unless the texts of its records have more than `max_bytes`. A chain that is too
    /// long is not read.
    fn read_chain_within(&self, tail: Position, max_bytes: u64) -> StoreFuture<'_, Result<Vec<ChainRecord>, TooLong>> {
        Box::pin(async move {
            let chain = self.read_chain(tail).await?;
            let bytes = chain.iter().map(|link| link.record.encode().len() as u64).sum();
            Ok(if bytes > max_bytes { Err(TooLong { bytes }) } else { Ok(chain) })
        })
    }

    /// The chains that end at `tails`, in the order asked for; no tail stands there twice. Each is
    /// what [`Log::read_chain`] gives, as of some moment since the call. A database answers all of
    /// them in one round trip; without that they are read one after the other.
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

    /// Instances that a starting host must load at once ([`InstanceRow::has_work`]), in order of
    /// their last change.
    fn with_work(&self) -> StoreFuture<'_, Vec<InstanceId>>;

    /// Up to `limit` instances with a wake-up before `before`, soonest first; parked and ended ones
    /// are left out.
    fn due(&self, before: Timestamp, limit: u32) -> StoreFuture<'_, Vec<(InstanceId, Timestamp)>>;

    /// Up to `limit` instances with a wake-up whose latest turn or batch was later than `now`, as
    /// after a clock was put back. Soonest wake-up first, and only those behind `after` in that
    /// order; parked and ended ones are left out. Looks through all wake-ups.
    fn ahead_of(&self, now: Timestamp, after: (Timestamp, InstanceId), limit: u32) -> StoreFuture<'_, Vec<(InstanceId, Timestamp)>>;

    /// Removes the first of the instances with their whole chains, in one transaction: at least
    /// one, and no further one beyond [`MAX_PURGED_RECORDS`] records or [`MAX_PURGED_BYTES`], so
    /// that no commit waits long behind it. Callers ask again for the rest.
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

/// Whether an instance can be removed and nothing is lost: an orchestration that has ended or an
/// entity that is not locked, without messages that it has not taken.
pub fn may_be_purged(row: &InstanceRow) -> bool {
    row.inbox == 0 && row.locked_by.is_none() && (row.id.is_entity() || row.status.is_terminal())
}

/// Most records that a caller should gather for one batch.
pub const MAX_BATCH_RECORDS: usize = 4_096;
