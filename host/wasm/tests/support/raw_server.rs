//! A server that says byte for byte what a test wants.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};

/// A server whose connections are one request each.
pub struct RawServer {
    pub address: SocketAddr,
    heads: Arc<Mutex<Vec<String>>>,
    connections: Arc<Mutex<usize>>,
}

impl RawServer {
    /// Answers each request with these bytes and closes the connection.
    pub async fn answering(answer: impl Into<Vec<u8>>) -> Self {
        let answer = answer.into();
        Self::start(move |mut stream| {
            let answer = answer.clone();
            async move {
                // A client that has seen enough may hang up.
                stream.write_all(&answer).await.ok();
                stream.shutdown().await.ok();
                // Closing with bytes unread would reset the connection, and the client might not
                // see the answer.
                tokio::io::copy(&mut stream, &mut tokio::io::sink()).await.ok();
            }
        })
        .await
    }

    /// Sends these bytes, and then nothing more, while the connection stays open.
    pub async fn stalling_after(beginning: &'static str) -> Self {
        Self::start(move |mut stream| async move {
            stream.write_all(beginning.as_bytes()).await.ok();
            std::future::pending::<()>().await;
            drop(stream);
        })
        .await
    }

    /// Gives each connection, its head read, to `serve`. The head and not more is read, from a
    /// small buffer.
    pub async fn start<F>(serve: impl Fn(TcpStream) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(4_096).unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let listener = socket.listen(64).unwrap();
        let address = listener.local_addr().unwrap();
        let (heads, connections): (Arc<Mutex<Vec<String>>>, Arc<Mutex<usize>>) = Default::default();
        tokio::spawn(accept(listener, heads.clone(), connections.clone(), serve));
        Self { address, heads, connections }
    }

    pub fn url(&self) -> String {
        format!("http://{}/", self.address)
    }

    /// The heads of the requests that came, in lower case.
    pub fn heads(&self) -> Vec<String> {
        self.heads.lock().unwrap().clone()
    }

    /// How many connections were accepted.
    pub fn connections(&self) -> usize {
        *self.connections.lock().unwrap()
    }
}

async fn accept<F>(
    listener: TcpListener,
    heads: Arc<Mutex<Vec<String>>>,
    connections: Arc<Mutex<usize>>,
    serve: impl Fn(TcpStream) -> F + Send + Sync + 'static,
) where
    F: Future<Output = ()> + Send + 'static,
{
    while let Ok((mut stream, _)) = listener.accept().await {
        *connections.lock().unwrap() += 1;
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            match stream.read_u8().await {
                Ok(byte) => head.push(byte),
                Err(_) => break,
            }
        }
        heads.lock().unwrap().push(String::from_utf8_lossy(&head).to_ascii_lowercase());
        tokio::spawn(serve(stream));
    }
}
