//! Bytes on a connection, as they are: no client would send most of them.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Context;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Longest wait for an answer.
const LIMIT: Duration = Duration::from_secs(60);

/// What came back.
#[derive(Debug)]
pub struct Received {
    /// The status, if there was an answer at all.
    pub status: Option<u16>,
    /// The answer, head and body.
    pub text: String,
}

/// Sends `bytes`, says so if no more will come, and reads the first answer, or until the host closes the connection.
///
/// # Errors
/// When the host cannot be reached, or neither answers nor closes in time.
pub async fn send(address: SocketAddr, bytes: &[u8], cut_off: bool) -> anyhow::Result<Received> {
    let exchange = async {
        let mut stream = TcpStream::connect(address).await.context("cannot connect")?;
        // A host that has heard enough may close before all is sent; what it said counts.
        let _ = stream.write_all(bytes).await;
        if cut_off {
            let _ = stream.shutdown().await;
        }
        let mut answer = Vec::new();
        let mut piece = [0; 16 * 1024];
        while !is_whole(&answer) {
            match stream.read(&mut piece).await {
                Ok(0) | Err(_) => break,
                Ok(count) => answer.extend_from_slice(&piece[..count]),
            }
        }
        anyhow::Ok(received(&answer))
    };
    tokio::time::timeout(LIMIT, exchange).await.with_context(|| format!("neither an answer nor an end within {LIMIT:?}"))?
}

fn received(answer: &[u8]) -> Received {
    let text = String::from_utf8_lossy(answer).into_owned();
    let status = text.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3)?.parse().ok());
    Received { status, text }
}

/// Whether the head is there and as much of a body as it announces.
fn is_whole(answer: &[u8]) -> bool {
    let text = String::from_utf8_lossy(answer);
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length:")?.trim().parse::<usize>().ok());
    // Answers of unknown length end with the connection or an empty piece.
    length.is_some_and(|length| body.len() >= length) || body.ends_with("0\r\n\r\n")
}
