//! Bringing the tables up to date with the log.

use std::collections::HashMap;
use std::sync::LazyLock;

use longhaul_core::InstanceId;
use sqlx::Row;
use sqlx::sqlite::{SqliteArguments, SqliteConnection};

use super::bulk::Bulk;
use super::database::{Database, id_list};
use super::error::{of_read, of_write};
use super::rows;
use super::trim::{drop_garbage, write_trims};
use crate::contract::Error;
use crate::projection::fold::{Before, Change, StoredRow, fold};
use crate::projection::overlay::{InTables, Unprojected};
use crate::projection::trim::Trim;

/// Most instances in one run, so that a commit never waits long behind it.
const MAX_INSTANCES: usize = 512;
/// No further instance is taken into a run that has this many records.
const MAX_RECORDS: usize = 4_096;
/// Nor one that has this many bytes, in its records and in the rows as they stood before.
const MAX_BYTES: usize = 16 << 20;
const DOING: &str = "bring the tables up to date";

static UPSERT: LazyLock<Bulk> = LazyLock::new(|| {
    let columns = rows::COLUMNS;
    let updates: Vec<_> = columns.iter().skip(1).map(|column| format!("{column} = excluded.{column}")).collect();
    Bulk::new(
        &format!("INSERT INTO instances ({})", columns.join(", ")),
        columns.len(),
        &format!("ON CONFLICT (id) DO UPDATE SET {}", updates.join(", ")),
        &[1, 8, 64, MAX_INSTANCES],
    )
});

/// Which rows the fold of a run begins from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Run {
    /// The tables are right as far as they go.
    Forward,
    /// The tables were emptied: chains that were cut begin from the row that was kept then.
    Rebuild,
}

impl Database {
    /// Projects the oldest pending records, as many as one run takes.
    ///
    /// # Errors
    /// As for any write. The records stay pending.
    pub(super) async fn project_some(&mut self) -> Result<(), Error> {
        self.settle().await?;
        let mut entries = self.overlay.lock().oldest_entries(MAX_INSTANCES, MAX_RECORDS);
        entries.truncate(fitting_count(&mut self.connection, &entries).await?);
        let count = entries.len();
        if count == 0 {
            return Ok(());
        }
        // Only this thread adds and removes.
        let projected_to = self.overlay.lock().position_after(count).map_or(self.last, |next| next - 1);
        let project = async |connection: &mut SqliteConnection| {
            apply(connection, entries, Run::Forward, projected_to).await?;
            drop_garbage(connection).await
        };
        self.garbage = self.in_transaction(DOING, project).await?;
        self.overlay.lock().forget_oldest(count);
        Ok(())
    }

    /// Projects all pending records.
    pub(super) async fn flush(&mut self) -> Result<(), Error> {
        while !self.overlay.lock().is_empty() {
            self.project_some().await?;
        }
        Ok(())
    }
}

/// How many of the entries one run takes by their bytes: at least one, if there are any.
pub(super) async fn fitting_count(connection: &mut SqliteConnection, entries: &[Unprojected]) -> Result<usize, Error> {
    let known: Vec<_> = entries.iter().filter(|entry| entry.in_tables == InTables::Row).map(|entry| &entry.id).collect();
    let lengths = rows::lengths(connection, &known).await.map_err(|error| of_read(DOING, &error))?;
    let mut bytes = 0;
    let fitting = entries.iter().take_while(|entry| {
        let fits = bytes < MAX_BYTES;
        bytes += entry.bytes() + lengths.get(&entry.id).copied().unwrap_or(0);
        fits
    });
    Ok(fitting.count())
}

/// Writes what follows from the entries' records, inside the caller's transaction.
pub(super) async fn apply(connection: &mut SqliteConnection, entries: Vec<Unprojected>, run: Run, projected_to: i64) -> Result<(), Error> {
    let mut before = stored_rows(connection, &entries).await?;
    if run == Run::Rebuild {
        add_kept_rows(connection, &entries, &mut before).await?;
    }
    let fold_one = |entry: Unprojected| {
        let before = before.remove(&entry.id).unwrap_or_default();
        fold(entry, before)
    };
    let changes: Vec<_> = entries.into_iter().filter_map(fold_one).collect();
    write_orphans(connection, &changes).await.map_err(|error| of_write(DOING, &error))?;
    let (rows, trims) = split(changes);
    if run == Run::Forward {
        write_trims(connection, trims).await?;
    }
    write_rows(connection, rows).await.map_err(|error| of_write(DOING, &error))?;
    write_projected_to(connection, projected_to).await
}

/// Notes how far the tables go.
pub(super) async fn write_projected_to(connection: &mut SqliteConnection, position: i64) -> Result<(), Error> {
    let sql = "INSERT INTO meta (key, value) VALUES ('projected_to', $1) ON CONFLICT (key) DO UPDATE SET value = excluded.value";
    sqlx::query(sql).bind(position).execute(connection).await.map_err(|error| of_write(DOING, &error))?;
    Ok(())
}

fn split(changes: Vec<Change>) -> (Vec<StoredRow>, Vec<(InstanceId, Trim)>) {
    let (mut rows, mut trims) = (Vec::new(), Vec::new());
    for Change { id, last_position, row, may_be_orphan: _, trim } in changes {
        trims.extend(trim.map(|trim| (id, trim)));
        rows.extend(row.map(|row| StoredRow { row, last_position }));
    }
    (rows, trims)
}

/// The rows that the tables have of instances that are not new.
async fn stored_rows(connection: &mut SqliteConnection, entries: &[Unprojected]) -> Result<HashMap<InstanceId, Before>, Error> {
    let known: Vec<_> = entries.iter().filter(|entry| entry.in_tables == InTables::Row).map(|entry| &entry.id).collect();
    let stored = rows::read_all(connection, &known).await.map_err(|error| of_read(DOING, &error))?;
    let before = |StoredRow { row, last_position }| Before { row: Some(row), from: last_position + 1 };
    Ok(stored.into_iter().map(|(id, stored)| (id, before(stored))).collect())
}

/// For instances without a row: the row that was kept when their chain was cut.
async fn add_kept_rows(
    connection: &mut SqliteConnection,
    entries: &[Unprojected],
    before: &mut HashMap<InstanceId, Before>,
) -> Result<(), Error> {
    let ids: Vec<_> = entries.iter().map(|entry| &entry.id).filter(|id| !before.contains_key(id)).collect();
    let sql = "SELECT instance, position, row FROM json_each($1) AS asked CROSS JOIN trimmed ON trimmed.instance = asked.value";
    let read = sqlx::query(sql).bind(id_list(&ids)).fetch_all(connection).await.map_err(|error| of_read(DOING, &error))?;
    for row in &read {
        let get = || Ok((row.try_get::<&str, _>(0)?, row.try_get(1)?, row.try_get::<&str, _>(2)?));
        let (id, from, kept) = get().map_err(|error| of_read(DOING, &error))?;
        let kept =
            serde_json::from_str(kept).map_err(|error| Error::Damaged(format!("cannot read the row kept for instance '{id}': {error}")))?;
        before.insert(InstanceId::trusted(id), Before { row: Some(kept), from });
    }
    Ok(())
}

async fn write_rows(connection: &mut SqliteConnection, rows: Vec<StoredRow>) -> Result<(), sqlx::Error> {
    let mut rows = rows.into_iter().peekable();
    while rows.peek().is_some() {
        let mut arguments = SqliteArguments::default();
        let mut count = 0;
        for row in rows.by_ref().take(MAX_INSTANCES) {
            rows::add(&mut arguments, row).map_err(sqlx::Error::Encode)?;
            count += 1;
        }
        sqlx::query_with(UPSERT.for_rows(count), arguments).execute(&mut *connection).await?;
    }
    Ok(())
}

/// Remembers the last positions of chains that give no row, and forgets those that now do.
async fn write_orphans(connection: &mut SqliteConnection, changes: &[Change]) -> Result<(), sqlx::Error> {
    let orphans = changes.iter().filter(|change| change.row.is_none());
    let orphans: Vec<_> = orphans.map(|change| (change.id.as_str(), change.last_position)).collect();
    if !orphans.is_empty() {
        let sql = "
INSERT INTO orphans (instance, last_position)
SELECT value ->> 0, value ->> 1
FROM json_each($1)
WHERE true
ON CONFLICT (instance) DO UPDATE SET last_position = excluded.last_position";
        sqlx::query(sql).bind(json(&orphans)?).execute(&mut *connection).await?;
    }
    let started: Vec<_> = changes.iter().filter(|change| change.may_be_orphan && change.row.is_some()).map(|change| &change.id).collect();
    if !started.is_empty() {
        let sql = "DELETE FROM orphans WHERE instance IN (SELECT value FROM json_each($1))";
        sqlx::query(sql).bind(id_list(&started)).execute(&mut *connection).await?;
    }
    Ok(())
}

/// Values as one JSON parameter.
pub(super) fn json<T: serde::Serialize>(values: &T) -> Result<String, sqlx::Error> {
    serde_json::to_string(values).map_err(|error| sqlx::Error::Encode(error.into()))
}
