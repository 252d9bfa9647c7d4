//! Rewinding over HTTP: children, and hosts that are killed.

use std::time::Duration;

use e2e::eventually;
use serde_json::json;

use crate::rewind::{both, counts, failed, host_and_needed, rewind, until_again};

#[tokio::test]
async fn failed_children_are_rewound_on_every_level() {
    for arguments in both() {
        let (host, needed) = host_and_needed(arguments).await;
        needed.fail("deep", 1);
        let grandchild = json!([{"all": [needed.uri("before")]}, {"all": [needed.uri("deep")]}]);
        let child = json!([{"child": ["grandchild", grandchild]}, {"all": [needed.uri("after")]}]);
        failed(&host, "root", &json!([{"child": ["child", child]}])).await;
        let created = host.status("grandchild").await["createdTime"].clone();
        rewind(&host, "root").await;
        let ended = until_again(&host, "root", "Completed").await;
        assert_eq!(ended["output"], json!([[[["before"], ["deep"]], ["after"]]]));
        for id in ["child", "grandchild"] {
            assert_eq!(host.status(id).await["runtimeStatus"], "Completed", "{id}");
        }
        assert_eq!(host.status("grandchild").await["createdTime"], created, "it was not started again");
        assert_eq!(counts(&needed, &["before", "deep", "after"]), [1, 2, 1]);
    }
}

#[tokio::test]
async fn children_that_completed_are_not_run_again() {
    let (host, needed) = host_and_needed(Vec::new()).await;
    needed.fail("bad", 1);
    let plan = json!([{"child": [null, [{"all": [needed.uri("good")]}]]}, {"child": [null, [{"all": [needed.uri("bad")]}]]}]);
    failed(&host, "root", &plan).await;
    rewind(&host, "root").await;
    assert_eq!(until_again(&host, "root", "Completed").await["output"], json!([[["good"]], [["bad"]]]));
    assert_eq!(counts(&needed, &["good", "bad"]), [1, 2]);
}

#[tokio::test]
async fn a_child_that_is_gone_fails_its_caller_again() {
    let (host, needed) = host_and_needed(Vec::new()).await;
    needed.fail("a", 1);
    failed(&host, "root", &json!([{"child": ["child", [{"all": [needed.uri("a")]}]]}])).await;
    host.delete("/instances/child").await.expect(200);
    rewind(&host, "root").await;
    eventually("the new failure", Duration::from_secs(30), || async {
        let output = host.status("root").await["output"].to_string();
        if output.contains("is gone") { Ok(()) } else { Err(output) }
    })
    .await;
    assert_eq!(counts(&needed, &["a"]), [1]);
}

#[tokio::test]
async fn a_child_can_be_rewound_by_itself_and_its_caller_later() {
    let (host, needed) = host_and_needed(Vec::new()).await;
    needed.fail("a", 1);
    failed(&host, "root", &json!([{"child": ["child", [{"all": [needed.uri("a")]}]]}])).await;
    rewind(&host, "child").await;
    until_again(&host, "child", "Completed").await;
    assert_eq!(host.status("root").await["runtimeStatus"], "Failed");
    rewind(&host, "root").await;
    assert_eq!(until_again(&host, "root", "Completed").await["output"], json!([[["a"]]]));
    assert_eq!(counts(&needed, &["a"]), [2]);
}

#[tokio::test]
async fn a_rewind_that_was_accepted_survives_a_kill() {
    for arguments in both() {
        let (host, needed) = host_and_needed(arguments).await;
        let plan = |path: &str| {
            let child = json!([{"all": [needed.uri(path)]}]);
            json!([{"all": [needed.uri(&format!("{path}-before"))]}, {"child": [format!("{path}-child"), child]}, {"sleep": 100}])
        };
        for path in ["a", "b", "c"] {
            needed.fail(path, 1);
            failed(&host, path, &plan(path)).await;
            rewind(&host, path).await;
            host.crash().await;
            assert_eq!(until_again(&host, path, "Completed").await["output"], json!([[format!("{path}-before")], [[path]], null]));
            assert_eq!(counts(&needed, &[&format!("{path}-before")]), [1]);
            // Killed while it ran, it runs once more: at least once is the promise.
            assert!((2..=3).contains(&needed.calls(path).len()));
        }
    }
}
