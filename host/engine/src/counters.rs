//! What the engine has done since it was started, in numbers.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counted as it happens.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    turns: AtomicU64,
    activities: AtomicU64,
    commits: AtomicU64,
    records: AtomicU64,
    record_bytes: AtomicU64,
    missed_wake_ups: AtomicU64,
}

/// What an engine has done since it was started, and what it holds now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Turns of orchestrations and batches of entities that were recorded.
    pub turns: u64,
    /// Attempts of activities that were started.
    pub activities: u64,
    /// Transactions that wrote records.
    pub commits: u64,
    /// Records in them.
    pub records: u64,
    /// Bytes of these records, as they stand in the log.
    pub record_bytes: u64,
    /// Calls of the database's driver that commits took.
    pub commit_statements: u64,
    /// How often something was found queued while every guest thread waited and none had been
    /// called. More than none is a bug of the host's.
    pub missed_wake_ups: u64,
    /// Instances in memory now.
    pub instances_in_memory: u64,
}

impl Counters {
    pub(crate) fn turn(&self) {
        self.turns.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn activities(&self, started: usize) {
        self.activities.fetch_add(started as u64, Ordering::Relaxed);
    }

    pub(crate) fn missed_wake_up(&self) {
        self.missed_wake_ups.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn commit(&self, records: usize, bytes: usize) {
        if records > 0 {
            self.commits.fetch_add(1, Ordering::Relaxed);
            self.records.fetch_add(records as u64, Ordering::Relaxed);
            self.record_bytes.fetch_add(bytes as u64, Ordering::Relaxed);
        }
    }

    pub(crate) fn read(&self, commit_statements: u64, instances_in_memory: usize) -> Counts {
        let of = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Counts {
            turns: of(&self.turns),
            activities: of(&self.activities),
            commits: of(&self.commits),
            records: of(&self.records),
            record_bytes: of(&self.record_bytes),
            commit_statements,
            missed_wake_ups: of(&self.missed_wake_ups),
            instances_in_memory: instances_in_memory as u64,
        }
    }
}
