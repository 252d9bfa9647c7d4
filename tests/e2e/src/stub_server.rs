//! A server inside the test, which answers as the test says and remembers what it was asked.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{HeaderMap, Method, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::eventually::eventually;

const LIMIT: Duration = Duration::from_secs(60);

/// A request that arrived.
#[derive(Clone, Debug)]
pub struct Arrived {
    /// Its method.
    pub method: Method,
    /// Path and query.
    pub path: String,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body as text.
    pub body: String,
    /// When it arrived.
    pub at: Instant,
    /// How many came before it.
    pub before: usize,
}

/// What becomes of a request.
pub enum Reply {
    /// It is answered.
    Answer(Response<String>),
    /// It never is, and the connection stays open.
    Silence,
    /// The connection is closed.
    HangUp,
}

impl Reply {
    /// An answer with these headers.
    pub fn new(status: u16, headers: &[(&str, &str)], body: &str) -> Self {
        let mut response = Response::builder().status(status);
        for (name, value) in headers {
            response = response.header(*name, *value);
        }
        Self::Answer(response.body(body.to_owned()).expect("the headers are good"))
    }
}

/// The server. It ends with the test's runtime.
pub struct StubServer {
    address: SocketAddr,
    seen: Arc<Mutex<Seen>>,
}

#[derive(Default)]
struct Seen {
    arrived: Vec<Arrived>,
    given_up: usize,
    connections: usize,
}

type Answers = dyn Fn(&Arrived) -> Reply + Send + Sync;

impl StubServer {
    /// Starts a server on a free port of 127.0.0.1.
    pub async fn start(answer: impl Fn(&Arrived) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("it listens");
        let (seen, answer): (Arc<Mutex<Seen>>, Arc<Answers>) = (Arc::default(), Arc::new(answer));
        let all = seen.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (all, answer) = (all.clone(), answer.clone());
                lock(&all).connections += 1;
                let seen = all.clone();
                let service = service_fn(move |request| serve(request, all.clone(), answer.clone()));
                tokio::spawn(async move {
                    // A client may hang up whenever it likes.
                    http1::Builder::new().serve_connection(TokioIo::new(stream), service).await.ok();
                    lock(&seen).connections -= 1;
                });
            }
        });
        Self { address, seen }
    }

    /// Where it is, such as `http://127.0.0.1:5000`.
    pub fn origin(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What has arrived.
    pub fn arrived(&self) -> Vec<Arrived> {
        lock(&self.seen).arrived.clone()
    }

    /// Waits until this many requests have arrived.
    pub async fn until_arrived(&self, count: usize) {
        eventually(format!("{count} requests"), LIMIT, || async {
            let found = self.arrived();
            if found.len() >= count { Ok(()) } else { Err(format!("{found:?}")) }
        })
        .await;
    }

    /// Waits until no connection is open: whatever clients that have ended sent before is among what has arrived. A request of its own,
    /// to `/`, is among it too.
    ///
    /// # Panics
    /// When the time is over: a client that keeps a connection has not ended.
    pub async fn until_disconnected(&self) {
        // Connections are accepted in their order, so once this one is served, no earlier one still waits to be accepted.
        let mut last = TcpStream::connect(self.address).await.expect("it listens");
        last.write_all(b"GET / HTTP/1.1\r\nhost: stub\r\nconnection: close\r\n\r\n").await.expect("it reads");
        last.read_to_end(&mut Vec::new()).await.expect("it answers and closes");
        eventually("all connections to close", LIMIT, || async {
            let open = lock(&self.seen).connections;
            if open == 0 { Ok(()) } else { Err(format!("{open} are open")) }
        })
        .await;
    }

    /// Waits until this many requests to which the answer is silence were given up by whoever sent them.
    pub async fn until_given_up(&self, count: usize) {
        eventually(format!("{count} requests to be given up"), LIMIT, || async {
            let found = lock(&self.seen).given_up;
            if found >= count { Ok(()) } else { Err(format!("{found} are")) }
        })
        .await;
    }
}

/// Counts a request as given up when hyper drops its future: the client has closed the connection.
struct Waiting(Arc<Mutex<Seen>>);

impl Drop for Waiting {
    fn drop(&mut self) {
        lock(&self.0).given_up += 1;
    }
}

async fn serve(request: http::Request<Incoming>, seen: Arc<Mutex<Seen>>, answer: Arc<Answers>) -> anyhow::Result<Response<Full<Bytes>>> {
    let (head, body) = request.into_parts();
    let body = String::from_utf8_lossy(&body.collect().await?.to_bytes()).into_owned();
    let path = head.uri.path_and_query().map(ToString::to_string).unwrap_or_default();
    let arrived = {
        let mut seen = lock(&seen);
        let before = seen.arrived.len();
        let arrived = Arrived { method: head.method, path, headers: head.headers, body, at: Instant::now(), before };
        seen.arrived.push(arrived.clone());
        arrived
    };
    match answer(&arrived) {
        Reply::Answer(response) => Ok(response.map(|body| Full::new(Bytes::from(body)))),
        Reply::HangUp => anyhow::bail!("the test wants it so"),
        Reply::Silence => {
            let _waiting = Waiting(seen);
            std::future::pending().await
        }
    }
}

fn lock(seen: &Mutex<Seen>) -> std::sync::MutexGuard<'_, Seen> {
    seen.lock().unwrap_or_else(PoisonError::into_inner)
}
