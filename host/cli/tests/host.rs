//! The real program from outside: starting, stopping, and what it answers before any app is deployed.

#[allow(dead_code, reason = "each test program uses its own part of the support")]
mod support;

use http::StatusCode;
use support::{Answered, Host, longhaul, output_of};

fn json(answered: &Answered) -> serde_json::Value {
    serde_json::from_str(&answered.body).unwrap_or_else(|error| panic!("{error}: {:?}", answered.body))
}

/// No body and no content type: what the contract calls an empty answer.
fn is_empty(answered: &Answered) -> bool {
    answered.body.is_empty() && !answered.headers.contains_key("content-type")
}

#[tokio::test]
async fn a_host_is_ready_when_it_says_so_and_stops_cleanly_when_asked() {
    let mut host = Host::start(&[]);
    let health = host.send("GET", "/healthz").await;
    assert_eq!((health.status, json(&health)["status"].as_str()), (StatusCode::OK, Some("ready")));
    assert!(host.stop().success());
}

#[tokio::test]
async fn metrics_of_a_host_that_did_nothing_are_zero() {
    let host = Host::start(&[]);
    let metrics = host.send("GET", "/metrics").await;
    assert_eq!(metrics.status, StatusCode::OK);
    assert_eq!(metrics.headers["content-type"], "text/plain; version=0.0.4; charset=utf-8");
    for line in ["# TYPE longhaul_records_total counter\nlonghaul_records_total 0\n", "\nlonghaul_instances_in_memory 0\n"] {
        assert!(metrics.body.contains(line), "{metrics:?}");
    }
}

#[tokio::test]
async fn unknown_instances_are_404_without_a_body_for_every_operation() {
    let host = Host::start(&[]);
    for (method, path) in [
        ("GET", "/instances/a"),
        ("DELETE", "/instances/a"),
        ("POST", "/instances/a/terminate?reason=x"),
        ("POST", "/instances/a/suspend"),
        ("POST", "/instances/a/resume"),
        ("POST", "/instances/a/raiseEvent/Go"),
        ("GET", "/entities/counter/a"),
        ("PUT", "/instances/a"),
        ("POST", "/instances/a/pause"),
        ("DELETE", "/instances?createdTimeFrom=2020-01-01"),
    ] {
        let answered = host.manage(method, path).await;
        assert_eq!(answered.status, StatusCode::NOT_FOUND, "{method} {path}: {answered:?}");
        assert!(is_empty(&answered), "{method} {path}: {answered:?}");
    }
}

#[tokio::test]
async fn lists_of_an_empty_host_are_empty_with_an_empty_token() {
    let host = Host::start(&[]);
    for path in ["/instances", "/Instances/?top=5", "/entities", "/entities/counter", "/instances?taskHub=Other"] {
        let answered = host.manage("GET", path).await;
        assert_eq!((answered.status, answered.body.as_str()), (StatusCode::OK, "[]"), "{path}");
        assert_eq!(answered.headers["x-ms-continuation-token"], "", "{path}");
        assert_eq!(answered.headers["content-type"], "application/json; charset=utf-8", "{path}");
    }
}

#[tokio::test]
async fn a_start_that_cannot_be_is_400_with_both_members() {
    let host = Host::start(&[]);
    let base = "/runtime/webhooks/durabletask/orchestrators/Main";
    for (path, body) in [
        (base.to_owned(), ""),
        (base.to_owned(), "{\"a\":1} x"),
        (format!("{base}/@counter@a"), ""),
        (format!("{base}?taskHub=Other"), ""),
        (format!("{base}?timeout=1&pollingInterval=2"), ""),
    ] {
        let answered = host.send_with("POST", &path, &[], body).await;
        assert_eq!(answered.status, StatusCode::BAD_REQUEST, "{path}: {answered:?}");
        let members = json(&answered);
        assert!(members["Message"].is_string() && members["ExceptionMessage"].is_string(), "{path}: {answered:?}");
        assert!(members["StackTrace"].is_null(), "{path}: {answered:?}");
    }
    let answered = host.send_with("POST", base, &[], "{").await;
    assert_eq!(json(&answered)["Message"], "Invalid JSON content");
}

#[tokio::test]
async fn what_can_be_got_is_answered_to_head_with_the_same_headers_and_no_body() {
    let host = Host::start(&["--app", concat!(env!("CARGO_MANIFEST_DIR"), "/../../guest-functions/hello-cities")]);
    assert_eq!(host.manage("POST", "/orchestrators/WaitForGo/a").await.status, StatusCode::ACCEPTED);
    let managed = ["/instances", "/instances/a", "/instances/none", "/entities", "/entities/counter/none"];
    let managed = managed.map(|path| format!("/runtime/webhooks/durabletask{path}"));
    let own = ["/", "/healthz", "/openapi.json", "/admin/deployments", "/admin/timers", "/admin/keys", "/admin/client-binding", "/none"];
    for path in managed.into_iter().chain(own.map(str::to_owned)) {
        let (got, asked) = (host.send("GET", &path).await, host.send("HEAD", &path).await);
        assert_eq!((asked.status, asked.body.as_str()), (got.status, ""), "{path}");
        let without_date = |headers: &http::HeaderMap| {
            let mut headers = headers.clone();
            headers.remove("date");
            // A body of nothing needs no length.
            if headers.get("content-length").is_some_and(|length| length == "0") {
                headers.remove("content-length");
            }
            headers
        };
        assert_eq!(without_date(&asked.headers), without_date(&got.headers), "{path}");
    }
    let metrics = host.send("HEAD", "/metrics").await;
    assert!(metrics.status == StatusCode::OK && metrics.headers["content-length"].to_str().is_ok_and(|length| length.len() > 3));
    // One that takes GET and does not know of HEAD starts what it starts, as it would for GET.
    let started = host.send("HEAD", "/api/HttpStart").await;
    assert_eq!((started.status, started.body.as_str()), (StatusCode::ACCEPTED, ""));
    assert!(started.headers.contains_key("location"), "{started:?}");
}

/// Sends a head, then a long body whatever comes back, and reads the answer after that, as simple clients do.
fn send_all_then_read(address: &str, head: &str, body_bytes: usize) -> std::io::Result<String> {
    use std::io::{Read, Write};
    let mut stream = std::net::TcpStream::connect(address)?;
    stream.write_all(head.as_bytes())?;
    let piece = [b' '; 1 << 16];
    for begin in (0..body_bytes).step_by(piece.len()) {
        stream.write_all(&piece[..piece.len().min(body_bytes - begin)])?;
    }
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

#[tokio::test]
async fn a_refusal_reaches_a_client_that_sends_its_whole_body_first() {
    let host = Host::start(&["--max-body-bytes", "100000", "--auth=keys"]);
    let key = std::fs::read_to_string(host.data().join("admin-key")).expect("the first start made a key");
    let prefix = "/runtime/webhooks/durabletask";
    let length = 8 << 20;
    let head = |path: &str, headers: &str| format!("POST {path} HTTP/1.1\r\nhost: {}\r\n{headers}\r\n", host.address());
    let announced = format!("content-length: {length}\r\n");
    let with_key = format!("{announced}x-functions-key: {}\r\n", key.trim());
    for (status, head) in [
        (404, head("/nowhere", &announced)),
        (401, head(&format!("{prefix}/orchestrators/A"), &announced)),
        (413, head(&format!("{prefix}/orchestrators/A"), &with_key)),
        (415, head("/admin/deployments", &with_key)),
        (400, head("/", &format!("{announced}host: twice\r\n"))),
        (501, head("/", "transfer-encoding: gzip, chunked\r\n")),
        (400, head("/", "content-length: none\r\n")),
        (431, head("/", &format!("{announced}x: {}\r\n", "x".repeat(100_000)))),
    ] {
        let (address, sent) = (host.address().to_owned(), head.clone());
        let answer = tokio::task::spawn_blocking(move || send_all_then_read(&address, &sent, length)).await.expect("it ends");
        let answer = answer.unwrap_or_else(|error| panic!("{status}: {error}"));
        let first = &head[..head.len().min(100)];
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{first}: {answer}");
        assert!(answer.to_ascii_lowercase().contains("connection: close"), "{first}: {answer}");
    }
}

#[tokio::test]
async fn a_purge_by_filter_without_a_date_is_refused_with_a_bare_text() {
    let host = Host::start(&[]);
    let answered = host.manage("DELETE", "/instances?runtimeStatus=Completed").await;
    assert_eq!(answered.status, StatusCode::BAD_REQUEST);
    assert_eq!(json(&answered), "Please provide value for 'createdTimeFrom' parameter.");
}

#[tokio::test]
async fn a_body_beyond_the_limit_is_413() {
    let host = Host::start(&["--max-body-bytes", "10"]);
    let answered = host.send_with("POST", "/runtime/webhooks/durabletask/orchestrators/Main", &[], "\"0123456789\"").await;
    assert_eq!(answered.status, StatusCode::PAYLOAD_TOO_LARGE);
    assert!(answered.body.contains("10 bytes"), "{answered:?}");
}

#[tokio::test]
async fn a_deployment_is_refused_with_the_function_and_the_component_and_leaves_nothing() {
    let host = Host::start(&[]);
    let app = tempfile::tempdir().unwrap();
    let manifest = "[app]\nname = \"a\"\n[[function]]\nname = \"Main\"\nkind = \"orchestrator\"\ncomponent = \"main.wasm\"\n";
    std::fs::write(app.path().join("longhaul.toml"), manifest).unwrap();
    std::fs::write(app.path().join("main.wasm"), "no component").unwrap();
    let url = format!("http://{}", host.address());
    let output = output_of(longhaul().arg("deploy").arg(app.path()).args(["--host", &url, "--data"]).arg(host.data()));
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("'Main'") && text.contains("'main.wasm'") && text.contains("component"), "{text}");
    assert_eq!(host.send("GET", "/admin/deployments").await.body, "[]");
}

#[tokio::test]
async fn a_web_page_cannot_deploy_with_a_plain_post() {
    let host = Host::start(&[]);
    let key = std::fs::read_to_string(host.data().join("admin-key")).expect("the first start made a key");
    let headers = [("content-type", "text/plain"), ("x-functions-key", key.trim())];
    let answered = host.send_with("POST", "/admin/deployments", &headers, "{}\n").await;
    assert_eq!(answered.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
}

#[test]
fn data_that_another_host_uses_is_refused_with_its_name() {
    let host = Host::start(&[]);
    let output = output_of(longhaul().args(["serve", "--listen", "127.0.0.1:0", "--rpc-port=off", "--data"]).arg(host.data()));
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("longhaul"), "{text}");
}

#[test]
fn a_port_that_is_taken_is_named() {
    let host = Host::start(&[]);
    let data = tempfile::tempdir().unwrap();
    let output = output_of(longhaul().args(["serve", "--listen", host.address(), "--rpc-port=off", "--data"]).arg(data.path()));
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains(host.address()), "{text}");
}

#[test]
fn a_mistake_in_the_settings_file_is_named_with_its_line() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("host.toml");
    std::fs::write(&file, "listen = \"127.0.0.1:0\"\nlisten-port = 7071\n").unwrap();
    let output = output_of(longhaul().args(["serve", "--config"]).arg(&file));
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("host.toml") && text.contains("line 2") && text.contains("listen-port"), "{text}");
}

#[test]
fn a_host_that_is_not_there_is_said_to_be_so() {
    let app = tempfile::tempdir().unwrap();
    let manifest = "[app]\nname = \"a\"\n[[function]]\nname = \"Main\"\nkind = \"orchestrator\"\ncomponent = \"main.wasm\"\n";
    std::fs::write(app.path().join("longhaul.toml"), manifest).unwrap();
    std::fs::write(app.path().join("main.wasm"), "any").unwrap();
    // Port 1 of the loopback address is reserved and nobody listens there.
    let output = output_of(longhaul().arg("deploy").arg(app.path()).args(["--host", "http://127.0.0.1:1"]));
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("127.0.0.1:1") && text.contains("longhaul serve"), "{text}");
}
