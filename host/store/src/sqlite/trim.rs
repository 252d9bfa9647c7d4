//! Dropping what lies behind a base.
//!
//! A cut is decided by the projector ([`crate::projection::trim`]) and noted in the table
//! `trimmed`; the records go in bounded steps, newest first, each step in the transaction that
//! notes how far it came.

use std::collections::HashMap;

use longhaul_core::InstanceId;
use sqlx::Row;
use sqlx::sqlite::{SqliteConnection, SqliteRow};

use super::database::Database;
use super::error::of_write;
use super::projector::json;
use crate::contract::Error;
use crate::projection::trim::Trim;

/// Most records dropped in one transaction, so that a commit never waits long behind it.
const MAX_DROPPED: i64 = 1_000;
const DOING: &str = "drop records behind a base";

impl Database {
    /// Drops a bounded number of records, in a transaction of its own.
    pub(super) async fn trim_some(&mut self) -> Result<(), Error> {
        self.garbage = self.in_transaction(DOING, async |connection| drop_garbage(connection).await).await?;
        Ok(())
    }
}

/// Notes where chains are cut. A chain whose last cut is not carried out yet keeps that one: its
/// next base will do.
pub(super) async fn write_trims(connection: &mut SqliteConnection, trims: Vec<(InstanceId, Trim)>) -> Result<(), Error> {
    if trims.is_empty() {
        return Ok(());
    }
    let mut cuts = Vec::with_capacity(trims.len());
    for (id, Trim { base, row, garbage }) in trims {
        let row =
            serde_json::to_string(&row).map_err(|error| Error::Damaged(format!("cannot encode the row of instance '{id}': {error}")))?;
        cuts.push((id, base, row, garbage));
    }
    let sql = "
INSERT INTO trimmed (instance, position, row, garbage)
SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3
FROM json_each($1)
WHERE true
ON CONFLICT (instance) DO UPDATE SET
    position = excluded.position,
    row = excluded.row,
    garbage = excluded.garbage
WHERE trimmed.garbage IS NULL";
    let run = async { sqlx::query(sql).bind(json(&cuts)?).execute(connection).await };
    run.await.map_err(|error| of_write(DOING, &error))?;
    Ok(())
}

/// Drops a bounded number of records inside the caller's transaction. Returns whether more is left.
pub(super) async fn drop_garbage(connection: &mut SqliteConnection) -> Result<bool, Error> {
    drop_some(connection).await.map_err(|error| of_write(DOING, &error))
}

/// Walks all garbage chains at once, oldest step first, until the limit.
const WALK: &str = "
WITH RECURSIVE garbage (instance, position, previous) AS (
    SELECT trimmed.instance, log.position, log.previous
    FROM trimmed
    CROSS JOIN log ON log.position = trimmed.garbage
    WHERE trimmed.garbage IS NOT NULL
    UNION ALL
    SELECT garbage.instance, log.position, log.previous
    FROM garbage
    CROSS JOIN log ON log.position = garbage.previous
    LIMIT $1
)
SELECT instance, position, previous
FROM garbage";

async fn drop_some(connection: &mut SqliteConnection) -> Result<bool, sqlx::Error> {
    let walked = sqlx::query(WALK).bind(MAX_DROPPED).fetch_all(&mut *connection).await?;
    let more = walked.len() as i64 == MAX_DROPPED;
    let mut positions = Vec::with_capacity(walked.len());
    let mut rest: HashMap<String, (i64, Option<i64>)> = HashMap::new();
    for row in &walked {
        let (instance, position, previous) = step(row)?;
        positions.push(position);
        let oldest = rest.entry(instance).or_insert((position, previous));
        if position < oldest.0 {
            *oldest = (position, previous);
        }
    }
    if !positions.is_empty() {
        let sql = "DELETE FROM log WHERE position IN (SELECT value FROM json_each($1))";
        sqlx::query(sql).bind(json(&positions)?).execute(&mut *connection).await?;
        let rest: Vec<_> = rest.into_iter().map(|(instance, (_, previous))| (instance, previous)).collect();
        let sql = "
UPDATE trimmed
SET garbage = walked.value ->> 1
FROM json_each($1) AS walked
WHERE trimmed.instance = walked.value ->> 0";
        sqlx::query(sql).bind(json(&rest)?).execute(&mut *connection).await?;
    }
    if !more {
        // What the walk did not reach hangs on records that are gone: those chains are finished.
        sqlx::query("UPDATE trimmed SET garbage = NULL WHERE garbage IS NOT NULL").execute(connection).await?;
    }
    Ok(more)
}

fn step(row: &SqliteRow) -> Result<(String, i64, Option<i64>), sqlx::Error> {
    Ok((row.try_get(0)?, row.try_get(1)?, row.try_get(2)?))
}
