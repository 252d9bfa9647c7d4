//! No activity starts after the end of its instance.

use std::rc::Rc;
use std::time::Duration;

use e2e::{Host, eventually};
use serde_json::{Value, json};

/// How often an activity has noted this text.
fn notes(host: &Host, text: &str) -> usize {
    host.log().lines().filter(|line| line.contains(&format!("noted {text}"))).count()
}

async fn until_noted(host: &Host, text: &str, times: usize) {
    eventually(format!("{times} notes of {text}"), Duration::from_secs(30), || async {
        let found = notes(host, text);
        if found >= times { Ok(()) } else { Err(found.to_string()) }
    })
    .await;
}

async fn terminated(host: &Host, id: &str) {
    host.post(&format!("/instances/{id}/terminate")).await.expect_empty(202);
    host.until_status(id, "Terminated").await;
}

pub async fn no_retry_starts_after_the_end(host: Rc<Host>) {
    for id in ["retries", "goes-on"] {
        host.start_with_id("RetryForEver", id, &json!(id)).await;
    }
    until_noted(&host, "retries", 2).await;
    terminated(&host, "retries").await;
    // What was released before the end has shown by the time of another instance's next attempt but one.
    until_noted(&host, "goes-on", notes(&host, "goes-on") + 2).await;
    let at_the_end = notes(&host, "retries");
    until_noted(&host, "goes-on", notes(&host, "goes-on") + 4).await;
    assert_eq!(notes(&host, "retries"), at_the_end);
    terminated(&host, "goes-on").await;
}

pub async fn no_waiting_call_starts_after_the_end(host: Rc<Host>) {
    // More calls than run at a time, so that most of them wait for room.
    const CALLS: usize = 400;
    let input = json!({"text": "queued", "count": CALLS, "ms": 60_000});
    host.start_with_id("ManyAtOnce", "queued", &input).await;
    until_noted(&host, "queued", 100).await;
    terminated(&host, "queued").await;
    // They sleep much longer than this test, so whoever gets room now got it from their cancellation.
    let others = json!({"text": "behind", "count": 300, "ms": 1});
    assert_eq!(host.start_and_wait("ManyAtOnce", &others).await, Value::Null);
    let at_the_end = notes(&host, "queued");
    assert_eq!(host.start_and_wait("ManyAtOnce", &others).await, Value::Null);
    assert_eq!(notes(&host, "queued"), at_the_end);
    assert!(at_the_end < CALLS, "all {CALLS} calls ran at the same time");
}
