//! Section 10.10 of the contract: HTTP requests that the host sends for an orchestrator.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use e2e::{Apps, Host, HostOptions, Reply, StubServer};
use http::Method;
use serde_json::{Value, json};

/// A host whose app may reach the server, with more of a command line.
async fn host_for(server: &StubServer, arguments: Vec<&'static str>) -> Host {
    let app = Apps::test_guests().with_manifest(|text| text.replace("http://127.0.0.1:1", &server.origin()));
    Host::start(HostOptions { app: Some(&app), arguments }).await
}

fn request(method: &str, uri: String) -> Value {
    json!({"method": method, "uri": uri, "asynchronousPatternEnabled": true})
}

async fn call(host: &Host, input: &Value) -> Value {
    host.start_and_wait("CallHttp", input).await
}

fn lines(server: &StubServer) -> Vec<String> {
    server.arrived().iter().map(|one| format!("{} {}", one.method, one.path)).collect()
}

#[tokio::test]
async fn a_202_with_a_location_is_polled_until_the_answer_is_another() {
    let server = StubServer::start(|arrived| match (arrived.path.as_str(), arrived.before) {
        ("/jobs", _) => Reply::new(202, &[("location", "status/7"), ("retry-after", "1")], ""),
        (_, 1) => Reply::new(202, &[("location", "/last?x=1"), ("retry-after", "Thu, 01 Jan 1970 00:00:00 GMT")], ""),
        _ => Reply::new(200, &[("a", "b")], "done"),
    })
    .await;
    let host = host_for(&server, Vec::new()).await;
    let mut request = request("POST", format!("{}/jobs", server.origin()));
    request["headers"] = json!({"x-functions-key": "secret", "x-other": "kept"});
    request["content"] = json!("go");
    let output = call(&host, &json!({"request": request})).await;
    let answer = &output["output"];
    assert_eq!((&answer["statusCode"], &answer["content"], &answer["headers"]["a"]), (&json!(200), &json!("done"), &json!("b")));
    assert_eq!(lines(&server), ["POST /jobs", "GET /status/7", "GET /last?x=1"]);
    let arrived = server.arrived();
    assert_eq!((arrived[0].body.as_str(), arrived[0].headers["content-type"].to_str().unwrap()), ("go", "text/plain; charset=utf-8"));
    assert_eq!(arrived[0].headers["x-functions-key"], "secret");
    assert!(arrived[1..].iter().all(|poll| !poll.headers.contains_key("x-functions-key") && poll.headers["x-other"] == "kept"));
    assert!(arrived[1].at - arrived[0].at >= std::time::Duration::from_secs(1), "it asked too early");
}

#[tokio::test]
async fn any_status_is_an_answer_and_redirections_are_not_followed() {
    let server = StubServer::start(|arrived| match arrived.path.as_str() {
        "/moved" => Reply::new(302, &[("location", "/elsewhere")], ""),
        "/late" => Reply::new(202, &[("location", "/status")], "later"),
        _ => Reply::new(503, &[], "not today"),
    })
    .await;
    let host = host_for(&server, Vec::new()).await;
    let broken = call(&host, &json!({"request": request("GET", format!("{}/broken", server.origin()))})).await;
    assert_eq!((&broken["output"]["statusCode"], &broken["output"]["content"]), (&json!(503), &json!("not today")));
    let moved = call(&host, &json!({"request": request("GET", format!("{}/moved", server.origin()))})).await;
    assert_eq!(moved["output"]["statusCode"], 302);
    let mut late = request("GET", format!("{}/late", server.origin()));
    late["asynchronousPatternEnabled"] = json!(false);
    assert_eq!(call(&host, &json!({"request": late})).await["output"]["content"], "later");
    assert_eq!(lines(&server), ["GET /broken", "GET /moved", "GET /late"]);
}

#[tokio::test]
async fn an_answer_that_takes_too_long_is_a_time_out() {
    let server = StubServer::start(|_| Reply::Silence).await;
    let host = host_for(&server, Vec::new()).await;
    let output = call(&host, &json!({"request": request("GET", server.origin()), "timeoutMs": 300})).await;
    assert_eq!(output["errorType"], "Timeout", "{output}");
    assert!(output["message"].as_str().unwrap().contains("did not answer within 300 ms"), "{output}");
    server.until_given_up(1).await;
}

#[tokio::test]
async fn statuses_are_tried_again_where_the_retry_options_ask_for_it() {
    let server = StubServer::start(|arrived| match arrived.before {
        0 => Reply::HangUp,
        1 => Reply::new(503, &[], "busy"),
        _ => Reply::new(404, &[], "none"),
    })
    .await;
    let host = host_for(&server, Vec::new()).await;
    let mut request = request("PUT", server.origin());
    request["retryOptions"] = json!({"statusCodesToRetry": [503]});
    let output = call(&host, &json!({"request": request, "retry": {"maxAttempts": 5, "firstIntervalMs": 10}})).await;
    assert_eq!(output["output"]["statusCode"], 404, "a status that is not listed is an answer");
    assert_eq!(server.arrived().len(), 3);
    let output = call(&host, &json!({"request": request_for_all(&server), "retry": {"maxAttempts": 2, "firstIntervalMs": 10}})).await;
    assert_eq!((&output["errorType"], &output["details"]), (&json!("HttpStatus"), &json!("none")), "{output}");
    assert_eq!(server.arrived().len(), 5);
}

fn request_for_all(server: &StubServer) -> Value {
    let mut request = request("GET", server.origin());
    request["retryOptions"] = json!({});
    request
}

#[tokio::test]
async fn a_host_that_manifest_and_operator_do_not_both_allow_is_never_reached() {
    let server = StubServer::start(|_| Reply::new(200, &[], "")).await;
    let retry = json!({"maxAttempts": 3, "firstIntervalMs": 3_600_000});
    let input = json!({"request": request("GET", server.origin()), "retry": retry});
    let not_in_the_manifest = Host::with_app(&Apps::test_guests()).await;
    let not_by_the_operator = host_for(&server, vec!["--allow-outbound", "http://127.0.0.1:1"]).await;
    for host in [not_in_the_manifest, not_by_the_operator] {
        let output = call(&host, &input).await;
        assert_eq!(output["errorType"], "HttpRequestDenied", "{output}");
    }
    assert!(server.arrived().is_empty());
}

#[tokio::test]
async fn what_cannot_be_sent_is_refused_in_words() {
    let host = Host::with_app(&Apps::test_guests()).await;
    let input = json!({"name": "builtin::httpactivity", "input": {"uri": "http://a/", "tokenSource": {"resource": "r"}}});
    let output = host.start_and_wait("CallActivity", &input).await;
    assert_eq!(output["errorType"], "InvalidHttpRequest");
    assert!(output["message"].as_str().unwrap().contains("managed identity"), "{output}");
}

#[tokio::test]
async fn a_length_is_told_where_there_is_content_or_the_method_anticipates_some() {
    let server = StubServer::start(|_| Reply::new(200, &[("content-type", "text/plain; charset=utf-16be")], "\0a")).await;
    let host = host_for(&server, Vec::new()).await;
    let wanted =
        [("GET", None), ("HEAD", None), ("DELETE", None), ("OPTIONS", None), ("POST", Some("0")), ("put", Some("0")), ("PATCH", Some("0"))];
    for (method, without_content) in wanted {
        for (content, length) in [(None, without_content), (Some(""), without_content), (Some("four"), Some("4"))] {
            let mut request = request(method, server.origin());
            request["content"] = json!(content);
            let output = call(&host, &json!({"request": request})).await;
            assert!(method == "HEAD" || output["output"]["content"] == "a", "the answer is read in its charset: {output}");
            let headers = server.arrived().pop().unwrap().headers;
            let told = headers.get("content-length").map(|value| value.to_str().unwrap());
            assert_eq!((told, headers.contains_key("transfer-encoding")), (length, false), "{method} {content:?}");
        }
    }
}

#[tokio::test]
async fn a_killed_host_goes_on_polling_and_does_not_start_the_work_again() {
    let is_done = Arc::new(AtomicBool::new(false));
    let done = is_done.clone();
    let server = StubServer::start(move |arrived| match arrived.method == Method::GET && done.load(Ordering::SeqCst) {
        true => Reply::new(200, &[], "done"),
        false => Reply::new(202, &[("location", "/status"), ("retry-after", "1")], ""),
    })
    .await;
    let host = host_for(&server, Vec::new()).await;
    host.start_with_id("CallHttp", "polls", &json!({"request": request("POST", format!("{}/jobs", server.origin()))})).await;
    server.until_arrived(2).await;
    host.kill();
    is_done.store(true, Ordering::SeqCst);
    host.start_again().await;
    assert_eq!(host.output_of("polls").await["output"]["content"], "done");
    assert_eq!(server.arrived().iter().filter(|arrived| arrived.method == Method::POST).count(), 1);
}

#[tokio::test]
async fn terminating_the_instance_ends_its_request() {
    let server = StubServer::start(|_| Reply::Silence).await;
    let host = host_for(&server, Vec::new()).await;
    host.start_with_id("CallHttp", "waits", &json!({"request": request("GET", server.origin())})).await;
    server.until_arrived(1).await;
    host.post("/instances/waits/terminate").await.expect_empty(202);
    server.until_given_up(1).await;
}
