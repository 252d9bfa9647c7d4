//! A host that is killed goes on where it was.

use std::time::Duration;

use e2e::{Sample, eventually, text};
use serde_json::json;

#[tokio::test]
async fn an_attempt_that_was_executing_is_executed_again() {
    let sample = Sample::with_delay(Duration::from_millis(1_500), Vec::new()).await;
    let payload = sample.begin(&json!({})).await;
    let id = text(&payload, "id");
    let executing = |attempts: &[e2e::Attempt]| attempts.len() == 1 && attempts[0].state == "Executing";
    let before = sample.until_attempts(&id, "the first executes", executing).await;
    sample.jobs.until_requests(1).await;
    sample.host.crash().await;
    let after = sample.until_waiting(&id, 1).await;
    assert_eq!(before[0].id, after[0].id);
    sample.jobs.until_requests(2).await;
    sample.call_back(&payload, true).await.expect_empty(202);
    let output = text(&sample.host.until_status(&id, "Completed").await, "output");
    assert!(output.starts_with("Completed API request after 1 attempts. Final state CallbackSuccess"), "{output}");
}

#[tokio::test]
async fn a_wait_for_a_call_back_goes_on_and_the_call_back_counts() {
    let sample = Sample::start().await;
    let payload = sample.begin(&json!({})).await;
    let id = text(&payload, "id");
    let before = sample.until_waiting(&id, 1).await;
    let status = sample.host.status(&id).await;
    sample.host.crash().await;
    assert_eq!(sample.host.status(&id).await, status);
    assert_eq!(sample.attempts(&id).await, before);
    sample.call_back(&payload, true).await.expect_empty(202);
    let output = text(&sample.host.until_status(&id, "Completed").await, "output");
    assert!(output.starts_with("Completed API request after 1 attempts. Final state CallbackSuccess"), "{output}");
    assert_eq!(sample.attempts(&id).await[0].id, before[0].id);
}

#[tokio::test]
async fn a_timer_is_still_due_at_its_recorded_time() {
    let sample = Sample::start().await;
    let id = text(&sample.begin(&json!({"timeoutSeconds": 3, "maxAttempts": 1})).await, "id");
    let before = sample.until_waiting(&id, 1).await;
    sample.host.crash().await;
    assert_eq!(sample.attempts(&id).await, before, "it fired too early, or was set anew");
    sample.host.until_status(&id, "Completed").await;
    let after = sample.attempts(&id).await;
    assert_eq!((after[0].state.as_str(), &after[0].json["timeoutDue"]), ("TimedOut", &before[0].json["timeoutDue"]));
    // Both are ISO 8601 in UTC with the same number of digits, so they can be compared as texts.
    assert!(text(&after[0].json, "stateSet") >= text(&before[0].json, "timeoutDue"), "{after:?}");
}

#[tokio::test]
async fn a_timer_that_came_due_while_the_host_was_down_fires_after_the_start() {
    let sample = Sample::start().await;
    let id = text(&sample.begin(&json!({"timeoutSeconds": 1, "maxAttempts": 1})).await, "id");
    sample.until_waiting(&id, 1).await;
    let waiting_since = std::time::Instant::now();
    sample.host.kill();
    eventually("the timer to be due", Duration::from_secs(10), || async {
        if waiting_since.elapsed() > Duration::from_secs(1) { Ok(()) } else { Err(format!("{:?}", waiting_since.elapsed())) }
    })
    .await;
    sample.host.start_again().await;
    let output = text(&sample.host.until_status(&id, "Completed").await, "output");
    assert!(output.contains("Final state TimedOut"), "{output}");
}

#[tokio::test]
async fn a_locked_entity_stays_locked_until_its_section_ends() {
    let sample = Sample::start().await;
    let payload = sample.begin(&json!({"maxAttempts": 1})).await;
    let id = text(&payload, "id");
    sample.until_waiting(&id, 1).await;
    sample.host.until_locked_by("AttemptsEntity", &id, Some(&id)).await;
    // Waits behind the lock, and must survive there.
    sample.host.signal("AttemptsEntity", &id, "UpdateOverallState", &json!("from outside")).await;
    sample.host.crash().await;
    assert_eq!(sample.host.lock_holder("attemptsentity", &id).await.as_deref(), Some(id.as_str()));
    let state = sample.host.entity("AttemptsEntity", &id).await.expect("the entity exists");
    assert_ne!(state["overallState"], "from outside");
    sample.call_back(&payload, true).await.expect_empty(202);
    let output = sample.host.output_of(&id).await;
    sample.host.until_locked_by("AttemptsEntity", &id, None).await;
    // The signal from outside came first, so the orchestrator's last word stands.
    sample.host.until_entity("AttemptsEntity", &id, |state| state["overallState"] == output).await;
}

#[tokio::test]
async fn a_terminated_holder_lets_go_of_its_lock() {
    let sample = Sample::start().await;
    let id = text(&sample.begin(&json!({})).await, "id");
    sample.until_waiting(&id, 1).await;
    sample.host.until_locked_by("AttemptsEntity", &id, Some(&id)).await;
    sample.host.post(&format!("/instances/{id}/terminate")).await.expect_empty(202);
    sample.host.crash().await;
    sample.host.until_status(&id, "Terminated").await;
    sample.host.until_locked_by("AttemptsEntity", &id, None).await;
    sample.host.signal("AttemptsEntity", &id, "UpdateOverallState", &json!("free")).await;
    sample.host.until_entity("AttemptsEntity", &id, |state| state["overallState"] == "free").await;
}

#[tokio::test]
async fn a_locked_entity_cannot_be_purged_before_its_section_ends() {
    let sample = Sample::start().await;
    let id = text(&sample.begin(&json!({})).await, "id");
    sample.until_waiting(&id, 1).await;
    sample.host.until_locked_by("AttemptsEntity", &id, Some(&id)).await;
    let entity = format!("/instances/@attemptsentity@{id}");
    let refused = sample.host.delete(&entity).await.expect(412);
    assert!(refused.json().as_str().is_some_and(|reason| reason.contains("is locked by instance")));
    sample.host.post(&format!("/instances/{id}/terminate")).await.expect_empty(202);
    sample.host.until_locked_by("AttemptsEntity", &id, None).await;
    assert_eq!(sample.host.delete(&entity).await.expect(200).json(), json!({"instancesDeleted": 1}));
}
