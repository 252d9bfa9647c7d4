//! Lists as SQLite reads them; [`crate::projection::list`] puts what is pending on top.

use longhaul_core::{InstanceId, Timestamp};
use sqlx::sqlite::{SqliteConnection, SqliteRow};
use sqlx::{AssertSqlSafe, Row};

use super::database::id_list;
use super::error::of_read;
use super::projector::json;
use super::rows::{self, time_value};
use crate::contract::{EntityQuery, Error, InstanceQuery, Payloads};
use crate::projection::list::{Found, Tables};

const DOING: &str = "list instances";

/// What a list shows of the tables.
pub(super) struct Conditions {
    /// Conditions besides the range of ids; its parameters are $3, $4 and $5.
    sql: &'static str,
    from: Option<Timestamp>,
    to: Option<Timestamp>,
    statuses: Option<String>,
    payloads: Payloads,
}

impl Conditions {
    /// Those of a list of instances.
    pub(super) fn of_instances(query: &InstanceQuery) -> Result<Self, Error> {
        let statuses: Vec<_> = query.statuses.iter().map(|status| status.as_str()).collect();
        Ok(Self {
            sql: "
    AND ($3 IS NULL OR created_at >= $3)
    AND ($4 IS NULL OR created_at <= $4)
    AND ($5 IS NULL OR status IN (SELECT value FROM json_each($5)))",
            from: query.created_from,
            to: query.created_to,
            statuses: if statuses.is_empty() { None } else { Some(json(&statuses).map_err(|error| of_read(DOING, &error))?) },
            payloads: query.payloads,
        })
    }

    /// Those of a list of entities that have a state.
    pub(super) fn of_entities(query: &EntityQuery) -> Self {
        Self {
            sql: "
    AND state IS NOT NULL
    AND ($3 IS NULL OR updated_at >= $3)
    AND ($4 IS NULL OR updated_at <= $4)",
            from: query.changed_from,
            to: query.changed_to,
            statuses: None,
            payloads: query.payloads,
        }
    }
}

/// The table of instances, as one list reads it.
pub(super) struct InstancesTable<'list> {
    pub(super) connection: &'list mut SqliteConnection,
    pub(super) conditions: &'list Conditions,
}

impl Tables for InstancesTable<'_> {
    async fn rows_from(&mut self, begin: &str, end: Option<&str>, most: usize, room: u64) -> Result<Found, Error> {
        let (conditions, connection) = (self.conditions, &mut *self.connection);
        let upper = if end.is_some() { "AND id < $2" } else { "" };
        let rows = format!(
            "SELECT id, {} AS bytes FROM instances WHERE id >= $1 {upper} {} ORDER BY id LIMIT $6",
            rows::bytes(conditions.payloads),
            conditions.sql
        );
        // All parts of the text are constants of this crate.
        let query = sqlx::query(AssertSqlSafe(fitting(&rows, "$7", conditions.payloads)))
            .bind(begin)
            .bind(end)
            .bind(conditions.from.map(time_value))
            .bind(conditions.to.map(time_value))
            .bind(conditions.statuses.as_deref())
            .bind(i64::try_from(most).unwrap_or(i64::MAX))
            .bind(i64::try_from(room).unwrap_or(i64::MAX));
        let read = query.fetch_all(connection).await.map_err(|error| of_read(DOING, &error))?;
        found(read).map_err(|error| of_read(DOING, &error))
    }

    async fn rows_of(&mut self, ids: &[&InstanceId], room: u64) -> Result<Found, Error> {
        if ids.is_empty() {
            return Ok(Found::default());
        }
        let rows = format!(
            "SELECT instances.id AS id, {} AS bytes FROM json_each($1) AS asked CROSS JOIN instances ON instances.id = asked.value",
            rows::bytes(self.conditions.payloads)
        );
        let query = sqlx::query(AssertSqlSafe(fitting(&rows, "$2", self.conditions.payloads)));
        let query = query.bind(id_list(ids)).bind(i64::try_from(room).unwrap_or(i64::MAX));
        let read = query.fetch_all(&mut *self.connection).await.map_err(|error| of_read(DOING, &error))?;
        found(read).map_err(|error| of_read(DOING, &error))
    }
}

/// Rows of `ids_and_bytes` in the order of ids. The payloads of those alone are read that have
/// `room` bytes together: SQLite knows the length of a text without reading it.
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
fn found(read: Vec<SqliteRow>) -> Result<Found, sqlx::Error> {
    let mut found = Found { count: read.len(), ..Found::default() };
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
