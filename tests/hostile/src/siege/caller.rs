//! Requests from an address of one's own, byte by byte.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

/// A caller at an address of this machine that is not the canary's: all of 127.0.0.0/8 are.
#[derive(Clone)]
pub(super) struct Caller {
    to: SocketAddr,
    from: String,
}

impl Caller {
    /// The attacker with this number.
    pub(super) fn new(to: SocketAddr, number: usize) -> Self {
        Self { to, from: format!("127.0.1.{}:0", number % 250 + 1) }
    }

    /// A connection on which these bytes have been sent, or why there is none.
    pub(super) async fn open(&self, bytes: &[u8]) -> std::io::Result<TcpStream> {
        let socket = TcpSocket::new_v4()?;
        socket.bind(self.from.parse().map_err(std::io::Error::other)?)?;
        let mut stream = socket.connect(self.to).await?;
        stream.write_all(bytes).await?;
        Ok(stream)
    }

    /// Sends a request on a connection of its own, reads the answer to its end, and says which status that had, or what came instead.
    pub(super) async fn request(&self, line: &str, headers: &str, body: &[u8], limit: Duration) -> String {
        self.exchange(line, headers, body, limit).await.0
    }

    /// As `request`; the first MiB of the answer beside it.
    pub(super) async fn exchange(&self, line: &str, headers: &str, body: &[u8], limit: Duration) -> (String, String) {
        let head = format!(
            "{line} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: {}\r\n{headers}\r\n",
            body.len()
        );
        let exchange = async {
            let mut stream = self.open(head.as_bytes()).await?;
            let (mut from, mut to) = stream.split();
            // A host that refuses answers before it has read all, so both go on at once.
            let send = async {
                let _ = to.write_all(body).await;
                std::future::pending().await
            };
            tokio::select! {
                answer = answer(&mut from) => answer,
                never = send => never,
            }
        };
        match tokio::time::timeout(limit, exchange).await {
            Err(_) => ("no answer in time".into(), String::new()),
            Ok(Err(error)) => (format!("no connection: {}", error.kind()), String::new()),
            Ok(Ok(text)) => (status_of(&text), text),
        }
    }
}

/// The status of an answer.
pub(super) fn status_of(text: &str) -> String {
    text.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3)).unwrap_or("closed").to_owned()
}

async fn answer(from: &mut (impl AsyncReadExt + Unpin)) -> std::io::Result<String> {
    let (mut kept, mut piece) = (Vec::new(), vec![0; 64 << 10]);
    loop {
        match from.read(&mut piece).await {
            Ok(0) => break,
            Ok(count) if kept.len() < 1 << 20 => kept.extend_from_slice(&piece[..count]),
            Ok(_) => {}
            // What was said before counts.
            Err(_) if !kept.is_empty() => break,
            Err(error) => return Err(error),
        }
    }
    Ok(String::from_utf8_lossy(&kept).into_owned())
}
