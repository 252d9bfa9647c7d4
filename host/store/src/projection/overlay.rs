//! What memory knows and the tables do not know yet.
//!
//! Only the writer changes the overlay, and only after a commit: records enter when their batch is
//! on stable storage and leave when the transaction that projects them is. So a reader that looks
//! here first and into the tables second misses nothing. It may see a record twice, here and in a
//! row; the row's last position says which records it holds already.

use std::collections::{BTreeMap, VecDeque};
use std::ops::Bound;
use std::sync::Arc;

use longhaul_core::InstanceId;
use longhaul_core::record::NewRecord;

use super::range::IdRange;

/// A record that the tables do not show yet.
#[derive(Clone, Debug)]
pub(crate) struct Pending {
    pub position: i64,
    pub previous: Option<i64>,
    pub record: Arc<NewRecord>,
    /// Length of the record's text.
    pub bytes: usize,
}

/// What the tables had of an instance when its first pending record was appended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum InTables {
    /// Nothing at all, so there is nothing to look up.
    Nothing,
    /// Records without a row: messages for an instance that was never started.
    ChainOnly,
    /// A row.
    Row,
}

/// What is pending for one instance.
#[derive(Clone, Debug)]
pub(crate) struct Unprojected {
    pub id: InstanceId,
    pub in_tables: InTables,
    /// At least one, in order.
    pub records: Vec<Pending>,
}

impl Unprojected {
    /// Bytes of its records.
    pub(crate) fn bytes(&self) -> usize {
        self.records.iter().map(|pending| pending.bytes).sum()
    }
}

/// All pending records.
#[derive(Debug, Default)]
pub(crate) struct Overlay {
    /// Ordered as lists are.
    entries: BTreeMap<InstanceId, Unprojected>,
    /// The instances with the position of their first pending record, oldest first.
    order: VecDeque<(i64, InstanceId)>,
    records: usize,
    bytes: usize,
}

impl Overlay {
    /// How many records are pending.
    pub(crate) fn len(&self) -> usize {
        self.records
    }

    /// Bytes of their texts, which is about what they take in memory.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The position of the oldest pending record.
    pub(crate) fn oldest(&self) -> Option<i64> {
        self.order.front().map(|(position, _)| *position)
    }

    /// The position of the oldest record of the entries after the `count` oldest.
    pub(crate) fn position_after(&self, count: usize) -> Option<i64> {
        self.order.get(count).map(|(position, _)| *position)
    }

    pub(crate) fn tail(&self, id: &InstanceId) -> Option<i64> {
        self.entries.get(id)?.records.last().map(|pending| pending.position)
    }

    pub(crate) fn get(&self, id: &InstanceId) -> Option<&Unprojected> {
        self.entries.get(id)
    }

    /// The first `most` entries of the range, in the order of their ids.
    pub(crate) fn in_range(&self, range: &IdRange, most: usize) -> Vec<Unprojected> {
        let end = range.end.as_deref().map_or(Bound::Unbounded, |end| Bound::Excluded(InstanceId::trusted(end)));
        let within = self.entries.range((Bound::Included(InstanceId::trusted(range.begin.as_str())), end));
        within.take(most).map(|(_, entry)| entry.clone()).collect()
    }

    /// Adds a committed record. `in_tables` counts for the first pending record of its instance
    /// only.
    pub(crate) fn add(&mut self, pending: Pending, in_tables: InTables) {
        self.records += 1;
        self.bytes += pending.bytes;
        let id = &pending.record.instance;
        if let Some(entry) = self.entries.get_mut(id) {
            entry.records.push(pending);
            return;
        }
        self.order.push_back((pending.position, id.clone()));
        self.entries.insert(id.clone(), Unprojected { id: id.clone(), in_tables, records: vec![pending] });
    }

    /// The oldest entries: at most `instances` of them, and no more once they hold `records`
    /// records.
    pub(crate) fn oldest_entries(&self, instances: usize, records: usize) -> Vec<Unprojected> {
        let mut taken = 0;
        let entries = self.order.iter().filter_map(|(_, id)| self.entries.get(id));
        let bounded = entries.take_while(|entry| {
            let room = taken < records;
            taken += entry.records.len();
            room
        });
        bounded.take(instances).cloned().collect()
    }

    /// Drops the `count` oldest entries, which are projected.
    pub(crate) fn forget_oldest(&mut self, count: usize) {
        for (_, id) in self.order.drain(..count.min(self.order.len())) {
            let entry = self.entries.remove(&id);
            let (records, bytes) = entry.map_or((0, 0), |entry| (entry.records.len(), entry.bytes()));
            self.records -= records;
            self.bytes -= bytes;
        }
    }
}
