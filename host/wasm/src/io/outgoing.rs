//! Outgoing HTTP requests of guests: checked against the list, then sent through one pool of connections.

use std::error::Error as StdError;
use std::sync::Arc;
use std::time::Duration;

use http::uri::Scheme;
use http_body_util::BodyExt;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::{Client, Error as ClientError};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody, WasiHttpHooks};

use super::AppEnvironment;
use super::resolver::Resolver;
use crate::log::{GuestLog, LogLevel};

/// How long to try to connect.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long an unused connection is kept. Below what servers commonly keep (5 s and more), so that a request is seldom sent into a
/// connection that the server is just closing: a POST that was lost that way could not be sent again.
const IDLE_TIMEOUT: Duration = Duration::from_secs(4);
const MAX_IDLE_PER_HOST: usize = 64;

/// One for all guests of a runtime, so that calls to the same host share its connections.
pub(crate) type HttpClient = Client<HttpConnector<Resolver>, WasiBody>;

pub(crate) fn new_http_client() -> HttpClient {
    let mut connector = HttpConnector::new_with_resolver(Resolver::new());
    connector.set_nodelay(true);
    connector.set_connect_timeout(Some(CONNECT_TIMEOUT));
    Client::builder(TokioExecutor::new())
        .pool_idle_timeout(IDLE_TIMEOUT)
        .pool_timer(TokioTimer::new())
        .pool_max_idle_per_host(MAX_IDLE_PER_HOST)
        .build(connector)
}

/// What a guest's `wasi:http/outgoing-handler` comes to.
pub(super) struct Outgoing {
    pub client: HttpClient,
    pub environment: Arc<AppEnvironment>,
    pub log: Arc<GuestLog>,
}

type Answer = Result<(http::Response<WasiBody>, Box<dyn Future<Output = Result<(), Error>> + Send>), Error>;

impl WasiHttpHooks for Outgoing {
    fn send_request(
        &mut self,
        request: http::Request<WasiBody>,
        options: Option<RequestOptions>,
        _outcome: Box<dyn Future<Output = Result<(), Error>> + Send>,
    ) -> Box<dyn Future<Output = Answer> + Send> {
        if let Err(refusal) = self.check(request.uri()) {
            return Box::new(async { Err(refusal) });
        }
        let client = self.client.clone();
        Box::new(async move {
            let response = within(first_byte_timeout(options), client.request(request)).await?;
            let response = response.map(|body| body.map_err(Error::from).boxed_unsync());
            Ok((response, Box::new(async { Ok(()) }) as Box<dyn Future<Output = _> + Send>))
        })
    }
}

impl Outgoing {
    fn check(&self, uri: &http::Uri) -> Result<(), Error> {
        let host = uri.authority().map_or("", |authority| authority.as_str());
        let scheme = uri.scheme_str().unwrap_or_default();
        if !self.environment.allowed_hosts.allows(uri) {
            let hint = "add it to the allowed hosts of the manifest and of the operator";
            self.log.line(LogLevel::Warn, &format!("request to {scheme}://{host} denied: {hint}"));
            return Err(Error::HttpRequestDenied);
        }
        if uri.scheme() != Some(&Scheme::HTTP) {
            let problem = format!("{scheme} is not supported by this host, only http: {scheme}://{host}");
            self.log.line(LogLevel::Warn, &problem);
            return Err(Error::InternalError(Some(problem)));
        }
        Ok(())
    }
}

/// The guest's own bound on the wait for an answer; without one only the function's deadline holds. Connections are shared, so a
/// bound on connecting alone is the host's.
fn first_byte_timeout(options: Option<RequestOptions>) -> Option<Duration> {
    let options = options?;
    Some(options.first_byte_timeout?.saturating_add(options.connect_timeout.unwrap_or(CONNECT_TIMEOUT)))
}

async fn within<T>(timeout: Option<Duration>, request: impl Future<Output = Result<T, ClientError>>) -> Result<T, Error> {
    let result = match timeout {
        None => request.await,
        Some(timeout) => tokio::time::timeout(timeout, request).await.map_err(|_| Error::ConnectionReadTimeout)?,
    };
    result.map_err(|error| wasi_error(&error))
}

/// The code that a guest sees; the first cause that says something decides.
fn wasi_error(error: &ClientError) -> Error {
    let mut cause: Option<&(dyn StdError + 'static)> = Some(error);
    while let Some(current) = cause {
        if let Some(io) = current.downcast_ref::<std::io::Error>() {
            return io_error(io);
        }
        if current.downcast_ref::<hyper::Error>().is_some_and(hyper::Error::is_incomplete_message) {
            return Error::HttpResponseIncomplete;
        }
        // The name resolver's error has no public type.
        if current.to_string().starts_with("dns error") {
            return Error::DnsError { rcode: current.source().map(ToString::to_string), info_code: None };
        }
        cause = current.source();
    }
    Error::InternalError(Some(error.to_string()))
}

fn io_error(error: &std::io::Error) -> Error {
    use std::io::ErrorKind;
    match error.kind() {
        ErrorKind::ConnectionRefused => Error::ConnectionRefused,
        ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted | ErrorKind::BrokenPipe => Error::ConnectionTerminated,
        ErrorKind::TimedOut => Error::ConnectionTimeout,
        ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable => Error::DestinationUnavailable,
        _ => Error::InternalError(Some(error.to_string())),
    }
}
