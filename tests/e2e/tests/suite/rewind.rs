//! Rewinding over HTTP: one instance.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use e2e::{Apps, Host, HostOptions, Needed, eventually};
use serde_json::{Value, json};

/// A host with the test guests, and the server that their activity needs.
pub async fn host_and_needed(arguments: Vec<&'static str>) -> (Host, Needed) {
    let needed = Needed::start().await;
    let app = Apps::test_guests().with_manifest(|text| text.replace("http://127.0.0.1:1", needed.address()));
    (Host::start(HostOptions { app: Some(&app), arguments }).await, needed)
}

/// The hosts that every case is tried on: a plain one, and one where every turn begins with a replay.
pub fn both() -> [Vec<&'static str>; 2] {
    [Vec::new(), vec!["--evict-after-every-turn"]]
}

/// Starts a plan and waits until it has failed.
pub async fn failed(host: &Host, id: &str, plan: &Value) {
    host.start_with_id("Plan", id, plan).await;
    host.until_status(id, "Failed").await;
}

pub async fn rewind(host: &Host, id: &str) {
    host.post(&format!("/instances/{id}/rewind?reason=it+works+again")).await.expect_empty(202);
}

/// Waits until a rewound instance is as wanted. It may show its old end until the rewind has begun.
pub async fn until_again(host: &Host, id: &str, wanted: &str) -> Value {
    eventually(format!("instance {id} to be {wanted}"), Duration::from_secs(30), || async {
        let status = host.status(id).await;
        if status["runtimeStatus"] == wanted { Ok(status) } else { Err(status.to_string()) }
    })
    .await
}

pub fn counts(needed: &Needed, paths: &[&str]) -> Vec<usize> {
    paths.iter().map(|path| needed.calls(path).len()).collect()
}

async fn event_types(host: &Host, id: &str) -> Vec<String> {
    let status = host.get(&format!("/instances/{id}?showHistory=true")).await.json();
    let events = status["historyEvents"].as_array().expect("a list").clone();
    events.iter().map(|event| event["EventType"].as_str().expect("a type").to_owned()).collect()
}

#[tokio::test]
async fn only_failed_instances_can_be_rewound_and_the_answer_says_so() {
    let (host, _needed) = host_and_needed(Vec::new()).await;
    host.start_with_id("Plan", "ended", &json!([])).await;
    host.until_status("ended", "Completed").await;
    host.start_with_id("Plan", "waits", &json!([{"event": "go"}])).await;
    host.until_status("waits", "Running").await;
    host.signal("MisbehavingEntity", "e", "add", &json!(1)).await;
    for id in ["nobody", "@misbehavingentity@e"] {
        let text = host.post(&format!("/instances/{id}/rewind")).await.expect(404).json();
        assert!(text.as_str().is_some_and(|text| text.contains(id)), "{text}");
    }
    for (id, status) in [("ended", "Completed"), ("waits", "Running")] {
        let text = host.post(&format!("/instances/{id}/rewind")).await.expect(412).json();
        assert!(text.as_str().is_some_and(|text| text.contains(id) && text.contains(status)), "{text}");
    }
    host.post("/instances/waits/suspend").await.expect_empty(202);
    let text = host.post("/instances/waits/rewind").await.expect(412).json();
    assert!(text.as_str().is_some_and(|text| text.contains("Suspended")), "{text}");
    host.post("/instances/waits/terminate").await.expect_empty(202);
    host.until_status("waits", "Terminated").await;
    host.post("/instances/waits/rewind").await.expect(412);
    host.post("/instances/ended/rewind?deployment=other").await.expect(400);
}

#[tokio::test]
async fn what_failed_runs_again_and_what_succeeded_does_not() {
    for arguments in both() {
        let (host, needed) = host_and_needed(arguments).await;
        needed.fail("b", 2);
        let plan = json!([{"all": [needed.uri("a")]}, {"all": [needed.uri("b"), needed.uri("c")]}, {"all": [needed.uri("d")]}]);
        failed(&host, "one", &plan).await;
        rewind(&host, "one").await;
        // It fails once more, and is rewound once more.
        eventually("the second call", Duration::from_secs(30), || async {
            let calls = counts(&needed, &["b"]);
            if calls == [2] { Ok(()) } else { Err(format!("{calls:?}")) }
        })
        .await;
        until_again(&host, "one", "Failed").await;
        rewind(&host, "one").await;
        let ended = until_again(&host, "one", "Completed").await;
        assert_eq!(ended["output"], json!([["a"], ["b", "c"], ["d"]]));
        assert_eq!(counts(&needed, &["a", "b", "c", "d"]), [1, 3, 1, 1]);
        let keys: std::collections::HashSet<_> = needed.calls("b").into_iter().map(|call| call.idempotency_key).collect();
        assert_eq!(keys.len(), 1, "a call that is made again has the same key");
        host.post("/instances/one/rewind").await.expect(412);
    }
}

#[tokio::test]
async fn a_retry_policy_begins_afresh() {
    let (host, needed) = host_and_needed(Vec::new()).await;
    needed.fail("a", 5);
    failed(&host, "one", &json!([{"retry": [needed.uri("a"), 3]}])).await;
    assert_eq!(counts(&needed, &["a"]), [3]);
    rewind(&host, "one").await;
    assert_eq!(until_again(&host, "one", "Completed").await["output"], json!(["a"]));
    assert_eq!(counts(&needed, &["a"]), [6]);
}

#[tokio::test]
async fn code_that_failed_by_itself_runs_again_on_the_same_history() {
    let (host, needed) = host_and_needed(Vec::new()).await;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is later than 1970");
    let later = u64::try_from(now.as_millis()).expect("it is not that late") + 3_000;
    failed(&host, "one", &json!([{"all": [needed.uri("a")]}, {"notBefore": later}])).await;
    eventually("the code to succeed", Duration::from_secs(30), || async {
        let status = host.status("one").await;
        if status["runtimeStatus"] == "Failed" {
            rewind(&host, "one").await;
        }
        if status["runtimeStatus"] == "Completed" { Ok(()) } else { Err(status.to_string()) }
    })
    .await;
    assert_eq!(counts(&needed, &["a"]), [1]);
}

#[tokio::test]
async fn waits_go_on_where_they_were() {
    for arguments in both() {
        let (host, needed) = host_and_needed(arguments).await;
        needed.fail("a", 1);
        let plan = json!([{"event": "go"}, {"event": "x"}, {"all": [needed.uri("a")]}, {"event": "x"}, {"sleep": 50}, {"event": "x"}]);
        host.start_with_id("Plan", "one", &plan).await;
        for value in [1, 2, 3] {
            host.raise("one", "x", &json!(value)).await.expect_empty(202);
        }
        host.raise("one", "go", &json!(0)).await.expect_empty(202);
        until_again(&host, "one", "Failed").await;
        rewind(&host, "one").await;
        assert_eq!(until_again(&host, "one", "Completed").await["output"], json!([0, 1, ["a"], 2, null, 3]));
    }
}

#[tokio::test]
async fn a_critical_section_is_entered_again_and_nothing_in_it_is_done_twice() {
    for arguments in both() {
        let (host, needed) = host_and_needed(arguments).await;
        needed.fail("a", 1);
        let inside = json!([{"add": ["k", 1]}, {"signal": ["log", 1]}, {"all": [needed.uri("a")]}, {"add": ["k", 2]}]);
        failed(&host, "one", &json!([{"section": ["k", inside]}])).await;
        host.until_locked_by("MisbehavingEntity", "k", None).await;
        rewind(&host, "one").await;
        until_again(&host, "one", "Completed").await;
        host.until_locked_by("MisbehavingEntity", "k", None).await;
        assert_eq!(host.entity("MisbehavingEntity", "k").await, Some(json!([1, 2])));
        assert_eq!(host.entity("MisbehavingEntity", "log").await, Some(json!([1])));
        assert_eq!(counts(&needed, &["a"]), [2]);
    }
}

#[tokio::test]
async fn what_was_done_about_the_failure_is_not_done_twice() {
    let (host, needed) = host_and_needed(Vec::new()).await;
    needed.fail("a", 2);
    let rescue = json!([{"signal": ["log", "sorry"]}, {"all": [needed.uri("clean-up")]}]);
    failed(&host, "one", &json!([{"rescue": [[{"all": [needed.uri("a")]}], rescue]}])).await;
    rewind(&host, "one").await;
    eventually("the second failure", Duration::from_secs(30), || async {
        let (status, calls) = (host.status("one").await, counts(&needed, &["a"]));
        if status["runtimeStatus"] == "Failed" && calls == [2] { Ok(()) } else { Err(format!("{calls:?} {status}")) }
    })
    .await;
    rewind(&host, "one").await;
    until_again(&host, "one", "Completed").await;
    assert_eq!(counts(&needed, &["a", "clean-up"]), [3, 1]);
    assert_eq!(host.entity("MisbehavingEntity", "log").await, Some(json!(["sorry"])));
}

#[tokio::test]
async fn the_history_shows_what_was_kept_and_that_it_was_rewound() {
    let (host, needed) = host_and_needed(Vec::new()).await;
    needed.fail("b", 1);
    failed(&host, "one", &json!([{"all": [needed.uri("a")]}, {"all": [needed.uri("b")]}])).await;
    assert_eq!(event_types(&host, "one").await, ["ExecutionStarted", "TaskCompleted", "TaskFailed", "ExecutionCompleted"]);
    rewind(&host, "one").await;
    until_again(&host, "one", "Completed").await;
    let expected = ["ExecutionStarted", "TaskCompleted", "ExecutionRewound", "TaskCompleted", "ExecutionCompleted"];
    assert_eq!(event_types(&host, "one").await, expected);
    let status = host.get("/instances/one?showHistory=true").await.json();
    assert_eq!(
        (&status["historyEvents"][2]["Reason"], &status["historyEvents"][2]["InstanceId"]),
        (&json!("it works again"), &json!("one"))
    );
}

#[tokio::test]
async fn a_rewind_can_bring_the_current_deployment() {
    let (host, needed) = host_and_needed(Vec::new()).await;
    needed.fail("a", usize::MAX);
    failed(&host, "one", &json!([{"all": [needed.uri("a")]}])).await;
    // The new deployment has another activity under the name.
    let changed = Apps::test_guests().with_manifest(|text| {
        let old = "name = \"Needy\"\nkind = \"activity\"\ncomponent = \"components/needy_activity.wasm\"";
        assert!(text.contains(old));
        text.replace(old, "name = \"Needy\"\nkind = \"activity\"\ncomponent = \"components/misbehaving_activity.wasm\"")
    });
    host.deploy(&changed).expect("the changed app is taken");
    rewind(&host, "one").await;
    eventually("the second call", Duration::from_secs(30), || async {
        let (status, calls) = (host.status("one").await, counts(&needed, &["a"]));
        if status["runtimeStatus"] == "Failed" && calls == [2] { Ok(()) } else { Err(format!("{calls:?} {status}")) }
    })
    .await;
    host.post("/instances/one/rewind?deployment=current").await.expect_empty(202);
    eventually("another failure", Duration::from_secs(30), || async {
        let output = host.status("one").await["output"].to_string();
        if output.contains("trap") { Ok(()) } else { Err(output) }
    })
    .await;
    assert_eq!(counts(&needed, &["a"]), [2]);
}
