//! Guests that never return hold up nobody, and what is accepted meanwhile is kept.

use std::time::Duration;

use e2e::{Apps, Host, HostOptions, eventually};
use serde_json::json;

/// Longer than everything here takes until the crash, short enough for the end of the test.
const ARGUMENTS: [&str; 4] = ["--guest-threads", "1", "--turn-deadline-ms", "8000"];

#[tokio::test]
async fn starts_are_accepted_and_others_go_on_while_every_guest_thread_is_held_up() {
    let app = Apps::test_guests();
    let host = Host::start(HostOptions { app: Some(&app), arguments: ARGUMENTS.to_vec() }).await;
    let spin = json!("spin");
    let (first, second) = ("spins-1", "spins-2");
    tokio::join!(host.start_with_id("Misbehaving", first, &spin), host.start_with_id("Misbehaving", second, &spin));

    assert_eq!(host.start_and_wait("Misbehaving", &json!("behave")).await, "well");
    for id in [first, second] {
        let status = host.status(id).await;
        assert_eq!(status["runtimeStatus"], "Pending", "{status}");
        assert!(status.get("parkedReason").is_none(), "the others went on before the deadline of those that spin: {status}");
    }
    host.post(&format!("/instances/{first}/terminate?reason=enough")).await.expect_empty(202);

    host.crash().await;
    let ended = host.until_status(first, "Terminated").await;
    assert_eq!(ended["output"], "enough");
    let reason = eventually("the other to be set aside", Duration::from_secs(120), || async {
        let status = host.status(second).await;
        status["parkedReason"].as_str().map(str::to_owned).ok_or_else(|| status.to_string())
    })
    .await;
    assert!(reason.contains("did not return within 8000 ms"), "{reason}");
    host.post(&format!("/instances/{second}/terminate")).await.expect_empty(202);
    host.until_status(second, "Terminated").await;
}
