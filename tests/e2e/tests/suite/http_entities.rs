//! Entities over HTTP.

use e2e::{Apps, Host};
use http::Method;
use serde_json::{Value, json};

async fn hello() -> Host {
    Host::with_app(&Apps::hello_cities()).await
}

#[tokio::test]
async fn an_entity_exists_from_its_first_operation_on() {
    let host = hello().await;
    host.get("/entities/Counter/a").await.expect_empty(404);
    host.signal("Counter", "a", "Add", &json!(2)).await;
    host.signal("COUNTER", "a", "add", &json!(40)).await;
    let state = host.until_entity("counter", "a", |state| state["value"] == 42).await;
    assert_eq!(state, json!({"value": 42}));
    host.get("/entities/Counter/A").await.expect_empty(404);
    assert_eq!(host.get("/entities/Counter/a").await.header("content-type"), "application/json; charset=utf-8");
}

#[tokio::test]
async fn operations_of_one_sender_run_in_order() {
    let host = hello().await;
    for number in 1..=20 {
        host.signal("Counter", "a", "Add", &json!(number)).await;
    }
    host.post("/entities/Counter/a?op=Reset").await.expect_empty(202);
    host.signal("Counter", "a", "Add", &json!(7)).await;
    host.until_entity("Counter", "a", |state| state["value"] == 7).await;
}

#[tokio::test]
async fn a_failed_operation_leaves_the_state_and_the_others_stand() {
    let host = hello().await;
    host.signal("Counter", "a", "Add", &json!(i64::MAX)).await;
    host.signal("Counter", "a", "Add", &json!(1)).await;
    host.signal("Counter", "a", "Add", &json!("no number")).await;
    host.signal("Counter", "a", "NoSuchOperation", &Value::Null).await;
    host.signal("Counter", "a", "Add", &json!(-7)).await;
    host.until_entity("Counter", "a", |state| state["value"] == json!(i64::MAX - 7)).await;
}

#[tokio::test]
async fn an_empty_key_is_written_as_a_dollar_sign() {
    let host = hello().await;
    host.post_json("/entities/Counter?op=Add", &json!(5)).await.expect_empty(202);
    host.until_entity("Counter", "$", |state| state["value"] == 5).await;
}

#[tokio::test]
async fn a_deleted_entity_is_gone_and_can_come_back() {
    let host = hello().await;
    host.signal("Counter", "a", "Add", &json!(2)).await;
    host.until_entity("Counter", "a", |state| state["value"] == 2).await;
    host.delete("/entities/Counter/a").await.expect_empty(202);
    host.until_entity("Counter", "a", Value::is_null).await;
    assert_eq!(host.get("/entities").await.expect(200).json(), json!([]));
    host.signal("Counter", "a", "Add", &json!(3)).await;
    host.until_entity("Counter", "a", |state| state["value"] == 3).await;
}

#[tokio::test]
async fn lists_show_names_in_lower_case_and_states_on_request() {
    let host = hello().await;
    for key in ["a", "b@c"] {
        host.signal("Counter", key, "Add", &json!(1)).await;
        host.until_entity("Counter", key, |state| state["value"] == 1).await;
    }
    for path in ["/entities", "/entities/COUNTER", "/Entities/counter/"] {
        let list = host.get(path).await.expect(200).json();
        let mut keys: Vec<&str> = list.as_array().expect("a list").iter().filter_map(|one| one["entityId"]["key"].as_str()).collect();
        keys.sort_unstable();
        assert_eq!(keys, ["a", "b@c"], "{path}");
        assert!(list[0]["entityId"]["name"] == "counter" && list[0]["state"].is_null(), "{list}");
    }
    let answer = host.get("/entities/Counter?fetchState=true&top=1").await.expect(200);
    let list = answer.json();
    assert_eq!((list.as_array().map(Vec::len), &list[0]["state"]), (Some(1), &json!({"value": 1})));
    assert_ne!(answer.header("x-ms-continuation-token"), "");
    let none = host.get("/entities?lastOperationTimeFrom=2999-01-01").await.expect(200);
    assert_eq!((none.json(), none.header("x-ms-continuation-token")), (json!([]), ""));
    assert_eq!(host.get("/entities/Nothing").await.expect(200).json(), json!([]));
}

#[tokio::test]
async fn bad_signals_are_refused() {
    let host = hello().await;
    let uri = host.management_uri("/entities/Counter/a?op=Add");
    let malformed = host.http().send_text(Method::POST, &uri, "application/json", "{").await.expect(400).json();
    assert!(malformed["Message"].as_str().is_some_and(|text| text.starts_with("Could not parse JSON content: ")), "{malformed}");
    let unknown = host.post_json("/entities/Nothing/a?op=Add", &json!(1)).await.expect(400).json();
    assert!(unknown["Message"].as_str().is_some_and(|text| text.to_lowercase().contains("nothing")), "{unknown}");
    host.post("/entities?op=Add").await.expect(400);
    host.get("/entities/Nothing/a").await.expect_empty(404);
}

#[tokio::test]
async fn an_entity_is_an_instance_whose_id_begins_with_an_at_sign() {
    let host = hello().await;
    host.signal("Counter", "a", "Add", &json!(2)).await;
    host.until_entity("Counter", "a", |state| state["value"] == 2).await;
    let status = host.get("/instances/@counter@a").await.expect(202).json();
    assert_eq!((&status["instanceId"], &status["runtimeStatus"]), (&json!("@counter@a"), &json!("Running")));
    assert_eq!(status["customStatus"], json!({"entityExists": true}));
    assert_eq!(host.delete("/instances/@counter@a").await.expect(200).json(), json!({"instancesDeleted": 1}));
    host.until_entity("Counter", "a", Value::is_null).await;
}

#[tokio::test]
async fn sections_on_one_entity_do_not_disturb_each_other() {
    let host = hello().await;
    let input = json!({"counter": "shared", "times": 5});
    let mut ids = Vec::new();
    for _ in 0..10 {
        ids.push(host.start_orchestration("CountTogether", &input).await);
        host.signal("Counter", "shared", "Add", &json!(100)).await;
    }
    for id in ids {
        host.until_status(&id, "Completed").await;
    }
    host.until_entity("Counter", "shared", |state| state["value"] == 10 * 5 + 10 * 100).await;
    host.until_locked_by("Counter", "shared", None).await;
}
