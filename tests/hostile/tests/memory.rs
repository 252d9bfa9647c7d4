//! Callers who would make the host hold more than it has room for: they are refused by a word, and others go on.

use std::time::Duration;

use e2e::{Apps, Host, HostOptions, eventually};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

const LIMIT: Duration = Duration::from_secs(60);
const MIB: usize = 1 << 20;

async fn host(arguments: &[&'static str]) -> Host {
    Host::start(HostOptions { app: Some(&Apps::test_guests()), arguments: arguments.to_vec() }).await
}

/// The value of a gauge that says how much of a budget is taken, or how much there is of it.
async fn budget(host: &Host, which: &str, of: &str) -> u64 {
    let text = host.http().send(http::Method::GET, &host.uri("/metrics")).await.expect(200).text();
    let name = format!("longhaul_memory_{which}_bytes{{of=\"{of}\"}} ");
    let value = text.lines().find_map(|line| line.strip_prefix(&name));
    value.and_then(|value| value.parse().ok()).unwrap_or_else(|| panic!("no {name} in {text}"))
}

fn socket(host: &Host) -> std::net::SocketAddr {
    host.address().strip_prefix("http://").and_then(|text| text.parse().ok()).expect("the host says where it listens")
}

/// A request of this length of which nothing but the head is sent, from an address of this machine.
async fn announce(host: &Host, from: &str, bytes: usize) -> TcpStream {
    let from_there = TcpSocket::new_v4().expect("a socket");
    from_there.bind(format!("{from}:0").parse().expect("an address")).expect("the whole of 127.0.0.0/8 is this machine's");
    let mut stream = from_there.connect(socket(host)).await.expect("a connection");
    let head = format!(
        "POST /runtime/webhooks/durabletask/orchestrators/Misbehaving HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n\
         content-length: {bytes}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.expect("the head is taken");
    stream
}

/// What the host says to a request.
async fn said(mut stream: TcpStream) -> String {
    let mut bytes = vec![0; 4_096];
    let count = tokio::time::timeout(LIMIT, stream.read(&mut bytes)).await.expect("an answer").expect("no broken connection");
    String::from_utf8_lossy(&bytes[..count]).into_owned()
}

/// The ids of each page of the list, and how long the pages are.
async fn pages(host: &Host, query: &str) -> Vec<(Vec<String>, usize)> {
    let (mut pages, mut token) = (Vec::new(), String::new());
    loop {
        let uri = host.management_uri(&format!("/instances?{query}"));
        let request = http::Request::get(uri).header("x-ms-continuation-token", &token).body(Default::default()).expect("a request");
        let page = host.http().try_request(request).await.expect("an answer").expect(200);
        let ids =
            page.json().as_array().expect("an array").iter().map(|row| row["instanceId"].as_str().unwrap_or_default().to_owned()).collect();
        pages.push((ids, page.body.len()));
        token = page.header("x-ms-continuation-token").to_owned();
        if token.is_empty() {
            return pages;
        }
    }
}

#[tokio::test]
async fn pages_of_long_inputs_end_by_bytes_and_what_is_not_shown_does_not_count() {
    let host = host(&["--max-page-bytes=2500000"]).await;
    for number in 0..6 {
        host.start_with_id("Misbehaving", &format!("i{number}"), &json!(format!("wait {}", "x".repeat(MIB)))).await;
    }
    host.start_with_id("Misbehaving", "long", &json!(format!("wait {}", "x".repeat(3 * MIB)))).await;
    // Whether memory knows them alone, or the tables too.
    for _ in 0..2 {
        let found = pages(&host, "top=1000").await;
        let ids: Vec<_> = found.iter().map(|(ids, _)| ids.join(" ")).collect();
        assert_eq!(ids, ["i0 i1", "i2 i3", "i4 i5", "long"]);
        assert!(found.iter().all(|(_, bytes)| *bytes > MIB && *bytes < 4 * MIB));
        let found = pages(&host, "top=1000&showInput=false").await;
        assert_eq!((found.len(), found[0].0.len()), (1, 7));
        assert!(found[0].1 < 4_096, "{} bytes", found[0].1);
        host.crash().await;
    }
    assert_eq!(budget(&host, "used", "answers").await, 0);
}

#[tokio::test]
async fn instances_leave_memory_by_bytes_and_go_on_all_the_same() {
    let host = host(&["--instance-memory-bytes=20000000"]).await;
    let limit = budget(&host, "limit", "instances").await;
    for number in 0..40 {
        host.start_with_id("Misbehaving", &format!("i{number}"), &json!(format!("wait {}", "x".repeat(MIB)))).await;
    }
    eventually("instances to leave", LIMIT, || async {
        let used = budget(&host, "used", "instances").await;
        if used <= limit { Ok(()) } else { Err(format!("{used} of {limit} bytes are taken")) }
    })
    .await;
    let text = host.http().send(http::Method::GET, &host.uri("/metrics")).await.text();
    let in_memory = text.lines().find_map(|line| line.strip_prefix("longhaul_instances_in_memory ")).and_then(|value| value.parse().ok());
    assert!(in_memory.is_some_and(|count: u32| (1..20).contains(&count)), "{in_memory:?} of 40 instances are in memory");
    // The longest idle have left; they come back by replay. What this guest does behind the wait does not exist, so it is set aside: it has run.
    for id in ["i0", "i39"] {
        host.raise(id, "Go", &json!(1)).await.expect_empty(202);
        eventually("the instance to go on", LIMIT, || async {
            let status = host.status(id).await;
            status["parkedReason"].as_str().map(drop).ok_or_else(|| status["runtimeStatus"].to_string())
        })
        .await;
    }
}

#[tokio::test]
async fn nothing_large_is_taken_while_those_at_work_hold_too_much() {
    let host = host(&["--instance-memory-bytes=3000000", "--turn-deadline-ms=60000"]).await;
    host.start_with_id("Misbehaving", "busy", &json!("spin")).await;
    let large = json!("x".repeat(MIB));
    let mut taken = 0;
    let refused = loop {
        let answer = host.raise("busy", "Other", &large).await;
        if answer.status != 202 {
            break answer;
        }
        taken += 1;
        assert!(taken < 10, "events wait for a turn that does not end, and all of them are taken");
    };
    assert_eq!((refused.status, refused.header("retry-after")), (503, "1"), "{}", refused.text());
    assert!(taken >= 2, "{taken} were taken");
    host.raise("busy", "Other", &json!(1)).await.expect_empty(202);
    assert_eq!(host.start_and_wait("Misbehaving", &json!("behave")).await, "well");
}

#[tokio::test]
async fn answers_beyond_the_budget_wait_and_are_refused_then() {
    let host = host(&["--answer-memory-bytes=67108864", "--write-deadline-seconds=30"]).await;
    host.start_with_id("Misbehaving", "long", &json!(format!("wait {}", "x".repeat(24 * MIB)))).await;
    // Answers that are not read fill what the system keeps of them, and the rest waits in the host.
    let mut held = Vec::new();
    for _ in 0..2 {
        let mut stream = TcpStream::connect(socket(&host)).await.expect("a connection");
        let request = "GET /runtime/webhooks/durabletask/instances/long HTTP/1.1\r\nhost: localhost\r\n\r\n";
        stream.write_all(request.as_bytes()).await.expect("the request is taken");
        held.push(stream);
    }
    eventually("both answers to be made", LIMIT, || async {
        let used = budget(&host, "used", "answers").await;
        if used >= 40 * MIB as u64 { Ok(()) } else { Err(format!("{used} bytes are taken")) }
    })
    .await;
    let refused = host.get("/instances/long").await.expect(503);
    assert_eq!(refused.header("retry-after"), "1");
    host.get("/instances/long?showInput=false").await.expect(202);
    drop(held);
    eventually("the room to be free again", LIMIT, || async {
        let answer = host.get("/instances/long").await;
        if answer.status == 202 { Ok(()) } else { Err(format!("{} bytes are taken", budget(&host, "used", "answers").await)) }
    })
    .await;
}

#[tokio::test]
async fn bodies_beyond_the_budget_are_refused_before_they_are_read_and_short_ones_are_taken() {
    let host = host(&["--body-memory-bytes=104857600", "--body-memory-bytes-per-address=67108864", "--body-deadline-seconds=10"]).await;
    assert_eq!(budget(&host, "limit", "bodies").await, 100 * MIB as u64);
    let mut held = Vec::new();
    for from in ["127.0.0.2", "127.0.0.2", "127.0.0.3"] {
        held.push(announce(&host, from, 31 * MIB).await);
    }
    eventually("the host to see all three", LIMIT, || async {
        let used = budget(&host, "used", "bodies").await;
        if used == 93 * MIB as u64 { Ok(()) } else { Err(format!("{used} bytes are taken")) }
    })
    .await;
    let refused = said(announce(&host, "127.0.0.2", 31 * MIB).await).await;
    assert!(refused.starts_with("HTTP/1.1 429 ") && refused.contains("retry-after: 1\r\n"), "{refused}");
    let refused = said(announce(&host, "127.0.0.3", 31 * MIB).await).await;
    assert!(refused.starts_with("HTTP/1.1 503 ") && refused.contains("retry-after: 1\r\n"), "{refused}");
    assert_eq!(host.start_and_wait("Misbehaving", &json!("behave")).await, "well");
    // Those who send nothing lose their room to the deadline, which each of them is told.
    for stream in held {
        let late = said(stream).await;
        assert!(late.starts_with("HTTP/1.1 408 "), "{late}");
    }
    eventually("the room to be free again", LIMIT, || async {
        let used = budget(&host, "used", "bodies").await;
        if used == 0 { Ok(()) } else { Err(format!("{used} bytes are taken")) }
    })
    .await;
}
