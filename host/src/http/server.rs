//! Connections: accepting, bounding and ending them.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http::header::CONNECTION;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

use super::Api;
use super::answer::with_header;
use super::request::{Caller, Surface};

mod head;
mod places;
mod wire;

use head::HeadWatch;
use places::Places;
use wire::Wire;

/// Bounds on connections.
#[derive(Clone, Debug)]
pub struct ServerLimits {
    /// Most connections to one listener at a time; more wait in the kernel's queue.
    pub max_connections: usize,
    /// Most connections of one address to one listener at a time; one more is closed with 503.
    pub max_connections_per_address: usize,
    /// Longest wait for the head of a request, the next one on a kept connection included.
    pub header_deadline: Duration,
    /// Longest wait until a client takes the next bytes of its answer; then its connection is closed.
    pub write_deadline: Duration,
    /// Longest head of a request, bytes. A longer one is answered with 431.
    pub max_header_bytes: usize,
    /// Most headers of a request. More are answered with 431.
    pub max_headers: usize,
    /// Longest path and query of a request, bytes. A longer one is answered with 414.
    pub max_uri_bytes: usize,
    /// Longest wait for the requests in flight when the host stops.
    pub drain_deadline: Duration,
}

/// Pause after a failed accept. Running out of file descriptors does not pass sooner for asking in a circle.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// Least room for what was read and not yet taken: a head that fills it is refused, and bodies come in pieces of that size.
const MIN_BUFFER_BYTES: usize = 64 * 1024;

/// Serves the routes of `surface` until `stop` is over, then finishes the requests in flight, at most for [`ServerLimits::drain_deadline`].
///
/// # Errors
/// When the listener does not know its own address.
pub async fn serve(
    listener: TcpListener,
    surface: Surface,
    api: Arc<Api>,
    limits: ServerLimits,
    stop: impl Future<Output = ()>,
) -> std::io::Result<()> {
    let local = listener.local_addr()?;
    let all_places = Arc::new(Semaphore::new(limits.max_connections));
    let places = Places::new(limits.max_connections_per_address);
    let graceful = GracefulShutdown::new();
    let mut stop = std::pin::pin!(stop);
    loop {
        let accepted = async {
            // The semaphore is never closed.
            let place = all_places.clone().acquire_owned().await;
            (place, listener.accept().await)
        };
        let (place, accepted) = tokio::select! {
            () = &mut stop => break,
            accepted = accepted => accepted,
        };
        match accepted {
            Ok((stream, peer)) => {
                let Some(own_place) = places.take(peer.ip()) else {
                    turn_away(&stream, peer);
                    continue;
                };
                let connection = connection(stream, api.clone(), Caller { surface, peer, local }, &limits);
                let connection = graceful.watch(connection);
                tokio::spawn(async move {
                    let _places = (place, own_place);
                    if let Err(error) = connection.await {
                        tracing::debug!(%peer, %error, "a connection ended early");
                    }
                });
            }
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(listener);
    api.begin_to_stop();
    if tokio::time::timeout(limits.drain_deadline, graceful.shutdown()).await.is_err() {
        tracing::warn!(seconds = limits.drain_deadline.as_secs(), "some requests did not end in time and are cut off");
    }
    Ok(())
}

/// The future of one connection.
fn connection(
    stream: TcpStream,
    api: Arc<Api>,
    caller: Caller,
    limits: &ServerLimits,
) -> impl hyper_util::server::graceful::GracefulConnection<Error = hyper::Error> + Send + 'static {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(peer = %caller.peer, %error, "cannot turn off Nagle's algorithm");
    }
    let heads = Arc::new(HeadWatch::default());
    let wire = Wire::new(stream, heads.clone(), limits.write_deadline);
    let max_uri_bytes = limits.max_uri_bytes;
    let service = service_fn(move |request| {
        let (api, caller, heads) = (api.clone(), caller.clone(), heads.clone());
        async move {
            let answer = match head::refusal(&request, &heads, max_uri_bytes) {
                Some(refusal) => with_header(refusal, CONNECTION, "close"),
                None => api.answer(request, &caller).await,
            };
            heads.begin_next();
            Ok::<_, Infallible>(answer)
        }
    });
    // HTTP/1.1 alone: without HTTP/2 there are no streams, resets and header tables to bound.
    http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.header_deadline)
        .max_headers(limits.max_headers)
        .max_header_size(limits.max_header_bytes)
        .max_buf_size(limits.max_header_bytes.max(MIN_BUFFER_BYTES))
        .serve_connection(TokioIo::new(wire), service)
}

/// Closes a connection of an address that has as many as it may, with a word if that can be said without waiting.
fn turn_away(stream: &TcpStream, peer: SocketAddr) {
    tracing::debug!(%peer, "turned away: the address has as many connections as it may");
    let text = "HTTP/1.1 503 Service Unavailable\r\nconnection: close\r\nretry-after: 1\r\ncontent-length: 0\r\n\r\n";
    // Whoever cannot be told sees the connection close.
    let _ = stream.try_write(text.as_bytes());
}

/// Whether only this machine can reach a listener.
pub fn is_loopback(address: SocketAddr) -> bool {
    address.ip().to_canonical().is_loopback()
}
