//! Single rows, and what has something to do. The latter runs after a flush of the projection, so
//! tables alone answer it.

use longhaul_core::{DeploymentId, InstanceId, Timestamp};
use sqlx::sqlite::{SqliteConnection, SqliteRow};
use sqlx::{AssertSqlSafe, Row};

use super::error::of_read;
use super::rows::{self, time_of, time_value};
use crate::contract::{Error, Payloads, TooLong};
use crate::projection::fold::StoredRow;

const DOING: &str = "read instances";

/// The table's row of one instance.
pub(super) async fn read_row(connection: &mut SqliteConnection, id: &InstanceId) -> Result<Option<StoredRow>, Error> {
    let read = sqlx::query("SELECT * FROM instances WHERE id = $1").bind(id.as_str()).fetch_optional(connection).await;
    let row = read.map_err(|error| of_read(DOING, &error))?;
    row.as_ref().map(rows::read).transpose().map_err(|error| of_read(DOING, &error))
}

/// The same, with those payloads alone that are asked for, unless it has more than `max_bytes`.
pub(super) async fn read_row_within(
    connection: &mut SqliteConnection,
    id: &InstanceId,
    payloads: Payloads,
    max_bytes: u64,
) -> Result<Result<Option<StoredRow>, TooLong>, Error> {
    let bytes = rows::bytes(payloads);
    let columns = rows::columns(payloads, &format!("{bytes} <= "), "$2");
    // All parts of the text are constants of this crate.
    let query = sqlx::query(AssertSqlSafe(format!("SELECT {columns}, {bytes} FROM instances WHERE id = $1")));
    let read = query.bind(id.as_str()).bind(i64::try_from(max_bytes).unwrap_or(i64::MAX)).fetch_optional(connection).await;
    let Some(row) = read.map_err(|error| of_read(DOING, &error))? else { return Ok(Ok(None)) };
    let bytes = row.try_get::<i64, _>(rows::COLUMNS.len()).map_err(|error| of_read(DOING, &error))?;
    match u64::try_from(bytes).unwrap_or(0) {
        bytes if bytes > max_bytes => Ok(Err(TooLong { bytes })),
        _ => rows::read(&row).map(|stored| Ok(Some(stored))).map_err(|error| of_read(DOING, &error)),
    }
}

/// The text of the condition is that of the index `instances_work`, else SQLite would not use it.
pub(super) const WITH_WORK: &str = "
SELECT id
FROM instances
WHERE parked IS NULL
    AND (pending = 1 OR inbox > 0)
ORDER BY last_position";

/// Instances with work, in the order of their last change.
pub(super) async fn with_work(connection: &mut SqliteConnection) -> Result<Vec<InstanceId>, Error> {
    let ids: Vec<String> = sqlx::query_scalar(WITH_WORK).fetch_all(connection).await.map_err(|error| of_read(DOING, &error))?;
    Ok(ids.into_iter().map(InstanceId::trusted).collect())
}

/// The text of the condition is that of the index `instances_wake`.
pub(super) const DUE: &str = "
SELECT id, wake_at
FROM instances
WHERE wake_at IS NOT NULL
    AND parked IS NULL
    AND status NOT IN ('Completed', 'Failed', 'Canceled', 'Terminated')
    AND wake_at < $1
ORDER BY wake_at, id
LIMIT $2";

/// Instances that wake up before a time, soonest first.
pub(super) async fn due(connection: &mut SqliteConnection, before: Timestamp, limit: u32) -> Result<Vec<(InstanceId, Timestamp)>, Error> {
    let rows = sqlx::query(DUE).bind(time_value(before)).bind(limit).fetch_all(connection).await;
    wake_ups(&rows.map_err(|error| of_read(DOING, &error))?)
}

/// The text of the condition is that of the index `instances_wake`.
pub(super) const AHEAD_OF: &str = "
SELECT id, wake_at
FROM instances
WHERE wake_at IS NOT NULL
    AND parked IS NULL
    AND status NOT IN ('Completed', 'Failed', 'Canceled', 'Terminated')
    AND updated_at > $1
    AND (wake_at, id) > ($2, $3)
ORDER BY wake_at, id
LIMIT $4";

/// Instances with a wake-up whose latest turn was later than `now`, those behind `after`, soonest
/// first.
pub(super) async fn ahead_of(
    connection: &mut SqliteConnection,
    now: Timestamp,
    after: &(Timestamp, InstanceId),
    limit: u32,
) -> Result<Vec<(InstanceId, Timestamp)>, Error> {
    let (at, id) = after;
    let query = sqlx::query(AHEAD_OF).bind(time_value(now)).bind(time_value(*at)).bind(id.as_str()).bind(limit);
    wake_ups(&query.fetch_all(connection).await.map_err(|error| of_read(DOING, &error))?)
}

fn wake_ups(rows: &[SqliteRow]) -> Result<Vec<(InstanceId, Timestamp)>, Error> {
    let pair = |row: &SqliteRow| Ok((InstanceId::trusted(row.try_get::<&str, _>(0)?), time_of(row.try_get(1)?)));
    rows.iter().map(pair).collect::<Result<_, sqlx::Error>>().map_err(|error| of_read(DOING, &error))
}

/// The text of the condition is that of the index `instances_pinned`.
pub(super) const IN_USE: &str = "
SELECT EXISTS (
    SELECT 1
    FROM instances
    WHERE deployment = $1
        AND deployment IS NOT NULL
        AND status NOT IN ('Completed', 'Failed', 'Canceled', 'Terminated')
)";

/// Whether an instance that has not ended is pinned to the deployment.
pub(super) async fn deployment_in_use(connection: &mut SqliteConnection, deployment: DeploymentId) -> Result<bool, Error> {
    // A number beyond SQLite's integers was never given to a deployment.
    let Ok(deployment) = i64::try_from(deployment.0) else { return Ok(false) };
    sqlx::query_scalar(IN_USE).bind(deployment).fetch_one(connection).await.map_err(|error| of_read(DOING, &error))
}

#[cfg(test)]
mod tests;
