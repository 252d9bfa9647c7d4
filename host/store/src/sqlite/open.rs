//! Opening a database: lock, inspect, connect, migrate, verify, recover.

use std::path::Path;

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection};

use super::config::SqliteConfig;
use super::database::{Database, SharedOverlay};
use super::error::of_read;
use super::file;
use super::lock::ProcessLock;
use super::schema;
use crate::contract::Error;

/// Rows that the driver reads ahead. A string of several statements sends one result for each.
const ROW_BUFFER: usize = 64;

/// Opens the database for writing and brings it up to date.
pub(super) async fn open(config: &SqliteConfig, overlay: SharedOverlay) -> Result<(ProcessLock, Database), Error> {
    create_directory(&config.path)?;
    let lock = ProcessLock::take(&config.path)?;
    let mut is_whole = true;
    if config.path.metadata().is_ok_and(|file| file.len() > 0) {
        is_whole = file::check(&config.path)?;
        // Where there is no write-ahead log to look at, SQLite need not make files beside this one in order to look.
        let mut connection = connect(&reading(config).immutable(is_whole), &config.path).await?;
        let inspected = async {
            schema::inspect(&mut connection, &config.path).await?;
            schema::look_through(&mut connection, &config.path).await
        };
        let inspected = inspected.await;
        close(connection).await;
        inspected?;
    }
    let mut connection = connect(&writing(config), &config.path).await?;
    if !is_whole {
        begin_new_log(&mut connection, "write what the last run left in the write-ahead log to the database").await?;
    }
    schema::migrate(&mut connection).await?;
    schema::verify(&mut connection, config).await?;
    let mut database = Database::new(connection, config.clone(), overlay);
    database.recover().await?;
    Ok((lock, database))
}

/// Opens a database that was open before once more for writing.
pub(super) async fn open_writer(config: &SqliteConfig) -> Result<SqliteConnection, Error> {
    let mut connection = connect(&writing(config).create_if_missing(false), &config.path).await?;
    schema::verify(&mut connection, config).await?;
    Ok(connection)
}

/// Writes every record of the write-ahead log to the database file, synchronises that, and begins a new log.
///
/// What the system's cache shows of a log may not be on the disk if a synchronisation failed and nobody lived to tell, and later ones that
/// succeed say nothing of it. Pages of the database are written anew here, so that their synchronisation speaks of them.
pub(super) async fn begin_new_log(connection: &mut SqliteConnection, doing: &str) -> Result<(), Error> {
    let moved = sqlx::query_scalar::<_, i64>("PRAGMA wal_checkpoint(TRUNCATE)").fetch_one(connection).await;
    match moved.map_err(|error| of_read(doing, &error))? {
        0 => Ok(()),
        _ => Err(Error::Unavailable(format!("cannot {doing}: another process is reading the database; it has to let go of it"))),
    }
}

/// How queries connect.
pub(super) fn reading(config: &SqliteConfig) -> SqliteConnectOptions {
    common(config).read_only(true)
}

fn writing(config: &SqliteConfig) -> SqliteConnectOptions {
    common(config)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .pragma("cache_size", format!("-{}", config.cache_kib))
        .pragma("wal_autocheckpoint", config.wal_autocheckpoint_pages.to_string())
        .pragma("temp_store", "memory")
        .thread_name(|_| "longhaul-sqlite-writer".into())
}

fn common(config: &SqliteConfig) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(&config.path)
        .busy_timeout(config.busy_timeout)
        .row_buffer_size(ROW_BUFFER)
        .disable_statement_logging()
}

pub(super) async fn connect(options: &SqliteConnectOptions, path: &Path) -> Result<SqliteConnection, Error> {
    options.connect().await.map_err(|error| match super::error::is_not_a_database(&error) {
        true => Error::Refused(format!("cannot use {}: it is not an SQLite database", path.display())),
        false => of_read(&format!("open {}", path.display()), &error),
    })
}

/// Closes a connection. An error here changes nothing that is on stable storage.
pub(super) async fn close(connection: SqliteConnection) {
    if let Err(error) = connection.close().await {
        tracing::warn!(%error, "cannot close a database connection properly");
    }
}

fn create_directory(path: &Path) -> Result<(), Error> {
    match path.parent() {
        Some(directory) if !directory.as_os_str().is_empty() => std::fs::create_dir_all(directory)
            .map_err(|error| Error::Unavailable(format!("cannot create directory {}: {error}", directory.display()))),
        Some(_) | None => Ok(()),
    }
}
