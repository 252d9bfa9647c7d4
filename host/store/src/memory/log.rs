//! The log and its rows in ordered maps.

use std::collections::{BTreeMap, HashMap};

use longhaul_core::record::NewRecord;
use longhaul_core::{InstanceId, InstanceRow, Record, Standing};

use crate::contract::{ChainRecord, Position};

/// The log, the rows that follow from it, and each instance's last position.
#[derive(Debug, Default)]
pub(super) struct MemoryLog {
    records: BTreeMap<i64, Entry>,
    rows: BTreeMap<InstanceId, InstanceRow>,
    tails: HashMap<InstanceId, i64>,
    /// Positions are never used twice, even when the newest records are purged.
    last: i64,
}

#[derive(Debug)]
struct Entry {
    instance: InstanceId,
    previous: Option<i64>,
    base: bool,
    record: Record,
}

impl MemoryLog {
    pub(super) fn append(&mut self, new: &NewRecord) {
        self.last += 1;
        let previous = self.tails.insert(new.instance.clone(), self.last);
        self.records.insert(self.last, Entry { instance: new.instance.clone(), previous, base: new.base, record: new.record.clone() });
        show(&mut self.rows, &new.instance, &new.record);
    }

    pub(super) fn tail(&self, id: &InstanceId) -> Option<Position> {
        self.tails.get(id).copied().map(Position)
    }

    pub(super) fn row(&self, id: &InstanceId) -> Option<&InstanceRow> {
        self.rows.get(id)
    }

    /// All rows, ordered by id.
    pub(super) fn rows(&self) -> impl Iterator<Item = &InstanceRow> {
        self.rows.values()
    }

    pub(super) fn chain(&self, tail: Position) -> Vec<ChainRecord> {
        let mut chain = Vec::new();
        // Set once the base is reached: how many messages before it are still needed.
        let mut needed: Option<u32> = None;
        let mut next = Some(tail.0);
        while let Some((position, entry)) = next.and_then(|position| self.records.get_key_value(&position)) {
            let is_message = matches!(entry.record, Record::Message(_));
            let wanted = match needed {
                None => true,
                Some(0) => break,
                Some(_) => is_message,
            };
            needed = match needed {
                None => entry.base.then(|| entry.record.inbox_before()),
                Some(count) => Some(count.saturating_sub(u32::from(is_message))),
            };
            if wanted {
                chain.push(ChainRecord { position: Position(*position), base: entry.base, record: entry.record.clone() });
            }
            next = entry.previous;
        }
        chain.reverse();
        chain
    }

    /// Whether a message comes too late for its receiver.
    pub(super) fn is_late(&self, new: &NewRecord) -> bool {
        let Record::Message(message) = &new.record else { return false };
        let standing = self.row(&new.instance).and_then(Standing::of_row);
        Standing::is_late(standing.as_ref(), &message.message)
    }

    /// How many records the instance has, and bytes in them.
    pub(super) fn size(&self, id: &InstanceId) -> (usize, usize) {
        let of_it = self.records.values().filter(|entry| entry.instance == *id);
        of_it.fold((0, 0), |(records, bytes), entry| (records + 1, bytes + entry.record.encode().len()))
    }

    /// Removes an instance. Returns whether there was a row to remove.
    pub(super) fn purge(&mut self, id: &InstanceId) -> bool {
        self.records.retain(|_, entry| entry.instance != *id);
        self.tails.remove(id);
        self.rows.remove(id).is_some()
    }

    pub(super) fn rebuild(&mut self) {
        self.rows.clear();
        for entry in self.records.values() {
            show(&mut self.rows, &entry.instance, &entry.record);
        }
    }
}

fn show(rows: &mut BTreeMap<InstanceId, InstanceRow>, id: &InstanceId, record: &Record) {
    if let Some(row) = InstanceRow::after(rows.remove(id), id, record) {
        rows.insert(id.clone(), row);
    }
}
