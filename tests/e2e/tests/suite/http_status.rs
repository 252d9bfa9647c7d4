//! Status, lists and purging over HTTP.

use e2e::{Apps, Host};
use http::Method;
use serde_json::{Value, json};

async fn hello() -> Host {
    Host::with_app(&Apps::hello_cities()).await
}

fn ids(list: &Value) -> Vec<&str> {
    list.as_array().expect("a list").iter().map(|one| one["instanceId"].as_str().expect("an id")).collect()
}

#[tokio::test]
async fn a_status_has_every_member_and_plain_times() {
    let host = hello().await;
    host.start_with_id("WaitForGo", "w", &json!({"timeoutSeconds": 600})).await;
    let running = host.until_status("w", "Running").await;
    for (member, expected) in [
        ("name", json!("WaitForGo")),
        ("instanceId", json!("w")),
        ("input", json!({"timeoutSeconds": 600})),
        ("customStatus", Value::Null),
        ("output", Value::Null),
    ] {
        assert_eq!(running.get(member), Some(&expected), "{member} in {running}");
    }
    for member in ["createdTime", "lastUpdatedTime"] {
        let time = running[member].as_str().expect("a time");
        assert!(time.len() == 20 && time.ends_with('Z'), "{time}");
    }
    assert!(running.get("historyEvents").is_none() && running.get("parkedReason").is_none(), "{running}");
}

#[tokio::test]
async fn a_status_says_by_its_code_whether_to_ask_again() {
    let host = hello().await;
    host.start_with_id("WaitForGo", "w", &json!({})).await;
    let uri = host.management_uri("/instances/w?showInput=false&x=1");
    let running = host.http().send(Method::GET, &uri).await.expect(202);
    assert_eq!((running.header("location"), running.header("retry-after")), (uri.as_str(), "5"));
    assert_eq!(running.json()["input"], Value::Null);
    host.raise("w", "GO", &json!({"by": "Ann"})).await.expect_empty(202);
    assert_eq!(host.output_of("w").await, json!({"by": "Ann"}));
    let ended = host.get("/instances/w").await.expect(200);
    assert_eq!((ended.header("location"), ended.header("retry-after")), ("", ""));
    host.get("/instances/nobody").await.expect_empty(404);
}

#[tokio::test]
async fn a_failure_is_200_unless_the_client_asks_for_500() {
    let host = hello().await;
    host.start_with_id("FanOut", "f", &json!("no number")).await;
    let failed = host.until_status("f", "Failed").await;
    let output = failed["output"].as_str().expect("the text of the failure").to_owned();
    assert!(output.starts_with("Orchestrator function 'FanOut' failed: "), "{output}");
    assert_eq!(host.get("/instances/f").await.expect(200).json(), failed);
    assert_eq!(host.get("/instances/f?ReturnInternalServerErrorOnFailure=TRUE").await.expect(500).json(), failed);
}

#[tokio::test]
async fn the_history_of_one_activity_is_three_events() {
    let host = hello().await;
    host.start_with_id("LongSequence", "one", &json!(1)).await;
    host.until_status("one", "Completed").await;
    let plain = host.get("/instances/one?showHistory=true").await.expect(200).json();
    let events = plain["historyEvents"].as_array().expect("the history").clone();
    let types: Vec<&str> = events.iter().map(|event| event["EventType"].as_str().expect("a type")).collect();
    assert_eq!(types, ["ExecutionStarted", "TaskCompleted", "ExecutionCompleted"]);
    assert_eq!((&events[0]["FunctionName"], &events[1]["FunctionName"]), (&json!("LongSequence"), &json!("Square")));
    assert_eq!(events[2]["OrchestrationStatus"], "Completed");
    assert!(events.iter().all(|event| event.get("Result").is_none()), "{plain}");
    assert!(events.iter().all(|event| event["Timestamp"].as_str().is_some_and(|time| time.ends_with('Z'))), "{plain}");
    let shown = host.get("/instances/one?showHistory=true&showHistoryOutput=true&showInput=false").await.expect(200).json();
    assert_eq!((&shown["historyEvents"][1]["Result"], &shown["historyEvents"][2]["Result"]), (&json!(1), &json!(1)));
    assert!(shown["historyEvents"][0].get("Input").is_none(), "{shown}");
}

#[tokio::test]
async fn lists_come_in_pages_until_the_token_is_empty() {
    let host = hello().await;
    for number in 0..7 {
        host.start_with_id("WaitForGo", &format!("page-{number}"), &json!({})).await;
    }
    let (mut seen, mut token) = (Vec::new(), None);
    loop {
        let page = host.page("/instances?top=3&instanceIdPrefix=page-", token.as_deref()).await;
        let list = page.json();
        assert!(ids(&list).len() <= 3);
        seen.extend(ids(&list).into_iter().map(str::to_owned));
        assert!(page.headers.contains_key("x-ms-continuation-token"), "{:?}", page.headers);
        token = Some(page.header("x-ms-continuation-token").to_owned()).filter(|token| !token.is_empty());
        if token.is_none() {
            break;
        }
    }
    seen.sort();
    assert_eq!(seen, (0..7).map(|number| format!("page-{number}")).collect::<Vec<_>>());
}

#[tokio::test]
async fn lists_are_filtered_by_status_prefix_and_time() {
    let host = hello().await;
    host.start_with_id("WaitForGo", "a-waits", &json!({})).await;
    host.start_with_id("HelloSequence", "a-ends", &Value::Null).await;
    host.start_with_id("HelloSequence", "b-ends", &Value::Null).await;
    host.signal("Counter", "c", "Add", &json!(1)).await;
    host.until_entity("Counter", "c", |state| state["value"] == 1).await;
    host.until_status("a-ends", "Completed").await;
    host.until_status("b-ends", "Completed").await;
    let cases: [(&str, &[&str]); 10] = [
        ("/instances", &["a-ends", "a-waits", "b-ends"]),
        ("/Instances/", &["a-ends", "a-waits", "b-ends"]),
        ("/instances?instanceIdPrefix=a-", &["a-ends", "a-waits"]),
        ("/instances?instanceIdPrefix=A-", &[]),
        ("/instances?runtimeStatus=Completed", &["a-ends", "b-ends"]),
        ("/instances?runtimeStatus=Failed,0&runtimestatus=nonsense", &["a-waits"]),
        ("/instances?runtimeStatus=nonsense", &["a-ends", "a-waits", "b-ends"]),
        ("/instances?createdTimeFrom=2999-01-01", &[]),
        ("/instances?createdTimeTo=2999-01-01T00:00:00Z&createdTimeFrom=1-1-1", &["a-ends", "a-waits", "b-ends"]),
        ("/instances?instanceIdPrefix=@", &["@counter@c"]),
    ];
    for (path, expected) in cases {
        let list = host.get(path).await.expect(200).json();
        let mut found = ids(&list);
        found.sort_unstable();
        assert_eq!(found, expected, "{path}");
        assert!(list.as_array().expect("a list").iter().all(|one| one.get("historyEvents").is_none()), "{list}");
    }
}

#[tokio::test]
async fn purging_takes_what_has_ended_and_nothing_else() {
    let host = hello().await;
    host.start_with_id("WaitForGo", "waits", &json!({})).await;
    for id in ["one", "two", "three"] {
        host.start_with_id("HelloSequence", id, &Value::Null).await;
        host.until_status(id, "Completed").await;
    }
    let refused = host.delete("/instances/waits").await.expect(412).json();
    assert!(refused.as_str().is_some_and(|text| text.contains("waits") && text.contains("Running")), "{refused}");
    assert_eq!(host.delete("/instances/one").await.expect(200).json(), json!({"instancesDeleted": 1}));
    host.get("/instances/one").await.expect_empty(404);
    host.delete("/instances/one").await.expect_empty(404);
    let refused = host.delete("/instances").await.expect(400).json();
    assert_eq!(refused, "Please provide value for 'createdTimeFrom' parameter.");
    let filter = "/instances?createdTimeFrom=2000-01-01T00:00:00Z&runtimeStatus=Running,Completed";
    assert_eq!(host.delete(filter).await.expect(200).json(), json!({"instancesDeleted": 2}));
    host.delete(filter).await.expect_empty(404);
    assert_eq!(host.status("waits").await["runtimeStatus"], "Running");
}
