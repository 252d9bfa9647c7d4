//! Connections: accepting, bounding and ending them.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::time::{Duration, Instant};

use http::Request;
use http::header::CONNECTION;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio_rustls::TlsAcceptor;

use super::Api;
use super::answer::with_header;
use super::request::{Caller, Surface};
use crate::descriptors::Descriptors;

mod coding;
mod head;
mod idle;
mod incoming;
mod linger;
mod places;
pub mod tls;
mod wire;

pub use idle::Connections;

use head::HeadWatch;
use idle::Answered;
use incoming::Tracked;
use linger::{Lingering, MAX_LINGERING, turn_away};
use places::Places;
use wire::{Watched, Wire};

/// Where connections come in.
pub struct Listener {
    /// The socket.
    pub socket: TcpListener,
    /// Which routes are behind it.
    pub surface: Surface,
    /// What makes its connections secure; plain HTTP without it.
    pub tls: Option<TlsAcceptor>,
    /// The connections of all listeners together.
    pub connections: Arc<Connections>,
    /// How many descriptors connections may take.
    pub descriptors: Descriptors,
}

/// Bounds on connections.
#[derive(Clone, Debug)]
pub struct ServerLimits {
    /// Most connections to one listener at a time; more wait in the kernel's queue.
    pub max_connections: usize,
    /// Most connections of one address to one listener at a time; one more is closed with 503.
    pub max_connections_per_address: usize,
    /// Longest wait for the head of a request, the next one on a kept connection included, and for a TLS handshake.
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
/// How many idle connections are closed where one cannot be accepted for want of a descriptor.
const CLOSED_AT_A_TIME: usize = 16;
/// How often the log tells of connections that could not be taken.
const TELL_EVERY: Duration = Duration::from_secs(10);
/// Least room for what was read and not yet taken: a head that fills it is refused, and bodies come in pieces of that size.
const MIN_BUFFER_BYTES: usize = 64 * 1024;
/// How long an idle connection takes to close at most, where the host has time for it.
const UNTIL_IDLE_ONES_GO: Duration = Duration::from_millis(10);
/// What is said on a connection of an address that has as many as it may.
const TURNED_AWAY: &str = "HTTP/1.1 503 Service Unavailable\r\nconnection: close\r\nretry-after: 1\r\ncontent-length: 0\r\n\r\n";

/// Serves requests until `stop` is over, then finishes those in flight, at most for [`ServerLimits::drain_deadline`].
///
/// # Errors
/// When the listener does not know its own address.
pub async fn serve(listener: Listener, api: Arc<Api>, limits: ServerLimits, stop: impl Future<Output = ()>) -> std::io::Result<()> {
    let Listener { socket, surface, tls, connections, descriptors } = listener;
    let mut failures = Failures::default();
    let local = socket.local_addr()?;
    let all_places = Arc::new(Semaphore::new(limits.max_connections));
    let places = Places::new(limits.max_connections_per_address);
    let lingering = Arc::new(Semaphore::new(MAX_LINGERING));
    let graceful = GracefulShutdown::new();
    // Gone once the host stops: then handshakes are not waited for.
    let (serving, _) = watch::channel(());
    let mut stop = std::pin::pin!(stop);
    loop {
        let accepted = async {
            // The semaphore is never closed.
            let place = all_places.clone().acquire_owned().await;
            (place, socket.accept().await)
        };
        let (place, accepted) = tokio::select! {
            () = &mut stop => break,
            accepted = accepted => accepted,
        };
        match accepted {
            Ok((stream, peer)) => {
                if !has_room(&stream, descriptors, &connections).await {
                    failures.note(&"too few file descriptors are left; connections are turned away");
                    // Not closed in stages: a connection that lingers keeps the descriptor that is missing.
                    if tls.is_none() {
                        let _ = stream.try_write(TURNED_AWAY.as_bytes());
                    }
                    continue;
                }
                let Some(own_place) = places.take(peer.ip()) else {
                    tracing::debug!(%peer, "turned away: the address has as many connections as it may");
                    // With TLS a word would take a handshake first.
                    if tls.is_none() {
                        turn_away(stream, TURNED_AWAY, &lingering);
                    }
                    continue;
                };
                let scheme = if tls.is_some() { "https" } else { "http" };
                // A listener on all addresses is reached at one of them, which the proof to commands names.
                let local = stream.local_addr().unwrap_or(local);
                let caller = Caller { surface, scheme, peer, local };
                let wire = wire_of(stream, peer, &limits);
                let (api, tls, limits, lingering) = (api.clone(), tls.clone(), limits.clone(), lingering.clone());
                let (watcher, stopping, entry) = (graceful.watcher(), serving.subscribe(), connections.open());
                tokio::spawn(async move {
                    let _places = (place, own_place);
                    let noted = entry.connection.clone();
                    let served = async {
                        match tls {
                            None => watcher.watch(connection(wire, api, caller, &limits, lingering, noted)).await,
                            // In a box, so that plain connections do not take the room that these need.
                            Some(tls) => match Box::pin(tls::handshake(&tls, wire, peer, limits.header_deadline, stopping)).await {
                                Some(stream) => Box::pin(watcher.watch(connection(stream, api, caller, &limits, lingering, noted))).await,
                                None => Ok(()),
                            },
                        }
                    };
                    let served = tokio::select! {
                        served = served => served,
                        () = entry.connection.closed() => Ok(()),
                    };
                    if let Err(error) = served {
                        tracing::debug!(%peer, %error, "a connection ended early");
                    }
                });
            }
            Err(error) => {
                failures.note(&error);
                (0..CLOSED_AT_A_TIME).take_while(|_| connections.close_longest_idle()).for_each(drop);
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop((socket, serving));
    api.begin_to_stop();
    if tokio::time::timeout(limits.drain_deadline, graceful.shutdown()).await.is_err() {
        tracing::warn!(seconds = limits.drain_deadline.as_secs(), "some requests did not end in time and are cut off");
    }
    Ok(())
}

/// Whether a connection may stay. Where it takes a descriptor that is kept for other things, an idle connection has to go for it.
async fn has_room(stream: &TcpStream, descriptors: Descriptors, connections: &Connections) -> bool {
    let descriptor = stream.as_raw_fd().unsigned_abs().into();
    if !descriptors.are_short(descriptor) {
        return true;
    }
    let has_gone = connections.close_longest_idle();
    if has_gone && descriptors.are_very_short(descriptor) {
        // The next connections wait in the kernel until those that were told to go have gone.
        tokio::time::sleep(UNTIL_IDLE_ONES_GO).await;
    }
    has_gone
}

/// Connections that could not be taken: as many as there are, one line of the log tells of them now and then.
#[derive(Default)]
struct Failures {
    told: Option<Instant>,
    since: u64,
}

impl Failures {
    fn note(&mut self, why: &dyn std::fmt::Display) {
        self.since += 1;
        if self.told.is_none_or(|told| told.elapsed() >= TELL_EVERY) {
            tracing::warn!(failures = self.since, "cannot take connections: {why}");
            *self = Self { told: Some(Instant::now()), since: 0 };
        }
    }
}

fn wire_of(stream: TcpStream, peer: SocketAddr, limits: &ServerLimits) -> Wire<TcpStream> {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%peer, %error, "cannot turn off Nagle's algorithm");
    }
    Wire::new(stream, limits.write_deadline)
}

/// The future of one connection.
fn connection<S>(
    stream: S,
    api: Arc<Api>,
    caller: Caller,
    limits: &ServerLimits,
    lingering: Arc<Semaphore>,
    noted: Arc<idle::Connection>,
) -> impl hyper_util::server::graceful::GracefulConnection<Error = hyper::Error> + Send + 'static
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let heads = Arc::new(HeadWatch::default());
    let watched = Watched::new(Lingering::new(stream, heads.clone(), lingering), heads.clone());
    let max_uri_bytes = limits.max_uri_bytes;
    let service = service_fn(move |request: Request<Incoming>| {
        let (api, caller, heads, busy) = (api.clone(), caller.clone(), heads.clone(), noted.busy());
        async move {
            let request = request.map(|body| Tracked::new(body, heads.clone()));
            let answer = match head::refusal(&request, &heads, max_uri_bytes) {
                Some(refusal) => with_header(refusal, CONNECTION, "close"),
                None => api.answer(request, &caller).await,
            };
            heads.begin_next();
            // The client should know before it sends the next one.
            let answer = if heads.has_given_up_body() { with_header(answer, CONNECTION, "close") } else { answer };
            Ok::<_, Infallible>(answer.map(|body| Answered::new(body, busy)))
        }
    });
    // HTTP/1.1 alone: without HTTP/2 there are no streams, resets and header tables to bound.
    http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.header_deadline)
        .max_headers(limits.max_headers)
        .max_header_size(limits.max_header_bytes)
        .max_buf_size(limits.max_header_bytes.max(MIN_BUFFER_BYTES))
        .serve_connection(TokioIo::new(watched), service)
}

/// Whether only this machine can reach a listener.
pub fn is_loopback(address: SocketAddr) -> bool {
    address.ip().to_canonical().is_loopback()
}
