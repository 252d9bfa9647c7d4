//! Activities that run on the caller's thread.

mod support;

use std::sync::Arc;
use std::time::Duration;

use longhaul_core::{Failure, InstanceId, Payload, TaskId};
use longhaul_wasm::{ActivityComponent, ActivityContext, GuestError, Runtime};
use support::{activity, activity_named, config, json, runtime};

fn context(timeout: Option<Duration>) -> ActivityContext {
    let instance_id = InstanceId::trusted("test-1");
    ActivityContext { name: "Test".into(), instance_id, task: TaskId(3), attempt: 1, idempotency_key: "key".into(), timeout }
}

fn at_once(component: &ActivityComponent, what: &str) -> Option<Result<Result<Payload, Failure>, GuestError>> {
    component.run_inline(&context(None), &Payload::string(what))
}

async fn as_a_future(component: &ActivityComponent, what: &str) -> Result<Result<Payload, Failure>, GuestError> {
    component.run(context(None), Payload::string(what), Arc::default()).await
}

/// An activity that imports nothing to wait for and that was quick so often that it is called at
/// once.
async fn known_as_quick(runtime: &Runtime) -> ActivityComponent {
    let component = activity_named(runtime, "plain_activity");
    // A run counts unless the machine was too busy to let it be short.
    while !component.is_expected_inline(None) {
        as_a_future(&component, "calls").await.unwrap().unwrap();
    }
    component
}

#[tokio::test]
async fn only_an_activity_that_was_quick_before_runs_at_once() {
    let runtime = runtime();
    let component = activity_named(&runtime, "plain_activity");
    assert!(!component.is_expected_inline(None));
    assert_eq!(at_once(&component, "context"), None);
    let component = known_as_quick(&runtime).await;
    assert_eq!(at_once(&component, "context"), Some(Ok(Ok(json(r#"["Test", "test-1", 3, 1, "key"]"#)))));
}

#[tokio::test]
async fn an_activity_that_could_wait_for_something_never_runs_at_once() {
    let runtime = runtime();
    let component = activity(&runtime);
    as_a_future(&component, "behave").await.unwrap().unwrap();
    assert!(!component.is_expected_inline(None));
    assert_eq!(at_once(&component, "behave"), None);
}

#[tokio::test]
async fn every_run_at_once_has_a_guest_of_its_own() {
    let runtime = runtime();
    let component = known_as_quick(&runtime).await;
    for _ in 0..3 {
        assert_eq!(at_once(&component, "calls"), Some(Ok(Ok(json("1")))));
    }
}

#[tokio::test]
async fn failures_and_traps_are_the_same_as_in_a_future() {
    let runtime = runtime();
    let component = known_as_quick(&runtime).await;
    for what in ["fail", "not JSON"] {
        assert_eq!(at_once(&component, what), Some(as_a_future(&component, what).await), "{what}");
    }
    assert!(matches!(at_once(&component, "panic"), Some(Err(GuestError::Trap { .. }))));
    // A slow machine may not get that far in time; then a future would find out.
    assert!(matches!(at_once(&component, "eat memory"), Some(Err(GuestError::Memory { .. })) | None));
    let component = known_as_quick(&runtime).await;
    assert_eq!(at_once(&component, "calls"), Some(Ok(Ok(json("1")))), "a trap does no harm to others");
}

#[tokio::test]
async fn a_long_run_is_left_to_a_future_and_so_are_the_next_ones() {
    let runtime = runtime();
    let component = known_as_quick(&runtime).await;
    assert_eq!(at_once(&component, "spin"), None);
    assert!(!component.is_expected_inline(None));
    as_a_future(&component, "calls").await.unwrap().unwrap();
    assert!(!component.is_expected_inline(None), "one short run is not enough any more");
}

#[tokio::test]
async fn a_deadline_that_a_run_at_once_could_miss_is_left_to_a_future() {
    let runtime = runtime();
    let component = known_as_quick(&runtime).await;
    assert!(component.is_expected_inline(Some(Duration::from_secs(1))));
    assert!(!component.is_expected_inline(Some(Duration::from_millis(60))));
    let soon = context(Some(Duration::from_millis(60)));
    assert_eq!(component.run_inline(&soon, &Payload::string("calls")), None);
}

#[tokio::test]
async fn no_more_activities_run_at_once_than_may_run_at_all() {
    let runtime = Runtime::new(longhaul_wasm::Config { max_running_activities: 1, ..config() }).unwrap();
    let component = known_as_quick(&runtime).await;
    let spinning = component.clone();
    let spin = tokio::spawn(async move { as_a_future(&spinning, "spin").await });
    tokio::task::yield_now().await;
    assert_eq!(at_once(&component, "calls"), None);
    spin.abort();
    assert!(spin.await.unwrap_err().is_cancelled());
    assert_eq!(at_once(&component, "calls"), Some(Ok(Ok(json("1")))));
}
