//! Rows and lists from the tables. Lists run after a flush of the projection, so tables alone answer them.

use longhaul_core::{DeploymentId, InstanceId, Timestamp};
use sqlx::sqlite::{SqliteConnection, SqliteRow};
use sqlx::{AssertSqlSafe, Row};

use super::error::of_read;
use super::projector::json;
use super::range::{IdRange, entity_ranges, instance_ranges};
use super::rows::{self, StoredRow, time_of, time_value};
use crate::contract::{EntityQuery, Error, InstanceQuery, Page};

const DOING: &str = "read instances";

/// The table's row of one instance.
pub(super) async fn read_row(connection: &mut SqliteConnection, id: &InstanceId) -> Result<Option<StoredRow>, Error> {
    let read = sqlx::query("SELECT * FROM instances WHERE id = $1").bind(id.as_str()).fetch_optional(connection).await;
    let row = read.map_err(|error| of_read(DOING, &error))?;
    row.as_ref().map(rows::read).transpose().map_err(|error| of_read(DOING, &error))
}

/// A page of instances.
pub(super) async fn list(connection: &mut SqliteConnection, query: InstanceQuery) -> Result<Page, Error> {
    let InstanceQuery { created_from, created_to, statuses, id_prefix, after, limit } = query;
    let statuses: Vec<_> = statuses.iter().map(|status| status.as_str()).collect();
    let filter = Filter {
        sql: "
    AND ($3 IS NULL OR created_at >= $3)
    AND ($4 IS NULL OR created_at <= $4)
    AND ($5 IS NULL OR status IN (SELECT value FROM json_each($5)))",
        from: created_from,
        to: created_to,
        statuses: if statuses.is_empty() { None } else { Some(json(&statuses).map_err(|error| of_read(DOING, &error))?) },
    };
    page(connection, instance_ranges(&id_prefix, after.as_ref()), filter, limit).await
}

/// A page of entities that have a state.
pub(super) async fn list_entities(connection: &mut SqliteConnection, query: EntityQuery) -> Result<Page, Error> {
    let EntityQuery { name, changed_from, changed_to, after, limit } = query;
    let filter = Filter {
        sql: "
    AND state IS NOT NULL
    AND ($3 IS NULL OR updated_at >= $3)
    AND ($4 IS NULL OR updated_at <= $4)",
        from: changed_from,
        to: changed_to,
        statuses: None,
    };
    page(connection, entity_ranges(name.as_deref(), after.as_ref()), filter, limit).await
}

/// Conditions besides the range of ids; its parameters are $3, $4 and $5.
struct Filter {
    sql: &'static str,
    from: Option<Timestamp>,
    to: Option<Timestamp>,
    statuses: Option<String>,
}

/// The first rows of the ranges, one range after the other, so that what lies between them is never scanned.
async fn page(connection: &mut SqliteConnection, ranges: Vec<IdRange>, filter: Filter, limit: u32) -> Result<Page, Error> {
    let limit = limit.max(1) as usize;
    let mut found = Vec::new();
    for range in ranges {
        let upper = if range.end.is_some() { "AND id < $2" } else { "" };
        // Both parts of the text are constants of this file.
        let sql = format!("SELECT * FROM instances WHERE id >= $1 {upper} {} ORDER BY id LIMIT $6", filter.sql);
        let query = sqlx::query(AssertSqlSafe(sql))
            .bind(range.begin)
            .bind(range.end)
            .bind(filter.from.map(time_value))
            .bind(filter.to.map(time_value))
            .bind(filter.statuses.as_deref())
            .bind(i64::try_from(limit + 1 - found.len()).unwrap_or(i64::MAX));
        found.extend(query.fetch_all(&mut *connection).await.map_err(|error| of_read(DOING, &error))?);
        if found.len() > limit {
            break;
        }
    }
    let more = found.len() > limit;
    let row = |row: &SqliteRow| rows::read(row).map(|stored| stored.row);
    let rows: Vec<_> = found.iter().take(limit).map(row).collect::<Result<_, _>>().map_err(|error| of_read(DOING, &error))?;
    let next = rows.last().filter(|_| more).map(|row| row.id.clone());
    Ok(Page { rows, next })
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
    let rows = sqlx::query(DUE).bind(time_value(before)).bind(limit).fetch_all(connection).await.map_err(|error| of_read(DOING, &error))?;
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
