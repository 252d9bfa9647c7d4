//! A call of a guest that ends the host each time does not do so for ever. Here the test kills the host as soon as the call is under way.

use e2e::{Apps, Host, HostOptions, Reply, StubServer};
use serde_json::{Value, json};

/// A host whose activities may reach the server.
async fn host_for(server: &StubServer) -> Host {
    let app = Apps::test_guests().with_manifest(|text| text.replace("http://127.0.0.1:1", &server.origin()));
    Host::start(HostOptions { app: Some(&app), arguments: Vec::new() }).await
}

fn get(server: &StubServer, path: &str) -> Value {
    json!({"name": "MisbehavingActivity", "input": format!("get {}/{path}", server.origin()), "retry": {"maxAttempts": 5, "firstIntervalMs": 1}})
}

fn requests(server: &StubServer, path: &str) -> usize {
    server.arrived().iter().filter(|one| one.path == path).count()
}

async fn until_requests(server: &StubServer, path: &str, count: usize) {
    e2e::eventually(format!("{count} requests of {path}"), std::time::Duration::from_secs(120), || async {
        let seen = requests(server, path);
        if seen >= count { Ok(()) } else { Err(format!("{seen}")) }
    })
    .await;
}

#[tokio::test]
async fn an_activity_that_ends_the_host_three_times_fails_and_its_neighbours_do_not() {
    let server = StubServer::start(|arrived| match (arrived.path.as_str(), arrived.before) {
        ("/neighbour", 4..) => Reply::new(200, &[], "fine"),
        _ => Reply::Silence,
    })
    .await;
    let host = host_for(&server).await;
    host.start_with_id("CallActivity", "killer", &get(&server, "killer")).await;
    until_requests(&server, "/killer", 1).await;
    host.start_with_id("CallActivity", "neighbour", &get(&server, "neighbour")).await;
    until_requests(&server, "/neighbour", 1).await;
    host.crash().await;
    until_requests(&server, "/killer", 2).await;
    until_requests(&server, "/neighbour", 2).await;
    host.crash().await;
    // Either may be the first to run alone; the neighbour returns.
    until_requests(&server, "/killer", 3).await;
    host.crash().await;
    let failed = host.output_of("killer").await;
    assert_eq!(failed["errorType"], "HostDied", "{failed}");
    assert!(failed["message"].as_str().unwrap().contains("died 3 times"), "{failed}");
    assert_eq!(host.output_of("neighbour").await["output"], "200 fine");
    assert_eq!(requests(&server, "/killer"), 3);
}

/// Waits until the host has taken processor time that only a guest that spins can take.
async fn until_it_spins(host: &Host) {
    let taken = || {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", host.process_id())).unwrap();
        let fields: Vec<_> = stat.rsplit_once(") ").unwrap().1.split(' ').collect();
        fields[11].parse::<u64>().unwrap()
    };
    let before = taken();
    e2e::eventually("the guest to spin", std::time::Duration::from_secs(120), || async {
        let ticks = taken() - before;
        if ticks > 30 { Ok(()) } else { Err(format!("{ticks} ticks")) }
    })
    .await;
}

#[tokio::test]
async fn an_operation_that_ends_the_host_three_times_fails() {
    let host = Host::start(HostOptions { app: Some(&Apps::test_guests()), arguments: vec!["--turn-deadline-ms", "600000"] }).await;
    host.start_with_id("Misbehaving", "asks", &json!("ask entity spin")).await;
    for _ in 0..3 {
        until_it_spins(&host).await;
        assert_eq!(host.start_and_wait("Misbehaving", &json!("behave")).await, "well");
        host.crash().await;
    }
    let failed = host.output_of("asks").await;
    assert!(failed.as_str().is_some_and(|text| text.starts_with("HostDied")), "{failed}");
    assert_eq!(host.start_and_wait("Misbehaving", &json!("ask entity get")).await, "null");
}

#[tokio::test]
async fn a_turn_that_ends_the_host_three_times_stands_still_and_can_be_terminated() {
    let host = Host::start(HostOptions { app: Some(&Apps::test_guests()), arguments: vec!["--turn-deadline-ms", "600000"] }).await;
    host.start_with_id("Misbehaving", "killer", &json!("spin")).await;
    for _ in 0..3 {
        until_it_spins(&host).await;
        assert_eq!(host.start_and_wait("Misbehaving", &json!("behave")).await, "well");
        host.crash().await;
    }
    let parked = host.until("killer", "it to be set aside", |status| status["parkedReason"].is_string()).await;
    assert!(parked["parkedReason"].as_str().unwrap().contains("died 3 times"), "{parked}");
    assert_eq!(host.start_and_wait("Misbehaving", &json!("behave")).await, "well");
    host.post("/instances/killer/terminate").await.expect_empty(202);
    host.until_status("killer", "Terminated").await;
}
