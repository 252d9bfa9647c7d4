//! Notes of keyed requests.

use longhaul_core::{InstanceId, Timestamp};
use sqlx::Arguments;
use sqlx::Row;
use sqlx::sqlite::{SqliteArguments, SqliteConnection, SqliteRow};

use super::bulk::Bulk;
use super::database::Database;
use super::error::{of_read, of_write};
use super::rows::{time_of, time_value};
use crate::contract::{Error, IdempotencyNote};

const COLUMNS: usize = 4;
/// Most rows in one statement.
const MAX_ROWS: usize = 1_024;

static UPSERT: std::sync::LazyLock<Bulk> = std::sync::LazyLock::new(|| {
    let conflict = "ON CONFLICT (key) DO UPDATE SET digest = excluded.digest, instance = excluded.instance, at = excluded.at";
    Bulk::new("INSERT INTO keys (key, digest, instance, at)", COLUMNS, conflict, &[1, 8, 64, MAX_ROWS])
});

/// Writes notes inside the caller's transaction.
pub(super) async fn insert(connection: &mut SqliteConnection, notes: &[IdempotencyNote]) -> Result<(), sqlx::Error> {
    for part in notes.chunks(MAX_ROWS) {
        let mut arguments = SqliteArguments::default();
        for note in part {
            let mut add = || {
                arguments.add(note.key.as_str())?;
                arguments.add(note.digest.as_slice())?;
                arguments.add(note.instance.as_str())?;
                arguments.add(time_value(note.at))
            };
            add().map_err(sqlx::Error::Encode)?;
        }
        sqlx::query_with(UPSERT.for_rows(part.len()), arguments).execute(&mut *connection).await?;
    }
    Ok(())
}

/// The note of a key.
pub(super) async fn read(connection: &mut SqliteConnection, key: &str) -> Result<Option<IdempotencyNote>, Error> {
    let sql = "SELECT key, digest, instance, at FROM keys WHERE key = $1";
    let row = sqlx::query(sql).bind(key).fetch_optional(connection).await;
    let row = row.map_err(|error| of_read("look up a key", &error))?;
    row.as_ref().map(note).transpose().map_err(|error| of_read("read a key", &error))
}

fn note(row: &SqliteRow) -> Result<IdempotencyNote, sqlx::Error> {
    let digest = row.try_get::<&[u8], _>(1)?.try_into().map_err(|error| sqlx::Error::Decode(Box::new(error)))?;
    Ok(IdempotencyNote {
        key: row.try_get(0)?,
        digest,
        instance: InstanceId::trusted(row.try_get::<&str, _>(2)?),
        at: time_of(row.try_get(3)?),
    })
}

impl Database {
    /// Removes the oldest notes made before `before`, up to `limit`.
    pub(super) async fn forget_idempotency_notes(&mut self, before: Timestamp, limit: u32) -> Result<u32, Error> {
        let sql = "DELETE FROM keys WHERE key IN (SELECT key FROM keys WHERE at < $1 ORDER BY at LIMIT $2)";
        let doing = "remove old keys";
        let forget = async |connection: &mut SqliteConnection| {
            let removed = sqlx::query(sql).bind(time_value(before)).bind(limit).execute(connection).await;
            removed.map(|done| u32::try_from(done.rows_affected()).unwrap_or(u32::MAX)).map_err(|error| of_write(doing, &error))
        };
        self.in_transaction(doing, forget).await
    }
}
