//! Bodies of requests, as clients of all kinds write them.

use e2e::{Apps, Host};
use http::Method;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

async fn hello() -> Host {
    Host::with_app(&Apps::hello_cities()).await
}

#[tokio::test]
async fn a_client_function_gets_a_body_up_to_the_hosts_limit() {
    let host = hello().await;
    let uri = format!("{}/api/HttpStart?function=WaitForGo", host.address());
    let send = async |bytes: usize| {
        let body = format!("{{\"padding\":\"{}\"}}", "x".repeat(bytes - 14));
        assert_eq!(body.len(), bytes);
        host.http().send_text(Method::POST, &uri, "application/json", &body).await
    };
    send(17 << 20).await.expect(202);
    send(32 << 20).await.expect(202);
    let refused = send((32 << 20) + 1).await.expect(413).json();
    assert!(refused["Message"].as_str().is_some_and(|text| text.contains("33554432")), "{refused}");
    assert_eq!(send_in_pieces(&host, "/api/HttpStart", (32 << 20) + 1).await, 413);
}

/// Sends a body that does not say its length; the status of the answer.
async fn send_in_pieces(host: &Host, path: &str, bytes: usize) -> u16 {
    let address = host.address().strip_prefix("http://").expect("the address is a URL").to_owned();
    let head = format!("POST {path} HTTP/1.1\r\nhost: {address}\r\ntransfer-encoding: chunked\r\n\r\n");
    let mut stream = tokio::net::TcpStream::connect(&address).await.expect("the host accepts");
    stream.write_all(head.as_bytes()).await.expect("it is taken");
    let piece = vec![b'1'; 1 << 20];
    for begin in (0..bytes).step_by(piece.len()) {
        let length = piece.len().min(bytes - begin);
        stream.write_all(format!("{length:x}\r\n").as_bytes()).await.expect("it is taken");
        stream.write_all(&piece[..length]).await.expect("it is taken");
        stream.write_all(b"\r\n").await.expect("it is taken");
    }
    stream.write_all(b"0\r\n\r\n").await.expect("it is taken");
    let mut status = [0; 12];
    stream.read_exact(&mut status).await.expect("an answer");
    String::from_utf8_lossy(&status[9..]).parse().expect("a status")
}

#[tokio::test]
async fn a_byte_order_mark_is_no_part_of_a_body() {
    let host = hello().await;
    let uri = host.management_uri("/orchestrators/WaitForGo/marked");
    host.http().send_text(Method::POST, &uri, "application/json", "\u{feff}{\"timeoutSeconds\": 600}").await.expect(202);
    let status = host.until_status("marked", "Running").await;
    assert_eq!(status["input"], json!({"timeoutSeconds": 600}));
}
