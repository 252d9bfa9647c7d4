//! Connections: accepting, bounding and ending them.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

use super::Api;
use super::request::{Caller, Surface};

/// Bounds on connections.
#[derive(Clone, Debug)]
pub struct ServerLimits {
    /// Most connections to one listener at a time; more wait in the kernel's queue.
    pub max_connections: usize,
    /// Longest wait for the head of a request, the next one on a kept connection included.
    pub header_deadline: Duration,
    /// Longest wait for the requests in flight when the host stops.
    pub drain_deadline: Duration,
}

/// Pause after a failed accept. Running out of file descriptors does not pass sooner for asking in a circle.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

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
    let places = Arc::new(Semaphore::new(limits.max_connections));
    let graceful = GracefulShutdown::new();
    let mut stop = std::pin::pin!(stop);
    loop {
        let accepted = async {
            // The semaphore is never closed.
            let place = places.clone().acquire_owned().await;
            (place, listener.accept().await)
        };
        let (place, accepted) = tokio::select! {
            () = &mut stop => break,
            accepted = accepted => accepted,
        };
        match accepted {
            Ok((stream, peer)) => {
                let connection = connection(stream, api.clone(), Caller { surface, peer, local }, &limits);
                let connection = graceful.watch(connection);
                tokio::spawn(async move {
                    let _place = place;
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
    let service = service_fn(move |request| {
        let (api, caller) = (api.clone(), caller.clone());
        async move { Ok::<_, Infallible>(api.answer(request, &caller).await) }
    });
    http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.header_deadline)
        .serve_connection(TokioIo::new(stream), service)
}

/// Whether only this machine can reach a listener.
pub fn is_loopback(address: SocketAddr) -> bool {
    address.ip().to_canonical().is_loopback()
}
