//! Outgoing HTTP requests of guests: checked against the list, then sent through one pool of connections.

use std::error::Error as StdError;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::BodyExt;
use hyper_util::client::legacy::{Client, Error as ClientError};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tokio::runtime::Handle;
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody, WasiHttpHooks};

use super::AppEnvironment;
use super::connector::{CONNECT_TIMEOUT, Connector};
use super::held::BODY_PIECE_BYTES;
use super::trust::Trust;
use crate::error::Error as RuntimeError;
use crate::log::{GuestLog, LogLevel};

/// How long an unused connection is kept. Below what servers commonly keep (5 s and more), so that a request is seldom sent into a
/// connection that the server is just closing: a POST that was lost that way could not be sent again.
const IDLE_TIMEOUT: Duration = Duration::from_secs(4);
const MAX_IDLE_PER_HOST: usize = 64;
/// Most that a connection reads ahead of a guest, and so the longest head of an answer; and most that waits to be sent.
const MAX_BUFFER_BYTES: usize = 64 << 10;

/// One for all guests of a runtime, so that calls to the same host share its connections.
pub(crate) type HttpClient = Client<Connector, WasiBody>;

/// Where connections are served: not where the guest runs that happens to open one, which may be in the background, but where the client was
/// made, if that was on a runtime.
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

/// A client that trusts the system's certificate authorities and those of `ca_file`.
pub(crate) fn new_http_client(ca_file: Option<&Path>) -> Result<HttpClient, RuntimeError> {
    let connector = Connector::new(Trust::new(ca_file)?);
    let mut client = Client::builder(Executor(Handle::try_current().ok()));
    client.http1_max_buf_size(MAX_BUFFER_BYTES);
    client.pool_idle_timeout(IDLE_TIMEOUT).pool_timer(TokioTimer::new()).pool_max_idle_per_host(MAX_IDLE_PER_HOST);
    Ok(client.build(connector))
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
        let (client, log) = (self.client.clone(), self.log.clone());
        let to = destination(request.uri());
        Box::new(async move {
            let response = within(first_byte_timeout(options), client.request(request)).await;
            let response = response.inspect_err(|failed| failed.tell(&log, &to)).map_err(|failed| failed.code)?;
            let response = response.map(|body| body.map_err(Error::from).boxed_unsync());
            Ok((response, Box::new(async { Ok(()) }) as Box<dyn Future<Output = _> + Send>))
        })
    }

    /// Two such pieces are kept for each body.
    fn p2_outgoing_body_chunk_size(&mut self) -> usize {
        BODY_PIECE_BYTES
    }
}

impl Outgoing {
    fn check(&self, uri: &http::Uri) -> Result<(), Error> {
        if !self.environment.allowed_hosts.allows(uri) {
            let hint = "add it to the allowed hosts of the manifest and of the operator";
            self.log.line(LogLevel::Warn, &format!("request to {} denied: {hint}", destination(uri)));
            return Err(Error::HttpRequestDenied);
        }
        Ok(())
    }
}

/// Scheme and host: what may stand in a log.
pub(crate) fn destination(uri: &http::Uri) -> String {
    let host = uri.authority().map_or("", |authority| authority.as_str());
    format!("{}://{host}", uri.scheme_str().unwrap_or_default())
}

/// Why a request got no answer.
pub(crate) struct RequestFailed {
    pub code: Error,
    /// What the code has no room for.
    pub reason: Option<String>,
}

impl From<Error> for RequestFailed {
    fn from(code: Error) -> Self {
        Self { code, reason: None }
    }
}

impl RequestFailed {
    /// The guest sees a code only, so its log tells the rest.
    fn tell(&self, log: &GuestLog, to: &str) {
        if let Some(reason) = &self.reason {
            log.line(LogLevel::Warn, &format!("request to {to} failed: {reason}"));
        }
    }
}

/// The guest's own bound on the wait for an answer; without one only the function's deadline holds. Connections are shared, so a
/// bound on connecting alone is the host's.
fn first_byte_timeout(options: Option<RequestOptions>) -> Option<Duration> {
    let options = options?;
    Some(options.first_byte_timeout?.saturating_add(options.connect_timeout.unwrap_or(CONNECT_TIMEOUT)))
}

async fn within<T>(timeout: Option<Duration>, request: impl Future<Output = Result<T, ClientError>>) -> Result<T, RequestFailed> {
    let result = match timeout {
        None => request.await,
        Some(timeout) => tokio::time::timeout(timeout, request).await.map_err(|_| Error::ConnectionReadTimeout)?,
    };
    result.map_err(|error| request_failed(&error))
}

/// The code that a guest sees; the first cause that says something decides.
pub(crate) fn request_failed(error: &ClientError) -> RequestFailed {
    let mut cause: Option<&(dyn StdError + 'static)> = Some(error);
    while let Some(current) = cause {
        if let Some(io) = current.downcast_ref::<std::io::Error>() {
            return io_error(io);
        }
        if current.downcast_ref::<hyper::Error>().is_some_and(hyper::Error::is_incomplete_message) {
            return Error::HttpResponseIncomplete.into();
        }
        // The name resolver's error has no public type.
        if current.to_string().starts_with("dns error") {
            return Error::DnsError { rcode: current.source().map(ToString::to_string), info_code: None }.into();
        }
        cause = current.source();
    }
    Error::InternalError(Some(error.to_string())).into()
}

fn io_error(error: &std::io::Error) -> RequestFailed {
    use std::io::ErrorKind;
    if let Some(tls) = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
        return RequestFailed { code: tls_code(tls), reason: Some(tls.to_string()) };
    }
    let code = match error.kind() {
        ErrorKind::ConnectionRefused => Error::ConnectionRefused,
        ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted | ErrorKind::BrokenPipe => Error::ConnectionTerminated,
        ErrorKind::TimedOut => Error::ConnectionTimeout,
        ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable => Error::DestinationUnavailable,
        _ => Error::InternalError(Some(error.to_string())),
    };
    code.into()
}

fn tls_code(error: &rustls::Error) -> Error {
    match error {
        rustls::Error::InvalidCertificate(_) | rustls::Error::NoCertificatesPresented => Error::TlsCertificateError,
        rustls::Error::AlertReceived(alert) => {
            Error::TlsAlertReceived { alert_id: Some(u8::from(*alert)), alert_message: Some(format!("{alert:?}")) }
        }
        _ => Error::TlsProtocolError,
    }
}
