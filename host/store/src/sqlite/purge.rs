//! Removing instances with all that is known of them, in bounded steps.

use std::collections::HashSet;

use longhaul_core::InstanceId;
use sqlx::Row;
use sqlx::sqlite::SqliteConnection;

use super::database::{Database, id_list};
use super::error::of_write;
use super::projector::json;
use crate::contract::{Error, MAX_PURGED_BYTES, MAX_PURGED_RECORDS, Purged};

/// Deletes the whole chains that end at the positions that a SELECT lists. CROSS JOIN keeps SQLite
/// from reading the whole log.
macro_rules! delete_chains {
    ($ends:literal) => {
        concat!(
            "WITH RECURSIVE chain (position) AS (",
            $ends,
            "
    UNION
    SELECT log.previous
    FROM chain
    CROSS JOIN log ON log.position = chain.position
    WHERE log.previous IS NOT NULL
)
DELETE FROM log
WHERE position IN (SELECT position FROM chain)"
        )
    };
}
pub(super) use delete_chains;

/// The whole chain of an instance, what is about to be trimmed from it included.
const DELETE_CHAIN: &str = delete_chains!(
    "
    SELECT last_position
    FROM instances
    WHERE id = $1
    UNION
    SELECT last_position
    FROM orphans
    WHERE instance = $1
    UNION
    SELECT garbage
    FROM trimmed
    WHERE instance = $1
        AND garbage IS NOT NULL"
);

/// Instances that have something to do, as [`crate::contract::may_be_purged`] says of their rows.
const KEPT: &str = "
SELECT instances.id
FROM json_each($1) AS asked
CROSS JOIN instances ON instances.id = asked.value
WHERE instances.inbox > 0
    OR instances.locked_by IS NOT NULL
    OR (instances.kind = 'orchestration' AND instances.status NOT IN ('Completed', 'Failed', 'Canceled', 'Terminated'))
ORDER BY asked.key";

/// The records of some instances, one instance after the other, up to a limit. A record that was
/// trimmed already counts as an empty one, so that the number of rows says whether the limit was
/// reached.
const RECORDS: &str = "
WITH RECURSIVE ends (place, position) AS (
    SELECT asked.key, instances.last_position
    FROM json_each($1) AS asked
    CROSS JOIN instances ON instances.id = asked.value
    UNION
    SELECT asked.key, orphans.last_position
    FROM json_each($1) AS asked
    CROSS JOIN orphans ON orphans.instance = asked.value
    UNION
    SELECT asked.key, trimmed.garbage
    FROM json_each($1) AS asked
    CROSS JOIN trimmed ON trimmed.instance = asked.value
    WHERE trimmed.garbage IS NOT NULL
),
chain (place, position) AS (
    SELECT place, position FROM ends
    UNION
    SELECT chain.place, log.previous
    FROM chain
    CROSS JOIN log ON log.position = chain.position
    WHERE log.previous IS NOT NULL
    ORDER BY 1
    LIMIT $2
)
SELECT chain.place, chain.position, coalesce(octet_length(log.data), 0)
FROM chain
LEFT JOIN log ON log.position = chain.position";

/// What goes in one step.
struct Portion {
    /// How many of the instances.
    instances: usize,
    /// Their records. Of an instance that is longer than a step, some of them.
    positions: Vec<i64>,
}

impl Database {
    /// Removes the first of some instances with their chains. The projection is flushed first, so
    /// that tables alone say where the chains end and what the instances are.
    pub(super) async fn purge(&mut self, instances: Vec<InstanceId>) -> Result<Purged, Error> {
        if instances.is_empty() {
            return Ok(Purged::default());
        }
        self.flush().await?;
        let doing = format!("purge {} instances", instances.len());
        let step =
            async |connection: &mut SqliteConnection| delete_some(connection, instances).await.map_err(|error| of_write(&doing, &error));
        self.in_transaction(&doing, step).await
    }
}

async fn delete_some(connection: &mut SqliteConnection, instances: Vec<InstanceId>) -> Result<Purged, sqlx::Error> {
    let asked = id_list(&instances.iter().collect::<Vec<_>>());
    let kept = sqlx::query(KEPT).bind(asked).fetch_all(&mut *connection).await?;
    let kept = kept.iter().map(|row| Ok(InstanceId::trusted(row.try_get::<&str, _>(0)?))).collect::<Result<Vec<_>, sqlx::Error>>()?;
    let stays: HashSet<&InstanceId> = kept.iter().collect();
    let mut going: Vec<_> = instances.into_iter().filter(|id| !stays.contains(id)).collect();

    let portion = portion(connection, &going).await?;
    let rest = going.split_off(portion.instances);
    let sql = "DELETE FROM log WHERE position IN (SELECT value FROM json_each($1))";
    match (&going[..], portion.positions.len()) {
        ([long], MAX_PURGED_RECORDS..) => _ = sqlx::query(DELETE_CHAIN).bind(long.as_str()).execute(&mut *connection).await?,
        _ => _ = sqlx::query(sql).bind(json(&portion.positions)?).execute(&mut *connection).await?,
    }
    let removed = delete_rows(connection, &going).await?;
    Ok(Purged { removed: u32::try_from(removed).unwrap_or(u32::MAX), kept, rest })
}

/// The first of the instances that one step removes: at least one, whole ones only.
async fn portion(connection: &mut SqliteConnection, instances: &[InstanceId]) -> Result<Portion, sqlx::Error> {
    let ids = id_list(&instances.iter().collect::<Vec<_>>());
    let records = sqlx::query(RECORDS).bind(ids).bind(MAX_PURGED_RECORDS as i64).fetch_all(connection).await?;
    let mut found = Vec::with_capacity(records.len());
    for row in &records {
        found.push((row.try_get::<i64, _>(0)? as usize, row.try_get::<i64, _>(1)?, row.try_get::<i64, _>(2)?));
    }
    found.sort_by_key(|(place, ..)| *place);
    // The limit may have cut the last one short.
    let reached = found.last().filter(|_| records.len() >= MAX_PURGED_RECORDS).map_or(instances.len(), |(place, ..)| *place);
    let mut bytes = 0;
    let mut fits = 0;
    for (place, _, length) in &found {
        if bytes >= MAX_PURGED_BYTES as i64 && *place > fits {
            break;
        }
        (bytes, fits) = (bytes + length, *place);
    }
    let within_bytes = if bytes >= MAX_PURGED_BYTES as i64 { fits + 1 } else { instances.len() };
    let count = reached.min(within_bytes).max(1).min(instances.len());
    let positions = found.into_iter().filter(|(place, ..)| *place < count).map(|(_, position, _)| position).collect();
    Ok(Portion { instances: count, positions })
}

async fn delete_rows(connection: &mut SqliteConnection, instances: &[InstanceId]) -> Result<u64, sqlx::Error> {
    let ids = id_list(&instances.iter().collect::<Vec<_>>());
    for sql in [
        "DELETE FROM orphans WHERE instance IN (SELECT value FROM json_each($1))",
        "DELETE FROM trimmed WHERE instance IN (SELECT value FROM json_each($1))",
    ] {
        sqlx::query(sql).bind(&ids).execute(&mut *connection).await?;
    }
    let sql = "DELETE FROM instances WHERE id IN (SELECT value FROM json_each($1))";
    Ok(sqlx::query(sql).bind(&ids).execute(connection).await?.rows_affected())
}
