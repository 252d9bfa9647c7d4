//! What only the store on SQLite promises: files, restarts, trimming and views.

use std::path::Path;
use std::time::{Duration, Instant};

use longhaul_core::record::{Outcome, TurnRecord};
use longhaul_core::{RuntimeStatus, Timestamp};
use longhaul_store::conformance::sample::{
    append, batch, chain, completed, continued, encoded, event, first_turn, id, json, of, of_entity, operation, parked, started, tail, turn,
};
use longhaul_store::{
    AccessKeys, Batch, Deployments, Error, InstanceQuery, Instances, Log, SqliteConfig, SqliteStore, Store, WriterThread,
};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection};
use tempfile::TempDir;

async fn open(directory: &Path) -> Result<SqliteStore, Error> {
    let config = SqliteConfig { project_every: Duration::from_millis(20), ..SqliteConfig::in_directory(directory) };
    SqliteStore::open(config).await
}

/// A store that brings its tables up to date only when asked.
async fn open_lazy(directory: &Path) -> SqliteStore {
    let config = SqliteConfig { project_every: Duration::from_secs(3_600), ..SqliteConfig::in_directory(directory) };
    SqliteStore::open(config).await.unwrap()
}

/// Has the tables brought up to date: what has work is answered from them.
async fn flush(store: &SqliteStore) {
    store.with_work().await.unwrap();
}

fn directory() -> TempDir {
    tempfile::tempdir().unwrap()
}

/// A look into the file from outside, as with an SQL shell.
async fn shell(directory: &Path) -> SqliteConnection {
    SqliteConnectOptions::new().filename(directory.join("longhaul.db")).create_if_missing(true).connect().await.unwrap()
}

async fn numbers(directory: &Path, sql: &str) -> Vec<i64> {
    let mut shell = shell(directory).await;
    let numbers = sqlx::query_scalar(AssertSqlSafe(sql.to_owned())).fetch_all(&mut shell).await.unwrap();
    shell.close().await.unwrap();
    numbers
}

async fn texts(directory: &Path, sql: &str) -> Vec<String> {
    let mut shell = shell(directory).await;
    let texts = sqlx::query_scalar(AssertSqlSafe(sql.to_owned())).fetch_all(&mut shell).await.unwrap();
    shell.close().await.unwrap();
    texts
}

async fn execute(directory: &Path, sql: &'static str) {
    let mut shell = shell(directory).await;
    sqlx::raw_sql(sql).execute(&mut shell).await.unwrap();
    shell.close().await.unwrap();
}

/// Waits until the query gives what is expected.
async fn eventually(directory: &Path, sql: &str, expected: &[i64]) {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        let actual = numbers(directory, sql).await;
        if actual == expected {
            return;
        }
        assert!(Instant::now() < deadline, "{sql} gives {actual:?}, not {expected:?}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn a_store_that_was_dropped_opens_with_all_that_was_acknowledged() {
    let directory = directory();
    let store = open_lazy(directory.path()).await;
    append(&store, [started("a", 1), of("a", turn(0, 2, 1)), operation("@e@1", 3)]).await;
    let (row, old) = (store.instance(&id("a")).await.unwrap(), tail(&store, "a").await);
    drop(store);
    let store = open(directory.path()).await.unwrap();
    assert_eq!(store.instance(&id("a")).await.unwrap(), row);
    assert_eq!(tail(&store, "a").await, old);
    assert_eq!(store.with_work().await.unwrap(), [id("@e@1")]);
    append(&store, [event("a", 4, "x")]).await;
    assert_eq!(chain(&store, "a").await.len(), 3);
}

#[tokio::test]
async fn files_copied_under_a_running_store_open_with_all_that_was_acknowledged() {
    let (running, copy) = (directory(), directory());
    let store = open_lazy(running.path()).await;
    append(&store, [started("a", 1)]).await;
    flush(&store).await;
    append(&store, [of("a", turn(0, 2, 1)), started("b", 3)]).await;
    // What a crash leaves: the database file and the write-ahead log, never checkpointed.
    for file in ["longhaul.db", "longhaul.db-wal"] {
        std::fs::copy(running.path().join(file), copy.path().join(file)).unwrap();
    }
    let recovered = open(copy.path()).await.unwrap();
    for name in ["a", "b"] {
        assert_eq!(recovered.instance(&id(name)).await.unwrap(), store.instance(&id(name)).await.unwrap());
        assert_eq!(chain(&recovered, name).await, chain(&store, name).await);
    }
}

#[tokio::test]
async fn what_a_crash_left_in_the_log_is_in_the_database_file_once_the_store_is_open() {
    let (running, crashed, cut) = (directory(), directory(), directory());
    let store = open_lazy(running.path()).await;
    append(&store, [started("a", 1), of("a", turn(0, 2, 1))]).await;
    for file in ["longhaul.db", "longhaul.db-wal"] {
        std::fs::copy(running.path().join(file), crashed.path().join(file)).unwrap();
    }
    let _open = open_lazy(crashed.path()).await;
    // Whatever the disk has lost of the old log without saying so.
    std::fs::copy(crashed.path().join("longhaul.db"), cut.path().join("longhaul.db")).unwrap();
    let recovered = open(cut.path()).await.unwrap();
    assert_eq!(chain(&recovered, "a").await, chain(&store, "a").await);
}

#[tokio::test]
async fn a_closed_store_leaves_one_file_with_tables_up_to_date() {
    let directory = directory();
    let store = open_lazy(directory.path()).await;
    append(&store, [started("a", 1)]).await;
    store.close().await.unwrap();
    assert!(!directory.path().join("longhaul.db-wal").exists());
    assert_eq!(numbers(directory.path(), "SELECT count(*) FROM instances").await, [1]);
    open(directory.path()).await.unwrap();
}

#[tokio::test]
async fn a_database_of_the_first_format_gets_what_later_ones_have_and_keeps_what_it_has() {
    let directory = directory();
    let store = open(directory.path()).await.unwrap();
    append(&store, [started("a", 1)]).await;
    flush(&store).await;
    drop(store);
    execute(directory.path(), "DROP TABLE access_keys; ALTER TABLE instances DROP COLUMN born_at; PRAGMA user_version = 1").await;
    let store = open(directory.path()).await.unwrap();
    assert_eq!(store.access_keys().await.unwrap(), []);
    assert_eq!(store.instance(&id("a")).await.unwrap().unwrap().born_at, Timestamp(0));
    drop(store);
    assert_eq!(numbers(directory.path(), "PRAGMA user_version").await, [3]);
}

#[tokio::test]
async fn an_empty_file_becomes_a_database() {
    let directory = directory();
    std::fs::write(directory.path().join("longhaul.db"), "").unwrap();
    let store = open(directory.path()).await.unwrap();
    append(&store, [started("a", 1)]).await;
    assert!(store.instance(&id("a")).await.unwrap().is_some());
}

#[tokio::test]
async fn the_directory_is_created() {
    let directory = directory();
    let below = directory.path().join("one/two");
    open(&below).await.unwrap();
    assert!(below.join("longhaul.db").exists() && below.join("longhaul.lock").exists());
}

#[tokio::test]
async fn records_behind_a_base_are_dropped_in_the_background() {
    let directory = directory();
    let store = open(directory.path()).await.unwrap();
    append(&store, (0..3_000).map(|number| of("a", if number == 0 { first_turn(1) } else { turn(number, 2, 0) }))).await;
    append(&store, [of("b", first_turn(1)), of("a", continued(3_000, 3, 0, 0)), of("a", turn(0, 4, 0))]).await;
    eventually(directory.path(), "SELECT count(*) FROM log", &[3]).await;
    assert_eq!(chain(&store, "a").await.len(), 2);
    let row = store.instance(&id("a")).await.unwrap();
    store.rebuild().await.unwrap();
    assert_eq!(store.instance(&id("a")).await.unwrap(), row);
    append(&store, [of("a", completed(1, 5, "1"))]).await;
    assert_eq!(store.purge(vec![id("a")]).await.unwrap().removed, 1);
    assert_eq!(numbers(directory.path(), "SELECT count(*) FROM log").await, [1]);
}

#[tokio::test]
async fn messages_that_a_base_needs_are_not_dropped() {
    let directory = directory();
    let store = open_lazy(directory.path()).await;
    append(&store, [of_entity("@e@1", batch(1, 0, 0, Some("0"))), operation("@e@1", 2), operation("@e@1", 3), operation("@e@1", 4)]).await;
    append(&store, [of_entity("@e@1", batch(5, 1, 3, Some("1"))), operation("@e@1", 6), of_entity("@e@1", batch(7, 1, 3, Some("2")))])
        .await;
    let before = chain(&store, "@e@1").await;
    flush(&store).await;
    assert_eq!(chain(&store, "@e@1").await, before);
    assert_eq!(before.len(), 4);
    // The first batch and the first message are gone, the second batch lies between messages that
    // are needed.
    assert_eq!(numbers(directory.path(), "SELECT position FROM log ORDER BY position").await, [3, 4, 5, 6, 7]);
}

#[tokio::test]
async fn a_busy_entity_has_a_short_chain() {
    let directory = directory();
    let store = open_lazy(directory.path()).await;
    for round in 0..50 {
        append(&store, [operation("@e@1", round), of_entity("@e@1", batch(round, 1, 1, Some("1")))]).await;
        if round % 5 == 0 {
            flush(&store).await;
        }
    }
    flush(&store).await;
    assert_eq!(numbers(directory.path(), "SELECT count(*) FROM log").await, [2]);
    assert_eq!(store.instance(&id("@e@1")).await.unwrap().unwrap().created_at, Timestamp(0));
}

#[tokio::test]
async fn chains_without_a_row_are_dropped_at_the_next_open() {
    let directory = directory();
    let store = open_lazy(directory.path()).await;
    append(&store, [event("ghost", 1, "x"), event("ghost", 2, "x"), started("a", 3)]).await;
    drop(store);
    let store = open_lazy(directory.path()).await;
    assert_eq!(tail(&store, "ghost").await, None);
    assert_eq!(numbers(directory.path(), "SELECT position FROM log").await, [3]);
}

#[tokio::test]
async fn the_tables_follow_by_themselves() {
    let directory = directory();
    let store = open(directory.path()).await.unwrap();
    append(&store, [started("a", 1), started("b", 1)]).await;
    eventually(directory.path(), "SELECT count(*) FROM instances", &[2]).await;
    append(&store, [of("a", turn(0, 2, 1))]).await;
    eventually(directory.path(), "SELECT inbox FROM instances ORDER BY id", &[0, 1]).await;
}

#[tokio::test]
async fn a_caller_that_gives_up_does_not_stop_an_append() {
    let directory = directory();
    let store = open_lazy(directory.path()).await;
    for number in 0..20 {
        let batch = Batch { records: vec![encoded(started(&format!("i{number}"), 1))], ..Batch::default() };
        // Polled once, which sends the command, and dropped.
        let mut abandoned = store.append(batch);
        let _ = std::future::poll_fn(|context| std::task::Poll::Ready(abandoned.as_mut().poll(context))).await;
    }
    append(&store, [started("after", 2)]).await;
    assert_eq!(store.list(InstanceQuery { limit: 100, ..InstanceQuery::default() }).await.unwrap().rows.len(), 21);
}

#[tokio::test]
async fn a_failed_projection_loses_nothing_and_is_tried_again() {
    let directory = directory();
    let store = open_lazy(directory.path()).await;
    execute(directory.path(), "CREATE TRIGGER broken BEFORE INSERT ON instances BEGIN SELECT RAISE(ABORT, 'on purpose'); END").await;
    append(&store, [started("a", 1)]).await;
    let failed = store.with_work().await;
    assert!(matches!(failed, Err(Error::Unavailable(_))), "{failed:?}");
    assert_eq!(store.list(InstanceQuery { limit: 1, ..InstanceQuery::default() }).await.unwrap().rows.len(), 1, "lists need no tables");
    append(&store, [of("a", turn(0, 2, 1))]).await;
    assert_eq!(store.instance(&id("a")).await.unwrap().unwrap().status, RuntimeStatus::Running);
    execute(directory.path(), "DROP TRIGGER broken").await;
    flush(&store).await;
    assert_eq!(numbers(directory.path(), "SELECT count(*) FROM instances").await, [1]);
    assert_eq!(chain(&store, "a").await.len(), 2);
}

#[tokio::test]
async fn a_failed_append_writes_nothing_and_the_next_one_succeeds() {
    let directory = directory();
    let store = open_lazy(directory.path()).await;
    append(&store, [started("a", 1)]).await;
    execute(
        directory.path(),
        "CREATE TRIGGER broken BEFORE INSERT ON log WHEN NEW.instance = 'bad' BEGIN SELECT RAISE(ABORT, 'on purpose'); END",
    )
    .await;
    let records = [event("a", 2, "x"), started("bad", 2)].map(encoded).into();
    let failed = store.append(Batch { records, ..Batch::default() }).await;
    assert!(matches!(failed, Err(Error::Damaged(_))), "{failed:?}");
    assert_eq!(chain(&store, "a").await.len(), 1);
    append(&store, [event("a", 3, "y")]).await;
    assert_eq!(chain(&store, "a").await.len(), 2);
    assert_eq!(numbers(directory.path(), "SELECT count(*) FROM log").await, [2]);
}

#[tokio::test]
async fn the_views_show_what_they_document() {
    let directory = directory();
    let store = open_lazy(directory.path()).await;
    let waiting = TurnRecord { wake_at: Some(Timestamp(500)), ..first_turn(100) };
    append(&store, [of("a", waiting), event("a", 110, "first"), event("a", 120, "second"), of("a", turn(1, 130, 1)), started("p", 140)])
        .await;
    append(&store, [of("t", TurnRecord { wake_at: Some(Timestamp(700)), ..first_turn(150) }), of("d", first_turn(160)), parked("d", 170)])
        .await;
    append(
        &store,
        [of("done", first_turn(180)), of("done", completed(1, 190, "7")), of_entity("@counter@k@1", batch(200, 0, 0, Some("3")))],
    )
    .await;
    store.deploy(deployment(), Vec::new()).await.unwrap();
    flush(&store).await;
    let path = directory.path();
    assert_eq!(
        texts(path, "SELECT instance || ' ' || status FROM v_instances ORDER BY instance").await,
        ["a Running", "d Running", "done Completed", "p Pending", "t Running"]
    );
    assert_eq!(texts(path, "SELECT parked FROM v_instances WHERE parked IS NOT NULL").await, ["a test"]);
    assert_eq!(texts(path, "SELECT name || ' ' || key || ' ' || state || ' ' || has_state FROM v_entities").await, ["counter k@1 3 1"]);
    assert_eq!(texts(path, "SELECT instance || ' ' || wake_at FROM v_timers").await, ["t 700"]);
    assert_eq!(numbers(path, "SELECT number FROM v_history WHERE instance = 'a' ORDER BY position").await, [0, 1]);
    assert_eq!(numbers(path, "SELECT now FROM v_history WHERE kind = 'entity'").await, [200]);
    let inbox = texts(path, "SELECT instance || ' ' || accepted_at || ' ' || type FROM v_inbox ORDER BY position").await;
    assert_eq!(inbox, ["a 120 event", "p 140 start"]);
    assert_eq!(texts(path, "SELECT message ->> '$.event.name' FROM v_inbox WHERE type = 'event'").await, ["second"]);
    assert_eq!(numbers(path, "SELECT live_instances FROM v_deployments WHERE current").await, [4]);
}

fn deployment() -> longhaul_store::Deployment {
    longhaul_store::Deployment {
        id: longhaul_core::DeploymentId(0),
        app: "sample".into(),
        manifest: String::new(),
        components: Vec::new(),
        created_at: Timestamp(1),
    }
}

#[tokio::test]
async fn more_than_one_run_of_the_projector_is_needed_and_enough() {
    let directory = directory();
    let store = open(directory.path()).await.unwrap();
    for round in 0..3 {
        append(&store, (0..2_000).map(|number| started(&format!("{round}-{number:04}"), 1))).await;
    }
    let ended = |name: String| {
        of(&name, TurnRecord { outcome: Some(Outcome::Completed(json("1"))), status: RuntimeStatus::Completed, ..turn(0, 2, 1) })
    };
    append(&store, (0..2_000).map(|number| ended(format!("1-{number:04}")))).await;
    let page =
        store.list(InstanceQuery { limit: 10_000, statuses: vec![RuntimeStatus::Completed], ..InstanceQuery::default() }).await.unwrap();
    assert_eq!(page.rows.len(), 2_000);
    assert_eq!(store.with_work().await.unwrap().len(), 4_000);
}

#[tokio::test]
async fn a_job_beside_the_writer_appends_from_the_writers_own_thread_and_ends_with_it() {
    let (folder, (tell, told)) = (directory(), tokio::sync::oneshot::channel());
    let store = std::sync::Arc::new(open(folder.path()).await.unwrap());
    let writing = store.clone();
    let job = store.run(Box::pin(async move {
        append(&*writing, [started("a", 1)]).await;
        tell.send(std::thread::current().name().map(str::to_owned)).unwrap();
        std::future::pending().await
    }));
    assert_eq!(told.await.unwrap().as_deref(), Some("longhaul-store"));
    store.close().await.unwrap();
    assert!(job.await.unwrap_err().is_cancelled());
}
