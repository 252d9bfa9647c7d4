//! Lists: what the tables have, with what memory knows on top.
//!
//! A page is put together from pieces: some rows of the tables, and whatever is pending between the first of them and the last. What is
//! pending is copied before the tables are read, and the rows of pending instances are read by their ids, whatever the piece says of them: so a
//! projection in between changes nothing, as with single rows.

use std::collections::BTreeMap;

use longhaul_core::{InstanceId, InstanceRow, Timestamp};
use sqlx::AssertSqlSafe;
use sqlx::sqlite::SqliteConnection;

use super::database::SharedOverlay;
use super::error::of_read;
use super::fold::current_row;
use super::overlay::{InTables, Unprojected};
use super::projector::json;
use super::range::{IdRange, entity_ranges, instance_ranges};
use super::rows::{self, StoredRow, time_value};
use crate::contract::{EntityQuery, Error, InstanceQuery, Page};

const DOING: &str = "list instances";
/// Most pending instances that a list takes in from each of its ranges. One that needs more waits until the tables show them.
const MAX_PENDING: usize = 1_024;

/// What a list shows.
pub(super) struct Query {
    /// One range after the other, so that what lies between them is never scanned.
    ranges: Vec<IdRange>,
    /// Conditions besides the range of ids; its parameters are $3, $4 and $5.
    sql: &'static str,
    from: Option<Timestamp>,
    to: Option<Timestamp>,
    statuses: Option<String>,
    /// The same conditions for a row in memory.
    shows: Box<dyn Fn(&InstanceRow) -> bool + Send + Sync>,
    limit: usize,
}

impl Query {
    /// A list of instances.
    pub(super) fn of_instances(query: InstanceQuery) -> Result<Self, Error> {
        let statuses: Vec<_> = query.statuses.iter().map(|status| status.as_str()).collect();
        Ok(Self {
            ranges: instance_ranges(&query.id_prefix, query.after.as_ref()),
            sql: "
    AND ($3 IS NULL OR created_at >= $3)
    AND ($4 IS NULL OR created_at <= $4)
    AND ($5 IS NULL OR status IN (SELECT value FROM json_each($5)))",
            from: query.created_from,
            to: query.created_to,
            statuses: if statuses.is_empty() { None } else { Some(json(&statuses).map_err(|error| of_read(DOING, &error))?) },
            limit: query.limit.max(1) as usize,
            shows: Box::new(move |row| query.shows(row)),
        })
    }

    /// A list of entities that have a state.
    pub(super) fn of_entities(query: EntityQuery) -> Self {
        Self {
            ranges: entity_ranges(query.name.as_deref(), query.after.as_ref()),
            sql: "
    AND state IS NOT NULL
    AND ($3 IS NULL OR updated_at >= $3)
    AND ($4 IS NULL OR updated_at <= $4)",
            from: query.changed_from,
            to: query.changed_to,
            statuses: None,
            limit: query.limit.max(1) as usize,
            shows: Box::new(move |row| query.shows(row)),
        }
    }

    /// The first `most` rows that the tables have from `begin` on, before the end of the range.
    async fn stored(
        &self,
        connection: &mut SqliteConnection,
        begin: &str,
        end: Option<&str>,
        most: usize,
    ) -> Result<Vec<StoredRow>, Error> {
        let upper = if end.is_some() { "AND id < $2" } else { "" };
        // Both parts of the text are constants of this file.
        let sql = format!("SELECT * FROM instances WHERE id >= $1 {upper} {} ORDER BY id LIMIT $6", self.sql);
        let query = sqlx::query(AssertSqlSafe(sql))
            .bind(begin)
            .bind(end)
            .bind(self.from.map(time_value))
            .bind(self.to.map(time_value))
            .bind(self.statuses.as_deref())
            .bind(i64::try_from(most).unwrap_or(i64::MAX));
        let read = query.fetch_all(connection).await.map_err(|error| of_read(DOING, &error))?;
        read.iter().map(rows::read).collect::<Result<_, _>>().map_err(|error| of_read(DOING, &error))
    }

    /// Those rows with what is pending on top: in the order of ids, without those that the list does not show any more.
    async fn merged(
        &self,
        connection: &mut SqliteConnection,
        stored: Vec<StoredRow>,
        pending: Vec<Unprojected>,
    ) -> Result<impl Iterator<Item = InstanceRow>, Error> {
        let mut rows: BTreeMap<_, _> = stored.into_iter().map(|stored| (stored.row.id.clone(), stored.row)).collect();
        let known: Vec<_> = pending.iter().filter(|entry| entry.in_tables == InTables::Row).map(|entry| &entry.id).collect();
        let mut before = rows::read_all(connection, &known).await.map_err(|error| of_read(DOING, &error))?;
        for entry in pending {
            match current_row(&entry, before.remove(&entry.id)).filter(|row| (self.shows)(row)) {
                Some(row) => rows.insert(entry.id, row),
                None => rows.remove(&entry.id),
            };
        }
        Ok(rows.into_values())
    }
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
    /// Takes out what is pending up to this id.
    fn take_up_to(&mut self, id: Option<&InstanceId>) -> Vec<Unprojected> {
        let count = id.map_or(self.entries.len(), |id| self.entries.partition_point(|entry| entry.id <= *id));
        self.entries.drain(..count).collect()
    }
}

/// What a list takes from memory.
pub(super) struct Pending(Vec<Known>);

impl Pending {
    /// What is pending now.
    pub(super) fn of(overlay: &SharedOverlay, query: &Query) -> Self {
        let overlay = overlay.lock();
        let known = |range| {
            let entries = overlay.in_range(range, MAX_PENDING);
            let horizon = entries.last().filter(|_| entries.len() == MAX_PENDING).map(|entry| entry.id.clone());
            Known { entries, horizon }
        };
        Self(query.ranges.iter().map(known).collect())
    }

    /// Nothing: for a list of what the tables have.
    pub(super) fn nothing(query: &Query) -> Self {
        Self(query.ranges.iter().map(|_| Known::default()).collect())
    }
}

/// A page, and whether it is whole: it is not if more is pending than it takes in.
pub(super) async fn page(connection: &mut SqliteConnection, query: &Query, pending: Pending) -> Result<(Page, bool), Error> {
    let (mut found, mut is_whole) = (Vec::new(), true);
    for (range, mut known) in query.ranges.iter().zip(pending.0) {
        let mut begin = Some(range.begin.clone());
        while let Some(from) = begin.filter(|_| is_whole && found.len() <= query.limit) {
            let wanted = query.limit + 1 - found.len();
            let mut stored = query.stored(connection, &from, range.end.as_deref(), wanted).await?;
            let last = stored.last().filter(|_| stored.len() == wanted).map(|stored| stored.row.id.clone());
            // Absent: the end of the range.
            let end = [last, known.horizon.clone()].into_iter().flatten().min();
            stored.retain(|stored| end.as_ref().is_none_or(|end| stored.row.id <= *end));
            found.extend(query.merged(connection, stored, known.take_up_to(end.as_ref())).await?);
            is_whole = end.is_none() || end != known.horizon || found.len() > query.limit;
            // The least text greater than an id is the id and a zero byte.
            begin = end.map(|end| format!("{end}\0"));
        }
    }
    let more = found.len() > query.limit;
    found.truncate(query.limit);
    let next = found.last().filter(|_| more).map(|row| row.id.clone());
    Ok((Page { rows: found, next }, is_whole))
}
