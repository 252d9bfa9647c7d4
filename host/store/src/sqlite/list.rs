//! Lists: what the tables have, with what memory knows on top.
//!
//! A page is put together from pieces: some rows of the tables, and whatever is pending between the first of them and the last. What is
//! pending is copied before the tables are read, and the rows of pending instances are read by their ids, whatever the piece says of them: so a
//! projection in between changes nothing, as with single rows.
//!
//! A page ends by bytes, and so does the reading: rows that do not fit are found by their length, and their payloads stay where they are.

use std::collections::{BTreeMap, HashMap};

use longhaul_core::{InstanceId, InstanceRow, Timestamp};
use sqlx::sqlite::{SqliteConnection, SqliteRow};
use sqlx::{AssertSqlSafe, Row};

use super::database::{SharedOverlay, id_list};
use super::error::of_read;
use super::fold::current_row;
use super::overlay::{InTables, Unprojected};
use super::projector::json;
use super::range::{IdRange, entity_ranges, instance_ranges};
use super::rows::{self, StoredRow, time_value};
use crate::contract::{EntityQuery, Error, Filling, InstanceQuery, Page, Payloads};

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
    payloads: Payloads,
    limit: u32,
    max_bytes: Option<u64>,
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
            payloads: query.payloads,
            limit: query.limit,
            max_bytes: query.max_bytes,
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
            payloads: query.payloads,
            limit: query.limit,
            max_bytes: query.max_bytes,
            shows: Box::new(move |row| query.shows(row)),
        }
    }

    /// The first `most` rows that the tables have from `begin` on, before the end of the range, those read that have `room` bytes together.
    async fn stored(
        &self,
        connection: &mut SqliteConnection,
        begin: &str,
        end: Option<&str>,
        most: usize,
        room: u64,
    ) -> Result<Found, Error> {
        let upper = if end.is_some() { "AND id < $2" } else { "" };
        let rows = format!(
            "SELECT id, {} AS bytes FROM instances WHERE id >= $1 {upper} {} ORDER BY id LIMIT $6",
            rows::bytes(self.payloads),
            self.sql
        );
        // All parts of the text are constants of this crate.
        let query = sqlx::query(AssertSqlSafe(fitting(&rows, "$7", self.payloads)))
            .bind(begin)
            .bind(end)
            .bind(self.from.map(time_value))
            .bind(self.to.map(time_value))
            .bind(self.statuses.as_deref())
            .bind(i64::try_from(most).unwrap_or(i64::MAX))
            .bind(i64::try_from(room).unwrap_or(i64::MAX));
        let read = query.fetch_all(connection).await.map_err(|error| of_read(DOING, &error))?;
        Found::of(read).map_err(|error| of_read(DOING, &error))
    }

    /// The rows of these instances, in the order of ids, those read that have `room` bytes together.
    async fn stored_of(&self, connection: &mut SqliteConnection, ids: &[&InstanceId], room: u64) -> Result<Found, Error> {
        if ids.is_empty() {
            return Ok(Found::default());
        }
        let rows = format!(
            "SELECT instances.id AS id, {} AS bytes FROM json_each($1) AS asked CROSS JOIN instances ON instances.id = asked.value",
            rows::bytes(self.payloads)
        );
        let query = sqlx::query(AssertSqlSafe(fitting(&rows, "$2", self.payloads)));
        let query = query.bind(id_list(ids)).bind(i64::try_from(room).unwrap_or(i64::MAX));
        let read = query.fetch_all(connection).await.map_err(|error| of_read(DOING, &error))?;
        Found::of(read).map_err(|error| of_read(DOING, &error))
    }
}

/// Rows of `ids_and_bytes` in the order of ids. The payloads of those alone are read that have `room` bytes together: SQLite knows the length of
/// a text without reading it.
fn fitting(ids_and_bytes: &str, room: &str, payloads: Payloads) -> String {
    let columns = rows::columns(payloads, "page.total <= ", room);
    format!(
        "
SELECT {columns}, page.total <= {room}, page.bytes
FROM (
    SELECT listed.id AS listed, bytes, sum(bytes) OVER (ORDER BY listed.id ROWS UNBOUNDED PRECEDING) AS total
    FROM ({ids_and_bytes}) AS listed
) AS page
CROSS JOIN instances ON instances.id = page.listed
ORDER BY page.listed"
    )
}

/// What a statement of [`fitting`] has found.
#[derive(Default)]
struct Found {
    /// The rows that were read.
    rows: Vec<StoredRow>,
    /// The first one that was not, with its length.
    unread: Option<(InstanceId, u64)>,
    /// The last one, read or not.
    last: Option<InstanceId>,
    count: usize,
}

impl Found {
    fn of(read: Vec<SqliteRow>) -> Result<Self, sqlx::Error> {
        let mut found = Self { count: read.len(), ..Self::default() };
        let id = |row: &SqliteRow| Ok::<_, sqlx::Error>(InstanceId::trusted(row.try_get::<&str, _>(0)?));
        found.last = read.last().map(id).transpose()?;
        // Each is let go as soon as it is copied.
        for row in read {
            if !row.try_get::<bool, _>(rows::COLUMNS.len())? {
                let bytes = row.try_get::<i64, _>(rows::COLUMNS.len() + 1)?;
                found.unread = Some((id(&row)?, u64::try_from(bytes).unwrap_or(0)));
                break;
            }
            found.rows.push(rows::read(&row)?);
        }
        Ok(found)
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
    /// How many are pending up to `end`, and before `cut`.
    fn count_up_to(&self, end: Option<&InstanceId>, cut: Option<&InstanceId>) -> usize {
        let within = |entry: &Unprojected| end.is_none_or(|end| entry.id <= *end) && cut.is_none_or(|cut| entry.id < *cut);
        self.entries.partition_point(within)
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
    let mut filling = Filling::new(query.limit, query.payloads, query.max_bytes);
    let mut is_whole = true;
    for (range, mut known) in query.ranges.iter().zip(pending.0) {
        let mut begin = Some(range.begin.clone());
        while let Some(from) = begin.filter(|_| is_whole && !filling.is_full()) {
            let end = query.piece(connection, range, &from, &mut known, &mut filling).await?;
            is_whole = end.is_none() || end != known.horizon || filling.is_full();
            // The least text greater than an id is the id and a zero byte.
            begin = end.map(|end| format!("{end}\0"));
        }
    }
    Ok((filling.end(), is_whole))
}

impl Query {
    /// Fills in what the range has from `from` on, as far as one reading goes. Returns the last id that was looked at; `None` at the end of the
    /// range.
    async fn piece(
        &self,
        connection: &mut SqliteConnection,
        range: &IdRange,
        from: &str,
        known: &mut Known,
        filling: &mut Filling,
    ) -> Result<Option<InstanceId>, Error> {
        let (wanted, room) = (filling.rows_wanted(), filling.room_bytes());
        let stored = self.stored(&mut *connection, from, range.end.as_deref(), wanted, room).await?;
        let end = [stored.last.filter(|_| stored.count == wanted), known.horizon.clone()].into_iter().flatten().min();
        let mut unread = stored.unread;
        let count = known.count_up_to(end.as_ref(), unread.as_ref().map(|(id, _)| id));
        let entries = &known.entries[..count];
        let in_tables: Vec<_> = entries.iter().filter(|entry| entry.in_tables == InTables::Row).map(|entry| &entry.id).collect();
        let before = self.stored_of(connection, &in_tables, room).await?;
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
