//! Whose file it is, which version, and how it comes to the present one.

use std::path::Path;

use sqlx::sqlite::SqliteConnection;

use crate::contract::Error;
use crate::sqlite::config::SqliteConfig;
use crate::sqlite::database::execute;
use crate::sqlite::error::{is_damage, is_not_a_database, of_read, of_write};

/// Marks the file as ours: "LgHl".
const APPLICATION_ID: i64 = 0x4c67_486c;
/// One script per version of the file, oldest first. They only go forward; a released one is final.
const MIGRATIONS: [&str; 3] = [
    concat!(
        include_str!("../../../sql/0001_tables.sql"),
        include_str!("../../../sql/0001_views.sql"),
        "PRAGMA application_id = 1281837164;\nPRAGMA user_version = 1;\n"
    ),
    concat!(include_str!("../../../sql/0002_access_keys.sql"), "PRAGMA user_version = 2;\n"),
    concat!(include_str!("../../../sql/0003_born_at.sql"), "PRAGMA user_version = 3;\n"),
];
/// Longer files are not looked through at every start, because that would take longer than a start
/// may.
const LOOKED_THROUGH_BYTES: u64 = 64 << 20;
/// Older versions of SQLite can corrupt a write-ahead log.
const OLDEST_SQLITE: (u32, u32, u32) = (3, 51, 3);

/// Refuses a database that is not ours or newer than we are. `connection` is read-only, so the file
/// stays as it is.
pub(super) async fn inspect(connection: &mut SqliteConnection, path: &Path) -> Result<(), Error> {
    let refused = |why: String| Error::Refused(format!("cannot use {}: {why}", path.display()));
    let facts = read_facts(connection).await;
    let (application_id, user_version, objects) = facts.map_err(|error| match error {
        error if is_not_a_database(&error) => refused("it is not an SQLite database".into()),
        error if is_damage(&error) => refused(format!("it is damaged: {error}")),
        error => of_read(&format!("read {}", path.display()), &error),
    })?;
    let newest = MIGRATIONS.len() as i64;
    match application_id {
        APPLICATION_ID if user_version > newest => {
            Err(refused(format!("its format is {user_version}, newer than {newest}, the newest that this version of longhaul can use")))
        }
        APPLICATION_ID => Ok(()),
        // A new file, or one whose creation was interrupted before its first commit.
        0 if user_version == 0 && objects == 0 => Ok(()),
        other => Err(refused(format!("it belongs to another program (application id {other}, {objects} tables, views and indexes)"))),
    }
}

/// Refuses a database with pages that are damaged, as far as it is short enough to look.
/// `connection` is read-only, so the file stays as it is.
pub(super) async fn look_through(connection: &mut SqliteConnection, path: &Path) -> Result<(), Error> {
    if path.metadata().is_ok_and(|file| file.len() > LOOKED_THROUGH_BYTES) {
        return Ok(());
    }
    let damaged = |what: &str| Error::Refused(format!("cannot use {}: it is damaged: {what}", path.display()));
    match sqlx::query_scalar::<_, String>("PRAGMA quick_check(1)").fetch_one(connection).await {
        Ok(found) if found == "ok" => Ok(()),
        Ok(found) => Err(damaged(&found)),
        Err(error) if is_damage(&error) => Err(damaged(&error.to_string())),
        Err(error) => Err(of_read(&format!("look through {}", path.display()), &error)),
    }
}

async fn read_facts(connection: &mut SqliteConnection) -> Result<(i64, i64, i64), sqlx::Error> {
    Ok((
        sqlx::query_scalar("PRAGMA application_id").fetch_one(&mut *connection).await?,
        sqlx::query_scalar("PRAGMA user_version").fetch_one(&mut *connection).await?,
        sqlx::query_scalar("SELECT count(*) FROM sqlite_schema").fetch_one(connection).await?,
    ))
}

/// Brings the file to the present version, one transaction per step.
pub(super) async fn migrate(connection: &mut SqliteConnection) -> Result<(), Error> {
    let (_, version, _) = read_facts(connection).await.map_err(|error| of_read("read the version of the database", &error))?;
    for (script, version) in MIGRATIONS.iter().zip(1_i64..).skip(usize::try_from(version).unwrap_or(0)) {
        let doing = format!("bring the database to format {version}");
        let run = async {
            execute(connection, "BEGIN IMMEDIATE").await?;
            execute(connection, script).await?;
            execute(connection, "COMMIT").await
        };
        run.await.map_err(|error| of_write(&doing, &error))?;
        tracing::info!(version, "brought the database to its present format");
    }
    Ok(())
}

/// Reads back what was asked for. SQLite ignores settings that it cannot apply, and durability
/// hangs on some of them.
pub(super) async fn verify(connection: &mut SqliteConnection, config: &SqliteConfig) -> Result<(), Error> {
    let expected = [
        ("SELECT sqlite_version()", String::new()),
        ("PRAGMA journal_mode", "wal".to_owned()),
        ("PRAGMA synchronous", "2".to_owned()),
        ("PRAGMA foreign_keys", "1".to_owned()),
        ("PRAGMA cache_size", format!("-{}", config.cache_kib)),
        ("PRAGMA wal_autocheckpoint", config.wal_autocheckpoint_pages.to_string()),
        ("PRAGMA busy_timeout", config.busy_timeout.as_millis().to_string()),
        ("PRAGMA application_id", APPLICATION_ID.to_string()),
        ("PRAGMA user_version", MIGRATIONS.len().to_string()),
    ];
    for (setting, wanted) in expected {
        let actual = read_setting(connection, setting).await.map_err(|error| of_read(&format!("read {setting}"), &error))?;
        let sound = if wanted.is_empty() { is_new_enough(&actual) } else { actual == wanted };
        if !sound {
            let wanted = if wanted.is_empty() { format!("{OLDEST_SQLITE:?} or newer") } else { wanted };
            let path = config.path.display();
            return Err(Error::Refused(format!("cannot use {path}: {setting} gives '{actual}' where '{wanted}' is needed")));
        }
    }
    Ok(())
}

async fn read_setting(connection: &mut SqliteConnection, sql: &'static str) -> Result<String, sqlx::Error> {
    use sqlx::Row;
    let row = sqlx::query(sql).fetch_one(connection).await?;
    row.try_get::<String, _>(0).or_else(|_| row.try_get::<i64, _>(0).map(|number| number.to_string()))
}

fn is_new_enough(version: &str) -> bool {
    let mut parts = version.split('.').map(|part| part.parse().unwrap_or(0));
    let mut next = || parts.next().unwrap_or(0);
    (next(), next(), next()) >= OLDEST_SQLITE
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_compare_as_numbers() {
        assert!(is_new_enough("3.51.3") && is_new_enough("3.100.0") && is_new_enough("4.0"));
        assert!(!is_new_enough("3.51.2") && !is_new_enough("3.9.9") && !is_new_enough(""));
    }

    #[test]
    fn the_script_marks_the_file_with_our_number() {
        assert!(MIGRATIONS[0].contains(&format!("application_id = {APPLICATION_ID};")));
    }
}
