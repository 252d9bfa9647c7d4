//! Activities whose guests are used again.

mod support;

use std::sync::Arc;
use std::time::{Duration, Instant};

use longhaul_core::{Failure, InstanceId, Payload, TaskId};
use longhaul_wasm::{ActivityComponent, ActivityContext, GuestError, GuestReuse, LogLine, LogSink, Runtime};
use support::{activity, activity_named, config, json, runtime};

fn context(instance: &str, timeout: Option<Duration>) -> ActivityContext {
    let instance_id = InstanceId::trusted(instance);
    ActivityContext { name: "Test".into(), instance_id, task: TaskId(3), attempt: 1, idempotency_key: "key".into(), timeout }
}

async fn as_a_future(component: &ActivityComponent, what: &str) -> Result<Result<Payload, Failure>, GuestError> {
    component.run(context("test-1", None), Payload::string(what), Arc::default()).await
}

fn at_once(component: &ActivityComponent, what: &str) -> Option<Result<Result<Payload, Failure>, GuestError>> {
    component.run_inline(&context("test-1", None), &Payload::string(what))
}

/// How many calls the guest has seen that runs next.
async fn calls(component: &ActivityComponent) -> u32 {
    as_a_future(component, "calls").await.unwrap().unwrap().as_str().parse().unwrap()
}

fn counting(runtime: &Runtime, reuse: GuestReuse) -> ActivityComponent {
    activity_named(runtime, "plain_activity").with_reuse(reuse)
}

/// Has run as a future until the next run may be at once.
async fn known_as_quick(component: &ActivityComponent) {
    while !component.is_expected_inline(None) {
        as_a_future(component, "calls").await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn state_persists_in_a_guest_that_is_used_again_and_in_no_other() {
    let runtime = runtime();
    let reused = counting(&runtime, GuestReuse::default());
    let of_another_app = counting(&runtime, GuestReuse::default());
    let fresh = activity_named(&runtime, "plain_activity");
    for run in [1, 3, 5] {
        assert_eq!(calls(&reused).await, run);
        assert_eq!(calls(&reused.clone()).await, run + 1, "clones share their guests");
        assert_eq!(calls(&fresh).await, 1);
    }
    assert_eq!(calls(&of_another_app).await, 1);
}

#[tokio::test]
async fn runs_at_once_use_a_guest_again_too() {
    let runtime = runtime();
    let component = counting(&runtime, GuestReuse::default());
    known_as_quick(&component).await;
    for run in 1..=3 {
        assert_eq!(at_once(&component, "calls"), Some(Ok(Ok(json(&run.to_string())))));
    }
    assert!(matches!(at_once(&component, "panic"), Some(Err(GuestError::Trap { .. }))));
    assert_eq!(at_once(&component, "calls"), Some(Ok(Ok(json("1")))), "a trap throws the guest away");
    assert_eq!(at_once(&component, "spin"), None);
    known_as_quick(&component).await;
    assert_eq!(at_once(&component, "calls"), Some(Ok(Ok(json("1")))), "so does a run that takes too long");
}

#[tokio::test]
async fn only_a_run_that_returns_leaves_its_guest_to_others() {
    let runtime = runtime();
    let component = counting(&runtime, GuestReuse::default());
    for (what, next) in [("fail", 3), ("panic", 1), ("not JSON", 1), ("eat memory", 1)] {
        while calls(&component).await != 1 {
            as_a_future(&component, "panic").await.unwrap_err();
        }
        as_a_future(&component, what).await.ok();
        assert_eq!(calls(&component).await, next, "{what}");
    }
}

#[tokio::test]
async fn a_deadline_or_a_cancelled_run_throws_the_guest_away() {
    let runtime = runtime();
    let component = counting(&runtime, GuestReuse::default());
    assert_eq!(calls(&component).await, 1);
    let soon = context("test-1", Some(Duration::from_millis(100)));
    let missed = component.run(soon, Payload::string("spin"), Arc::default()).await;
    assert_eq!(missed, Err(GuestError::Deadline { limit_ms: 100 }));
    assert_eq!(calls(&component).await, 1);
    let spinning = component.clone();
    let spin = tokio::spawn(async move { as_a_future(&spinning, "spin").await });
    tokio::task::yield_now().await;
    spin.abort();
    assert!(spin.await.unwrap_err().is_cancelled());
    assert_eq!(calls(&component).await, 1);
}

#[tokio::test]
async fn a_guest_is_thrown_away_after_so_many_calls_and_after_so_long() {
    let runtime = runtime();
    let twice = counting(&runtime, GuestReuse { calls: 2, ..GuestReuse::default() });
    for expected in [1, 2, 1, 2, 1] {
        assert_eq!(calls(&twice).await, expected);
    }
    let briefly = counting(&runtime, GuestReuse { age: Duration::from_millis(200), calls: u32::MAX });
    let (mut before, end) = (calls(&briefly).await, Instant::now() + Duration::from_secs(20));
    loop {
        let now = calls(&briefly).await;
        if now == 1 {
            break;
        }
        assert_eq!(now, before + 1);
        assert!(Instant::now() < end, "the guest is used for ever");
        before = now;
    }
}

#[tokio::test]
async fn a_guest_never_serves_two_runs_at_a_time() {
    let runtime = runtime();
    let component = counting(&runtime, GuestReuse::default());
    assert_eq!(calls(&component).await, 1);
    let spinning = component.clone();
    let spin = tokio::spawn(async move { as_a_future(&spinning, "spin").await });
    tokio::task::yield_now().await;
    assert_eq!(calls(&component).await, 1, "the first guest is busy");
    assert_eq!(calls(&component).await, 2);
    spin.abort();
    assert!(spin.await.unwrap_err().is_cancelled());
}

/// Kept guests take no place from those that run: more guests than may run are kept here.
#[tokio::test]
async fn kept_guests_leave_room_for_as_many_runs_as_are_allowed() {
    let config = config();
    let (functions, at_a_time) = (2 * config.max_running_activities, config.max_running_activities);
    let runtime = Runtime::new(config).unwrap();
    let components: Vec<_> = (0..functions).map(|_| counting(&runtime, GuestReuse::default())).collect();
    for component in &components {
        assert_eq!(calls(component).await, 1);
    }
    let fresh = activity(&runtime);
    let sleeping = (0..at_a_time).map(|_| {
        let fresh = fresh.clone();
        let soon = context("test-1", Some(Duration::from_millis(300)));
        tokio::spawn(async move { fresh.run(soon, Payload::string("sleep"), Arc::default()).await })
    });
    for sleeper in sleeping.collect::<Vec<_>>() {
        assert_eq!(sleeper.await.unwrap(), Err(GuestError::Deadline { limit_ms: 300 }));
    }
    for component in &components {
        assert_eq!(calls(component).await, 2);
    }
}

/// Which function and instance the lines came from.
#[derive(Default)]
struct Speakers(std::sync::Mutex<Vec<String>>);

impl LogSink for Speakers {
    fn line(&self, line: LogLine<'_>) {
        let instance = line.context.instance.as_ref().expect("activities have one").to_string();
        let mut speakers = self.0.lock().unwrap();
        if speakers.last() != Some(&instance) {
            speakers.push(instance);
        }
    }
}

#[tokio::test]
async fn log_lines_tell_the_instance_of_their_own_run() {
    let speakers = Arc::new(Speakers::default());
    let runtime = Runtime::new(longhaul_wasm::Config { log: speakers.clone(), ..config() }).unwrap();
    let component = activity(&runtime).with_reuse(GuestReuse::default());
    for instance in ["first", "second"] {
        component.run(context(instance, None), Payload::string("flood log"), Arc::default()).await.unwrap().unwrap();
    }
    assert_eq!(*speakers.0.lock().unwrap(), ["first", "second"]);
}
