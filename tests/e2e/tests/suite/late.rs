//! An instance that has ended stays as it was, and goes at once when it is purged.

use std::sync::Arc;
use std::time::Duration;

use e2e::{Apps, Host, eventually};
use serde_json::{Value, json};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Row};
use tokio::task::JoinSet;

/// The times of a status have seconds, so this much later shows.
const LATER: Duration = Duration::from_millis(1_100);

async fn host() -> Host {
    Host::with_app(&Apps::test_guests()).await
}

/// How many records an instance has.
async fn records(host: &Host, id: &str) -> i64 {
    let options = SqliteConnectOptions::new().filename(host.database()).read_only(true);
    let mut connection = options.connect().await.expect("the database can be read");
    let count = sqlx::query("SELECT COUNT(*) FROM log WHERE instance = $1").bind(id).fetch_one(&mut connection).await;
    count.expect("the table has this column").get(0)
}

/// All that is known of an instance.
async fn picture(host: &Host, id: &str) -> (Value, i64) {
    (host.get(&format!("/instances/{id}?showHistory=true&showHistoryOutput=true")).await.json(), records(host, id).await)
}

/// Whatever was sent before has arrived: the instances of this start went the same way.
async fn until_all_has_arrived(host: &Host) {
    host.start_and_wait("Ask", &Value::Null).await;
    host.start_and_wait("Ask", &Value::Null).await;
}

/// Has `parent` end while its child waits, as `how` says.
async fn end_before_its_child(host: &Host, parent: &str, child: &str, how: &str) {
    host.start_with_id("LeaveBehind", parent, &json!(child)).await;
    host.until_running(child).await;
    match how {
        "Failed" => host.raise(parent, "fail", &Value::Null).await.expect_empty(202),
        _ => host.post(&format!("/instances/{parent}/terminate?recursive=false")).await.expect_empty(202),
    }
    host.until_status(parent, how).await;
}

#[tokio::test]
async fn a_child_that_ends_after_its_parent_changes_nothing_there() {
    let host = host().await;
    for how in ["Failed", "Terminated"] {
        let (parent, child) = (format!("parent-{how}"), format!("child-{how}"));
        end_before_its_child(&host, &parent, &child, how).await;
        let before = picture(&host, &parent).await;
        tokio::time::sleep(LATER).await;
        host.raise(&child, "go", &Value::Null).await.expect_empty(202);
        host.until_status(&child, "Completed").await;
        until_all_has_arrived(&host).await;
        assert_eq!(picture(&host, &parent).await, before, "{how}");
    }
}

#[tokio::test]
async fn many_children_that_end_at_once_after_their_parent_change_nothing_there() {
    const CHILDREN: usize = 200;
    let host = Arc::new(host().await);
    host.start_with_id("Grow", "parent", &json!({"depth": 1, "width": CHILDREN})).await;
    let children: Vec<_> = (0..CHILDREN).map(|number| format!("parent.{number}")).collect();
    for child in &children {
        host.until_running(child).await;
    }
    host.post("/instances/parent/terminate?recursive=false").await.expect_empty(202);
    host.until_status("parent", "Terminated").await;
    let before = picture(&host, "parent").await;
    // At the same time, so that more come while the parent is read for the first.
    let mut raised = JoinSet::new();
    for child in children.clone() {
        let host = host.clone();
        raised.spawn(async move { host.raise(&child, "go", &Value::Null).await.expect_empty(202) });
    }
    raised.join_all().await;
    for child in &children {
        host.until_status(child, "Completed").await;
    }
    until_all_has_arrived(&host).await;
    assert_eq!(picture(&host, "parent").await, before);
    assert_eq!(host.delete("/instances/parent").await.expect(200).json(), json!({"instancesDeleted": 1}));
}

#[tokio::test]
async fn a_child_that_ends_after_its_parent_was_purged_leaves_nothing() {
    let host = host().await;
    end_before_its_child(&host, "parent", "child", "Terminated").await;
    assert_eq!(host.delete("/instances/parent").await.expect(200).json(), json!({"instancesDeleted": 1}));
    host.raise("child", "go", &Value::Null).await.expect_empty(202);
    host.until_status("child", "Completed").await;
    until_all_has_arrived(&host).await;
    host.get("/instances/parent").await.expect_empty(404);
    assert_eq!(records(&host, "parent").await, 0);
}

#[tokio::test]
async fn a_child_of_an_earlier_execution_changes_nothing_in_the_next_one() {
    let host = host().await;
    end_before_its_child(&host, "parent", "child-1", "Terminated").await;
    host.start_with_id("LeaveBehind", "parent", &json!("child-2")).await;
    host.until_running("child-2").await;
    let before = picture(&host, "parent").await.0;
    tokio::time::sleep(LATER).await;
    host.raise("child-1", "go", &Value::Null).await.expect_empty(202);
    host.until_status("child-1", "Completed").await;
    until_all_has_arrived(&host).await;
    assert_eq!(picture(&host, "parent").await.0, before);
}

#[tokio::test]
async fn a_wide_instance_is_purged_as_soon_as_its_end_shows() {
    let host = host().await;
    for round in 0..12 {
        let id = format!("wide-{round}");
        host.start_with_id("ManyAtOnce", &id, &json!({"text": id, "count": 400, "ms": round * 3})).await;
        host.until_running(&id).await;
        host.post(&format!("/instances/{id}/terminate")).await.expect_empty(202);
        host.until_status(&id, "Terminated").await;
        assert_eq!(host.delete(&format!("/instances/{id}")).await.expect(200).json(), json!({"instancesDeleted": 1}), "{id}");
        host.get(&format!("/instances/{id}")).await.expect_empty(404);
    }
    until_all_has_arrived(&host).await;
    for round in 0..12 {
        assert_eq!(records(&host, &format!("wide-{round}")).await, 0, "a result that came late made a chain");
    }
}

#[tokio::test]
async fn a_purge_by_filter_passes_over_nothing_that_has_just_ended() {
    const WIDE: usize = 20;
    let host = host().await;
    for number in 0..WIDE {
        host.start_with_id("ManyAtOnce", &format!("wide-{number}"), &json!({"text": "x", "count": 60, "ms": 1_000 + number})).await;
    }
    for number in 0..WIDE {
        // A slow machine may be at work on the last while the first have ended by themselves.
        host.post(&format!("/instances/wide-{number}/terminate")).await;
    }
    for number in 0..WIDE {
        host.until(&format!("wide-{number}"), "the end", e2e::is_terminal).await;
    }
    let purged = host.delete("/instances?createdTimeFrom=2000-01-01").await.expect(200);
    assert_eq!(purged.json(), json!({"instancesDeleted": WIDE}));
    assert_eq!(purged.header("x-ms-continuation-token"), "");
    assert_eq!(host.get("/instances").await.expect(200).json(), json!([]));
}

#[tokio::test]
async fn a_purge_by_filter_of_more_than_a_step_takes_all_and_leaves_the_others_alone() {
    const ENDED: usize = 700;
    let host = host().await;
    host.start_with_id("LeaveBehind", "stays", &json!("stays-too")).await;
    host.until_running("stays-too").await;
    let ids: Vec<_> = (0..ENDED).map(|number| format!("ended-{number}")).collect();
    host.start_and_wait("Detach", &json!({"ids": ids, "to": "purge"})).await;
    eventually("all to have ended", Duration::from_secs(60), || async {
        let live =
            host.get("/instances?runtimeStatus=Running&runtimeStatus=Pending&instanceIdPrefix=ended&top=10").await.expect(200).json();
        if live == json!([]) { Ok(()) } else { Err(live.to_string()) }
    })
    .await;
    let purged = host.delete("/instances?createdTimeFrom=2000-01-01").await.expect(200).json();
    assert_eq!(purged, json!({"instancesDeleted": ENDED + 2}), "and the one that started them and one that it gave no id");
    host.until_running("stays").await;
    host.get("/instances/ended-0").await.expect_empty(404);
    assert_eq!(host.get("/instances?instanceIdPrefix=ended").await.expect(200).json(), json!([]));
    assert_eq!(records(&host, "ended-699").await, 0);
}
