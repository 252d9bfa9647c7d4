//! The writing connection and what the writer knows about the file.
//!
//! The work itself is in the modules that extend [`Database`]: append, projector, trim, recovery,
//! purge, deploy.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use longhaul_core::{InstanceId, Standing};
use parking_lot::{Mutex, MutexGuard};
use sqlx::Row;
use sqlx::sqlite::{SqliteConnection, SqliteRow};

use super::config::SqliteConfig;
use super::error::{of_read, of_write};
use super::file::Trust;
use super::rows::standing;
use crate::contract::Error;
use crate::projection::cadence::Backlog;
use crate::projection::overlay::{InTables, Overlay};

/// The overlay as the writer and the readers share it.
#[derive(Clone, Debug, Default)]
pub(super) struct SharedOverlay(Arc<Mutex<Overlay>>);

/// How often appending has called the driver; clones share it.
#[derive(Clone, Debug, Default)]
pub(super) struct AppendStatements(Arc<AtomicU64>);

impl AppendStatements {
    pub(super) fn add(&self, statements: usize) {
        self.0.fetch_add(statements as u64, Ordering::Relaxed);
    }

    pub(super) fn count(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl SharedOverlay {
    pub(super) fn lock(&self) -> MutexGuard<'_, Overlay> {
        self.0.lock()
    }
}

/// The end of a chain as the tables have it.
#[derive(Clone, Debug)]
pub(super) struct StoredTail {
    pub position: i64,
    pub in_tables: InTables,
    /// How the orchestration stands; absent for an entity, and where there is no row.
    pub standing: Option<Standing>,
}

/// The only connection that writes.
pub(super) struct Database {
    pub(super) connection: SqliteConnection,
    pub(super) overlay: SharedOverlay,
    /// Position of the newest record ever written; positions are never used twice.
    pub(super) last: i64,
    /// Whether records behind a base wait to be dropped.
    pub(super) garbage: bool,
    pub(super) append_statements: AppendStatements,
    pub(super) config: SqliteConfig,
    pub(super) trust: Trust,
}

impl Database {
    pub(super) fn new(connection: SqliteConnection, config: SqliteConfig, overlay: SharedOverlay) -> Self {
        let append_statements = AppendStatements::default();
        Self { connection, overlay, last: 0, garbage: true, append_statements, config, trust: Trust::Settled }
    }

    /// What the tables do not show yet.
    pub(super) fn backlog(&self) -> Backlog {
        let overlay = self.overlay.lock();
        Backlog { records: overlay.len(), bytes: overlay.bytes(), oldest: overlay.oldest(), garbage: self.garbage }
    }

    /// Runs `work` in one transaction. If anything fails nothing is written, unless the error is
    /// [`Error::Unknown`].
    pub(super) async fn in_transaction<T>(
        &mut self,
        doing: &str,
        work: impl AsyncFnOnce(&mut SqliteConnection) -> Result<T, Error>,
    ) -> Result<T, Error> {
        self.settle().await?;
        let result = async {
            execute(&mut self.connection, "BEGIN IMMEDIATE").await.map_err(|error| of_write(doing, &error))?;
            let value = work(&mut self.connection).await?;
            execute(&mut self.connection, "COMMIT").await.map_err(|error| of_write(doing, &error))?;
            Ok(value)
        };
        let result = result.await;
        if let Err(error) = &result {
            self.unsettle(error).await;
        }
        result
    }

    /// Last positions of instances that the tables know; the others are left out.
    pub(super) async fn stored_tails(&mut self, ids: &[&InstanceId]) -> Result<HashMap<InstanceId, StoredTail>, Error> {
        if ids.is_empty() {
            return Ok(HashMap::new());
        }
        let read = sqlx::query(STORED_TAILS).bind(id_list(ids)).fetch_all(&mut self.connection);
        let rows = read.await.map_err(|error| of_read("look up the last records of instances", &error))?;
        rows.iter()
            .map(stored_tail)
            .collect::<Result<_, sqlx::Error>>()
            .map_err(|error| of_read("look up the last records of instances", &error))
    }
}

const STORED_TAILS: &str = "
SELECT
    asked.value, coalesce(instances.last_position, orphans.last_position), instances.last_position IS NOT NULL,
    instances.status, instances.execution
FROM json_each($1) AS asked
LEFT JOIN instances ON instances.id = asked.value
LEFT JOIN orphans ON orphans.instance = asked.value
WHERE coalesce(instances.last_position, orphans.last_position) IS NOT NULL";

fn stored_tail(row: &SqliteRow) -> Result<(InstanceId, StoredTail), sqlx::Error> {
    let in_tables = if row.try_get(2)? { InTables::Row } else { InTables::ChainOnly };
    let standing = match (row.try_get(3)?, row.try_get(4)?) {
        (Some(status), Some(execution)) => Some(standing(status, execution)?),
        _ => None,
    };
    Ok((InstanceId::trusted(row.try_get::<&str, _>(0)?), StoredTail { position: row.try_get(1)?, in_tables, standing }))
}

/// Ids as one JSON array: one parameter whatever their number, so that one prepared statement
/// serves all.
pub(super) fn id_list<'a>(ids: impl IntoIterator<Item = &'a &'a InstanceId>) -> String {
    let ids: Vec<_> = ids.into_iter().map(|id| id.as_str()).collect();
    serde_json::to_string(&ids).expect("strings are always JSON")
}

/// Runs statements without parameters.
pub(super) async fn execute(connection: &mut SqliteConnection, sql: &'static str) -> Result<(), sqlx::Error> {
    sqlx::raw_sql(sql).execute(connection).await.map(|_| ())
}
