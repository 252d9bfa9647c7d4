//! Operations on instances over HTTP: events, suspending, resuming, terminating, and the rules that all routes share.

use e2e::{Apps, Host};
use http::Method;
use serde_json::{Value, json};

async fn hello() -> Host {
    Host::with_app(&Apps::hello_cities()).await
}

/// A host with one instance that waits and one that has ended.
async fn waiting_and_ended() -> Host {
    let host = hello().await;
    host.start_with_id("WaitForGo", "waits", &json!({})).await;
    host.until_status("waits", "Running").await;
    host.start_with_id("HelloSequence", "ended", &Value::Null).await;
    host.until_status("ended", "Completed").await;
    host
}

#[tokio::test]
async fn every_operation_knows_unknown_and_ended_instances() {
    let host = waiting_and_ended().await;
    for operation in ["terminate", "suspend", "resume"] {
        host.post(&format!("/instances/nobody/{operation}")).await.expect_empty(404);
        host.post(&format!("/instances/ended/{operation}?reason=r")).await.expect_empty(410);
    }
    host.raise("nobody", "go", &json!(1)).await.expect_empty(404);
    host.raise("ended", "go", &json!(1)).await.expect_empty(410);
}

#[tokio::test]
async fn a_terminated_instance_shows_the_reason_as_its_output() {
    let host = hello().await;
    for (id, reason, output) in
        [("a", "?reason=no%20more+use", json!("no more use")), ("b", "", Value::Null), ("c", "?reason=42", json!(42))]
    {
        host.start_with_id("WaitForGo", id, &json!({})).await;
        host.post(&format!("/instances/{id}/terminate{reason}")).await.expect_empty(202);
        assert_eq!(host.until_status(id, "Terminated").await["output"], output);
        host.get(&format!("/instances/{id}")).await.expect(200);
    }
}

#[tokio::test]
async fn a_suspended_instance_keeps_events_until_it_is_resumed() {
    let host = waiting_and_ended().await;
    host.post("/instances/waits/resume").await.expect(500);
    host.post("/instances/waits/suspend?reason=lunch").await.expect_empty(202);
    host.until_status("waits", "Suspended").await;
    host.get("/instances/waits").await.expect(202);
    let refused = host.post("/instances/waits/suspend").await.expect(500).json();
    assert!(refused["Message"].is_string() && refused["ExceptionMessage"].is_string(), "{refused}");
    host.raise("waits", "go", &json!("kept")).await.expect_empty(202);
    assert_eq!(host.status("waits").await["runtimeStatus"], "Suspended");
    host.post("/instances/waits/resume").await.expect_empty(202);
    assert_eq!(host.output_of("waits").await, "kept");
}

#[tokio::test]
async fn a_suspended_instance_can_be_terminated() {
    let host = waiting_and_ended().await;
    host.post("/instances/waits/suspend").await.expect_empty(202);
    host.post("/instances/waits/terminate?reason=enough").await.expect_empty(202);
    assert_eq!(host.until_status("waits", "Terminated").await["output"], "enough");
}

#[tokio::test]
async fn an_event_must_be_json_by_its_type_and_by_its_body() {
    let host = waiting_and_ended().await;
    let uri = host.management_uri("/instances/waits/raiseEvent/go");
    let wrong_type = host.http().send_text(Method::POST, &uri, "text/plain", "1").await.expect(400);
    assert_eq!(wrong_type.json(), json!({"Message": "Only application/json request content is supported"}));
    for body in ["{", "1 2"] {
        let answer = host.http().send_text(Method::POST, &uri, "application/json", body).await.expect(400);
        assert_eq!(answer.json()["Message"], "Invalid JSON content", "{body}");
    }
    // The instance is looked at before the body.
    let ended = host.management_uri("/instances/ended/raiseEvent/go");
    host.http().send_text(Method::POST, &ended, "text/plain", "1").await.expect_empty(410);
    host.http().send_text(Method::POST, &uri, "Application/JSON; charset=utf-8", "").await.expect_empty(202);
    assert_eq!(host.output_of("waits").await, Value::Null);
}

#[tokio::test]
async fn events_wait_for_their_instance_to_wait() {
    let host = hello().await;
    let id = host.start_orchestration("WaitForGo", &json!({})).await;
    host.raise(&id, "other", &json!(0)).await.expect_empty(202);
    host.raise(&id, "Go", &json!("early")).await.expect_empty(202);
    assert_eq!(host.output_of(&id).await, "early");
}

#[tokio::test]
async fn a_wait_that_is_over_fails_with_its_length() {
    let host = hello().await;
    let id = host.start_orchestration("WaitForGo", &json!({"timeoutSeconds": 1})).await;
    let output = host.until_status(&id, "Failed").await["output"].take();
    assert_eq!(output, "Orchestrator function 'WaitForGo' failed: Event go not received in 00:00:01");
}

#[tokio::test]
async fn unknown_routes_and_wrong_verbs_are_not_found() {
    let host = waiting_and_ended().await;
    for (method, path) in [
        ("PUT", "/instances/waits"),
        ("POST", "/instances/waits"),
        ("GET", "/orchestrators/HelloSequence"),
        ("GET", "/instances/waits/terminate"),
        ("POST", "/instances/waits/pause"),
        ("POST", "/instances/waits/raiseEvent"),
        ("POST", "/instances/waits/terminate/now"),
        ("GET", "/makeprimary"),
        ("GET", ""),
    ] {
        let method: Method = method.parse().expect("a method");
        host.http().send(method, &host.management_uri(path)).await.expect_empty(404);
    }
    for path in ["/instances/waits", "/api", "/api/Nothing", "/nothing"] {
        assert_eq!(host.http().send(Method::GET, &host.uri(path)).await.status, 404, "{path}");
    }
    assert_eq!(host.status("waits").await["runtimeStatus"], "Running");
}

#[tokio::test]
async fn literal_parts_of_a_path_ignore_case_and_ids_do_not() {
    let host = waiting_and_ended().await;
    let uri = host.uri("/RUNTIME/Webhooks/DurableTask/Instances/waits/");
    host.http().send(Method::GET, &uri).await.expect(202);
    host.get("/instances/Waits").await.expect_empty(404);
    host.post("/INSTANCES/waits/RAISEEVENT/go").await.expect(400);
    host.post("/INSTANCES/waits/Terminate").await.expect_empty(202);
}

#[tokio::test]
async fn ids_are_decoded_from_paths_and_encoded_in_addresses() {
    let host = hello().await;
    let payload = host.post("/orchestrators/WaitForGo/caf%C3%A9%20one+two%2B").await.expect(202).json();
    assert_eq!(payload["id"], "café one two+");
    let uri = payload["statusQueryGetUri"].as_str().expect("an address");
    assert_eq!(host.http().send(Method::GET, uri).await.expect(202).json()["instanceId"], "café one two+");
    let event = payload["sendEventPostUri"].as_str().expect("an address").replace("{eventName}", "go");
    host.http().send_json(Method::POST, &event, &json!("hi")).await.expect_empty(202);
    assert_eq!(host.output_of("caf%C3%A9+one%20two%2B").await, "hi");
}

#[tokio::test]
async fn another_task_hub_is_empty() {
    let host = waiting_and_ended().await;
    host.get("/instances/waits?taskHub=elsewhere").await.expect_empty(404);
    host.post("/instances/waits/terminate?taskHub=elsewhere").await.expect_empty(404);
    host.post("/orchestrators/HelloSequence?taskHub=elsewhere").await.expect(400);
    assert_eq!(host.get("/instances?taskHub=elsewhere").await.expect(200).json(), json!([]));
    host.get("/instances/waits?taskHub=&connection=whatever").await.expect(202);
    let hub = "TestHubName";
    host.get(&format!("/instances/waits?taskhub={hub}")).await.expect(202);
}

#[tokio::test]
async fn the_host_describes_its_routes() {
    let host = hello().await;
    let document = host.http().send(Method::GET, &host.uri("/openapi.json")).await.expect(200).json();
    assert!(document["openapi"].as_str().is_some_and(|version| version.starts_with("3.1")), "{document}");
    let path = "/runtime/webhooks/durabletask/instances/{instanceId}/terminate";
    assert!(document["paths"][path]["post"]["responses"]["410"].is_object(), "{document}");
}
