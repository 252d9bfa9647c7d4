//! Requests with an `Idempotency-Key` can be sent again without fear.

use std::time::Duration;

use e2e::{Answer, Apps, Host, HostOptions, eventually};
use http::{Method, Request};
use serde_json::{Value, json};

async fn hello() -> Host {
    Host::with_app(&Apps::hello_cities()).await
}

fn request(host: &Host, method: Method, path: &str, key: &str, body: &Value) -> Request<http_body_util::Full<bytes::Bytes>> {
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let builder = Request::builder().method(method).uri(host.management_uri(path));
    let builder = builder.header("content-type", "application/json").header("Idempotency-Key", key);
    builder.body(http_body_util::Full::from(body)).expect("a request")
}

async fn send(host: &Host, method: Method, path: &str, key: &str, body: &Value) -> Answer {
    host.http().try_request(request(host, method, path, key, body)).await.unwrap_or_else(|error| panic!("{error:#}"))
}

async fn post(host: &Host, path: &str, key: &str, body: &Value) -> Answer {
    send(host, Method::POST, path, key, body).await
}

async fn instances(host: &Host) -> usize {
    host.get("/instances").await.expect(200).json().as_array().expect("a list").len()
}

#[track_caller]
fn expect_texts(answer: Answer, status: u16, what: &str) {
    let json = answer.expect(status).json();
    assert!(json["Message"].is_string() && json["ExceptionMessage"].as_str().is_some_and(|text| text.contains(what)), "{json}");
}

#[tokio::test]
async fn a_start_that_is_sent_again_gets_the_same_answer() {
    let host = hello().await;
    let first = post(&host, "/orchestrators/HelloSequence", "order 7", &json!({"a": 1})).await.expect(202);
    let again = post(&host, "/orchestrators/HelloSequence", "order 7", &json!({"a": 1})).await.expect(202);
    assert_eq!(first.json(), again.json());
    assert_eq!(first.header("location"), again.header("location"));
    host.until_status(first.json()["id"].as_str().unwrap(), "Completed").await;
    // Without the key this would replace the instance that has ended, or make another.
    post(&host, "/orchestrators/HelloSequence", "order 7", &json!({"a": 1})).await.expect(202);
    assert_eq!(instances(&host).await, 1);
}

#[tokio::test]
async fn a_key_stands_for_one_request_only() {
    let host = hello().await;
    post(&host, "/orchestrators/HelloSequence/a", "k", &json!({"a": 1})).await.expect(202);
    for (path, body) in [
        ("/orchestrators/HelloSequence/a", json!({"a": 2})),
        ("/orchestrators/HelloSequence/b", json!({"a": 1})),
        ("/orchestrators/HelloSequence/a?version=2", json!({"a": 1})),
        ("/orchestrators/LongSequence/a", json!({"a": 1})),
        ("/instances/a/raiseEvent/HelloSequence", json!({"a": 1})),
        ("/entities/HelloSequence/a", json!({"a": 1})),
        ("/instances/a/terminate", Value::Null),
    ] {
        expect_texts(post(&host, path, "k", &body).await, 409, "'k' stands for another request");
    }
    expect_texts(send(&host, Method::DELETE, "/entities/HelloSequence/a", "k", &Value::Null).await, 409, "'k'");
    assert_eq!(instances(&host).await, 1);
}

#[tokio::test]
async fn malformed_keys_are_refused() {
    let host = hello().await;
    for (key, problem) in [(String::new(), "empty"), ("x".repeat(256), "256 characters"), ("a\tb".to_owned(), "control character")] {
        expect_texts(post(&host, "/orchestrators/HelloSequence", &key, &Value::Null).await, 400, problem);
        expect_texts(post(&host, "/instances/nobody/terminate", &key, &Value::Null).await, 400, problem);
    }
    let mut twice = request(&host, Method::POST, "/orchestrators/HelloSequence", "a", &Value::Null);
    twice.headers_mut().append("idempotency-key", "b".parse().unwrap());
    expect_texts(host.http().try_request(twice).await.unwrap(), 400, "several");
    post(&host, "/orchestrators/HelloSequence", &"x".repeat(255), &Value::Null).await.expect(202);
    assert_eq!(instances(&host).await, 1);
}

#[tokio::test]
async fn a_refused_request_leaves_its_key_free() {
    let host = hello().await;
    post(&host, "/orchestrators/NoSuch", "k", &Value::Null).await.expect(400);
    post(&host, "/instances/a/raiseEvent/go", "k", &json!(1)).await.expect_empty(404);
    post(&host, "/orchestrators/WaitForGo/a", "k", &json!({})).await.expect(202);
    post(&host, "/orchestrators/WaitForGo/a", "other", &json!({})).await.expect(409);
    host.until_status("a", "Running").await;
    post(&host, "/instances/a/raiseEvent/go", "other", &json!(1)).await.expect_empty(202);
    assert_eq!(host.output_of("a").await, 1);
    post(&host, "/instances/a/raiseEvent/go", "third", &json!(1)).await.expect_empty(410);
    post(&host, "/orchestrators/WaitForGo/a", "third", &json!({})).await.expect(202);
}

#[tokio::test]
async fn what_was_accepted_is_answered_so_after_the_instance_has_ended() {
    let host = hello().await;
    for id in ["a", "b"] {
        host.start_with_id("WaitForGo", id, &json!({})).await;
    }
    for _ in 0..2 {
        post(&host, "/instances/a/raiseEvent/go", "event", &json!("now")).await.expect_empty(202);
        assert_eq!(host.output_of("a").await, "now");
        post(&host, "/instances/b/terminate?reason=enough", "end", &Value::Null).await.expect_empty(202);
        host.until_status("b", "Terminated").await;
    }
    host.delete("/instances/a").await.expect(200);
    post(&host, "/instances/a/raiseEvent/go", "event", &json!("now")).await.expect_empty(202);
    let first = post(&host, "/instances/b/restart", "again", &Value::Null).await.expect(202).json();
    let second = post(&host, "/instances/b/restart", "again", &Value::Null).await.expect(202).json();
    assert_eq!(first, second);
}

#[tokio::test]
async fn forty_requests_at_once_with_one_key_are_one() {
    let host = hello().await;
    let signal = request(&host, Method::POST, "/entities/Counter/a?op=Add", "add", &json!(1));
    let start = request(&host, Method::POST, "/orchestrators/LongSequence", "start", &json!(3));
    let all = (0..40).map(|_| {
        let (http, signal, start) = (host.http().clone(), signal.clone(), start.clone());
        tokio::spawn(async move {
            http.try_request(signal).await.unwrap().expect_empty(202);
            http.try_request(start).await.unwrap().expect(202).json()
        })
    });
    let mut answers = Vec::new();
    for one in all.collect::<Vec<_>>() {
        answers.push(one.await.unwrap());
    }
    answers.dedup();
    assert_eq!(answers.len(), 1, "{answers:?}");
    assert_eq!(instances(&host).await, 1);
    // The mailbox is in order: once this one counts, all before it have.
    host.signal("Counter", "a", "Add", &json!(100)).await;
    assert_eq!(host.until_entity("Counter", "a", |state| state["value"].as_i64() > Some(99)).await, json!({"value": 101}));
}

#[tokio::test]
async fn a_start_that_waits_for_the_end_is_answered_with_it_every_time() {
    let host = hello().await;
    let path = |wait: u32| format!("/orchestrators/WaitForGo?timeout={wait}&pollingInterval=1");
    let waiting = [60, 50].map(|wait| request(&host, Method::POST, &path(wait), "k", &json!({})));
    let waiting = waiting.map(|request| {
        let http = host.http().clone();
        tokio::spawn(async move { http.try_request(request).await.unwrap().expect(200).json() })
    });
    let id = eventually("the instance", Duration::from_secs(30), || async {
        let list = host.get("/instances").await.expect(200).json();
        list[0]["instanceId"].as_str().map(str::to_owned).ok_or_else(|| list.to_string())
    })
    .await;
    host.raise(&id, "go", &json!("done")).await.expect_empty(202);
    for one in waiting {
        assert_eq!(one.await.unwrap(), "done");
    }
    assert_eq!(post(&host, &path(5), "k", &json!({})).await.expect(200).json(), "done");
    assert_eq!(post(&host, "/orchestrators/WaitForGo", "k", &json!({})).await.expect(202).json()["id"], id.as_str());
    assert_eq!(instances(&host).await, 1);
}

#[tokio::test]
async fn keys_outlive_the_host_whenever_it_is_killed() {
    let host = std::sync::Arc::new(hello().await);
    // A client that insists: it sends each request until it is answered, and never knows what became of those that were not.
    let client = tokio::spawn({
        let host = host.clone();
        async move {
            let mut ids = Vec::new();
            for number in 0..60 {
                insist(&host, "/entities/Counter/a?op=Add", &format!("add {number}"), &json!(1)).await;
                ids.push(insist(&host, "/orchestrators/LongSequence", &format!("start {number}"), &json!(2)).await["id"].clone());
            }
            ids
        }
    });
    let mut crashes = 0;
    while !client.is_finished() {
        // Long enough for some requests to get through, at no certain point between commit and answer.
        tokio::time::sleep(Duration::from_millis(40)).await;
        host.crash().await;
        crashes += 1;
    }
    let ids = client.await.unwrap();
    assert!(crashes > 1, "the host was killed while the client was at work");
    for (number, id) in ids.iter().enumerate() {
        let again = post(&host, "/orchestrators/LongSequence", &format!("start {number}"), &json!(2)).await.expect(202).json();
        assert_eq!(again["id"], *id);
    }
    assert_eq!(instances(&host).await, 60);
    host.signal("Counter", "a", "Add", &json!(1000)).await;
    assert_eq!(host.until_entity("Counter", "a", |state| state["value"].as_i64() > Some(999)).await, json!({"value": 1060}));
}

async fn insist(host: &Host, path: &str, key: &str, body: &Value) -> Value {
    eventually(format!("an answer to {key}"), Duration::from_secs(60), || async {
        match host.http().try_request(request(host, Method::POST, path, key, body)).await {
            Ok(answer) if answer.status == 202 => Ok(answer.json()),
            Ok(answer) if answer.status == 503 => Err(answer.text()),
            Ok(answer) => panic!("{key}: {answer:?}"),
            Err(error) => Err(format!("{error:#}")),
        }
    })
    .await
}

#[tokio::test]
async fn client_functions_can_start_under_a_key() {
    let host = hello().await;
    let call = async |key: &str, body: &Value| {
        let body = http_body_util::Full::from(body.to_string());
        let request = Request::post(host.uri("/api/HttpStart?function=LongSequence")).header("Idempotency-Key", key).body(body);
        host.http().try_request(request.expect("a request")).await.expect("an answer")
    };
    let id = call("k", &json!(2)).await.expect(202).json()["id"].clone();
    assert_eq!(call("k", &json!(2)).await.expect(202).json()["id"], id);
    assert!(call("k", &json!(3)).await.status >= 400, "the key stands for another start");
    assert!(call("", &json!(3)).await.status >= 400, "no key is empty");
    assert_ne!(call("other", &json!(2)).await.expect(202).json()["id"], id);
    assert_eq!(instances(&host).await, 2);
}

#[tokio::test]
async fn a_message_that_is_recorded_before_its_turn_keeps_its_key() {
    let arguments = vec!["--guest-threads", "1", "--turn-deadline-ms", "8000"];
    let host = Host::start(HostOptions { app: Some(&Apps::test_guests()), arguments }).await;
    let starts = [json!("spin"), json!("behave")];
    // The first holds up the guest thread, so that the start and what follows are recorded without the turn that takes them.
    let first = post(&host, "/orchestrators/Misbehaving/a", "start", &starts[0]).await.expect(202).json();
    post(&host, "/instances/a/terminate", "end", &Value::Null).await.expect_empty(202);
    host.crash().await;
    assert_eq!(post(&host, "/orchestrators/Misbehaving/a", "start", &starts[0]).await.expect(202).json(), first);
    expect_texts(post(&host, "/orchestrators/Misbehaving/a", "start", &starts[1]).await, 409, "'start'");
    host.until_status("a", "Terminated").await;
    post(&host, "/instances/a/terminate", "end", &Value::Null).await.expect_empty(202);
    post(&host, "/instances/a/terminate", "another", &Value::Null).await.expect_empty(410);
}
