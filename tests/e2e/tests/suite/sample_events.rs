//! Call-backs that come at other times than they should, and an external system that is not there.

use std::time::Duration;

use e2e::{Sample, text};
use serde_json::json;

#[tokio::test]
async fn the_second_of_two_call_backs_stays_unused_and_harms_nothing() {
    let sample = Sample::start().await;
    let payload = sample.begin(&json!({})).await;
    let id = text(&payload, "id");
    sample.until_waiting(&id, 1).await;
    let (one, two) = tokio::join!(sample.call_back(&payload, true), sample.call_back(&payload, true));
    // The second may find the instance ended already.
    let mut codes = [one.status, two.status];
    codes.sort_unstable();
    assert!(codes == [202, 202] || codes == [202, 410], "{codes:?}");
    let output = text(&sample.host.until_status(&id, "Completed").await, "output");
    assert!(output.starts_with("Completed API request after 1 attempts. Final state CallbackSuccess"), "{output}");
    assert_eq!(sample.attempts(&id).await.len(), 1);
}

#[tokio::test]
async fn the_second_of_two_false_call_backs_is_kept_for_the_next_attempt() {
    let sample = Sample::start().await;
    let payload = sample.begin(&json!({"maxAttempts": 2})).await;
    let id = text(&payload, "id");
    sample.until_waiting(&id, 1).await;
    sample.call_back(&payload, false).await.expect_empty(202);
    sample.call_back(&payload, true).await.expect_empty(202);
    let output = text(&sample.host.until_status(&id, "Completed").await, "output");
    assert!(output.starts_with("Completed API request after 2 attempts. Final state CallbackSuccess"), "{output}");
}

#[tokio::test]
async fn a_call_back_before_the_wait_begins_is_kept_until_then() {
    let sample = Sample::with_delay(Duration::from_millis(1_500), Vec::new()).await;
    let payload = sample.begin(&json!({})).await;
    let id = text(&payload, "id");
    let executing = |attempts: &[e2e::Attempt]| attempts.len() == 1 && attempts[0].state == "Executing";
    sample.until_attempts(&id, "the first executes", executing).await;
    sample.call_back(&payload, true).await.expect_empty(202);
    let output = text(&sample.host.until_status(&id, "Completed").await, "output");
    assert!(output.starts_with("Completed API request after 1 attempts. Final state CallbackSuccess"), "{output}");
}

#[tokio::test]
async fn a_call_back_after_the_end_is_gone() {
    let sample = Sample::start().await;
    let payload = sample.begin(&json!({"timeoutSeconds": 1, "maxAttempts": 1})).await;
    let before = sample.host.until_status(&text(&payload, "id"), "Completed").await;
    sample.call_back(&payload, true).await.expect_empty(410);
    assert_eq!(sample.host.status(&text(&payload, "id")).await, before);
}

#[tokio::test]
async fn attempts_fail_while_the_external_system_is_down_and_later_ones_work() {
    let mut sample = Sample::start().await;
    sample.jobs.stop();
    // A refused connection fails an attempt at once, so there are enough of them to last until the instance is held.
    let payload = sample.begin(&json!({"maxAttempts": 2_000})).await;
    let id = text(&payload, "id");
    let has_failed = |attempts: &[e2e::Attempt]| attempts.iter().any(|attempt| attempt.state == "ExecutedFailed");
    sample.until_attempts(&id, "one failed", has_failed).await;
    sample.host.post(&format!("/instances/{id}/suspend?reason=outage")).await.expect_empty(202);
    sample.host.until_status(&id, "Suspended").await;
    let attempts = sample.attempts(&id).await;
    let failed = attempts.iter().find(|attempt| attempt.state == "ExecutedFailed").expect("one failed");
    assert!(failed.message.to_ascii_lowercase().contains("connect"), "the message does not tell the cause: {failed:?}");
    sample.jobs.start_again().await;
    sample.host.post(&format!("/instances/{id}/resume")).await.expect_empty(202);
    let waits = |attempts: &[e2e::Attempt]| attempts.iter().any(|attempt| attempt.state == "WaitingForCallback");
    sample.until_attempts(&id, "one waits for its call-back", waits).await;
    sample.call_back(&payload, true).await.expect_empty(202);
    let output = text(&sample.host.until_status(&id, "Completed").await, "output");
    assert!(output.contains("Final state CallbackSuccess"), "{output}");
}
