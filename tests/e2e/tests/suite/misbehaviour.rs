//! Functions that misbehave hurt nobody but themselves, and the host says what is wrong with them.

use std::time::Duration;

use e2e::{Apps, Host, eventually};
use http::Method;
use serde_json::{Value, json};

/// A guest is given 10 s, three times, before it is set aside.
const PARKED_LIMIT: Duration = Duration::from_secs(120);

async fn test_guests() -> Host {
    Host::with_app(&Apps::test_guests()).await
}

/// Waits until the instance is set aside, and returns why.
async fn parked(host: &Host, id: &str) -> String {
    eventually(format!("{id} to be set aside"), PARKED_LIMIT, || async {
        let status = host.status(id).await;
        status["parkedReason"].as_str().map(str::to_owned).ok_or_else(|| status.to_string())
    })
    .await
}

/// Starts an instance that behaves until `Go` comes and then does `what`; returns why it was set aside. Others go on meanwhile.
async fn parked_after_go(host: &Host, id: &str, what: &str) -> String {
    host.start_with_id("Misbehaving", id, &json!(format!("wait {what}"))).await;
    let go = json!(1);
    let (raised, reason, ()) = tokio::join!(host.raise(id, "Go", &go), parked(host, id), others_go_on(host));
    raised.expect_empty(202);
    let status = host.get(&format!("/instances/{id}")).await.expect(202).json();
    assert_eq!(status["runtimeStatus"], "Running", "{status}");
    reason
}

async fn others_go_on(host: &Host) {
    for _ in 0..3 {
        assert_eq!(host.start_and_wait("Misbehaving", &json!("behave")).await, "well");
    }
}

async fn can_be_terminated(host: &Host, id: &str) {
    host.post(&format!("/instances/{id}/terminate?reason=hopeless")).await.expect_empty(202);
    let ended = host.until_status(id, "Terminated").await;
    assert_eq!(ended["output"], "hopeless");
    assert!(ended.get("parkedReason").is_none(), "{ended}");
}

#[tokio::test]
async fn an_orchestrator_that_never_returns_is_set_aside_while_others_go_on() {
    let host = test_guests().await;
    let reason = parked_after_go(&host, "spins", "spin").await;
    assert!(reason.contains("did not return within 10000 ms"), "{reason}");
    can_be_terminated(&host, "spins").await;
}

#[tokio::test]
async fn an_orchestrator_that_eats_memory_is_set_aside_while_others_go_on() {
    let host = test_guests().await;
    let reason = parked_after_go(&host, "eats", "eat memory").await;
    assert!(reason.to_lowercase().contains("memory"), "{reason}");
    can_be_terminated(&host, "eats").await;
}

#[tokio::test]
async fn an_orchestrator_that_panics_is_set_aside_and_stays_so_after_a_crash() {
    let host = test_guests().await;
    let reason = parked_after_go(&host, "panics", "panic").await;
    assert!(reason.contains("trapped: panicked at src/lib.rs:1:2: this orchestrator panics"), "{reason}");
    host.crash().await;
    assert_eq!(parked(&host, "panics").await, reason);
    host.post("/instances/panics/resume").await.expect_empty(202);
    assert_eq!(parked(&host, "panics").await, reason, "it tried again and panicked again");
    can_be_terminated(&host, "panics").await;
}

#[tokio::test]
async fn a_recursion_without_end_is_set_aside() {
    let host = test_guests().await;
    let reason = parked_after_go(&host, "recurses", "recurse").await;
    // The guest's own stack lies at the beginning of its memory, and the recursion runs out of it.
    assert!(reason.contains("out of bounds memory access") || reason.contains("stack"), "{reason}");
    can_be_terminated(&host, "recurses").await;
}

#[tokio::test]
async fn a_client_function_that_panics_or_stays_silent_is_answered_for() {
    let host = test_guests().await;
    for what in ["panic", "silent"] {
        // The guest does what the last part of path and query says.
        let answer = host.http().send(Method::GET, &host.uri(&format!("/api/MisbehavingClient?do=/{what}"))).await.expect(500);
        let message = answer.json()["Message"].as_str().expect("a message").to_owned();
        assert!(message.contains("MisbehavingClient") && !message.contains("panics"), "{message}");
    }
    let echoed = host.http().send_text(Method::POST, &host.uri("/api/MisbehavingClient?do=/echo"), "text/plain", "hi").await;
    assert_eq!(echoed.expect(200).text(), "hi");
    others_go_on(&host).await;
}

#[tokio::test]
async fn an_entity_that_panics_does_not_take_the_host_along() {
    let host = test_guests().await;
    host.signal("MisbehavingEntity", "good", "add", &json!(1)).await;
    host.until_entity("MisbehavingEntity", "good", |state| *state == json!([1])).await;
    host.signal("MisbehavingEntity", "bad", "add", &json!(1)).await;
    host.until_entity("MisbehavingEntity", "bad", |state| *state == json!([1])).await;
    host.post_json("/entities/MisbehavingEntity/bad?op=panic", &Value::Null).await;
    eventually("the panic to be logged", PARKED_LIMIT, || async {
        let log = host.log();
        let is_told = log.lines().any(|line| line.contains("@misbehavingentity@bad") && line.contains("this entity panics"));
        let is_told =
            is_told && log.lines().any(|line| line.contains("a signal failed: EntityStopped") && line.contains("@misbehavingentity@bad"));
        if is_told { Ok(()) } else { Err(log) }
    })
    .await;
    host.signal("MisbehavingEntity", "good", "add", &json!(2)).await;
    host.until_entity("MisbehavingEntity", "good", |state| *state == json!([1, 2])).await;
    assert_eq!(host.entity("MisbehavingEntity", "bad").await, Some(json!([1])), "the committed state stays");
    others_go_on(&host).await;
}
