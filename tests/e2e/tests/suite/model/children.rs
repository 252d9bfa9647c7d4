//! Parents and children.

use std::rc::Rc;
use std::time::Duration;

use e2e::{Host, eventually, text};
use serde_json::{Value, json};

pub async fn ids_are_given_or_derived(host: Rc<Host>) {
    host.start_with_id("Ask", "asks-given", &json!("given")).await;
    assert_eq!(host.output_of("asks-given").await, json!({"id": "given", "parent": "asks-given"}));
    assert_eq!(host.output_of("given").await, json!({"id": "given", "parent": "asks-given"}), "a child can be looked up");

    let mut derived = Vec::new();
    for _ in 0..2 {
        let parent = host.start_orchestration("Ask", &Value::Null).await;
        let child = host.output_of(&parent).await;
        assert_eq!(child["parent"], parent);
        derived.push(text(&child, "id"));
    }
    assert!(derived[0] != derived[1] && derived[0].ends_with(":0"), "{derived:?}");
    assert_eq!(host.output_of(&derived[0]).await["id"], derived[0]);
}

pub async fn a_failure_reaches_the_parent(host: Rc<Host>) {
    let seen = host.start_and_wait("AskFailing", &json!("failing-child")).await;
    assert_eq!(seen, "Orchestrator function 'Fails' failed: failing-child fails");
    let child = host.until_status("failing-child", "Failed").await;
    assert_eq!(child["output"], "Orchestrator function 'Fails' failed: failing-child fails");
}

pub async fn detached_starts_go_on_by_themselves(host: Rc<Host>) {
    let ids: Vec<_> = (0..10).map(|number| format!("detached-{number}")).collect();
    host.start_and_wait("Detach", &json!({"ids": ids, "to": "detached"})).await;
    host.until_entity("Account", "detached", |state| state["balance"] == 11).await;
    for id in ids {
        host.until_status(&id, "Completed").await;
    }
}

pub async fn a_failing_parent_leaves_its_child_alone(host: Rc<Host>) {
    host.start_with_id("LeaveBehind", "leaves", &json!("left-1")).await;
    host.until_running("left-1").await;
    host.raise("leaves", "fail", &Value::Null).await.expect_empty(202);
    let failed = host.until_status("leaves", "Failed").await;
    assert_eq!(failed["output"], "Orchestrator function 'LeaveBehind' failed: the child is still waiting");
    assert_eq!(host.status("left-1").await["runtimeStatus"], "Running");

    // The child's end is nobody's business any more, not even of a new execution whose child is the same task.
    host.start_with_id("LeaveBehind", "leaves", &json!("left-2")).await;
    host.until_running("left-2").await;
    host.raise("left-1", "go", &Value::Null).await.expect_empty(202);
    host.until_status("left-1", "Completed").await;
    host.raise("leaves", "fail", &Value::Null).await.expect_empty(202);
    host.until_status("leaves", "Failed").await;
    host.raise("left-2", "go", &Value::Null).await.expect_empty(202);
    host.until_status("left-2", "Completed").await;
}

pub async fn a_tree_of_three_levels_is_terminated_and_purged(host: Rc<Host>) {
    let nodes = grown(&host, "felled").await;
    host.delete("/instances/felled").await.expect(412);
    host.post("/instances/felled/terminate?reason=felled").await.expect_empty(202);
    for node in &nodes {
        assert_eq!(host.until_status(node, "Terminated").await["output"], "felled");
    }
    for node in &nodes {
        assert_eq!(host.delete(&format!("/instances/{node}")).await.expect(200).json(), json!({"instancesDeleted": 1}));
        host.get(&format!("/instances/{node}")).await.expect_empty(404);
    }
    assert_eq!(host.get("/instances?instanceIdPrefix=felled").await.expect(200).json(), json!([]));
}

pub async fn a_termination_that_is_not_recursive_leaves_the_children(host: Rc<Host>) {
    let nodes = grown(&host, "topped").await;
    host.post("/instances/topped/terminate?recursive=false").await.expect_empty(202);
    host.until_status("topped", "Terminated").await;
    let leaves = nodes.iter().filter(|node| node.split('.').count() == 4);
    for leaf in leaves {
        host.raise(leaf, "go", &Value::Null).await.expect_empty(202);
    }
    for node in nodes.iter().filter(|node| *node != "topped") {
        host.until_status(node, "Completed").await;
    }
}

/// Grows a tree of three levels below its root and waits until all of it runs. Returns all ids.
async fn grown(host: &Host, root: &str) -> Vec<String> {
    host.start_with_id("Grow", root, &json!({"depth": 3, "width": 2})).await;
    eventually(format!("the tree {root} to have grown"), Duration::from_secs(30), || async {
        let list = host.get(&format!("/instances?instanceIdPrefix={root}&runtimeStatus=Running")).await.expect(200).json();
        let ids: Vec<_> = list.as_array().into_iter().flatten().map(|one| text(one, "instanceId")).collect();
        if ids.len() == 1 + 2 + 4 + 8 { Ok(ids) } else { Err(format!("{ids:?}")) }
    })
    .await
}
