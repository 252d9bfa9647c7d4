//! Section 10.5 of the contract: retry policies, carried out by the host.

use std::time::Duration;

use e2e::{Apps, Host, Reply, StubServer, eventually};
use serde_json::{Value, json};

const LIMIT: Duration = Duration::from_secs(30);
const HOUR_MS: u64 = 3_600_000;

async fn server() -> StubServer {
    StubServer::start(|_| Reply::new(200, &[], "")).await
}

async fn host_for(server: &StubServer) -> Host {
    let app = Apps::test_guests().with_manifest(|text| text.replace("http://127.0.0.1:1", &server.origin()));
    Host::with_app(&app).await
}

/// An activity that tells the server of each attempt, as `/try?attempt=1&key=…`, and succeeds at the given one.
fn succeeds_at(attempt: u32, server: &StubServer, retry: Value) -> Value {
    json!({"name": "MisbehavingActivity", "input": format!("try {attempt} {}/try", server.origin()), "retry": retry})
}

fn attempts(server: &StubServer) -> Vec<u32> {
    let attempt = |path: &str| path.split("attempt=").nth(1).and_then(|rest| rest.split('&').next()).unwrap().parse().unwrap();
    server.arrived().iter().map(|arrived| attempt(&arrived.path)).collect()
}

async fn events(host: &Host, id: &str) -> Vec<String> {
    let status = host.http().send(http::Method::GET, &host.management_uri(&format!("/instances/{id}?showHistory=true"))).await.json();
    let events = status["historyEvents"].as_array().expect("a history");
    events.iter().map(|event| event["EventType"].as_str().expect("a type").to_owned()).collect()
}

#[tokio::test]
async fn an_activity_that_fails_twice_succeeds_at_the_third_attempt_under_one_key() {
    let server = server().await;
    let host = host_for(&server).await;
    let retry = json!({"maxAttempts": 5, "firstIntervalMs": 100, "backoff": 10.0, "maxIntervalMs": 300});
    host.start_with_id("CallActivity", "flaky", &succeeds_at(3, &server, retry)).await;
    let output = host.output_of("flaky").await;
    let key = output["output"][1].as_str().expect("a key").to_owned();
    assert_eq!(output["output"][0], 3);
    assert_eq!(attempts(&server), [1, 2, 3]);
    let arrived = server.arrived();
    assert!(arrived.iter().all(|attempt| attempt.path.ends_with(&format!("key={key}"))), "{arrived:?}");
    assert!(arrived[1].at - arrived[0].at >= Duration::from_millis(100), "the first interval");
    assert!(arrived[2].at - arrived[1].at >= Duration::from_millis(300), "ten times that, but at most the longest");
    let other = host.start_and_wait("CallActivity", &succeeds_at(1, &server, Value::Null)).await;
    assert_ne!(other["output"][1], key.as_str(), "another call has another key");
}

#[tokio::test]
async fn jitter_shortens_a_delay_by_at_most_its_share() {
    let server = server().await;
    let host = host_for(&server).await;
    let retry = json!({"maxAttempts": 2, "firstIntervalMs": 400, "jitter": 0.5});
    host.start_and_wait("CallActivity", &succeeds_at(2, &server, retry)).await;
    let arrived = server.arrived();
    assert!(arrived[1].at - arrived[0].at >= Duration::from_millis(200));
}

/// Each policy would wait an hour if it did not give up.
#[tokio::test]
async fn a_policy_gives_up_when_it_should() {
    let server = StubServer::start(|_| {
        // The retry timeout of 1 ms has passed when this is answered.
        std::thread::sleep(Duration::from_millis(5));
        Reply::new(200, &[], "")
    })
    .await;
    let host = host_for(&server).await;
    let patient = json!({"maxAttempts": 2, "firstIntervalMs": HOUR_MS});
    let with = |key: &str, value: Value| {
        let mut retry = patient.clone();
        retry[key] = value;
        retry
    };
    for retry in [with("giveUpOn", json!(["Other", "Flaky"])), with("retryTimeoutMs", json!(1)), with("maxAttempts", json!(1))] {
        let output = host.start_and_wait("CallActivity", &succeeds_at(9, &server, retry.clone())).await;
        assert_eq!(output["errorType"], "Flaky", "{retry}: {output}");
        assert_eq!(output["message"], "Activity function 'MisbehavingActivity' failed: attempt 1 fails");
    }
    assert_eq!(attempts(&server), [1, 1, 1]);
    let non_retriable = json!({"name": "MisbehavingActivity", "input": "refuse", "retry": patient});
    assert_eq!(host.start_and_wait("CallActivity", &non_retriable).await["errorType"], "Refused");
}

#[tokio::test]
async fn a_sub_orchestration_is_tried_again_by_its_policy() {
    let server = StubServer::start(|arrived| if arrived.before < 2 { Reply::HangUp } else { Reply::new(200, &[], "well") }).await;
    let host = host_for(&server).await;
    let child = json!({"name": "MisbehavingActivity", "input": format!("get {}/x", server.origin())});
    let input = json!({"name": "Child", "input": child, "retry": {"maxAttempts": 3, "firstIntervalMs": 50}});
    assert_eq!(host.start_and_wait("CallChild", &input).await["output"], "200 well");
    assert_eq!(server.arrived().len(), 3);
}

#[tokio::test]
async fn a_back_off_survives_a_killed_host_and_runs_no_attempt_twice() {
    let server = server().await;
    let host = host_for(&server).await;
    let retry = json!({"maxAttempts": 2, "firstIntervalMs": 2_000});
    host.start_with_id("CallActivity", "backs-off", &succeeds_at(2, &server, retry)).await;
    // The failed attempt is recorded once the history shows its back-off.
    eventually("the back-off", LIMIT, || async {
        let events = events(&host, "backs-off").await;
        if events.iter().any(|event| event == "TimerCreated") { Ok(()) } else { Err(format!("{events:?}")) }
    })
    .await;
    host.crash().await;
    assert_eq!(host.output_of("backs-off").await["output"][0], 2);
    assert_eq!(attempts(&server), [1, 2]);
    let arrived = server.arrived();
    assert!(arrived[1].at - arrived[0].at >= Duration::from_millis(2_000), "the second attempt began too early");
    assert_eq!(arrived[0].path.split("key=").nth(1), arrived[1].path.split("key=").nth(1));
    let events = events(&host, "backs-off").await;
    let count = |wanted: &str| events.iter().filter(|event| *event == wanted).count();
    assert_eq!((count("TaskFailed"), count("TimerFired"), count("TaskCompleted")), (1, 1, 1), "{events:?}");
}
