//! What activities that misbehave or take too long come to, and what becomes of a run that nobody wants any more.

use e2e::{Apps, Host, HostOptions, Reply, StubServer};
use serde_json::{Value, json};

async fn host_with(arguments: Vec<&'static str>) -> Host {
    Host::start(HostOptions { app: Some(&Apps::test_guests()), arguments }).await
}

fn call_of(what: &str) -> Value {
    json!({"name": "MisbehavingActivity", "input": what})
}

async fn others_go_on(host: &Host) {
    let output = host.start_and_wait("CallActivity", &call_of("behave")).await;
    assert_eq!(output["output"], "well");
}

#[tokio::test]
async fn each_misbehaviour_reaches_the_orchestrator_under_its_name_and_harms_nobody_else() {
    let host = host_with(vec!["--max-activity-output-bytes", "1000000"]).await;
    for (what, error_type, text) in [
        ("panic", "Trap", "trapped"),
        ("eat memory", "OutOfMemory", "bytes of memory"),
        ("huge output", "OutputTooLarge", "the most is 1000000"),
        ("not JSON", "Protocol", "broke the contract"),
        ("fail", "Deliberate", "this activity fails"),
    ] {
        let input = call_of(what);
        let (output, ()) = tokio::join!(host.start_and_wait("CallActivity", &input), others_go_on(&host));
        assert_eq!(output["errorType"], error_type, "{what}: {output}");
        assert!(output["message"].as_str().unwrap().contains(text), "{what}: {output}");
    }
    let unknown = host.start_and_wait("CallActivity", &json!({"name": "Nobody"})).await;
    assert_eq!(unknown["errorType"], "FunctionNotFound");
}

#[tokio::test]
async fn a_guest_is_used_again_only_where_the_manifest_says_so_and_no_more_often() {
    let host = host_with(Vec::new()).await;
    let call = async |name: &str, what: &str| host.start_and_wait("CallActivity", &json!({"name": name, "input": what})).await;
    let mut seen = Vec::new();
    // Runs as a future and runs at once have guests of their own, so the order is open, but one of the two comes to three.
    while !seen.contains(&json!(3)) {
        seen.push(call("ReusedActivity", "calls").await["output"].clone());
        assert!(seen.len() < 100 && seen.last().unwrap().as_u64().unwrap() <= 3, "{seen:?}");
        assert_eq!(call("PlainActivity", "calls").await["output"], 1);
    }
    assert_eq!(call("ReusedActivity", "panic").await["errorType"], "Trap");
    assert_eq!(call("ReusedActivity", "context").await["output"][0], "ReusedActivity");
}

#[tokio::test]
async fn a_flood_of_log_lines_is_cut_and_the_activity_goes_on() {
    let host = host_with(Vec::new()).await;
    let output = host.start_and_wait("CallActivity", &call_of("flood log")).await;
    assert_eq!(output["output"], "flooded");
    let lines = host.log().lines().filter(|line| line.contains("flood ")).count();
    assert_eq!(lines, 200);
}

#[tokio::test]
async fn an_activity_ends_at_the_shortest_of_its_bounds_and_may_be_tried_again() {
    let host = host_with(vec!["--max-activity-timeout-seconds", "1"]).await;
    let by_call = json!({"name": "MisbehavingActivity", "input": "spin", "timeoutMs": 200});
    let by_manifest = json!({"name": "HastyActivity", "input": "sleep", "timeoutMs": 60_000});
    let by_operator = json!({"name": "MisbehavingActivity", "input": "spin", "timeoutMs": 60_000});
    for (input, limit) in [(by_call, "200 ms"), (by_manifest, "300 ms"), (by_operator, "1000 ms")] {
        let (output, ()) = tokio::join!(host.start_and_wait("CallActivity", &input), others_go_on(&host));
        assert_eq!(output["errorType"], "Timeout", "{output}");
        assert!(output["message"].as_str().unwrap().contains(limit), "{output}");
    }
    let retried = json!({"name": "HastyActivity", "input": "sleep", "retry": {"maxAttempts": 2, "firstIntervalMs": 1}});
    host.start_with_id("CallActivity", "retried", &retried).await;
    assert_eq!(host.output_of("retried").await["errorType"], "Timeout");
    assert_eq!(failed_attempts(&host, "retried").await, 2);
    let given_up =
        json!({"name": "HastyActivity", "input": "sleep", "retry": {"maxAttempts": 2, "firstIntervalMs": 1, "giveUpOn": ["Timeout"]}});
    host.start_with_id("CallActivity", "given-up", &given_up).await;
    host.output_of("given-up").await;
    assert_eq!(failed_attempts(&host, "given-up").await, 1);
}

async fn failed_attempts(host: &Host, id: &str) -> usize {
    let status = host.get(&format!("/instances/{id}?showHistory=true")).await.expect(200).json();
    let events = status["historyEvents"].as_array().expect("a history");
    events.iter().filter(|event| event["EventType"] == "TaskFailed").count()
}

/// There is room for one activity at a time, so another can run only once the first has really stopped.
#[tokio::test]
async fn a_cancelled_or_terminated_activity_that_spins_stops() {
    let host = host_with(vec!["--max-running-activities", "1"]).await;
    let cancelled = json!({"name": "MisbehavingActivity", "input": "spin", "cancelAfterMs": 100});
    host.start_with_id("CallActivity", "cancels", &cancelled).await;
    host.until("cancels", "the call to be given up", |status| status["customStatus"] == "cancelled").await;
    others_go_on(&host).await;
    host.raise("cancels", "Go", &json!(1)).await.expect_empty(202);
    assert_eq!(host.output_of("cancels").await, 1);

    host.start_with_id("CallActivity", "spins", &call_of("spin")).await;
    host.until_status("spins", "Running").await;
    host.post("/instances/spins/terminate").await.expect_empty(202);
    host.until_status("spins", "Terminated").await;
    others_go_on(&host).await;
}

async fn waiting_for(server: &StubServer) -> Host {
    let app = Apps::test_guests().with_manifest(|text| text.replace("http://127.0.0.1:1", &server.origin()));
    let host = Host::with_app(&app).await;
    host.start_with_id("CallActivity", "waits", &call_of(&format!("get {}/x", server.origin()))).await;
    server.until_arrived(1).await;
    host
}

#[tokio::test]
async fn terminating_the_instance_ends_the_requests_of_its_activities() {
    let server = StubServer::start(|_| Reply::Silence).await;
    let host = waiting_for(&server).await;
    host.post("/instances/waits/terminate").await.expect_empty(202);
    server.until_given_up(1).await;
    host.until_status("waits", "Terminated").await;
}

#[tokio::test]
async fn a_stopping_host_interrupts_activities_and_the_next_start_runs_them_again() {
    let server = StubServer::start(|arrived| match arrived.before {
        0 => Reply::Silence,
        _ => Reply::new(200, &[], "again"),
    })
    .await;
    let host = waiting_for(&server).await;
    assert!(host.stop().await.success());
    server.until_given_up(1).await;
    host.start_again().await;
    assert_eq!(host.output_of("waits").await["output"], "200 again");
}
