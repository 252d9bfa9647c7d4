//! Serves HTTP until it is told to stop.

use std::convert::Infallible;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::TcpListener;

use crate::job;

/// How long requests in progress may take once the program was told to stop.
const STOP_WITHIN: Duration = Duration::from_secs(5);

/// A client that does not finish its headers in this time is let go.
const HEADER_TIMEOUT: Duration = Duration::from_secs(30);

/// After a failed accept, such as one for want of file descriptors, the next is tried this much later.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Answers requests, `delay` after their arrival, until `stop` completes; then lets those in progress finish.
pub async fn serve(listener: TcpListener, delay: Duration, stop: impl Future<Output = ()>) {
    let connections = GracefulShutdown::new();
    let mut stop = std::pin::pin!(stop);
    loop {
        let stream = tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => stream,
                Err(error) => {
                    eprintln!("cannot accept a connection: {error}");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            },
            () = &mut stop => break,
        };
        let service = service_fn(move |request| async move { Ok::<_, Infallible>(job::answer(request, delay).await) });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEADER_TIMEOUT)
            .serve_connection(TokioIo::new(stream), service);
        let connection = connections.watch(connection);
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                eprintln!("a connection broke: {error}");
            }
        });
    }
    if tokio::time::timeout(STOP_WITHIN, connections.shutdown()).await.is_err() {
        eprintln!("some requests were still in progress");
    }
}

#[cfg(test)]
mod tests;
