//! Files that the store on SQLite refuses: with the file's name and the reason, and without
//! changing a byte.

use std::collections::BTreeMap;
use std::path::Path;

use longhaul_store::conformance::sample::{append, completed, event, of, started};
use longhaul_store::{Error, SqliteConfig, SqliteStore, Store};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection};
use tempfile::TempDir;

const PAGE: usize = 4_096;

async fn open(directory: &Path) -> Result<SqliteStore, Error> {
    SqliteStore::open(SqliteConfig::in_directory(directory)).await
}

fn directory() -> TempDir {
    tempfile::tempdir().unwrap()
}

async fn execute(directory: &Path, sql: &'static str) {
    let options = SqliteConnectOptions::new().filename(directory.join("longhaul.db")).create_if_missing(true);
    let mut shell = options.connect().await.unwrap();
    sqlx::raw_sql(sql).execute(&mut shell).await.unwrap();
    shell.close().await.unwrap();
}

/// The database and whatever lies beside it, byte for byte; but for the lock file, and for the
/// memory that SQLite shares with itself.
fn files(directory: &Path) -> BTreeMap<String, Vec<u8>> {
    let names = directory.read_dir().unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let kept = names.filter(|name| !name.ends_with(".lock") && !name.ends_with("-shm"));
    kept.map(|name| (name.clone(), std::fs::read(directory.join(name)).unwrap())).collect()
}

/// Opens what must be refused and left as it is.
async fn refused(directory: &Path) -> String {
    let before = files(directory);
    let text = refusal(open(directory).await);
    assert!(text.contains(&*directory.join("longhaul.db").to_string_lossy()), "the file is not named: {text}");
    assert!(files(directory) == before, "the files were changed: {text}");
    text
}

/// A store with a log and a table of many pages. Instances have long names, so that no two
/// databases have the same pages.
async fn filled(directory: &Path, name: &str) -> SqliteStore {
    let store = open(directory).await.unwrap();
    let records = (0..300).flat_map(|number| {
        let id = format!("{name}-{number}-{}", "x".repeat(200));
        [started(&id, 1), event(&id, 2, "e"), of(&id, completed(0, 3, "1"))]
    });
    append(&store, records).await;
    store
}

fn refusal(result: Result<SqliteStore, Error>) -> String {
    match result {
        Err(Error::Refused(text)) => text,
        other => panic!("not refused: {other:?}"),
    }
}

#[tokio::test]
async fn a_second_store_on_the_same_file_is_refused_with_the_holders_name() {
    let directory = directory();
    let store = open(directory.path()).await.unwrap();
    let text = refusal(open(directory.path()).await);
    assert!(text.contains(&format!("pid {}", std::process::id())) && text.contains("longhaul.db"), "{text}");
    drop(store);
    open(directory.path()).await.unwrap();
}

#[tokio::test]
async fn a_newer_database_is_refused_and_left_as_it_is() {
    let directory = directory();
    drop(open(directory.path()).await.unwrap());
    execute(directory.path(), "PRAGMA user_version = 99").await;
    let text = refused(directory.path()).await;
    assert!(text.contains("99"), "{text}");
}

#[tokio::test]
async fn a_foreign_database_is_refused_and_left_as_it_is() {
    let directory = directory();
    execute(directory.path(), "CREATE TABLE theirs (x)").await;
    let text = refused(directory.path()).await;
    assert!(text.contains("another program"), "{text}");
}

#[tokio::test]
async fn a_file_that_is_no_database_is_refused_and_left_as_it_is() {
    let directory = directory();
    std::fs::write(directory.path().join("longhaul.db"), "notes ".repeat(1_000)).unwrap();
    let text = refused(directory.path()).await;
    assert!(text.contains("not an SQLite database"), "{text}");
}

#[tokio::test]
async fn a_setting_that_sqlite_does_not_take_is_refused() {
    let directory = directory();
    // SQLite keeps page counts in 31 bits and takes a larger one for something else.
    let config = SqliteConfig { wal_autocheckpoint_pages: u32::MAX, ..SqliteConfig::in_directory(directory.path()) };
    let text = refusal(SqliteStore::open(config).await);
    assert!(text.contains("wal_autocheckpoint"), "{text}");
}

#[tokio::test]
async fn a_database_with_a_damaged_page_is_refused_and_left_as_it_is() {
    let directory = directory();
    filled(directory.path(), "a").await.close().await.unwrap();
    let file = directory.path().join("longhaul.db");
    let sound = std::fs::read(&file).unwrap();
    let pages = sound.len() / PAGE;
    assert!(pages > 60, "there is a middle to damage: {pages} pages");
    for page in (1..pages).step_by(7) {
        let mut damaged = sound.clone();
        damaged[page * PAGE..][..PAGE].fill(0xa5);
        std::fs::write(&file, damaged).unwrap();
        let text = refused(directory.path()).await;
        assert!(text.contains("damaged"), "page {}: {text}", page + 1);
    }
    std::fs::write(&file, sound).unwrap();
    open(directory.path()).await.unwrap();
}

#[tokio::test]
async fn a_database_that_was_cut_off_is_refused_and_left_as_it_is() {
    let directory = directory();
    filled(directory.path(), "a").await.close().await.unwrap();
    let file = directory.path().join("longhaul.db");
    let sound = std::fs::read(&file).unwrap();
    for length in [sound.len() - 1, sound.len() - PAGE, sound.len() / 2, PAGE, PAGE - 1, 100, 20] {
        std::fs::write(&file, &sound[..length]).unwrap();
        refused(directory.path()).await;
    }
}

#[tokio::test]
async fn a_database_with_the_write_ahead_log_of_another_is_refused_and_left_as_it_is() {
    let (one, other) = (directory(), directory());
    filled(one.path(), "a").await.close().await.unwrap();
    let store = filled(other.path(), "other").await;
    store.close().await.unwrap();
    // A log that continues the other database.
    let store = open(other.path()).await.unwrap();
    append(&store, [started("late", 9)]).await;
    std::fs::copy(other.path().join("longhaul.db-wal"), one.path().join("longhaul.db-wal")).unwrap();
    refused(one.path()).await;
}
