//! What is queued is taken at once, however long the turn was that queued it.

use e2e::{Apps, Host, HostOptions};
use http::Method;
use serde_json::json;

#[tokio::test]
async fn a_message_sent_by_a_turn_that_took_long_is_taken_on_a_quiet_host() {
    let app = Apps::test_guests();
    let host = Host::start(HostOptions { app: Some(&app), arguments: vec!["--guest-threads", "2"] }).await;
    // The turn is over long after another thread has the place of its own.
    assert_eq!(host.start_and_wait("Crowded", &json!(20_000)).await, 2);
    let metrics = host.http().send(Method::GET, &host.uri("/metrics")).await.expect(200);
    let text = metrics.text();
    // A host that heals is not yet one that loses nothing.
    assert!(text.contains("\nlonghaul_missed_wake_ups_total 0\n"), "{text}");
}
