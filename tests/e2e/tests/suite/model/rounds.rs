//! A loop that continues as new costs a bounded chain, however long it runs.

use std::time::Duration;

use e2e::{Apps, Host, eventually};
use serde_json::json;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Row};

const ROUNDS: u32 = 10_000;
/// In each round's input: what is kept of every round shows as tens of megabytes.
const BALLAST_BYTES: usize = 2_000;
/// Far more than one round costs, far less than all.
const MAX_BYTES: i64 = 100_000;

#[tokio::test]
async fn ten_thousand_rounds_leave_no_more_than_a_few() {
    let host = Host::with_app(&Apps::test_guests()).await;
    let id = host.start_orchestration("Rounds", &json!({"left": ROUNDS, "ballast": "x".repeat(BALLAST_BYTES)})).await;
    eventually("the last round", Duration::from_secs(300), || async {
        let status = host.get(&format!("/instances/{id}?showInput=false")).await.json();
        if status["runtimeStatus"] == "Completed" { Ok(()) } else { Err(status.to_string()) }
    })
    .await;
    eventually("the chain to be short", Duration::from_secs(30), || async {
        let (records, bytes) = chain(&host, &id).await;
        if records > 0 && bytes < MAX_BYTES { Ok(()) } else { Err(format!("{records} records with {bytes} bytes")) }
    })
    .await;
    let history = host.get(&format!("/instances/{id}?showHistory=true")).await.expect(200).json()["historyEvents"].take();
    assert_eq!(history.as_array().map(Vec::len), Some(2), "only the last round is told: {history}");
}

/// How many records of an instance there are, and their bytes.
async fn chain(host: &Host, id: &str) -> (i64, i64) {
    let options = SqliteConnectOptions::new().filename(host.database()).read_only(true);
    let mut connection = options.connect().await.expect("the database can be read");
    let query = "SELECT COUNT(*), COALESCE(SUM(LENGTH(data)), 0) FROM log WHERE instance = $1";
    let row = sqlx::query(query).bind(id).fetch_one(&mut connection).await.expect("the table has these columns");
    (row.get(0), row.get(1))
}
