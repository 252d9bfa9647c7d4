//! Reading the log itself: at open, after a failed write, and to build the tables again.

use std::collections::HashMap;
use std::sync::Arc;

use longhaul_core::record::NewRecord;
use longhaul_core::{InstanceId, Record};
use sqlx::Row;
use sqlx::sqlite::{SqliteConnection, SqliteRow};

use super::database::{Database, execute};
use super::error::{of_read, of_write};
use super::projector::{Run, apply, fitting_count, write_projected_to};
use super::purge::delete_chains;
use crate::contract::Error;
use crate::projection::overlay::{InTables, Pending, Unprojected};

/// Records read at a time.
const CHUNK_RECORDS: i64 = 2_048;
/// Nor is a further one read behind this many bytes.
const CHUNK_BYTES: i64 = 16 << 20;
const READING: &str = "read the log";

impl Database {
    /// Projects whatever lies behind `projected_to` and drops chains without a row, which no host
    /// remembers now. Where the disk is full, the records stay pending in memory, as they were
    /// before the crash.
    pub(super) async fn recover(&mut self) -> Result<(), Error> {
        let projected_to = projected_to(&mut self.connection).await?;
        self.last = newest(&mut self.connection).await?.max(projected_to);
        match self.bring_up_to_date(projected_to).await {
            Err(error @ Error::Full(_)) => {
                self.last = projected_to;
                let records = self.load_tail().await?;
                tracing::warn!(%error, records, "the tables stay behind the log until there is room");
                Ok(())
            }
            done => done,
        }
    }

    async fn bring_up_to_date(&mut self, projected_to: i64) -> Result<(), Error> {
        let recover = async |connection: &mut SqliteConnection| {
            let records = apply_log(connection, projected_to, Run::Forward).await?;
            if records > 0 {
                tracing::info!(records, "brought the tables up to date with the log");
            }
            sqlx::raw_sql(DROP_ORPHANS).execute(connection).await.map_err(|error| of_write("drop records without an instance", &error))?;
            Ok(())
        };
        self.in_transaction("bring the tables up to date", recover).await
    }

    /// Empties the table of instances and builds it again from the log, in one transaction.
    pub(super) async fn rebuild(&mut self) -> Result<(), Error> {
        self.flush().await?;
        let last = self.last;
        let rebuild = async |connection: &mut SqliteConnection| {
            let emptied = execute(connection, "DELETE FROM instances; DELETE FROM orphans").await;
            emptied.map_err(|error| of_write("empty the tables", &error))?;
            apply_log(connection, 0, Run::Rebuild).await?;
            // The newest records may have been purged: their positions must not be used again all
            // the same.
            write_projected_to(connection, last).await
        };
        self.in_transaction("build the tables again", rebuild).await
    }

    /// Reads the records that memory does not know. Returns how many there were.
    pub(super) async fn load_tail(&mut self) -> Result<usize, Error> {
        let mut count = 0;
        loop {
            let read = read_log(&mut self.connection, self.last).await?;
            if read.is_empty() {
                return Ok(count);
            }
            count += read.len();
            let ids: Vec<_> = read.iter().map(|pending| &pending.record.instance).collect();
            let stored = self.stored_tails(&ids).await?;
            let mut overlay = self.overlay.lock();
            for pending in read {
                self.last = pending.position;
                let in_tables = stored.get(&pending.record.instance).map_or(InTables::Nothing, |stored| stored.in_tables);
                overlay.add(pending, in_tables);
            }
        }
    }
}

/// Chains without a row with all their records.
const DROP_ORPHANS: &str = concat!(
    delete_chains!(
        "
    SELECT last_position
    FROM orphans"
    ),
    ";
DELETE FROM orphans"
);

/// Applies all records after `after` inside the caller's transaction. Returns how many there were.
async fn apply_log(connection: &mut SqliteConnection, mut after: i64, run: Run) -> Result<usize, Error> {
    let mut count = 0;
    loop {
        let read = read_log(connection, after).await?;
        let Some(last) = read.last().map(|pending| pending.position) else { return Ok(count) };
        count += read.len();
        after = last;
        let mut entries = by_instance(read);
        while !entries.is_empty() {
            let later = entries.split_off(fitting_count(connection, &entries).await?);
            apply(connection, std::mem::replace(&mut entries, later), run, after).await?;
        }
    }
}

/// Groups records by instance. What the tables have is not known here; a row is the answer that
/// makes the projector look.
fn by_instance(read: Vec<Pending>) -> Vec<Unprojected> {
    let mut places: HashMap<InstanceId, usize> = HashMap::new();
    let mut entries: Vec<Unprojected> = Vec::new();
    for pending in read {
        let id = pending.record.instance.clone();
        let place = *places.entry(id.clone()).or_insert(entries.len());
        match entries.get_mut(place) {
            Some(entry) => entry.records.push(pending),
            None => entries.push(Unprojected { id, in_tables: InTables::Row, records: vec![pending] }),
        }
    }
    entries
}

async fn read_log(connection: &mut SqliteConnection, after: i64) -> Result<Vec<Pending>, Error> {
    let sql = "
SELECT log.position, instance, previous, base, kind, data
FROM (
    SELECT position, sum(octet_length(data)) OVER (ORDER BY position ROWS UNBOUNDED PRECEDING) - octet_length(data) AS bytes_before
    FROM (SELECT position, data FROM log WHERE position > $1 ORDER BY position LIMIT $2)
) AS next
CROSS JOIN log ON log.position = next.position
WHERE bytes_before < $3
ORDER BY next.position";
    let query = sqlx::query(sql).bind(after).bind(CHUNK_RECORDS).bind(CHUNK_BYTES);
    let rows = query.fetch_all(connection).await.map_err(|error| of_read(READING, &error))?;
    // Each is let go as soon as it is read.
    rows.into_iter().map(|row| pending(&row)).collect()
}

fn pending(row: &SqliteRow) -> Result<Pending, Error> {
    let read = || {
        let id = InstanceId::trusted(row.try_get::<&str, _>(1)?);
        Ok((row.try_get(0)?, id, row.try_get(2)?, row.try_get(3)?, row.try_get(4)?, row.try_get(5)?))
    };
    let (position, instance, previous, base, kind, data): (_, _, _, _, _, &str) = read().map_err(|error| of_read(READING, &error))?;
    let record = decode(position, kind, data)?;
    Ok(Pending { position, previous, record: Arc::new(NewRecord { instance, base, record }), bytes: data.len() })
}

/// Decodes a record of the log; the error names its position.
pub(super) fn decode(position: i64, kind: &str, data: &str) -> Result<Record, Error> {
    Record::decode(kind, data).map_err(|error| Error::Damaged(format!("cannot read log record {position}: {error}")))
}

async fn newest(connection: &mut SqliteConnection) -> Result<i64, Error> {
    number(connection, "SELECT coalesce(max(position), 0) FROM log").await
}

async fn projected_to(connection: &mut SqliteConnection) -> Result<i64, Error> {
    number(connection, "SELECT coalesce(max(value), 0) FROM meta WHERE key = 'projected_to'").await
}

async fn number(connection: &mut SqliteConnection, sql: &'static str) -> Result<i64, Error> {
    sqlx::query_scalar(sql).fetch_one(connection).await.map_err(|error| of_read(READING, &error))
}
