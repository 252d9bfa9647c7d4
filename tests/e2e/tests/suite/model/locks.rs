//! The lock of a critical section is given back, however its holder ends.

use std::rc::Rc;

use e2e::{Host, eventually};
use serde_json::{Value, json};

/// Starts a section over an account of its own, and waits until the account is locked.
pub async fn locked(host: &Host, id: &str, then: &str) {
    host.start_with_id("Section", id, &json!({"accounts": [id], "then": then})).await;
    host.until(id, "the section to be entered", |status| status["customStatus"] == "inside").await;
    host.until_locked_by("Account", id, Some(id)).await;
}

/// Nobody holds the account, and what is sent to it takes effect.
pub async fn is_free(host: &Host, account: &str) {
    host.until_locked_by("Account", account, None).await;
    host.signal("Account", account, "deposit", &json!(1)).await;
    host.until_entity("Account", account, |state| state["balance"] == 1).await;
}

pub async fn every_end_lets_go(host: Rc<Host>) {
    for (then, end) in [("return", "Completed"), ("fail", "Failed")] {
        locked(&host, then, then).await;
        host.raise(then, "go", &Value::Null).await.expect_empty(202);
        host.until_status(then, end).await;
        is_free(&host, then).await;
    }
    locked(&host, "terminate", "return").await;
    host.post("/instances/terminate/terminate").await.expect_empty(202);
    host.until_status("terminate", "Terminated").await;
    is_free(&host, "terminate").await;

    locked(&host, "continue", "continue").await;
    host.raise("continue", "go", &Value::Null).await.expect_empty(202);
    is_free(&host, "continue").await;
    assert_eq!(host.status("continue").await["runtimeStatus"], "Running", "the next execution waits, and holds nothing");
    host.raise("continue", "go", &Value::Null).await.expect_empty(202);
    host.until_status("continue", "Completed").await;
}

pub async fn a_parked_holder_lets_go_when_it_is_terminated(host: Rc<Host>) {
    locked(&host, "panics", "panic").await;
    host.raise("panics", "go", &Value::Null).await.expect_empty(202);
    host.until("panics", "it to be set aside", |status| status["parkedReason"].is_string()).await;
    // It may still be resumed, so what it holds stays held.
    host.until_locked_by("Account", "panics", Some("panics")).await;
    host.post("/instances/panics/terminate").await.expect_empty(202);
    host.until_status("panics", "Terminated").await;
    is_free(&host, "panics").await;
}

/// Whoever waits for a lock gets it when its holder is gone.
pub async fn until_entered(host: &Host, id: &str) {
    eventually(format!("{id} to enter its section"), std::time::Duration::from_secs(30), || async {
        let status = host.status(id).await;
        if status["customStatus"] == "inside" { Ok(()) } else { Err(status.to_string()) }
    })
    .await;
}
