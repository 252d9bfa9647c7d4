//! What functions must not reach over HTTP, whatever lists allow: the host that runs them.

use std::sync::{Arc, OnceLock};

use e2e::{Apps, Host, HostOptions, Reply, StubServer};
use serde_json::{Value, json};

const PATHS: [&str; 3] = ["/admin/keys", "/api/Misbehaving", "/healthz"];

/// A host that trusts its own machine and whose operator forbids its apps nothing. Deploys an app
/// that may call all that leads to the host, and these servers.
async fn open_host(on_all_addresses: bool, servers: &[&StubServer]) -> Host {
    let arguments = vec!["--rpc-port=0", "--auth=none", "--allow-unauthenticated", "--allow-outbound=*"];
    let options = HostOptions { app: None, arguments };
    let host = if on_all_addresses { Host::start_on_all_addresses(options).await } else { Host::start(options).await };
    let mut allowed = origins(&host);
    allowed.extend(servers.iter().map(|server| server.origin()));
    let list = format!("\"{}\"", allowed.join("\", \""));
    host.deploy(&Apps::test_guests().with_manifest(|text| text.replace("\"http://127.0.0.1:1\"", &list))).unwrap();
    host
}

/// Of the public listener, by names that lead there, and of the one for local libraries.
fn origins(host: &Host) -> Vec<String> {
    let port = host.address().rsplit(':').next().unwrap();
    let names = ["127.0.0.1", "localhost", "0.0.0.0", "[::ffff:127.0.0.1]", "127.1", "2130706433"];
    let rpc = host.rpc_uri("");
    let rpc = rpc.split('/').take(3).collect::<Vec<_>>().join("/");
    names.iter().map(|name| format!("http://{name}:{port}")).chain([rpc]).collect()
}

async fn fetch(host: &Host, url: &str) -> Value {
    let input = json!({"method": "POST", "url": url, "body": "{}", "timeoutMs": 20_000});
    host.start_and_wait("CallActivity", &json!({"name": "Fetch", "input": input})).await
}

async fn call_http(host: &Host, uri: &str) -> Value {
    let request = json!({"method": "POST", "uri": uri, "content": "{}", "asynchronousPatternEnabled": true});
    host.start_and_wait("CallHttp", &json!({"request": request})).await
}

async fn expect_refusals(host: &Host) {
    let mut addresses: Vec<_> = origins(host).iter().map(|origin| format!("{origin}{}", PATHS[0])).collect();
    addresses.extend(PATHS.iter().map(|path| host.uri(path)));
    addresses.push(host.rpc_uri("/instances"));
    for address in addresses {
        for output in [fetch(host, &address).await, call_http(host, &address).await] {
            assert_eq!(output["errorType"], "HttpRequestDenied", "{address}: {output}");
            assert!(output["message"].as_str().unwrap().contains("the Longhaul host itself"), "{address}: {output}");
        }
    }
}

#[tokio::test]
async fn a_function_cannot_call_its_own_host() {
    expect_refusals(&open_host(false, &[]).await).await;
}

#[tokio::test]
async fn a_function_cannot_call_its_own_host_that_listens_on_all_addresses() {
    expect_refusals(&open_host(true, &[]).await).await;
}

#[tokio::test]
async fn a_server_cannot_send_polls_to_the_host() {
    let own: Arc<OnceLock<String>> = Arc::default();
    let location = own.clone();
    let reply = move || Reply::new(202, &[("location", location.get().expect("the host runs")), ("retry-after", "1")], "");
    let server = StubServer::start(move |_| reply()).await;
    let host = open_host(false, &[&server]).await;
    own.set(host.uri("/admin/keys")).unwrap();
    let output = call_http(&host, &server.origin()).await;
    assert_eq!(output["errorType"], "HttpRequestDenied", "{output}");
    assert_eq!(server.arrived().len(), 1);
}

#[tokio::test]
async fn credentials_do_not_follow_a_poll_to_another_origin() {
    let other = StubServer::start(|_| Reply::new(200, &[], "done")).await;
    let status = format!("{}/status", other.origin());
    let first = StubServer::start(move |arrived| match arrived.before {
        0 => Reply::new(202, &[("location", "/again"), ("retry-after", "1")], ""),
        _ => Reply::new(202, &[("location", &status), ("retry-after", "1")], ""),
    })
    .await;
    let host = open_host(false, &[&first, &other]).await;
    let headers = json!({"Authorization": "a", "Cookie": "b", "X-Api-Key": "c", "x-other": "d"});
    let request = json!({"method": "GET", "uri": first.origin(), "headers": headers, "asynchronousPatternEnabled": true});
    let output = host.start_and_wait("CallHttp", &json!({"request": request})).await;
    assert_eq!(output["output"]["content"], "done", "{output}");
    let has = |arrived: &e2e::Arrived| ["authorization", "cookie", "x-api-key", "x-other"].map(|name| arrived.headers.contains_key(name));
    assert!(first.arrived().iter().all(|arrived| has(arrived) == [true; 4]));
    assert_eq!(other.arrived().iter().map(has).collect::<Vec<_>>(), [[false, false, false, true]]);
}

#[tokio::test]
async fn an_answer_that_cannot_be_followed_fails_the_call_by_name() {
    let server = StubServer::start(|arrived| match arrived.path.as_str() {
        "/blank" => Reply::new(202, &[("location", "/a b")], ""),
        "/user" => Reply::new(202, &[("location", "http://me@127.0.0.1/")], ""),
        _ => Reply::new(202, &[("location", "/"), ("retry-after", "99999999999999999999999")], ""),
    })
    .await;
    let host = open_host(false, &[&server]).await;
    for path in ["/blank", "/user", "/never"] {
        let output = call_http(&host, &format!("{}{path}", server.origin())).await;
        assert_eq!(output["errorType"], "InvalidHttpAnswer", "{path}: {output}");
    }
}

#[tokio::test]
async fn a_policy_gives_up_on_the_failures_of_http_that_it_names() {
    let server = StubServer::start(|_| Reply::HangUp).await;
    let host = open_host(false, &[&server]).await;
    let call = |give_up_on: &str| {
        let input = json!({"method": "GET", "url": server.origin()});
        json!({"name": "Fetch", "input": input, "retry": {"maxAttempts": 3, "firstIntervalMs": 1, "giveUpOn": [give_up_on]}})
    };
    for (give_up_on, attempts) in [("HttpProtocol", 1), ("HttpConnect", 3)] {
        let before = server.arrived().len();
        let output = host.start_and_wait("CallActivity", &call(give_up_on)).await;
        assert_eq!((&output["errorType"], server.arrived().len() - before), (&json!("HttpProtocol"), attempts), "{output}");
    }
}
