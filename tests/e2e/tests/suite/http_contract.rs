//! Rows of the contract that have no better place: decoding, values that cannot be read, exact bodies of refusals.

use e2e::{Apps, Host};
use http::Method;
use serde_json::{Value, json};

async fn hello() -> Host {
    Host::with_app(&Apps::hello_cities()).await
}

/// The members of an object in the order in which they were sent.
fn members(text: &str) -> Vec<String> {
    let object: Value = serde_json::from_str(text).expect("JSON");
    let mut names: Vec<String> = object.as_object().expect("an object").keys().cloned().collect();
    names.sort_by_key(|name| text.find(&format!("\"{name}\":")));
    names
}

#[tokio::test]
async fn an_encoded_slash_separates_and_a_plus_is_a_blank() {
    let host = hello().await;
    host.start_with_id("WaitForGo", "a", &json!({})).await;
    host.get("/instances/a%2Fb").await.expect_empty(404);
    host.post("/instances/a%2Fterminate?reason=one+two%2B").await.expect_empty(202);
    assert_eq!(host.until_status("a", "Terminated").await["output"], "one two+");
}

#[tokio::test]
async fn values_that_cannot_be_read_count_as_absent() {
    let host = hello().await;
    host.start_with_id("WaitForGo", "a", &json!({"timeoutSeconds": 600})).await;
    let status = host.get("/instances/a?showInput=no&showHistory=1").await.expect(202).json();
    assert_eq!((&status["input"], status.get("historyEvents")), (&json!({"timeoutSeconds": 600}), None));
    let list = host.get("/instances?top=many&createdTimeFrom=soon&showInput=%20False%20").await.expect(200).json();
    assert_eq!((list.as_array().map(Vec::len), &list[0]["input"]), (Some(1), &Value::Null));
    host.post("/orchestrators/WaitForGo/b?timeout=30").await.expect(202);
    host.post("/orchestrators/WaitForGo/c?timeout=soon&pollingInterval=1").await.expect(202);
}

#[tokio::test]
async fn years_of_fewer_than_four_digits_are_read_as_python_writes_them() {
    let host = hello().await;
    host.start_with_id("HelloSequence", "a", &Value::Null).await;
    host.until_status("a", "Completed").await;
    for year in ["1", "12", "123"] {
        let list = host.get(&format!("/instances/?createdTimeFrom={year}-01-01T00:00:00.000000Z")).await.expect(200).json();
        assert_eq!(list.as_array().map(Vec::len), Some(1), "{year}");
    }
    assert_eq!(host.delete("/instances?createdTimeFrom=1-01-01T00:00:00.000000Z").await.expect(200).json(), json!({"instancesDeleted": 1}));
}

#[tokio::test]
async fn refusals_have_exactly_the_members_of_their_shape() {
    let host = hello().await;
    host.start_with_id("WaitForGo", "a", &json!({})).await;
    let e2 = ["Message", "ExceptionMessage", "ExceptionType", "StackTrace"];
    host.post("/instances/a/suspend").await.expect_empty(202);
    host.until_status("a", "Suspended").await;
    let twice = host.post("/instances/a/suspend").await.expect(500);
    assert_eq!(members(&twice.text()), e2);
    assert_eq!(
        (&twice.json()["Message"], &twice.json()["StackTrace"]),
        (&json!("Something went wrong while processing your request"), &Value::Null)
    );
    let uri = host.management_uri("/orchestrators/HelloSequence");
    let malformed = host.http().send_text(Method::POST, &uri, "application/json", "{").await.expect(400);
    assert_eq!(members(&malformed.text()), e2);
    assert_eq!(members(&host.post("/orchestrators/Missing").await.expect(400).text()), e2);
    assert_eq!(members(&host.post("/orchestrators/WaitForGo/a").await.expect(409).text()), ["Message"]);
    assert_eq!(members(&host.post("/entities/Nothing/a").await.expect(400).text()), ["Message"]);
    assert!(host.delete("/instances/a").await.expect(412).json().is_string());
}

#[tokio::test]
async fn a_status_has_its_members_in_the_order_of_the_contract() {
    let host = hello().await;
    host.start_with_id("LongSequence", "a", &json!(1)).await;
    host.until_status("a", "Completed").await;
    let plain = ["name", "instanceId", "runtimeStatus", "input", "customStatus", "output", "createdTime", "lastUpdatedTime"];
    assert_eq!(members(&host.get("/instances/a").await.expect(200).text()), plain);
    let history = host.get("/instances/a?showHistory=true").await.expect(200).json();
    assert!(history["historyEvents"].is_array(), "{history}");
    let list = host.get("/instances?showHistory=true").await.expect(200).json();
    assert_eq!(list[0].as_object().map(|one| one.len()), Some(plain.len()), "a list never shows history");
}

#[tokio::test]
async fn every_route_knows_only_its_own_task_hub() {
    let host = hello().await;
    host.start_with_id("WaitForGo", "a", &json!({})).await;
    host.signal("Counter", "k", "Add", &json!(1)).await;
    host.until_entity("Counter", "k", |state| state["value"] == 1).await;
    let elsewhere = "taskHub=elsewhere";
    for operation in ["suspend", "resume", "terminate", "rewind", "raiseEvent/go"] {
        host.post(&format!("/instances/a/{operation}?{elsewhere}")).await.expect(404);
    }
    host.post(&format!("/instances/a/restart?{elsewhere}")).await.expect(400);
    host.delete(&format!("/instances/a?{elsewhere}")).await.expect_empty(404);
    host.delete(&format!("/instances?createdTimeFrom=2020-01-01&{elsewhere}")).await.expect_empty(404);
    host.get(&format!("/entities/Counter/k?{elsewhere}")).await.expect_empty(404);
    assert_eq!(host.get(&format!("/entities?{elsewhere}")).await.expect(200).json(), json!([]));
    host.post(&format!("/entities/Counter/k?op=Add&{elsewhere}")).await.expect(400);
    assert_eq!(host.status("a").await["runtimeStatus"], "Running");
    host.get("/instances/a?TASKHUB=TESTHUBNAME&connection=x").await.expect(202);
}

#[tokio::test]
async fn an_entity_without_a_key_in_its_address_has_the_empty_key() {
    let host = hello().await;
    host.post_json("/entities/Counter?op=Add", &json!(5)).await.expect_empty(202);
    host.until_entity("Counter", "$", |state| state["value"] == 5).await;
    let listed = host.get("/entities").await.expect(200).json();
    assert_eq!(listed[0]["entityId"], json!({"name": "counter", "key": ""}));
    let time = listed[0]["lastOperationTime"].as_str().expect("a time");
    let (_, fraction) = time.strip_suffix('Z').and_then(|time| time.split_once('.')).expect("UTC with a fraction");
    assert!((1..=7).contains(&fraction.len()) && fraction.bytes().all(|digit| digit.is_ascii_digit()), "{time}");
    host.delete("/entities/Counter").await.expect_empty(202);
    host.until_entity("Counter", "$", Value::is_null).await;
    host.delete("/entities").await.expect(400);
}

#[tokio::test]
async fn an_id_has_at_most_256_units_of_utf_16() {
    let host = hello().await;
    let wide = "%F0%9F%98%80";
    host.post(&format!("/orchestrators/HelloSequence/{}", wide.repeat(128))).await.expect(202);
    host.post(&format!("/orchestrators/HelloSequence/{}", wide.repeat(129))).await.expect(400);
}

#[tokio::test]
async fn purging_an_entity_that_is_not_there_deletes_none() {
    let host = hello().await;
    assert_eq!(host.delete("/instances/@counter@nobody").await.expect(200).json(), json!({"instancesDeleted": 0}));
}

#[tokio::test]
async fn a_running_instance_can_be_restarted_under_a_new_id() {
    let host = hello().await;
    host.start_with_id("WaitForGo", "a", &json!({"timeoutSeconds": 600})).await;
    let answer = host.post("/instances/a/restart").await.expect(202);
    let id = answer.json()["id"].as_str().expect("an id").to_owned();
    assert_eq!(
        (answer.header("retry-after"), answer.header("location")),
        ("10", answer.json()["statusQueryGetUri"].as_str().expect("an address"))
    );
    assert_eq!(host.until_status(&id, "Running").await["input"], json!({"timeoutSeconds": 600}));
    assert_eq!(host.status("a").await["runtimeStatus"], "Running");
}

#[tokio::test]
async fn a_start_takes_a_version() {
    let host = hello().await;
    host.post("/orchestrators/HelloSequence/a?version=2.1").await.expect(202);
    assert_eq!(host.until_status("a", "Completed").await["output"], json!(["Hello Tokyo!", "Hello Seattle!", "Hello London!"]));
}

#[tokio::test]
async fn operations_ignore_their_bodies() {
    let host = hello().await;
    host.start_with_id("WaitForGo", "a", &json!({})).await;
    for (operation, wanted) in [("suspend", "Suspended"), ("resume", "Running"), ("terminate", "Terminated")] {
        let uri = host.management_uri(&format!("/instances/a/{operation}?reason=said"));
        host.http().send_text(Method::POST, &uri, "text/plain", "{ no JSON").await.expect_empty(202);
        host.until_status("a", wanted).await;
    }
    assert_eq!(host.status("a").await["output"], "said");
}

#[tokio::test]
async fn a_pending_instance_shows_no_history() {
    let host = hello().await;
    host.post("/orchestrators/HelloSequence/a?scheduledStartTime=2999-01-01T00:00:00Z").await.expect(202);
    let status = host.get("/instances/a?showHistory=true").await.expect(202).json();
    assert_eq!((&status["runtimeStatus"], status.get("historyEvents")), (&json!("Pending"), None));
}

#[tokio::test]
async fn the_created_time_is_that_of_the_current_execution() {
    let host = Host::with_app(&Apps::patterns()).await;
    host.start_with_id("EternalCounter", "a", &json!({"pauseMs": 300})).await;
    let first = host.status("a").await["createdTime"].take();
    host.until("a", "a later execution", |status| status["createdTime"] != first).await;
}
