//! Connections that are held for nothing: they end, and others get through.

use std::time::Duration;

use e2e::{Apps, Host, HostOptions, eventually};
use serde_json::json;
use tokio::io::AsyncReadExt;
use tokio::net::{TcpSocket, TcpStream};

const LIMIT: Duration = Duration::from_secs(60);

async fn host(argument: &'static str) -> Host {
    Host::start(HostOptions { app: Some(&Apps::test_guests()), arguments: vec![argument] }).await
}

fn socket(host: &Host) -> std::net::SocketAddr {
    host.address().strip_prefix("http://").and_then(|text| text.parse().ok()).expect("the host says where it listens")
}

/// A connection from another address of this machine than the tests' clients have.
async fn from_elsewhere(host: &Host) -> TcpStream {
    let from = TcpSocket::new_v4().expect("a socket");
    from.bind("127.0.0.2:0".parse().expect("an address")).expect("the whole of 127.0.0.0/8 is this machine's");
    from.connect(socket(host)).await.expect("a connection")
}

#[tokio::test]
async fn a_flood_of_connections_from_one_address_does_not_stop_others() {
    let host = host("--max-connections-per-address=20").await;
    let mut flood = Vec::new();
    for _ in 0..200 {
        flood.push(from_elsewhere(&host).await);
    }
    // The last of them was turned away at once, which shows that the host has seen those before it.
    let mut said = Vec::new();
    let read = flood.last_mut().expect("a connection").read_to_end(&mut said);
    tokio::time::timeout(LIMIT, read).await.expect("it is turned away").expect("with an orderly end");
    assert!(said.starts_with(b"HTTP/1.1 503 "), "{}", String::from_utf8_lossy(&said));
    assert_eq!(host.start_and_wait("Misbehaving", &json!("behave")).await, "well");
}

#[tokio::test]
async fn a_client_that_does_not_read_its_answers_is_cut_off() {
    let host = host("--write-deadline-seconds=1").await;
    // A status that is long enough to fill every buffer between the two.
    host.start_with_id("Misbehaving", "long", &json!(format!("wait {}", "x".repeat(1_000_000)))).await;
    let stream = from_elsewhere(&host).await;
    let request = "GET /runtime/webhooks/durabletask/instances/long HTTP/1.1\r\nhost: localhost\r\n\r\n".repeat(100);
    eventually("the host to close the connection", LIMIT, || async {
        match stream.try_write(request.as_bytes()) {
            Ok(_) => Err("it takes more requests".to_owned()),
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => Err("it takes nothing, and is open".to_owned()),
            Err(_closed) => Ok(()),
        }
    })
    .await;
    assert_eq!(host.start_and_wait("Misbehaving", &json!("behave")).await, "well");
}
