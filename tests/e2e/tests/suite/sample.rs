//! The reference app shows what its page promises, row by row.

use std::time::Duration;

use e2e::{Attempt, PAYLOAD_MEMBERS, Sample, eventually, text};
use http::Method;
use serde_json::{Value, json};

/// The states of an attempt that nobody answers, in order.
const STATES: [&str; 5] = ["New", "Executing", "ExecutedSuccess", "WaitingForCallback", "TimedOut"];

fn states(attempts: &[Attempt]) -> Vec<&str> {
    attempts.iter().map(|attempt| attempt.state.as_str()).collect()
}

#[tokio::test]
async fn a_post_without_a_body_starts_with_the_defaults_and_runs_at_once() {
    let sample = Sample::start().await;
    let host = &sample.host;
    let answer = host.http().send(Method::POST, &host.uri("/api/HttpStartClient")).await.expect(202);
    let payload = answer.json();
    for member in PAYLOAD_MEMBERS {
        text(&payload, member);
    }
    let status_uri = text(&payload, "statusQueryGetUri");
    assert_eq!(answer.header("location"), status_uri);
    assert_eq!(answer.header("retry-after"), "10");
    let status = host.http().send(Method::GET, &status_uri).await.expect(202);
    assert_eq!(status.header("retry-after"), "5");
    assert_eq!(status.json()["runtimeStatus"], "Running");
    assert_eq!(status.json()["name"], "MainOrchestrator");
    let attempts = sample.until_waiting(&text(&payload, "id"), 1).await;
    let due = seconds_between(&attempts[0].json, "stateSet", "timeoutDue");
    assert!((55..=61).contains(&due), "the default timeout is 60 s, not {due} s: {attempts:?}");
}

/// Whole seconds from one time of the attempt to another, both within one hour.
fn seconds_between(attempt: &Value, from: &str, to: &str) -> i64 {
    let seconds = |member: &str| {
        let time = text(attempt, member);
        let parts: Vec<i64> = time[14..19].split(':').map(|part| part.parse().expect("mm:ss")).collect();
        parts[0] * 60 + parts[1]
    };
    (seconds(to) - seconds(from)).rem_euclid(3_600)
}

#[tokio::test]
async fn attempts_grow_through_their_states_in_order_until_the_last_has_timed_out() {
    let sample = Sample::with_delay(Duration::from_millis(100), Vec::new()).await;
    let id = text(&sample.begin(&json!({"timeoutSeconds": 1, "maxAttempts": 2})).await, "id");
    let mut seen: Vec<String> = Vec::new();
    let look = |attempts: &[Attempt]| attempts.len() == 2 && attempts[1].state == "TimedOut";
    loop {
        let attempts = sample.attempts(&id).await;
        if let Some(first) = attempts.first()
            && seen.last() != Some(&first.state)
        {
            seen.push(first.state.clone());
        }
        if look(&attempts) {
            assert_eq!(states(&attempts), ["TimedOut", "TimedOut"]);
            assert_ne!(attempts[0].id, attempts[1].id);
            assert!(attempts.iter().all(|attempt| attempt.message == "Event Callback not received in 00:00:01"), "{attempts:?}");
            assert!(attempts.iter().all(|attempt| attempt.json["isSuccess"] == json!(false)), "{attempts:?}");
            break;
        }
    }
    let mut order = STATES.iter();
    assert!(seen.iter().all(|state| order.any(|known| known == state)), "out of order: {seen:?}");
    for shown_for_long in ["Executing", "WaitingForCallback", "TimedOut"] {
        assert!(seen.iter().any(|state| state == shown_for_long), "{shown_for_long} was never shown: {seen:?}");
    }
    let expected = "Completed API request after 2 attempts. Final state TimedOut, status text: Event Callback not received in 00:00:01";
    assert_eq!(sample.host.output_of(&id).await, expected);
    let entity = sample.host.until_entity("AttemptsEntity", &id, |state| state["overallState"] == expected).await;
    assert_eq!(sample.shown(&id).await.expect(200).json(), entity);
}

#[tokio::test]
async fn left_alone_it_gives_up_after_five_attempts() {
    let sample = Sample::start().await;
    let id = text(&sample.begin(&json!({"timeoutSeconds": 1})).await, "id");
    let expected = "Completed API request after 5 attempts. Final state TimedOut, status text: Event Callback not received in 00:00:01";
    assert_eq!(sample.host.output_of(&id).await, expected);
    assert_eq!(states(&sample.attempts(&id).await), ["TimedOut"; 5]);
}

#[tokio::test]
async fn a_true_call_back_ends_it_with_success() {
    let sample = Sample::start().await;
    let payload = sample.begin(&json!({})).await;
    let id = text(&payload, "id");
    sample.until_waiting(&id, 1).await;
    sample.call_back(&payload, true).await.expect_empty(202);
    let message = "External system called back with CallbackSuccess";
    let expected = format!("Completed API request after 1 attempts. Final state CallbackSuccess, status text: {message}");
    assert_eq!(sample.host.output_of(&id).await, expected.as_str());
    let attempts = sample.attempts(&id).await;
    assert_eq!(states(&attempts), ["CallbackSuccess"]);
    assert_eq!((attempts[0].message.as_str(), &attempts[0].json["isSuccess"]), (message, &json!(true)));
}

#[tokio::test]
async fn a_false_call_back_fails_its_attempt_and_a_new_one_begins() {
    let sample = Sample::start().await;
    let payload = sample.begin(&json!({})).await;
    let id = text(&payload, "id");
    sample.until_waiting(&id, 1).await;
    sample.call_back(&payload, false).await.expect_empty(202);
    let attempts = sample.until_waiting(&id, 2).await;
    assert_eq!(states(&attempts), ["CallbackFailure", "WaitingForCallback"]);
    assert_eq!(attempts[0].message, "External system called back with CallbackFailure");
    assert_eq!(attempts[0].json["isSuccess"], json!(false));
    sample.call_back(&payload, true).await.expect_empty(202);
    let output = text(&sample.host.until_status(&id, "Completed").await, "output");
    assert!(output.starts_with("Completed API request after 2 attempts. Final state CallbackSuccess"), "{output}");
}

#[tokio::test]
async fn the_external_system_is_given_an_address_that_works_and_can_call_back_by_itself() {
    let sample = Sample::start().await;
    let id = text(&sample.begin(&json!({"maxAttempts": 1})).await, "id");
    sample.until_waiting(&id, 1).await;
    let uri = sample.jobs.until_call_back_uri().await;
    assert!(uri.contains(&id) && uri.contains("/raiseEvent/Callback"), "{uri}");
    sample.jobs.post(&json!({"callbackUri": uri, "callbackAfterSeconds": 0})).await.expect(200);
    let output = text(&sample.host.until_status(&id, "Completed").await, "output");
    assert!(output.contains("Final state CallbackSuccess"), "{output}");
}

#[tokio::test]
async fn errors_of_the_external_system_fail_every_attempt_and_are_told() {
    let sample = Sample::start().await;
    let id = text(&sample.begin(&json!({"errorLikelihoodPercentage": 100})).await, "id");
    let output = text(&sample.host.until_status(&id, "Completed").await, "output");
    assert!(output.starts_with("Completed API request after 5 attempts. Final state ExecutedFailed, status text: "), "{output}");
    let attempts = sample.attempts(&id).await;
    assert_eq!(states(&attempts), ["ExecutedFailed"; 5]);
    assert!(attempts.iter().all(|attempt| attempt.message.contains("500")), "the answer's status is not told: {attempts:?}");
}

#[tokio::test]
async fn a_get_starts_as_well_and_takes_the_defaults() {
    let sample = Sample::start().await;
    let host = &sample.host;
    let payload = host.http().send(Method::GET, &host.uri("/api/HttpStartClient")).await.expect(202).json();
    sample.until_waiting(&text(&payload, "id"), 1).await;
}

#[tokio::test]
async fn the_entity_client_wants_an_id_that_has_attempts() {
    let sample = Sample::start().await;
    let host = &sample.host;
    let answer = host.http().send(Method::GET, &host.uri("/api/HttpAttemptCounterEntityClient")).await;
    assert_eq!(answer.status, 400);
    assert_eq!(sample.shown("nobody").await.status, 404);
}

#[tokio::test]
async fn the_start_up_lists_every_function_with_its_address_or_trigger() {
    let sample = Sample::start().await;
    let address = sample.host.address();
    for line in [
        format!("HttpStartClient: [GET,POST] {address}/api/HttpStartClient"),
        format!("HttpAttemptCounterEntityClient: [GET] {address}/api/HttpAttemptCounterEntityClient"),
        "MainOrchestrator: orchestrationTrigger".to_owned(),
        "CallApiActivity: activityTrigger".to_owned(),
        "AttemptsEntity: entityTrigger".to_owned(),
    ] {
        eventually(format!("the line `{line}`"), Duration::from_secs(10), || async {
            let output = sample.host.output().join("\n");
            if output.contains(&line) { Ok(()) } else { Err(output) }
        })
        .await;
    }
}
