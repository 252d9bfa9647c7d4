//! Starting orchestrations over HTTP, as existing clients do it.

use e2e::{Apps, Host, HostOptions, PAYLOAD_MEMBERS};
use http::Method;
use serde_json::{Value, json};

async fn hello() -> Host {
    Host::with_app(&Apps::hello_cities()).await
}

/// A refusal carries both members that clients read.
fn refusal(body: &Value) -> String {
    assert!(body["Message"].is_string(), "{body}");
    body["ExceptionMessage"].as_str().unwrap_or_else(|| panic!("no ExceptionMessage in {body}")).to_owned()
}

#[tokio::test]
async fn a_start_answers_with_the_management_addresses_in_their_order() {
    let host = hello().await;
    let answer = host.post("/orchestrators/HelloSequence/order-7").await.expect(202);
    assert_eq!(answer.header("content-type"), "application/json; charset=utf-8");
    assert_eq!(answer.header("retry-after"), "10");
    let base = host.management_uri("/instances/order-7");
    assert_eq!(answer.header("location"), answer.json()["statusQueryGetUri"]);
    assert!(answer.header("location").starts_with(&format!("{base}?taskHub=")), "{}", answer.header("location"));
    let text = answer.text();
    let places: Vec<usize> = PAYLOAD_MEMBERS
        .iter()
        .map(|member| text.find(&format!("\"{member}\"")).unwrap_or_else(|| panic!("no {member} in {text}")))
        .collect();
    assert!(places.is_sorted(), "{text}");
    assert!(!text.contains("rewindPostUri"), "{text}");
    assert_eq!(host.output_of("order-7").await, json!(["Hello Tokyo!", "Hello Seattle!", "Hello London!"]));
}

#[tokio::test]
async fn an_empty_id_makes_the_host_choose_one_of_32_hexadecimal_digits() {
    let host = hello().await;
    for path in ["/orchestrators/HelloSequence", "/orchestrators/HelloSequence/"] {
        let id = host.post(path).await.expect(202).json()["id"].as_str().expect("an id").to_owned();
        let is_digit = |c: char| c.is_ascii_digit() || ('a'..='f').contains(&c);
        assert!(id.len() == 32 && id.chars().all(is_digit), "{id}");
    }
}

#[tokio::test]
async fn a_body_is_one_json_value_whatever_its_type_says() {
    let host = hello().await;
    let uri = host.management_uri("/orchestrators/WaitForGo/typed");
    host.http().send_text(Method::POST, &uri, "text/plain", "{\"timeoutSeconds\": 600}").await.expect(202);
    assert_eq!(host.status("typed").await["input"], json!({"timeoutSeconds": 600}));
    let string = json!("{\"timeoutSeconds\": 600}");
    host.post_json("/orchestrators/WaitForGo/encoded", &string).await.expect(202);
    assert_eq!(host.status("encoded").await["input"], string, "a text that holds JSON stays a text");
    for malformed in ["{", "1 2", "nonsense", " "] {
        let uri = host.management_uri("/orchestrators/WaitForGo/malformed");
        let answer = host.http().send_text(Method::POST, &uri, "application/json", malformed).await.expect(400);
        assert_eq!(answer.json()["Message"], "Invalid JSON content", "{malformed}");
        refusal(&answer.json());
    }
    host.get("/instances/malformed").await.expect_empty(404);
}

#[tokio::test]
async fn an_unknown_orchestrator_is_refused_with_the_names_that_exist() {
    let host = hello().await;
    let answer = host.post("/orchestrators/Missing/m").await.expect(400).json();
    let reason = refusal(&answer);
    assert_eq!(answer["Message"], *reason, "both members name the function and those that exist");
    let start = "The function 'Missing' doesn't exist, is disabled, or is not an orchestrator function.";
    assert!(reason.starts_with(start) && reason.contains("'HelloSequence'"), "{reason}");
    host.get("/instances/m").await.expect_empty(404);
    host.post("/orchestrators/hellosequence/any-case").await.expect(202);
    assert_eq!(host.until_status("any-case", "Completed").await["name"], "HelloSequence");
}

#[tokio::test]
async fn forbidden_ids_are_refused() {
    let host = hello().await;
    let long = "x".repeat(257);
    for id in ["@counter@a", "a%5Cb", "a%23b", "a%3Fb", "a%07b", long.as_str()] {
        refusal(&host.post(&format!("/orchestrators/HelloSequence/{id}")).await.expect(400).json());
    }
    host.post(&format!("/orchestrators/HelloSequence/{}", "x".repeat(256))).await.expect(202);
}

#[tokio::test]
async fn an_id_is_free_again_once_its_instance_has_ended() {
    let host = hello().await;
    host.start_with_id("WaitForGo", "one", &json!({})).await;
    let refused = host.post_json("/orchestrators/HelloSequence/one", &Value::Null).await.expect(409);
    let message = refused.json()["Message"].as_str().expect("a message").to_owned();
    let expected = ["Running", "Pending"].map(|status| format!("An Orchestration instance with the status {status} already exists."));
    assert!(expected.contains(&message), "{message}");
    host.raise("one", "go", &json!(1)).await.expect_empty(202);
    assert_eq!(host.output_of("one").await, json!(1));
    host.start_with_id("HelloSequence", "one", &Value::Null).await;
    let status = host.until("one", "the new execution to complete", |status| {
        status["name"] == "HelloSequence" && status["runtimeStatus"] == "Completed"
    });
    assert_eq!(status.await["output"][0], "Hello Tokyo!");
}

#[tokio::test]
async fn create_and_wait_answers_with_the_output_alone() {
    let host = hello().await;
    let answer = host.post("/orchestrators/HelloSequence?timeout=30&pollingInterval=1").await.expect(200);
    assert_eq!(answer.json(), json!(["Hello Tokyo!", "Hello Seattle!", "Hello London!"]));
    let late = host.post("/orchestrators/WaitForGo/late?timeout=0.2&pollingInterval=0.1").await.expect(202);
    assert_eq!(late.json()["id"], "late");
    let failed = host.post_json("/orchestrators/FanOut/fails?timeout=30&pollingInterval=1", &json!("no number")).await.expect(200);
    assert_eq!(failed.json()["runtimeStatus"], "Failed");
    assert_eq!(failed.json()["instanceId"], "fails");
    host.post("/orchestrators/HelloSequence/never?timeout=1&pollingInterval=2").await.expect(400);
    host.get("/instances/never").await.expect_empty(404);
}

#[tokio::test]
async fn a_body_above_the_limit_is_refused_and_starts_nothing() {
    let app = Apps::hello_cities();
    let host = Host::start(HostOptions { app: Some(&app), arguments: vec!["--max-body-bytes=1000"] }).await;
    host.post_json("/orchestrators/HelloSequence/large", &json!("x".repeat(1_000))).await.expect(413);
    host.get("/instances/large").await.expect_empty(404);
    host.post_json("/orchestrators/HelloSequence/small", &json!("x".repeat(998))).await.expect(202);
}

#[tokio::test]
async fn a_restart_begins_a_new_instance_or_the_same_one_again() {
    let host = hello().await;
    host.start_with_id("FanOut", "sum", &json!(3)).await;
    assert_eq!(host.output_of("sum").await, json!(14));
    let fresh = host.post("/instances/sum/restart").await.expect(202).json()["id"].as_str().expect("an id").to_owned();
    assert_ne!(fresh, "sum");
    assert_eq!(host.output_of(&fresh).await, json!(14));
    let same = host.post("/instances/sum/restart?restartWithNewInstanceId=false").await.expect(202);
    assert_eq!(same.json()["id"], "sum");
    assert_eq!(host.output_of("sum").await, json!(14));
    host.start_with_id("WaitForGo", "alive", &json!({})).await;
    let refused = host.post("/instances/alive/restart?restartWithNewInstanceId=false").await.expect(409).json();
    assert_eq!(refused["Message"], "A non-terminal instance with this instance ID already exists.");
    assert!(refusal(&refused).contains("Running"), "{refused}");
    let unknown = host.post("/instances/nobody/restart").await.expect(400).json();
    assert_eq!(unknown["Message"], "InstanceId does not match a valid orchestration instance.");
    assert!(refusal(&unknown).contains("nobody"), "{unknown}");
}

#[tokio::test]
async fn a_start_can_be_scheduled_and_tagged() {
    let host = hello().await;
    host.post("/orchestrators/HelloSequence/later?scheduledStartTime=2999-01-01T00:00:00Z&tag=team:pay&tag=order:7").await.expect(202);
    let status = host.get("/instances/later").await.expect(202).json();
    assert_eq!((&status["runtimeStatus"], status.get("tags")), (&json!("Pending"), None));
    host.post("/instances/later/terminate?reason=never").await.expect_empty(202);
    host.until_status("later", "Terminated").await;
    host.post("/orchestrators/HelloSequence/past?scheduledStartTime=2020-01-01").await.expect(202);
    host.until_status("past", "Completed").await;
    for query in ["scheduledStartTime=soon", "tag=team", "tag=a:1&tag=a:2"] {
        let reason = refusal(&host.post(&format!("/orchestrators/HelloSequence/refused?{query}")).await.expect(400).json());
        assert!(!reason.is_empty());
    }
    host.get("/instances/refused").await.expect_empty(404);
}
