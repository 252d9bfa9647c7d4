//! Opening a database: lock, inspect, connect, migrate, verify, recover.

use std::path::Path;

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection};

use super::lock::ProcessLock;
use super::reopen::{NewLog, begin_new_log};
use super::{header, private, schema};
use crate::contract::Error;
use crate::sqlite::config::SqliteConfig;
use crate::sqlite::database::{Database, SharedOverlay};
use crate::sqlite::error::{is_not_a_database, of_read};

/// Rows that the driver reads ahead. A string of several statements sends one result for each.
const ROW_BUFFER: usize = 64;

/// Opens the database for writing and brings it up to date.
pub(in crate::sqlite) async fn open(config: &SqliteConfig, overlay: SharedOverlay) -> Result<(ProcessLock, Database), Error> {
    create_directory(&config.path)?;
    let lock = ProcessLock::take(&config.path)?;
    let mut is_whole = true;
    if config.path.metadata().is_ok_and(|file| file.len() > 0) {
        is_whole = header::check(&config.path)?;
        // Where there is no write-ahead log to look at, SQLite need not make files beside this one
        // in order to look.
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
        take_over_log(&mut connection).await?;
    }
    schema::migrate(&mut connection).await?;
    schema::verify(&mut connection, config).await?;
    let mut database = Database::new(connection, config.clone(), overlay);
    database.recover().await?;
    Ok((lock, database))
}

/// Begins a new log in place of the one that a crash has left. Where there is no room for that, or
/// another process stands in the way, it is done later, by and by: a host that answers what it can
/// is worth more.
async fn take_over_log(connection: &mut SqliteConnection) -> Result<(), Error> {
    let doing = "write what the last run has left in the write-ahead log to the database";
    match begin_new_log(connection, doing).await {
        Ok(NewLog::Begun) => Ok(()),
        Ok(NewLog::Hindered) => {
            tracing::warn!("cannot {doing} yet: another process is reading the database");
            Ok(())
        }
        Err(error @ Error::Full(_)) => {
            tracing::warn!(%error, "going on with the write-ahead log of the last run");
            Ok(())
        }
        Err(error) => Err(error),
    }
}

/// How queries connect.
pub(in crate::sqlite) fn reading(config: &SqliteConfig) -> SqliteConnectOptions {
    common(config).read_only(true)
}

pub(super) fn writing(config: &SqliteConfig) -> SqliteConnectOptions {
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

pub(in crate::sqlite) async fn connect(options: &SqliteConnectOptions, path: &Path) -> Result<SqliteConnection, Error> {
    options.connect().await.map_err(|error| match is_not_a_database(&error) {
        true => Error::Refused(format!("cannot use {}: it is not an SQLite database", path.display())),
        false => of_read(&format!("open {}", path.display()), &error),
    })
}

/// Closes a connection. An error here changes nothing that is on stable storage.
pub(in crate::sqlite) async fn close(connection: SqliteConnection) {
    if let Err(error) = connection.close().await {
        tracing::warn!(%error, "cannot close a database connection properly");
    }
}

fn create_directory(path: &Path) -> Result<(), Error> {
    match path.parent() {
        Some(directory) if !directory.as_os_str().is_empty() => private::create_folder(directory)
            .map_err(|error| Error::Unavailable(format!("cannot create directory {}: {error}", directory.display()))),
        Some(_) | None => Ok(()),
    }
}
