//! What a connection can be relied on for after a failed write, and how it is replaced by a fresh
//! one.

use sqlx::Connection;
use sqlx::sqlite::SqliteConnection;

use super::open::{connect, writing};
use super::schema;
use crate::contract::Error;
use crate::sqlite::config::SqliteConfig;
use crate::sqlite::database::{Database, execute};
use crate::sqlite::error::of_checkpoint;

/// How far the connection can be relied on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::sqlite) enum Trust {
    /// It is outside any transaction, and memory knows the newest record.
    Settled,
    /// A write failed: a transaction may be open, and records may have been written all the same.
    Unsettled,
    /// A write or a sync failed in the disk: what the system's cache shows of the file may not be
    /// on the disk, and a sync that succeeds later says nothing of it, because the system forgets
    /// what it could not write.
    Distrusted,
}

impl Database {
    /// To be called after a failed write: brings the connection back to a known state, now or
    /// before the next write.
    pub(in crate::sqlite) async fn unsettle(&mut self, error: &Error) {
        self.trust = if matches!(error, Error::Unknown(_)) { Trust::Distrusted } else { Trust::Unsettled };
        if let Err(error) = self.settle().await {
            tracing::error!(%error, "the database is not usable after a failed write; trying again before the next one");
        }
    }

    /// Makes sure that the connection is outside any transaction and that memory knows the newest
    /// record.
    pub(in crate::sqlite) async fn settle(&mut self) -> Result<(), Error> {
        if self.trust == Trust::Settled {
            return Ok(());
        }
        if self.trust == Trust::Unsettled {
            // This fails when SQLite has rolled back by itself; the next statement shows whether
            // the connection is sound.
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

    /// Closes the connection and opens another, which begins a new write-ahead log before anything
    /// is read from the old one. If that fails, nothing here is used.
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
}

/// Opens a database that was open before once more for writing.
async fn open_writer(config: &SqliteConfig) -> Result<SqliteConnection, Error> {
    let mut connection = connect(&writing(config).create_if_missing(false), &config.path).await?;
    schema::verify(&mut connection, config).await?;
    Ok(connection)
}

/// What became of the wish for a new log.
pub(super) enum NewLog {
    /// There is one.
    Begun,
    /// Another process reads from the old one.
    Hindered,
}

/// Writes every record of the write-ahead log to the database file, synchronises that, and begins a
/// new log.
///
/// What the system's cache shows of a log may not be on the disk if a synchronisation failed just
/// before a crash, and later ones that succeed say nothing of it. Pages of the database are written
/// anew here, so that their synchronisation speaks of them.
pub(super) async fn begin_new_log(connection: &mut SqliteConnection, doing: &str) -> Result<NewLog, Error> {
    let hindered = sqlx::query_scalar::<_, i64>("PRAGMA wal_checkpoint(TRUNCATE)").fetch_one(connection).await;
    let hindered = hindered.map_err(|error| of_checkpoint(doing, &error))? != 0;
    Ok(if hindered { NewLog::Hindered } else { NewLog::Begun })
}
