//! Requests through the SDK: how long they wait, what goes over the wire, and what their failures
//! are called.

mod support;

use std::sync::Arc;
use std::time::Duration;

use longhaul_core::{Failure, InstanceId, TaskId};
use longhaul_wasm::{ActivityContext, AllowedHosts, AppEnvironment, Config, OwnListeners, Runtime};
use serde_json::{Value, json};
use support::raw_server::RawServer;
use support::{activity_named, config};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpSocket, TcpStream};

/// Far below how long the servers of these tests stall, which is for ever.
const SHORT_MS: u64 = 300;
/// Far beyond what an answer of these tests takes.
const LONG_MS: u64 = 15_000;

async fn fetch_with(config: Config, input: Value) -> Result<Value, Failure> {
    let runtime = Runtime::new(config).unwrap();
    let (instance_id, idempotency_key) = (InstanceId::trusted("test-1"), "key".into());
    let context = ActivityContext { name: "fetch".into(), instance_id, task: TaskId(1), attempt: 1, idempotency_key, timeout: None };
    let environment = AppEnvironment { allowed_hosts: AllowedHosts::Any, ..AppEnvironment::default() };
    let input = support::json(&input.to_string());
    let output = activity_named(&runtime, "fetching_activity").run(context, input, Arc::new(environment)).await.unwrap();
    output.map(|output| serde_json::from_str(output.as_str()).unwrap())
}

async fn fetch(input: Value) -> Result<Value, Failure> {
    fetch_with(config(), input).await
}

async fn get(url: &str) -> Result<Value, Failure> {
    fetch(json!({"method": "GET", "url": url, "timeoutMs": LONG_MS})).await
}

/// Type and message of a failure.
async fn failure(input: Value) -> (String, String) {
    let failure = fetch(input).await.unwrap_err();
    (failure.error_type, failure.message)
}

#[track_caller]
fn assert_failure((error_type, message): (String, String), wanted: &str, words: &str) {
    assert!(error_type == wanted && message.contains(words), "{error_type}: {message}");
}

#[tokio::test]
async fn each_wait_for_the_server_is_bounded() {
    for beginning in ["", "HTTP/1.1 200", "HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\n", "HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nab"]
    {
        let server = RawServer::stalling_after(beginning).await;
        let failed = failure(json!({"method": "GET", "url": server.url(), "timeoutMs": SHORT_MS})).await;
        assert_failure(failed, "HttpTimeout", "the answer took too long");
    }
}

#[tokio::test]
async fn an_answer_that_trickles_is_bounded_as_a_whole_and_not_by_the_wait_between_bytes() {
    let trickle = |count: usize| {
        RawServer::start(move |mut stream| async move {
            stream.write_all(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n").await.ok();
            for _ in 0..count {
                if stream.write_all(b"x").await.is_err() {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        })
    };
    let (few, endless) = (trickle(20).await, trickle(usize::MAX).await);
    assert_eq!(get(&few.url()).await.unwrap()["text"], "x".repeat(20));
    let failed = failure(json!({"method": "GET", "url": endless.url(), "timeoutMs": LONG_MS, "totalTimeoutMs": SHORT_MS})).await;
    assert_failure(failed, "HttpTimeout", "longer than 300ms in all");
}

#[tokio::test]
async fn a_connection_that_is_not_made_is_a_time_out() {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let full = socket.listen(0).unwrap();
    let address = full.local_addr().unwrap();
    // Those that the kernel takes; the rest hang until the test ends.
    let _waiting: Vec<_> = (0..8).map(|_| tokio::spawn(TcpStream::connect(address))).collect();
    while TcpStream::connect(address).await.is_ok_and(|_| false) {}
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    for url in [format!("http://{address}/"), format!("https://{}/", silent.local_addr().unwrap())] {
        let failed = failure(json!({"method": "GET", "url": url, "timeoutMs": SHORT_MS})).await;
        assert_failure(failed, "HttpTimeout", "connecting took too long");
        let failed = failure(json!({"method": "GET", "url": url, "totalTimeoutMs": SHORT_MS})).await;
        assert_failure(failed, "HttpTimeout", "in all");
    }
}

#[tokio::test]
async fn a_request_of_which_the_server_reads_nothing_is_a_time_out() {
    let server = RawServer::stalling_after("").await;
    let request = |limit: &str| json!({"method": "POST", "url": server.url(), "bodyBytes": 7 << 20, limit: SHORT_MS});
    assert_failure(failure(request("timeoutMs")).await, "HttpTimeout", "takes no more of the request");
    assert_failure(failure(request("totalTimeoutMs")).await, "HttpTimeout", "in all");
}

#[tokio::test]
async fn an_answer_that_comes_before_the_request_was_read_is_the_answer() {
    let server = RawServer::start(|mut stream| async move {
        stream.write_all(b"HTTP/1.1 413 Content Too Large\r\ncontent-length: 4\r\n\r\n").await.ok();
        tokio::time::sleep(Duration::from_millis(100)).await;
        stream.write_all(b"full").await.ok();
        std::future::pending::<()>().await;
    })
    .await;
    let answer = fetch(json!({"method": "POST", "url": server.url(), "bodyBytes": 7 << 20, "timeoutMs": LONG_MS})).await;
    assert_eq!(answer, Ok(json!({"status": 413, "text": "full"})));
}

#[tokio::test]
async fn an_answer_that_is_broken_is_a_failure_of_the_protocol_and_says_how() {
    let many = format!("HTTP/1.1 200 OK\r\n{}\r\n", "a: b\r\n".repeat(101));
    let huge = format!("HTTP/1.1 200 OK\r\na: {}\r\n\r\n", "b".repeat(70_000));
    for (answer, words) in [
        ("", "before the answer was complete"),
        ("HTTP/1.1 200 OK\r\na: b\r\n", "before the answer was complete"),
        ("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf", "before the answer was complete"),
        ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n", "before the answer was complete"),
        ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nnonsense\r\n", "not HTTP"),
        ("HTTP/1.1 twohundred\r\n\r\n", "not HTTP"),
        ("nonsense\r\n\r\n", "not HTTP"),
        ("HTTP/1.1 200 OK\r\na b: c\r\n\r\n", "not HTTP"),
        ("HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n", "not HTTP"),
        ("HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\n\r\n", "not HTTP"),
        ("HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n", "not HTTP"),
        ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked, chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n", "not HTTP"),
        ("HTTP/1.1 200 OK\r\ntransfer-encoding: gzip\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n", "not HTTP"),
        ("HTTP/1.1 200 OK\r\ntransfer-encoding: gzip\r\n\r\nx", "not HTTP"),
        (&many, "too many headers"),
        (&huge, "too many headers"),
    ] {
        let server = RawServer::answering(answer).await;
        let beginning = &answer[..answer.len().min(60)];
        let failed = get(&server.url()).await.expect_err(beginning);
        assert!(failed.error_type == "HttpProtocol" && failed.message.contains(words), "{beginning:?}: {failed:?}");
        assert!(!failed.non_retriable, "the next answer may be whole");
    }
}

#[tokio::test]
async fn each_failure_has_a_type_that_a_policy_can_name() {
    let unused = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let plain = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let plain_address = plain.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = plain.accept().await {
            stream.write_all(b"220 this is no TLS\r\n").await.ok();
        }
    });
    for (url, wanted) in [
        ("http://a..invalid/".to_owned(), "HttpDns"),
        (format!("http://{unused}/"), "HttpConnect"),
        (format!("https://{plain_address}/"), "HttpTls"),
        ("ftp://a.example/".to_owned(), "InvalidHttpRequest"),
        ("http://me@127.0.0.1/".to_owned(), "InvalidHttpRequest"),
        ("http://a b/".to_owned(), "InvalidHttpRequest"),
    ] {
        assert_eq!(get(&url).await.unwrap_err().error_type, wanted, "{url}");
    }
    let long = RawServer::answering(format!("HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n{}", "x".repeat((8 << 20) + 1))).await;
    let mut roomy = config();
    roomy.limits.activity_memory_bytes = 64 << 20;
    let failed = fetch_with(roomy, json!({"method": "GET", "url": long.url(), "read": "length"})).await.unwrap_err();
    assert!(failed.error_type == "HttpResponseTooLarge" && failed.non_retriable, "{failed:?}");
}

#[tokio::test]
async fn a_length_is_told_where_there_is_content_or_the_method_anticipates_some() {
    let server = RawServer::answering("HTTP/1.1 204 No Content\r\n\r\n").await;
    for method in ["GET", "get", "HEAD", "DELETE", "OPTIONS", "REPORT", "POST", "PUT", "PATCH", "patch"] {
        for (body, length) in [("", "0"), ("four", "4")] {
            fetch(json!({"method": method, "url": server.url(), "body": body, "timeoutMs": LONG_MS})).await.unwrap();
            let head = server.heads().pop().unwrap();
            let wanted = !body.is_empty() || ["POST", "PUT", "PATCH"].contains(&method.to_ascii_uppercase().as_str());
            let line = format!("\r\ncontent-length: {length}\r\n");
            assert_eq!(head.matches("content-length").count(), usize::from(wanted), "{head}");
            assert!(head.contains(&line) == wanted && !head.contains("transfer-encoding"), "{head}");
        }
    }
    for name in ["content-length", "transfer-encoding", "host"] {
        let request = json!({"method": "POST", "url": server.url(), "body": "four", "headers": [[name, "5"]]});
        assert_failure(failure(request).await, "InvalidHttpRequest", name);
    }
}

#[tokio::test]
async fn text_is_read_in_the_charset_of_the_answer() {
    let answering = |content_type: &'static str, body: &'static [u8]| async move {
        let head = format!("HTTP/1.1 200 OK\r\ncontent-type: {content_type}\r\nconnection: close\r\n\r\n");
        RawServer::answering([head.as_bytes(), body].concat()).await
    };
    let latin = answering("text/plain; charset=iso-8859-1", b"\xfc").await;
    assert_eq!(get(&latin.url()).await.unwrap()["text"], "ü");
    let marked = answering("application/json", b"\xef\xbb\xbf[1]").await;
    assert_eq!(fetch(json!({"method": "GET", "url": marked.url(), "read": "json"})).await.unwrap()["text"], json!([1]));
    let other = answering("text/plain; charset=big5", b"x").await;
    for (read, wanted) in [("try", "HttpContent"), ("json", "InvalidJson")] {
        assert_failure(failure(json!({"method": "GET", "url": other.url(), "read": read})).await, wanted, "charset 'big5'");
    }
}

#[tokio::test]
async fn the_hosts_own_listeners_are_never_reached() {
    let own = RawServer::answering("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
    let port = own.address.port();
    let on_all = format!("0.0.0.0:{port}").parse().unwrap();
    let names = ["127.0.0.1", "localhost", "LOCALHOST", "0.0.0.0", "[::ffff:127.0.0.1]", "127.1", "2130706433", "0x7f.1"];
    for listener in [own.address, on_all] {
        for name in names {
            let config = Config { own_listeners: OwnListeners::new([listener]), ..config() };
            let request = json!({"method": "POST", "url": format!("http://{name}:{port}/admin/keys"), "timeoutMs": LONG_MS});
            let failed = fetch_with(config, request).await.unwrap_err();
            assert!(failed.error_type == "HttpRequestDenied" && failed.non_retriable, "{name}: {failed:?}");
            assert!(failed.message.contains("the Longhaul host itself"), "{name}: {failed:?}");
        }
    }
    assert_eq!(own.connections(), 0);
    assert_eq!(get(&own.url()).await.unwrap()["status"], 200, "another process's server at such an address is reached");
}
