//! Limits that callers meet: at the limit, and beyond it. Those that only guests can reach are tested where guests are called and in the core.

use e2e::{Apps, Host, HostOptions};
use http::Method;
use serde_json::json;

async fn host() -> Host {
    let arguments = vec![
        "--max-name-characters=20",
        "--max-payload-bytes=1000",
        "--max-json-depth=3",
        "--max-buffered-events=3",
        "--max-buffered-event-bytes=1500",
        "--max-history-turns=10",
    ];
    Host::start(HostOptions { app: Some(&Apps::test_guests()), arguments }).await
}

#[tokio::test]
async fn names_payloads_and_depth_are_taken_up_to_their_limits_and_refused_beyond() {
    let host = host().await;
    host.start_with_id("Misbehaving", "a", &json!("wait behave")).await;
    host.until_running("a").await;
    let (short, long) = ("e".repeat(20), "e".repeat(21));
    host.raise("a", &short, &json!(1)).await.expect_empty(202);
    let refused = host.raise("a", &long, &json!(1)).await.expect(400).text();
    assert!(refused.contains("the name of the event has 21 characters; at most 20 are taken"), "{refused}");
    host.signal("MisbehavingEntity", "a", "add", &json!(1)).await;
    host.post_json(&format!("/entities/MisbehavingEntity/a?op={long}"), &json!(1)).await.expect(400);
    let version = |text: &str| host.management_uri(&format!("/orchestrators/Misbehaving?version={text}"));
    host.http().send_json(Method::POST, &version(&short), &json!("behave")).await.expect(202);
    host.http().send_json(Method::POST, &version(&long), &json!("behave")).await.expect(400);

    // 1,000 bytes with the quotation marks.
    let (at, beyond) = (json!("x".repeat(998)), json!("x".repeat(999)));
    host.raise("a", "At", &at).await.expect_empty(202);
    let refused = host.raise("a", "Beyond", &beyond).await.expect(413).text();
    assert!(refused.contains("the payload of the event has 1001 bytes; at most 1000 are taken"), "{refused}");
    host.post_json("/orchestrators/Misbehaving", &beyond).await.expect(413);
    host.post_json("/entities/MisbehavingEntity/a?op=add", &beyond).await.expect(413);

    host.post_json("/orchestrators/Misbehaving", &json!([[[]]])).await.expect(202);
    host.post_json("/orchestrators/Misbehaving", &json!([[[[]]]])).await.expect(400);
    host.start_and_wait("Misbehaving", &json!("behave")).await;
}

#[tokio::test]
async fn events_that_have_to_wait_are_refused_once_there_is_no_room_and_none_that_was_taken_is_lost() {
    let host = host().await;
    host.start_with_id("Misbehaving", "a", &json!("wait behave")).await;
    host.until_running("a").await;
    for number in 0..3 {
        host.raise("a", "Other", &json!(number)).await.expect_empty(202);
    }
    let before = host.get("/instances/a?showHistory=true&showHistoryOutput=true").await.json();
    let refused = host.raise("a", "Other", &json!(3)).await.expect(429);
    assert!(refused.text().contains("4 events of"), "{}", refused.text());
    assert_eq!(refused.header("retry-after"), "1");
    let after = host.get("/instances/a?showHistory=true&showHistoryOutput=true").await.json();
    assert_eq!(after, before, "nothing of it is stored");
    // A restart changes nothing of what waits.
    host.crash().await;
    host.raise("a", "Other", &json!(3)).await.expect(429);
    host.raise("a", "Go", &json!(1)).await.expect_empty(202);
    assert_eq!(host.output_of("a").await, "well");

    host.start_with_id("Misbehaving", "b", &json!("wait behave")).await;
    host.until_running("b").await;
    host.raise("b", "Other", &json!("x".repeat(900))).await.expect_empty(202);
    host.raise("b", "Other", &json!("x".repeat(900))).await.expect(429);
    host.raise("b", "Other", &json!("x".repeat(500))).await.expect_empty(202);
}

#[tokio::test]
async fn operations_that_have_to_wait_for_a_lock_are_refused_once_there_is_no_room_and_none_that_was_taken_is_lost() {
    let host = host().await;
    host.start_with_id("Section", "holder", &json!({"accounts": ["a"], "then": "return"})).await;
    host.until_locked_by("Account", "a", Some("holder")).await;
    for amount in [1, 2, 4] {
        host.signal("Account", "a", "deposit", &json!(amount)).await;
    }
    let refused = host.post_json("/entities/Account/a?op=deposit", &json!(8)).await.expect(429);
    assert!(refused.text().contains("4 operations of 32 bytes would wait for the lock of entity '@account@a'"), "{}", refused.text());
    assert_eq!(refused.header("retry-after"), "1");
    // A restart changes nothing of what waits.
    host.crash().await;
    host.post_json("/entities/Account/a?op=deposit", &json!(8)).await.expect(429);
    host.raise("holder", "go", &json!(null)).await.expect_empty(202);
    host.until_entity("Account", "a", |state| *state == json!({"balance": 7})).await;
    host.signal("Account", "a", "deposit", &json!(8)).await;
    host.until_entity("Account", "a", |state| *state == json!({"balance": 15})).await;
}

#[tokio::test]
async fn a_long_history_is_warned_of_once_and_then_fails_the_instance() {
    let host = host().await;
    host.start_with_id("Misbehaving", "a", &json!("tick for ever")).await;
    let failed = host.until_status("a", "Failed").await;
    let why = failed["output"].as_str().expect("a text");
    assert!(why.contains("the history has 10 turns and the code goes on; at most 10 are kept"), "{why}");
    let log = host.log();
    let warned = log.lines().filter(|line| line.contains("8 of at most 10 turns") && line.contains("HistoryTooLong")).count();
    assert_eq!(warned, 1, "{log}");
}
