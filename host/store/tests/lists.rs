//! Lists of the store on SQLite while its tables lag behind the log.

use std::time::Duration;

use longhaul_core::record::NewRecord;
use longhaul_core::{InstanceId, InstanceRow, RuntimeStatus};
use longhaul_store::conformance::sample::{append, completed, event, first_turn, id, of, operation, started, walk};
use longhaul_store::{InstanceQuery, Instances, Log, MemoryStore, Page, SqliteConfig, SqliteStore};
use tempfile::TempDir;

/// More than one list takes in from memory.
const MANY: u32 = 3_000;

async fn store_that_projects(every: Duration) -> (TempDir, SqliteStore) {
    let directory = tempfile::tempdir().unwrap();
    let config = SqliteConfig { project_every: every, project_at_records: 100_000, ..SqliteConfig::in_directory(directory.path()) };
    let store = SqliteStore::open(config).await.unwrap();
    (directory, store)
}

async fn lazy_store() -> (TempDir, SqliteStore) {
    store_that_projects(Duration::from_secs(3_600)).await
}

async fn append_to_both(stores: (&SqliteStore, &MemoryStore), records: Vec<NewRecord>) {
    append(stores.0, records.clone()).await;
    append(stores.1, records).await;
}

fn numbered(numbers: impl IntoIterator<Item = u32>, record: impl Fn(&str) -> NewRecord) -> Vec<NewRecord> {
    numbers.into_iter().map(|number| record(&format!("i{number:05}"))).collect()
}

/// The rows of all pages, each of which has at most as many bytes as it may.
fn rows(pages: Vec<Page>, query: &InstanceQuery) -> Vec<InstanceRow> {
    let bytes = |page: &Page| page.rows.iter().map(|row| query.payloads.bytes_of(row)).sum::<u64>();
    assert!(pages.iter().all(|page| page.too_long.is_none() && query.max_bytes.is_none_or(|most| bytes(page) <= most)));
    pages.into_iter().flat_map(|page| page.rows).collect()
}

#[tokio::test]
async fn lists_are_right_however_much_the_tables_do_not_show_yet() {
    let ((_directory, store), memory) = (lazy_store().await, MemoryStore::new());
    let stores = (&store, &memory);
    append_to_both(stores, numbered((0..MANY).step_by(2), |name| started(name, 1))).await;
    append_to_both(stores, vec![operation("@counter@1", 1)]).await;
    store.with_work().await.unwrap();
    for (to, limit) in [(40, 1), (40, 2), (40, 3), (40, 7), (40, 100), (MANY, 7), (MANY, 100), (MANY, MANY + 1)] {
        // The tables lag: by little, or by more than a list takes in, of old rows and of new ones.
        append_to_both(stores, numbered((0..to).step_by(3), |name| of(name, completed(1, 2, "0")))).await;
        append_to_both(stores, numbered((0..to).step_by(5), |name| started(name, 3))).await;
        // The last finds nothing, and so has to look at everything.
        for statuses in [vec![], vec![RuntimeStatus::Completed], vec![RuntimeStatus::Pending], vec![RuntimeStatus::Failed]] {
            for id_prefix in ["i0299", "i000", ""].into_iter().filter(|prefix| limit > 3 || !prefix.is_empty()) {
                let query = InstanceQuery { statuses: statuses.clone(), limit, id_prefix: id_prefix.into(), ..InstanceQuery::default() };
                let (listed, expected) = (walk(&store, query.clone()).await, walk(&memory, query.clone()).await);
                assert!(listed == expected, "{query:?} with {to} pending: {} and {} pages", listed.len(), expected.len());
                // Pages that end by bytes may end sooner than they must, where something that is
                // not shown was counted.
                let query = InstanceQuery { max_bytes: Some(4 * u64::from(limit.max(2))), ..query };
                let listed = rows(walk(&store, query.clone()).await, &query);
                assert!(listed == rows(expected, &InstanceQuery::default()), "{query:?} with {to} pending: {} rows", listed.len());
            }
        }
    }
}

/// The tables have a page's worth far apart, and what belongs between them is pending behind all
/// that the list takes in.
#[tokio::test]
async fn what_is_pending_beyond_all_that_a_list_takes_in_is_not_left_out() {
    let ((_directory, store), memory) = (lazy_store().await, MemoryStore::new());
    let stores = (&store, &memory);
    append_to_both(stores, numbered(0..MANY, |name| of(name, first_turn(1)))).await;
    append_to_both(stores, numbered((0..MANY).step_by(50), |name| of(name, completed(1, 2, "0")))).await;
    store.with_work().await.unwrap();
    append_to_both(stores, numbered((0..2_000).filter(|number| number % 50 != 0), |name| event(name, 3, "x"))).await;
    append_to_both(stores, numbered([1_201], |name| of(name, completed(1, 4, "0")))).await;
    let query = InstanceQuery { statuses: vec![RuntimeStatus::Completed], limit: 30, ..InstanceQuery::default() };
    assert!(walk(&store, query.clone()).await == walk(&memory, query).await);
}

#[tokio::test]
async fn a_list_does_not_wait_for_the_tables() {
    let (directory, store) = lazy_store().await;
    append(&store, numbered(0..100, |name| started(name, 1))).await;
    let listed = store.list(InstanceQuery { limit: 50, ..InstanceQuery::default() }).await.unwrap();
    assert_eq!(listed.rows.len(), 50);
    drop(store);
    let copy = tempfile::tempdir().unwrap();
    for file in ["longhaul.db", "longhaul.db-wal"] {
        std::fs::copy(directory.path().join(file), copy.path().join(file)).ok();
    }
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(copy.path().join("longhaul.db"));
    let mut shell = sqlx::ConnectOptions::connect(&options).await.unwrap();
    let shown: i64 = sqlx::query_scalar("SELECT count(*) FROM instances").fetch_one(&mut shell).await.unwrap();
    assert_eq!(shown, 0, "the list had the tables brought up to date");
}

/// Records enter memory and leave it for the tables all the time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_missing_or_double_in_a_list_while_the_tables_follow() {
    const APPENDS: u32 = 400;
    let (_directory, store) = store_that_projects(Duration::from_millis(1)).await;
    let store = std::sync::Arc::new(store);
    let (tell, told) = tokio::sync::watch::channel(0);
    let writer = tokio::spawn({
        let store = store.clone();
        async move {
            for number in 0..APPENDS {
                append(&*store, numbered([number], |name| of(name, first_turn(1)))).await;
                tell.send_replace(number + 1);
            }
        }
    });
    while *told.borrow() < APPENDS {
        let acknowledged = *told.borrow();
        let query = InstanceQuery { limit: APPENDS + 1, statuses: vec![RuntimeStatus::Running], ..InstanceQuery::default() };
        let ids: Vec<InstanceId> = store.list(query).await.unwrap().rows.into_iter().map(|row| row.id).collect();
        assert!(ids.len() >= acknowledged as usize, "{} of {acknowledged} are listed", ids.len());
        let expected: Vec<_> = (0..ids.len()).map(|number| id(&format!("i{number:05}"))).collect();
        assert_eq!(ids, expected);
    }
    writer.await.unwrap();
}
