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

/// A request of this length of which nothing but the head is sent, from an address of this machine.
async fn announce(host: &Host, from: &str, bytes: usize) -> TcpStream {
    let address = host.address().strip_prefix("http://").and_then(|text| text.parse().ok()).expect("the host says where it listens");
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.bind(format!("{from}:0").parse().expect("an address")).expect("the whole of 127.0.0.0/8 is this machine's");
    let mut stream = socket.connect(address).await.expect("a connection");
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
