//! From pending records to what the tables must say. Pure: no database here.

use longhaul_core::{InstanceId, InstanceRow, Record};

use super::overlay::{InTables, Pending, Unprojected};
use super::rows::StoredRow;

/// Where folding begins.
#[derive(Clone, Debug, Default)]
pub(super) struct Before {
    /// The row as the tables have it.
    pub row: Option<InstanceRow>,
    /// Only records from this position on count: the row shows the earlier ones already.
    pub from: i64,
}

/// What the tables must say of one instance.
#[derive(Debug)]
pub(super) struct Change {
    pub id: InstanceId,
    pub last_position: i64,
    /// Absent: the chain gives no row.
    pub row: Option<InstanceRow>,
    /// Whether the tables may list the instance as one without a row.
    pub may_be_orphan: bool,
    pub trim: Option<Trim>,
}

/// The chain can be cut behind a base.
#[derive(Debug)]
pub(super) struct Trim {
    /// Position of the base.
    pub base: i64,
    /// The row before the base, without what the base replaces.
    pub row: InstanceRow,
    /// The newest record that nobody needs any more.
    pub garbage: i64,
}

/// Folds the records of one instance; `None` when the tables show them all already.
pub(super) fn fold(entry: Unprojected, before: Before) -> Option<Change> {
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
pub(super) fn current_row(entry: &Unprojected, stored: Option<StoredRow>) -> Option<InstanceRow> {
    let (row, shown) = match stored {
        // The row was there when the records were appended and is gone: the instance was purged a moment ago.
        None if entry.in_tables == InTables::Row => return None,
        None => (None, 0),
        Some(stored) => (Some(stored.row), stored.last_position),
    };
    let records = entry.records.iter().filter(|pending| pending.position > shown);
    records.fold(row, |row, pending| InstanceRow::after(row, &entry.id, &pending.record.record))
}

/// Where the chain can be cut: before the oldest message that the base at `index` still needs. `None` when nothing lies before that, or
/// when that message is not among the pending records: a later base will do.
fn trim_at(records: &[Pending], index: usize, row: Option<&InstanceRow>) -> Option<Trim> {
    let base = &records[index];
    let needed = base.record.record.inbox_before() as usize;
    let garbage = match needed {
        0 => base.previous?,
        _ => {
            let is_message = |pending: &&Pending| matches!(pending.record.record, Record::Message(_));
            records[..index].iter().rev().filter(is_message).nth(needed - 1)?.previous?
        }
    };
    let row = reduced(row?, base)?;
    Some(Trim { base: base.position, row, garbage })
}

/// The row without its payloads, if the base leads to the same row without them. It is kept so that the projection can be built
/// again from a trimmed log.
fn reduced(row: &InstanceRow, base: &Pending) -> Option<InstanceRow> {
    let reduced = InstanceRow { input: None, output: None, state: None, ..row.clone() };
    let after = |row: InstanceRow| InstanceRow::after(Some(row), &base.record.instance, &base.record.record);
    (after(reduced.clone()) == after(row.clone())).then_some(reduced)
}
