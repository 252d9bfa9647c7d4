//! Lists: what the tables have, with what memory knows on top.
//!
//! A page is put together from pieces: some rows of the tables, and whatever is pending between the
//! first of them and the last. What is pending is copied before the tables are read, and the rows
//! of pending instances are read by their ids, whatever the piece says of them: so a projection in
//! between changes nothing, as with single rows.
//!
//! A page ends by bytes, and so does the reading: rows that do not fit are found by their length,
//! and their payloads stay where they are.

use std::collections::{BTreeMap, HashMap};

use longhaul_core::{InstanceId, InstanceRow};

use super::fold::{StoredRow, current_row};
use super::overlay::{InTables, Overlay, Unprojected};
use super::page::Filling;
use super::range::{IdRange, entity_ranges, instance_ranges};
use crate::contract::{EntityQuery, Error, InstanceQuery, Page, Payloads};

/// Most pending instances that a list takes in from each of its ranges. One that needs more waits
/// until the tables show them.
const MAX_PENDING: usize = 1_024;

/// What a list shows.
pub(crate) struct ListQuery {
    /// One range after the other, so that what lies between them is never scanned.
    ranges: Vec<IdRange>,
    /// The conditions for a row in memory.
    shows: Box<dyn Fn(&InstanceRow) -> bool + Send + Sync>,
    payloads: Payloads,
    limit: u32,
    max_bytes: Option<u64>,
}

impl ListQuery {
    /// A list of instances.
    pub(crate) fn of_instances(query: InstanceQuery) -> Self {
        Self {
            ranges: instance_ranges(&query.id_prefix, query.after.as_ref()),
            payloads: query.payloads,
            limit: query.limit,
            max_bytes: query.max_bytes,
            shows: Box::new(move |row| query.shows(row)),
        }
    }

    /// A list of entities that have a state.
    pub(crate) fn of_entities(query: EntityQuery) -> Self {
        Self {
            ranges: entity_ranges(query.name.as_deref(), query.after.as_ref()),
            payloads: query.payloads,
            limit: query.limit,
            max_bytes: query.max_bytes,
            shows: Box::new(move |row| query.shows(row)),
        }
    }
}

/// The tables, as a list reads them. Rows come in the order of ids, and those are read that have
/// `room` bytes together.
pub(crate) trait Tables {
    /// The first `most` rows from `begin` on, before `end`, that the list shows.
    async fn rows_from(&mut self, begin: &str, end: Option<&str>, most: usize, room: u64) -> Result<Found, Error>;

    /// The rows of these instances, whether or not the list shows them.
    async fn rows_of(&mut self, ids: &[&InstanceId], room: u64) -> Result<Found, Error>;
}

/// What the tables have.
#[derive(Default)]
pub(crate) struct Found {
    /// The rows that were read.
    pub rows: Vec<StoredRow>,
    /// The first one that was not, with its length.
    pub unread: Option<(InstanceId, u64)>,
    /// The last one, read or not.
    pub last: Option<InstanceId>,
    /// How many there are, read or not.
    pub count: usize,
}

/// What was pending in one range when the list began.
#[derive(Default)]
struct Known {
    /// In the order of their ids.
    entries: Vec<Unprojected>,
    /// Behind this id more may have been pending.
    horizon: Option<InstanceId>,
}

impl Known {
    /// How many are pending up to `end`, and before `cut`.
    fn count_up_to(&self, end: Option<&InstanceId>, cut: Option<&InstanceId>) -> usize {
        let within = |entry: &Unprojected| end.is_none_or(|end| entry.id <= *end) && cut.is_none_or(|cut| entry.id < *cut);
        self.entries.partition_point(within)
    }
}

/// What a list takes from memory.
pub(crate) struct Pending(Vec<Known>);

impl Pending {
    /// What is pending now.
    pub(crate) fn of(overlay: &Overlay, query: &ListQuery) -> Self {
        let known = |range| {
            let entries = overlay.in_range(range, MAX_PENDING);
            let horizon = entries.last().filter(|_| entries.len() == MAX_PENDING).map(|entry| entry.id.clone());
            Known { entries, horizon }
        };
        Self(query.ranges.iter().map(known).collect())
    }

    /// Nothing: for a list of what the tables have.
    pub(crate) fn nothing(query: &ListQuery) -> Self {
        Self(query.ranges.iter().map(|_| Known::default()).collect())
    }
}

/// A page, and whether it is whole: it is not if more is pending than it takes in.
pub(crate) async fn page(tables: &mut impl Tables, query: &ListQuery, pending: Pending) -> Result<(Page, bool), Error> {
    let mut filling = Filling::new(query.limit, query.payloads, query.max_bytes);
    let mut is_whole = true;
    for (range, mut known) in query.ranges.iter().zip(pending.0) {
        let mut begin = Some(range.begin.clone());
        while let Some(from) = begin.filter(|_| is_whole && !filling.is_full()) {
            let end = query.piece(tables, range, &from, &mut known, &mut filling).await?;
            is_whole = end.is_none() || end != known.horizon || filling.is_full();
            // The least text greater than an id is the id and a zero byte.
            begin = end.map(|end| format!("{end}\0"));
        }
    }
    Ok((filling.end(), is_whole))
}

impl ListQuery {
    /// Fills in what the range has from `from` on, as far as one reading goes. Returns the last id
    /// that was looked at; `None` at the end of the range.
    async fn piece(
        &self,
        tables: &mut impl Tables,
        range: &IdRange,
        from: &str,
        known: &mut Known,
        filling: &mut Filling,
    ) -> Result<Option<InstanceId>, Error> {
        let (wanted, room) = (filling.rows_wanted(), filling.room_bytes());
        let stored = tables.rows_from(from, range.end.as_deref(), wanted, room).await?;
        let end = [stored.last.filter(|_| stored.count == wanted), known.horizon.clone()].into_iter().flatten().min();
        let mut unread = stored.unread;
        let count = known.count_up_to(end.as_ref(), unread.as_ref().map(|(id, _)| id));
        let entries = &known.entries[..count];
        let in_tables: Vec<_> = entries.iter().filter(|entry| entry.in_tables == InTables::Row).map(|entry| &entry.id).collect();
        let before = tables.rows_of(&in_tables, room).await?;
        unread = before.unread.or(unread);
        let is_read = |id: &InstanceId| end.as_ref().is_none_or(|end| id <= end) && unread.as_ref().is_none_or(|(first, _)| id < first);
        let mut rows: BTreeMap<_, _> =
            stored.rows.into_iter().filter(|stored| is_read(&stored.row.id)).map(|stored| (stored.row.id.clone(), stored.row)).collect();
        let mut before: HashMap<_, _> = before.rows.into_iter().map(|stored| (stored.row.id.clone(), stored)).collect();
        let mut last = rows.last_key_value().map(|(id, _)| id.clone());
        let count = entries.partition_point(|entry| is_read(&entry.id));
        for entry in known.entries.drain(..count) {
            last = last.max(Some(entry.id.clone()));
            match current_row(&entry, before.remove(&entry.id)).filter(|row| (self.shows)(row)) {
                Some(row) => rows.insert(entry.id, row),
                None => rows.remove(&entry.id),
            };
        }
        rows.into_values().for_each(|row| filling.add(row));
        match (unread, last) {
            (None, _) => Ok(end),
            // What was counted may not be shown, so there may be room yet.
            (Some(_), Some(last)) => Ok(Some(last)),
            (Some((_, bytes)), None) => {
                filling.end_before(bytes);
                Ok(None)
            }
        }
    }
}
