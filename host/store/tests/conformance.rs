//! Every guarantee against every store, and SQLite against the reference on random records.

use std::time::Duration;

use longhaul_store::conformance::random::{Records, picture};
use longhaul_store::conformance::sample;
use longhaul_store::{Instances, Log, MemoryStore, SqliteConfig, SqliteStore, Store};
use tempfile::TempDir;

/// A store whose tables lag as far as they can: most answers come from memory.
async fn lazy() -> (SqliteStore, TempDir) {
    let directory = tempfile::tempdir().unwrap();
    let config = SqliteConfig { project_every: Duration::from_secs(3_600), ..SqliteConfig::in_directory(directory.path()) };
    (SqliteStore::open(config).await.unwrap(), directory)
}

/// A store whose tables follow every command at once.
async fn eager() -> (SqliteStore, TempDir) {
    let directory = tempfile::tempdir().unwrap();
    let config = SqliteConfig { project_every: Duration::ZERO, project_at_records: 1, ..SqliteConfig::in_directory(directory.path()) };
    (SqliteStore::open(config).await.unwrap(), directory)
}

macro_rules! against_memory {
    ($module:ident, $name:ident) => {
        #[tokio::test]
        async fn $name() {
            longhaul_store::conformance::$module::$name(&longhaul_store::MemoryStore::new()).await;
        }
    };
}

macro_rules! against_lazy_sqlite {
    ($module:ident, $name:ident) => {
        #[tokio::test]
        async fn $name() {
            let (store, _directory) = super::lazy().await;
            longhaul_store::conformance::$module::$name(&store).await;
        }
    };
}

macro_rules! against_eager_sqlite {
    ($module:ident, $name:ident) => {
        #[tokio::test]
        async fn $name() {
            let (store, _directory) = super::eager().await;
            longhaul_store::conformance::$module::$name(&store).await;
        }
    };
}

mod memory {
    longhaul_store::for_each_guarantee!(against_memory);
}

mod lazy_sqlite {
    longhaul_store::for_each_guarantee!(against_lazy_sqlite);
}

mod eager_sqlite {
    longhaul_store::for_each_guarantee!(against_eager_sqlite);
}

/// Gives both stores the same records in batches of random size, with purges in between, and
/// compares what they answer.
async fn compare(seed: u64, sqlite: &SqliteStore, rounds: u32) {
    let memory = MemoryStore::new();
    let mut records = Records::new(seed, 24);
    for round in 0..rounds {
        let size = 1 + records.below(40);
        let batch: Vec<_> = (0..size).map(|_| records.next_record()).collect();
        sample::append(&memory, batch.clone()).await;
        sample::append(sqlite, batch).await;
        if records.below(20) == 0 {
            let mut purged = records.pick(8);
            let done = memory.purge(purged.clone()).await.unwrap();
            assert_eq!(done, sqlite.purge(purged.clone()).await.unwrap());
            purged.retain(|id| !done.kept.contains(id));
            records.forget(&purged);
        }
        if records.below(50) == 0 {
            sqlite.rebuild().await.unwrap();
        }
        let one = records.pick(1).remove(0);
        assert_eq!(memory.instance(&one).await.unwrap(), sqlite.instance(&one).await.unwrap(), "seed {seed}, round {round}, {one}");
        if records.below(4) == 0 {
            let expected = picture(&memory, records.instances(), records.now()).await;
            let actual = picture(sqlite, records.instances(), records.now()).await;
            actual.assert_same(&expected, &format!("seed {seed}, round {round}"));
        }
    }
    sqlite.rebuild().await.unwrap();
    let expected = picture(&memory, records.instances(), records.now()).await;
    picture(sqlite, records.instances(), records.now()).await.assert_same(&expected, &format!("seed {seed}, rebuilt"));
}

#[tokio::test]
async fn random_records_give_the_same_answers_while_the_tables_lag() {
    for seed in 0..4 {
        let (store, _directory) = lazy().await;
        compare(seed, &store, 150).await;
    }
}

#[tokio::test]
async fn random_records_give_the_same_answers_while_the_tables_follow() {
    for seed in 100..104 {
        let (store, _directory) = eager().await;
        compare(seed, &store, 150).await;
    }
}

#[tokio::test]
async fn random_records_give_the_same_answers_after_every_restart() {
    let directory = tempfile::tempdir().unwrap();
    let memory = MemoryStore::new();
    let mut records = Records::new(7, 24);
    for round in 0..25 {
        let store = SqliteStore::open(SqliteConfig::in_directory(directory.path())).await.unwrap();
        for _ in 0..records.below(4) {
            // Chains without a row are dropped at open, so instances are started before anything
            // else is sent to them.
            let batch: Vec<_> = (0..30).map(|_| records.next_record()).collect();
            sample::append(&memory, batch.clone()).await;
            sample::append(&store, batch).await;
        }
        for id in records.instances() {
            assert_eq!(store.instance(id).await.unwrap(), memory.instance(id).await.unwrap(), "round {round}, {id}");
        }
        match records.below(3) {
            0 => store.close().await.unwrap(),
            1 => store.rebuild().await.unwrap(),
            _ => {}
        }
    }
}
