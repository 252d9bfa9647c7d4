//! Timers near and far.

use std::rc::Rc;

use e2e::{Host, text};
use serde_json::{Value, json};

const DAYS_100_MS: u64 = 100 * 24 * 60 * 60 * 1_000;

/// What `Sleep` can be asked to wait for, and is in no danger of seeing during a test.
pub fn far() -> [Value; 3] {
    [json!(DAYS_100_MS), json!("9999-12-31T23:59:59.999Z"), json!(u64::MAX)]
}

pub async fn short_ones_fire_and_none_is_early(host: Rc<Host>) {
    for due in [json!(0), json!(1), json!(30), json!("1970-01-01T00:00:00Z")] {
        let output = host.start_and_wait("Sleep", &due).await;
        assert_eq!(output[0], "slept", "{due}");
        // Both are ISO 8601 in UTC with the same number of digits, so they can be compared as texts.
        let (due, woke) = (output[1].as_str().expect("a time"), output[2].as_str().expect("a time"));
        assert!(woke >= due, "due at {due}, fired at {woke}");
    }
}

pub async fn far_ones_wait(host: Rc<Host>) {
    for due in far() {
        let id = host.start_orchestration("Sleep", &due).await;
        host.until_running(&id).await;
        // Something else is done meanwhile, so that a timer that fires at once has the time to do so.
        host.start_and_wait("Sleep", &json!(50)).await;
        assert_eq!(text(&host.status(&id).await, "runtimeStatus"), "Running", "{due}");
        host.raise(&id, "wake", &Value::Null).await.expect_empty(202);
        assert_eq!(host.output_of(&id).await[0], "woken", "{due}");
    }
}
