//! Why a request got no answer, in the codes that guests see and in words.

use std::error::Error as StdError;
use std::io;
use std::net::SocketAddr;

use hyper_util::client::legacy::Error as ClientError;
use wasmtime_wasi_http::Error;

use super::exchange::{MAX_HEAD_BYTES, MAX_HEADERS};
use crate::log::{GuestLog, LogLevel};

/// Why a request got no answer.
#[derive(Debug)]
pub(crate) struct RequestFailed {
    pub code: Error,
    /// Details that the code cannot carry.
    pub reason: Option<String>,
}

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConnectError {
    #[error("{0} leads to the Longhaul host itself, which functions cannot call over HTTP")]
    OwnAddress(SocketAddr),
    #[error("there is no such host: {0}")]
    Dns(#[source] io::Error),
    #[error("the name's address was not found in time")]
    DnsTimeout,
    #[error("the server did not take the connection in time")]
    TcpTimeout,
    #[error("the server did not answer the TLS handshake in time")]
    TlsTimeout,
    #[error(transparent)]
    Tcp(#[from] Box<dyn StdError + Send + Sync>),
    #[error("no secure connection: {0}")]
    Tls(#[source] io::Error),
}

impl From<Error> for RequestFailed {
    fn from(code: Error) -> Self {
        Self { code, reason: None }
    }
}

impl RequestFailed {
    pub(super) fn because(code: Error, reason: impl Into<String>) -> Self {
        Self { code, reason: Some(reason.into()) }
    }

    pub(super) fn head_too_large() -> Self {
        let words = format!("the answer's head has more than {MAX_HEADERS} headers or {MAX_HEAD_BYTES} bytes");
        Self::because(Error::HttpResponseHeaderSectionSize(u32::try_from(MAX_HEAD_BYTES).ok()), words)
    }

    /// The guest sees only a code, so the details go to its log.
    pub(super) fn tell(&self, log: &GuestLog, to: &str) {
        if let Some(reason) = &self.reason {
            log.line(LogLevel::Warn, &format!("request to {to} failed: {reason}"));
        }
    }

    /// The message for people.
    pub(crate) fn words(self) -> String {
        use Error as E;
        if let Some(reason) = self.reason {
            return reason;
        }
        match self.code {
            E::ConnectionRefused => "the connection was refused".into(),
            E::ConnectionTerminated | E::HttpResponseIncomplete => "the connection was closed before the answer was complete".into(),
            E::ConnectionTimeout => "connecting took too long".into(),
            E::ConnectionReadTimeout => "the answer took too long".into(),
            E::ConnectionWriteTimeout => "the server takes no more of the request".into(),
            E::DestinationUnavailable => "the host cannot be reached".into(),
            E::InternalError(Some(text)) => text,
            other => other.to_string(),
        }
    }
}

/// The first cause that is known decides.
impl From<&ClientError> for RequestFailed {
    fn from(error: &ClientError) -> Self {
        let mut cause: Option<&(dyn StdError + 'static)> = Some(error);
        while let Some(current) = cause {
            if let Some(connect) = current.downcast_ref::<ConnectError>() {
                return connect.into();
            }
            if let Some(hyper) = current.downcast_ref::<hyper::Error>() {
                return hyper.into();
            }
            cause = current.source();
        }
        Self::because(Error::ConnectionTerminated, error.to_string())
    }
}

impl From<&ConnectError> for RequestFailed {
    fn from(error: &ConnectError) -> Self {
        let words = error.to_string();
        match error {
            ConnectError::OwnAddress(_) => Self::because(Error::DestinationIpProhibited, words),
            ConnectError::Dns(cause) => Self::because(Error::DnsError { rcode: Some(cause.to_string()), info_code: None }, words),
            ConnectError::DnsTimeout => Self::because(Error::DnsTimeout, words),
            ConnectError::TcpTimeout | ConnectError::TlsTimeout => Self::because(Error::ConnectionTimeout, words),
            ConnectError::Tcp(cause) => match io_cause(&**cause) {
                Some(io) => tcp_failed(io),
                None => Self::because(Error::DestinationUnavailable, words),
            },
            ConnectError::Tls(io) => match io.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
                Some(tls) => Self::because(tls_code(tls), tls.to_string()),
                None => Self::because(Error::TlsProtocolError, words),
            },
        }
    }
}

impl From<&hyper::Error> for RequestFailed {
    fn from(error: &hyper::Error) -> Self {
        if error.is_incomplete_message() {
            return Error::HttpResponseIncomplete.into();
        }
        if error.is_parse_too_large() {
            return Self::head_too_large();
        }
        if error.is_parse() {
            return Self::because(Error::HttpProtocolError, format!("the answer is not HTTP: {error}"));
        }
        if error.is_user() {
            return Self::because(Error::HttpProtocolError, "the request's body was broken off");
        }
        match error.source().and_then(io_cause) {
            Some(io) => exchange_failed(io),
            None => Self::because(Error::ConnectionTerminated, format!("the connection broke: {error}")),
        }
    }
}

fn io_cause<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a io::Error> {
    std::iter::successors(Some(error), |&error| error.source()).find_map(|error| error.downcast_ref())
}

fn tcp_failed(error: &io::Error) -> RequestFailed {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => Error::ConnectionRefused.into(),
        io::ErrorKind::TimedOut => Error::ConnectionTimeout.into(),
        io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted => Error::ConnectionTerminated.into(),
        io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => Error::DestinationUnavailable.into(),
        _ => RequestFailed::because(Error::DestinationUnavailable, format!("the host cannot be reached: {error}")),
    }
}

/// An open connection that stopped working.
fn exchange_failed(error: &io::Error) -> RequestFailed {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => Error::HttpResponseIncomplete.into(),
        io::ErrorKind::TimedOut => RequestFailed::because(Error::ConnectionWriteTimeout, error.to_string()),
        io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput => {
            RequestFailed::because(Error::HttpProtocolError, format!("the answer is not HTTP: {error}"))
        }
        io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted | io::ErrorKind::BrokenPipe => Error::ConnectionTerminated.into(),
        _ => RequestFailed::because(Error::ConnectionTerminated, format!("the connection broke: {error}")),
    }
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
