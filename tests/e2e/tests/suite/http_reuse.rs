//! What a start does to a live instance of the same id (section 9.7 of the contract).

use std::time::Duration;

use e2e::{Answer, Apps, Host, HostOptions, eventually};
use http::Method;
use serde_json::{Value, json};

const ANY_STATE: &str = "--overridable-existing-instance-states=AnyState";
/// How many callers start one id at a time.
const CALLERS: u64 = 40;
const LIMIT: Duration = Duration::from_secs(30);

async fn hello(arguments: Vec<&'static str>) -> Host {
    Host::start(HostOptions { app: Some(&Apps::hello_cities()), arguments }).await
}

/// Starts `WaitForGo` under one id from many callers at once, each with a time-out of its own to tell it by.
async fn start_at_once(host: &Host) -> Vec<Answer> {
    let uri = host.management_uri("/orchestrators/WaitForGo/one");
    let callers: Vec<_> = (0..CALLERS)
        .map(|number| {
            let (http, uri) = (host.http().clone(), uri.clone());
            tokio::spawn(async move { http.send_json(Method::POST, &uri, &json!({"timeoutSeconds": 1_000 + number})).await })
        })
        .collect();
    let mut answers = Vec::new();
    for caller in callers {
        answers.push(caller.await.expect("the caller has an answer"));
    }
    answers
}

#[tokio::test]
async fn of_many_starts_of_one_id_exactly_one_wins() {
    let host = hello(vec![]).await;
    let answers = start_at_once(&host).await;
    let count = |status| answers.iter().filter(|answer| answer.status == status).count() as u64;
    assert_eq!((count(202), count(409)), (1, CALLERS - 1));
    for refused in answers.iter().filter(|answer| answer.status == 409) {
        let message = refused.json()["Message"].as_str().expect("a message").to_owned();
        assert!(message.starts_with("An Orchestration instance with the status "), "{message}");
    }
    host.raise("one", "go", &json!(1)).await.expect_empty(202);
    assert_eq!(host.output_of("one").await, json!(1));
}

#[tokio::test]
async fn with_any_state_every_start_of_one_id_is_done_and_the_last_one_stays() {
    let host = hello(vec![ANY_STATE]).await;
    for answer in start_at_once(&host).await {
        assert_eq!(answer.expect(202).json()["id"], "one");
    }
    let status = host.until_status("one", "Running").await;
    let timeout = status["input"]["timeoutSeconds"].as_u64().expect("the input of one of them");
    assert!((1_000..1_000 + CALLERS).contains(&timeout), "{status}");
    host.raise("one", "go", &json!("kept")).await.expect_empty(202);
    assert_eq!(host.output_of("one").await, "kept");
}

#[tokio::test]
async fn any_state_includes_suspended_and_scheduled_instances_and_restarts() {
    let host = hello(vec![ANY_STATE]).await;
    host.start_with_id("WaitForGo", "held", &json!({})).await;
    host.post("/instances/held/suspend").await.expect_empty(202);
    host.until_status("held", "Suspended").await;
    host.start_with_id("HelloSequence", "held", &Value::Null).await;
    host.until("held", "the new execution to complete", |status| status["runtimeStatus"] == "Completed").await;
    host.post("/orchestrators/HelloSequence/later?scheduledStartTime=2999-01-01").await.expect(202);
    host.start_with_id("WaitForGo", "later", &json!({})).await;
    host.until_status("later", "Running").await;
    host.start_with_id("WaitForGo", "again", &json!({"timeoutSeconds": 700})).await;
    host.until_status("again", "Running").await;
    host.post("/instances/again/restart?restartWithNewInstanceId=false").await.expect(202);
    assert_eq!(host.until_status("again", "Running").await["input"], json!({"timeoutSeconds": 700}));
    // What is not live needs no room.
    host.start_with_id("HelloSequence", "done", &Value::Null).await;
    host.until_status("done", "Completed").await;
    host.start_with_id("HelloSequence", "done", &Value::Null).await;
}

#[tokio::test]
async fn a_replaced_instance_is_terminated_for_a_reason_that_says_so() {
    let host = hello(vec![ANY_STATE]).await;
    host.start_with_id("WaitForGo", "one", &json!({})).await;
    host.start_with_id("WaitForGo", "one", &json!({"timeoutSeconds": 700})).await;
    eventually("the new execution", LIMIT, || async {
        let status = host.status("one").await;
        if status["input"]["timeoutSeconds"] == 700 { Ok(()) } else { Err(status.to_string()) }
    })
    .await;
    let log = host.log();
    assert!(log.contains("was started again") && log.contains("AnyState"), "{log}");
}
