//! Where a chain can be cut. Pure: no database here.

use longhaul_core::{InstanceRow, Record};

use super::overlay::Pending;

/// The chain can be cut behind a base.
#[derive(Debug)]
pub(crate) struct Trim {
    /// Position of the base.
    pub base: i64,
    /// The row before the base, without what the base replaces.
    pub row: InstanceRow,
    /// The newest record that is not needed any more.
    pub garbage: i64,
}

/// Where the chain can be cut: before the oldest message that the base at `index` still needs.
/// `None` when nothing lies before that, or when that message is not among the pending records: a
/// later base will do.
pub(super) fn trim_at(records: &[Pending], index: usize, row: Option<&InstanceRow>) -> Option<Trim> {
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

/// The row without its payloads, if the base leads to the same row without them. It is kept so that
/// the projection can be built again from a trimmed log.
fn reduced(row: &InstanceRow, base: &Pending) -> Option<InstanceRow> {
    let reduced = InstanceRow { input: None, output: None, state: None, ..row.clone() };
    let after = |row: InstanceRow| InstanceRow::after(Some(row), &base.record.instance, &base.record.record);
    (after(reduced.clone()) == after(row.clone())).then_some(reduced)
}
