//! From pending records to what the tables must say. Pure: no database here.

use longhaul_core::{InstanceId, InstanceRow};

use super::overlay::{InTables, Unprojected};
use super::trim::{Trim, trim_at};

/// A row as the tables have it.
#[derive(Debug)]
pub(crate) struct StoredRow {
    pub row: InstanceRow,
    /// Position of the last record that it shows.
    pub last_position: i64,
}

/// Where folding begins.
#[derive(Clone, Debug, Default)]
pub(crate) struct Before {
    /// The row as the tables have it.
    pub row: Option<InstanceRow>,
    /// Only records from this position on count: the row shows the earlier ones already.
    pub from: i64,
}

/// What the tables must say of one instance.
#[derive(Debug)]
pub(crate) struct Change {
    pub id: InstanceId,
    pub last_position: i64,
    /// Absent: the chain gives no row.
    pub row: Option<InstanceRow>,
    /// Whether the tables may list the instance as one without a row.
    pub may_be_orphan: bool,
    pub trim: Option<Trim>,
}

/// Folds the records of one instance; `None` when the tables show them all already.
pub(crate) fn fold(entry: Unprojected, before: Before) -> Option<Change> {
    let Unprojected { id, in_tables, mut records } = entry;
    records.retain(|pending| pending.position >= before.from);
    let last_position = records.last()?.position;
    let base = records.iter().rposition(|pending| pending.record.base);
    let may_be_orphan = in_tables != InTables::Nothing && before.row.is_none();
    let (mut row, mut trim) = (before.row, None);
    for (index, pending) in records.iter().enumerate() {
        if Some(index) == base {
            trim = trim_at(&records, index, row.as_ref());
        }
        row = InstanceRow::after(row, &id, &pending.record.record);
    }
    Some(Change { id, last_position, row, may_be_orphan, trim })
}

/// The row that a query must show: the table's with the pending records on top.
pub(crate) fn current_row(entry: &Unprojected, stored: Option<StoredRow>) -> Option<InstanceRow> {
    let (row, shown) = match stored {
        // The row was there when the records were appended and is gone: the instance was purged a
        // moment ago.
        None if entry.in_tables == InTables::Row => return None,
        None => (None, 0),
        Some(stored) => (Some(stored.row), stored.last_position),
    };
    let records = entry.records.iter().filter(|pending| pending.position > shown);
    records.fold(row, |row, pending| InstanceRow::after(row, &entry.id, &pending.record.record))
}
