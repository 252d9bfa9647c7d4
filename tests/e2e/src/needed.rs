//! A server that the activity `Needy` of the test guests depends on.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::task::AbortHandle;

/// One request that arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// The path without its slash.
    pub path: String,
    /// What the activity sent to tell the same call from another one.
    pub idempotency_key: String,
}

/// Answers 200 with the path, or 503 as often as it is told to. It ends with its value.
pub struct Needed {
    address: String,
    shared: Arc<Mutex<Shared>>,
    server: AbortHandle,
}

#[derive(Default)]
struct Shared {
    failures: HashMap<String, usize>,
    calls: Vec<Call>,
}

impl Needed {
    /// Starts it on a port of its own.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = format!("http://{}", listener.local_addr().expect("a bound socket has an address"));
        let shared = Arc::<Mutex<Shared>>::default();
        let server = tokio::spawn(serve(listener, shared.clone())).abort_handle();
        Self { address, shared, server }
    }

    /// Its address, without a slash at the end.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// The URI of a path.
    pub fn uri(&self, path: &str) -> String {
        format!("{}/{path}", self.address)
    }

    /// Lets the next `times` requests for a path fail.
    pub fn fail(&self, path: &str, times: usize) {
        lock(&self.shared).failures.insert(path.to_owned(), times);
    }

    /// What arrived for a path, in order.
    pub fn calls(&self, path: &str) -> Vec<Call> {
        lock(&self.shared).calls.iter().filter(|call| call.path == path).cloned().collect()
    }
}

impl Drop for Needed {
    fn drop(&mut self) {
        self.server.abort();
    }
}

fn lock(shared: &Mutex<Shared>) -> MutexGuard<'_, Shared> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn serve(listener: TcpListener, shared: Arc<Mutex<Shared>>) {
    while let Ok((stream, _)) = listener.accept().await {
        let shared = shared.clone();
        let service = hyper::service::service_fn(move |request| std::future::ready(Ok::<_, Infallible>(answer(&shared, &request))));
        tokio::spawn(hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service));
    }
}

fn answer(shared: &Mutex<Shared>, request: &Request<Incoming>) -> Response<Full<Bytes>> {
    let path = request.uri().path().trim_start_matches('/').to_owned();
    let key = request.headers().get("idempotency-key").and_then(|key| key.to_str().ok()).unwrap_or_default().to_owned();
    let mut shared = lock(shared);
    shared.calls.push(Call { path: path.clone(), idempotency_key: key });
    let mut response = Response::new(Full::new(Bytes::from(path.clone())));
    if let Some(left) = shared.failures.get_mut(&path).filter(|left| **left > 0) {
        *left -= 1;
        *response.status_mut() = http::StatusCode::SERVICE_UNAVAILABLE;
    }
    response
}
