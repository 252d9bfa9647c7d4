//! Requests to client functions whose bodies do not come: they end, and others get through meanwhile.

use std::time::Duration;

use bytes::Bytes;
use e2e::{Apps, Host, HostOptions};
use http::Request;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

const LIMIT: Duration = Duration::from_secs(90);

/// A request that says it has more of a body than it sends, from the tests' own address or another of this machine.
async fn half_sent(host: &Host, from: &str) -> TcpStream {
    let to = host.address().strip_prefix("http://").and_then(|text| text.parse().ok()).expect("the host says where it listens");
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.bind(from.parse().expect("an address")).expect("the whole of 127.0.0.0/8 is this machine's");
    let mut stream = socket.connect(to).await.expect("a connection");
    let request = "POST /api/MisbehavingClient?do=/echo HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1000\r\n\r\nthe beginning";
    stream.write_all(request.as_bytes()).await.expect("it is sent");
    stream
}

async fn status_of(mut stream: TcpStream) -> String {
    let mut said = vec![0; 1_000];
    let read = tokio::time::timeout(LIMIT, stream.read(&mut said)).await;
    let length = read.expect("it is answered in time").expect("it is answered");
    String::from_utf8_lossy(&said[..length]).lines().next().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn bodies_that_do_not_come_hold_up_neither_requests_without_one_nor_those_that_have_come() {
    let arguments = vec!["--max-running-requests=8", "--body-deadline-seconds=60"];
    let host = Host::start(HostOptions { app: Some(&Apps::test_guests()), arguments }).await;
    let mut open = Vec::new();
    for number in 0..40 {
        open.push(half_sent(&host, if number % 2 == 0 { "127.0.0.1:0" } else { "127.0.0.2:0" }).await);
    }
    let uri = host.uri("/api/MisbehavingClient?do=/bad-status");
    let answer = tokio::time::timeout(LIMIT, host.http().send(http::Method::GET, &uri)).await.expect("it is answered meanwhile");
    assert_eq!((answer.status, answer.text().as_str()), (200, "4"));
    let body = Bytes::from(vec![b'x'; 10_000]);
    let request = Request::post(host.uri("/api/MisbehavingClient?do=/echo")).body(body.clone().into()).expect("a request");
    let answer = tokio::time::timeout(LIMIT, host.http().try_request(request)).await.expect("it is answered meanwhile").expect("whole");
    assert_eq!((answer.status, answer.body), (200, body));
}

#[tokio::test]
async fn a_body_that_does_not_come_is_answered_for() {
    let arguments = vec!["--max-running-requests=8", "--body-deadline-seconds=2"];
    let host = Host::start(HostOptions { app: Some(&Apps::test_guests()), arguments }).await;
    let mut open = Vec::new();
    for _ in 0..10 {
        open.push(half_sent(&host, "127.0.0.1:0").await);
    }
    let mut said = Vec::new();
    for stream in open {
        said.push(status_of(stream).await);
    }
    // The one whose turn it was is told so, and those that had none are told to come again.
    let known = ["HTTP/1.1 408 Request Timeout", "HTTP/1.1 503 Service Unavailable"];
    assert!(said.iter().all(|line| known.contains(&line.as_str())), "{said:?}");
    assert!(known.iter().all(|line| said.contains(&line.to_string())), "{said:?}");
}
