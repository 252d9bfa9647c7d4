//! One request and its answer, with bounds on each wait. What guests send and what the host sends
//! for them goes through here.

use std::future::{Future, pending};
use std::path::Path;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use http::header::{CONTENT_LENGTH, HeaderValue, TRANSFER_ENCODING};
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body_util::combinators::UnsyncBoxBody;
use hyper::body::{Body, Incoming};
use hyper_util::client::legacy::connect::capture_connection;
use hyper_util::client::legacy::{Client, Error as ClientError};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tokio::runtime::Handle;
use tokio::time::{Instant, sleep, sleep_until};
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody};

use super::bodies::{Answered, Progress, Watched};
use super::connector::Connector;
use super::failed::RequestFailed;
use super::own_listeners::OwnListeners;
use super::trust::Trust;
use crate::error::Error as RuntimeError;

/// How long an unused connection is kept. Below what servers commonly keep (5 s and more), so that
/// a request is seldom sent into a connection that the server is just closing: a POST that was lost
/// that way could not be sent again.
const IDLE_TIMEOUT: Duration = Duration::from_secs(4);
const MAX_IDLE_PER_HOST: usize = 64;
/// Longest head of an answer, and the most that is buffered of a body before it is read.
pub(super) const MAX_HEAD_BYTES: usize = 64 * 1024;
/// What stands between a header's name and its value, and after it.
const LINE_BYTES: usize = 4;
/// Most headers of an answer.
pub(super) const MAX_HEADERS: usize = 100;

/// One for all guests of a runtime, so that calls to the same host share its connections.
pub(crate) type HttpClient = Client<Connector, WasiBody>;

/// Where connections are served: not where the guest runs that happens to open one, which may be in
/// the background, but where the client was made, if that was on a runtime.
#[derive(Clone)]
struct Executor(Option<Handle>);

impl<F> hyper::rt::Executor<F> for Executor
where
    F: Future<Output: Send> + Send + 'static,
{
    fn execute(&self, connection: F) {
        match &self.0 {
            Some(workers) => drop(workers.spawn(connection)),
            None => TokioExecutor::new().execute(connection),
        }
    }
}

/// A client that trusts the system's certificate authorities and those of `ca_file`, and never
/// connects to the host's own listeners.
pub(crate) fn new_http_client(ca_file: Option<&Path>, own: OwnListeners) -> Result<HttpClient, RuntimeError> {
    let connector = Connector::new(Trust::new(ca_file)?, own);
    let mut client = Client::builder(Executor(Handle::try_current().ok()));
    client.pool_idle_timeout(IDLE_TIMEOUT).pool_timer(TokioTimer::new()).pool_max_idle_per_host(MAX_IDLE_PER_HOST);
    client.http1_max_buf_size(MAX_HEAD_BYTES).http1_max_headers(MAX_HEADERS);
    Ok(client.build(connector))
}

/// Sends a request; any final status is an answer. The options' waits are each bounded: for a
/// connection (never longer than [`CONNECT_TIMEOUT`](super::connector::CONNECT_TIMEOUT)), then,
/// from each piece of the request's body that is sent, for the answer's head, and for each next
/// piece of its body.
pub(crate) async fn exchange(
    client: &HttpClient,
    mut request: Request<WasiBody>,
    options: RequestOptions,
) -> Result<Response<WasiBody>, RequestFailed> {
    refuse_what_must_not_be_sent(&request)?;
    tell_the_length(&mut request);
    let response = answered(client, request, options).await?;
    if response.status() == StatusCode::SWITCHING_PROTOCOLS {
        return Err(RequestFailed::because(Error::HttpProtocolError, "the server changed the protocol (101), and nothing asked for that"));
    }
    refuse_unknown_codings(response.headers())?;
    // The reader's own bound is a rough one: it holds for what is there before the last read.
    if response.headers().iter().map(|(name, value)| name.as_str().len() + value.len() + LINE_BYTES).sum::<usize>() > MAX_HEAD_BYTES {
        return Err(RequestFailed::head_too_large());
    }
    Ok(response.map(|body| Answered::boxed(body, options.between_bytes_timeout)))
}

/// The reader below takes the last coding off and leaves the others on, so the body would be
/// taken for what it is not. RFC 9112, 7: no request of ours says that it takes another coding.
fn refuse_unknown_codings(headers: &HeaderMap) -> Result<(), RequestFailed> {
    let values = headers.get_all(TRANSFER_ENCODING).iter();
    let mut codings = values.flat_map(|value| value.as_bytes().split(|byte| *byte == b',')).map(<[u8]>::trim_ascii);
    let is_chunked_once = codings.next().is_none_or(|first| first.eq_ignore_ascii_case(b"chunked")) && codings.next().is_none();
    if is_chunked_once {
        return Ok(());
    }
    let words = "the answer has a transfer coding besides 'chunked', and nothing asked for one";
    Err(RequestFailed::because(Error::HttpProtocolError, words))
}

/// # Errors
/// For methods that mean something to proxies and not to a server, and for a password in the
/// address, which would be sent nowhere and stand in logs.
fn refuse_what_must_not_be_sent<B>(request: &Request<B>) -> Result<(), RequestFailed> {
    let method = request.method().as_str();
    if is_forbidden_method(method) {
        let words = format!("the method {method} cannot be sent: CONNECT, TRACE and TRACK are for proxies");
        return Err(RequestFailed::because(Error::HttpRequestMethodInvalid, words));
    }
    match request.uri().authority() {
        Some(authority) if authority.as_str().contains('@') => {
            let words = "the address has a user name; send a header 'Authorization' instead";
            Err(RequestFailed::because(Error::HttpRequestUriInvalid, words))
        }
        _ => Ok(()),
    }
}

/// Whether a request of this method is never sent.
pub fn is_forbidden_method(method: &str) -> bool {
    ["CONNECT", "TRACE", "TRACK"].iter().any(|forbidden| method.eq_ignore_ascii_case(forbidden))
}

/// RFC 9110, 8.6: a method that anticipates content says so when there is none.
fn tell_the_length<B: Body>(request: &mut Request<B>) {
    let anticipates_content = matches!(*request.method(), Method::POST | Method::PUT | Method::PATCH);
    let is_told = [CONTENT_LENGTH, TRANSFER_ENCODING].iter().any(|name| request.headers().contains_key(name));
    if anticipates_content && !is_told && request.body().is_end_stream() {
        request.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
    }
}

async fn answered(
    client: &HttpClient,
    mut request: Request<WasiBody>,
    options: RequestOptions,
) -> Result<Response<Incoming>, RequestFailed> {
    let told = |result: Result<_, ClientError>| result.map_err(|error| RequestFailed::from(&error));
    let told_length = request.headers().get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    let progress = Progress::begin(if request.body().is_end_stream() { Some(0) } else { told_length });
    if options.first_byte_timeout.is_some() {
        let progress = progress.clone();
        request = request.map(|body| UnsyncBoxBody::new(Watched { body, progress }));
    }
    let mut connection = capture_connection(&mut request);
    let mut answer = pin!(client.request(request));
    tokio::select! {
        answer = &mut answer => return told(answer),
        _connected = async { drop(connection.wait_for_connection_metadata().await) } => progress.note(),
        () = over(options.connect_timeout) => return Err(Error::ConnectionTimeout.into()),
    }
    tokio::select! {
        answer = &mut answer => told(answer),
        () = stands_still(&progress, options.first_byte_timeout) => Err(match progress.is_sent() {
            true => Error::ConnectionReadTimeout.into(),
            false => Error::ConnectionWriteTimeout.into(),
        }),
    }
}

/// Done after `limit`; never without one.
async fn over(limit: Option<Duration>) {
    match limit {
        Some(limit) => sleep(limit).await,
        None => pending().await,
    }
}

/// Done once nothing has moved for `limit`; never without one.
async fn stands_still(progress: &Arc<Progress>, limit: Option<Duration>) {
    let Some(limit) = limit else { return pending().await };
    loop {
        let Some(end) = progress.last().checked_add(limit) else { return pending().await };
        if end <= Instant::now() {
            return;
        }
        sleep_until(end).await;
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http_body_util::Full;

    use super::*;

    fn request(method: &str, uri: &str) -> Request<Full<Bytes>> {
        Request::builder().method(method).uri(uri).body(Full::default()).unwrap()
    }

    #[test]
    fn tunnels_and_passwords_are_refused_whatever_sends_them() {
        for method in ["CONNECT", "TRACE", "trace", "Track", "connect"] {
            let refused = refuse_what_must_not_be_sent(&request(method, "http://a.example/")).unwrap_err();
            assert!(matches!(refused.code, Error::HttpRequestMethodInvalid), "{method}");
        }
        for uri in ["http://me@a.example/", "http://me:secret@a.example/", "http://@a.example/"] {
            let refused = refuse_what_must_not_be_sent(&request("GET", uri)).unwrap_err();
            assert!(matches!(refused.code, Error::HttpRequestUriInvalid) && !refused.words().contains("secret"), "{uri}");
        }
        assert!(refuse_what_must_not_be_sent(&request("GET", "http://a.example/@me")).is_ok());
    }

    #[test]
    fn a_request_without_content_tells_its_length_where_content_is_anticipated() {
        let told = |mut request: Request<Full<Bytes>>| {
            tell_the_length(&mut request);
            request.headers().get(CONTENT_LENGTH).cloned()
        };
        for (method, length) in [("POST", Some("0")), ("PUT", Some("0")), ("PATCH", Some("0")), ("GET", None), ("DELETE", None)] {
            assert_eq!(told(request(method, "http://a.example/")), length.map(HeaderValue::from_static), "{method}");
        }
        assert_eq!(told(request("POST", "http://a.example/").map(|_| Full::from("four"))), None, "the connection tells it");
    }
}
