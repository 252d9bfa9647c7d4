//! The programming model holds, however the host is set up.

use e2e::{Apps, Host, HostOptions, Sample, text};
use serde_json::{Value, json};

async fn model(arguments: Vec<&'static str>) {
    let app = Apps::hello_cities();
    let host = Host::start(HostOptions { app: Some(&app), arguments }).await;
    tokio::join!(sequence(&host), fan_out(&host), call_back(&host), lock(&host));
}

async fn sequence(host: &Host) {
    let hello = host.start_orchestration("HelloSequence", &Value::Null).await;
    let long = host.start_orchestration("LongSequence", &json!(100)).await;
    assert_eq!(host.output_of(&hello).await, json!(["Hello Tokyo!", "Hello Seattle!", "Hello London!"]));
    assert_eq!(host.output_of(&long).await, json!(338_350));
}

async fn fan_out(host: &Host) {
    let id = host.start_orchestration("FanOut", &json!(200)).await;
    assert_eq!(host.output_of(&id).await, json!(2_686_700));
}

async fn call_back(host: &Host) {
    let early = host.start_orchestration("WaitForGo", &json!({"timeoutSeconds": 600})).await;
    let late = host.start_orchestration("WaitForGo", &json!({"timeoutSeconds": 1})).await;
    host.raise(&early, "go", &json!({"n": 1})).await.expect_empty(202);
    assert_eq!(host.output_of(&early).await, json!({"n": 1}));
    let output = host.until_status(&late, "Failed").await["output"].take();
    assert_eq!(output, "Orchestrator function 'WaitForGo' failed: Event go not received in 00:00:01");
}

async fn lock(host: &Host) {
    let mut ids = Vec::new();
    for _ in 0..8 {
        ids.push(host.start_orchestration("CountTogether", &json!({"counter": "c", "times": 4})).await);
    }
    let mut values = Vec::new();
    for id in ids {
        values.push(host.output_of(&id).await.as_u64().expect("a number"));
    }
    values.sort_unstable();
    assert_eq!(values, (1..=8).map(|turn| turn * 4).collect::<Vec<_>>());
    host.until_locked_by("Counter", "c", None).await;
}

async fn sample(arguments: Vec<&'static str>) {
    let sample = Sample::with_delay(std::time::Duration::ZERO, arguments).await;
    let payload = sample.begin(&json!({"timeoutSeconds": 1, "maxAttempts": 3})).await;
    let id = text(&payload, "id");
    sample.until_waiting(&id, 2).await;
    sample.call_back(&payload, true).await.expect_empty(202);
    let output = text(&sample.host.until_status(&id, "Completed").await, "output");
    assert!(output.starts_with("Completed API request after 2 attempts. Final state CallbackSuccess"), "{output}");
}

#[tokio::test]
async fn the_model_holds_by_default() {
    model(Vec::new()).await;
}

#[tokio::test]
async fn the_model_holds_when_every_turn_begins_with_a_replay() {
    model(vec!["--evict-after-every-turn"]).await;
}

#[tokio::test]
async fn the_model_holds_on_one_guest_thread() {
    model(vec!["--guest-threads", "1"]).await;
}

#[tokio::test]
async fn the_model_holds_with_room_for_one_instance() {
    model(vec!["--max-hot-instances", "1"]).await;
}

#[tokio::test]
async fn the_sample_holds_when_every_turn_begins_with_a_replay() {
    sample(vec!["--evict-after-every-turn"]).await;
}

#[tokio::test]
async fn the_sample_holds_on_one_guest_thread() {
    sample(vec!["--guest-threads", "1"]).await;
}
