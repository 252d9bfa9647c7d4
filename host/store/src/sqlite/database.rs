//! The writing connection and what the writer knows about the file.
//!
//! The work itself is in the modules that extend [`Database`]: append, projector, trim, recovery, purge, deploy.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use longhaul_core::{InstanceId, Standing};
use sqlx::sqlite::{SqliteConnection, SqliteRow};
use sqlx::{Connection, Row};

use super::config::SqliteConfig;
use super::error::{of_read, of_write};
use super::open::{NewLog, begin_new_log, open_writer};
use super::overlay::{InTables, Overlay};
use super::rows::standing;
use crate::contract::Error;

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
        // No method of the overlay leaves it half-changed by a panic.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
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
    config: SqliteConfig,
    trust: Trust,
}

/// How far the connection can be relied on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trust {
    /// It is outside any transaction, and memory knows the newest record.
    Settled,
    /// A write failed: a transaction may be open, and records may have been written all the same.
    Unsettled,
    /// A write or a sync failed in the disk: what the system's cache shows of the file may not be on the disk, and a sync that succeeds later says nothing
    /// of it, because the system forgets what it could not write.
    Distrusted,
}

impl Database {
    pub(super) fn new(connection: SqliteConnection, config: SqliteConfig, overlay: SharedOverlay) -> Self {
        let append_statements = AppendStatements::default();
        Self { connection, overlay, last: 0, garbage: true, append_statements, config, trust: Trust::Settled }
    }

    /// Runs `work` in one transaction. If anything fails nothing is written, unless the error is [`Error::Unknown`].
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

    /// To be called after a failed write: brings the connection back to a known state, now or before the next write.
    pub(super) async fn unsettle(&mut self, error: &Error) {
        self.trust = if matches!(error, Error::Unknown(_)) { Trust::Distrusted } else { Trust::Unsettled };
        if let Err(error) = self.settle().await {
            tracing::error!(%error, "the database is not usable after a failed write; trying again before the next one");
        }
    }

    /// Makes sure that the connection is outside any transaction and that memory knows the newest record.
    pub(super) async fn settle(&mut self) -> Result<(), Error> {
        if self.trust == Trust::Settled {
            return Ok(());
        }
        if self.trust == Trust::Unsettled {
            // This fails when SQLite has rolled back by itself; the next statement shows whether the connection is sound.
            let _ = execute(&mut self.connection, "ROLLBACK").await;
            if execute(&mut self.connection, "BEGIN IMMEDIATE; ROLLBACK").await.is_err() {
                self.trust = Trust::Distrusted;
            }
        }
        if self.trust == Trust::Distrusted {
            self.reopen().await?;
        }
        let records = self.load_tail().await?;
        if records > 0 {
            tracing::warn!(records, "a write that was reported as failed is in the log");
        }
        self.trust = Trust::Settled;
        Ok(())
    }

    /// Lets go of the connection and opens another, which begins a new write-ahead log before anything is read from the old one. If that fails,
    /// nothing here is used.
    async fn reopen(&mut self) -> Result<(), Error> {
        let fresh = open_writer(&self.config).await?;
        let old = std::mem::replace(&mut self.connection, fresh);
        // It has failed before; what matters is that it is gone.
        let _ = old.close().await;
        let doing = "write the write-ahead log to the database after a failure";
        if let NewLog::Hindered = begin_new_log(&mut self.connection, doing).await? {
            return Err(Error::Unavailable(format!("cannot {doing}: another process is reading the database; it has to let go of it")));
        }
        tracing::warn!("opened the database again after a failure, with a new write-ahead log");
        Ok(())
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

/// Ids as one JSON array: one parameter whatever their number, so that one prepared statement serves all.
pub(super) fn id_list<'a>(ids: impl IntoIterator<Item = &'a &'a InstanceId>) -> String {
    let ids: Vec<_> = ids.into_iter().map(|id| id.as_str()).collect();
    serde_json::to_string(&ids).expect("strings are always JSON")
}

/// Runs statements without parameters.
pub(super) async fn execute(connection: &mut SqliteConnection, sql: &'static str) -> Result<(), sqlx::Error> {
    sqlx::raw_sql(sql).execute(connection).await.map(|_| ())
}
