//! Why there is no answer, or none that can be used.

use std::fmt;

/// Why there is no answer. By `?` an error becomes a [`Failure`](crate::Failure) of the type that
/// stands with each kind, which a retry policy can name in
/// [`give_up_on`](crate::RetryPolicy::give_up_on).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The request cannot be sent: a malformed URL, method or header, a user name in the URL, the
    /// methods CONNECT, TRACE and TRACK. Type `InvalidHttpRequest`, never tried again.
    InvalidRequest,
    /// The manifest or the operator does not allow this host, or it is the Longhaul host itself.
    /// Type `HttpRequestDenied`, never tried again.
    Denied,
    /// The name has no address. Type `HttpDns`.
    Dns,
    /// No connection: the server does not listen, or cannot be reached. Type `HttpConnect`.
    Connect,
    /// No secure connection: a certificate that is not trusted or of another name, or a handshake
    /// that failed. Type `HttpTls`.
    Tls,
    /// It took too long: see [`timeout`](super::Request::timeout) and
    /// [`total_timeout`](super::Request::total_timeout). Type `HttpTimeout`.
    Timeout,
    /// The connection broke before the answer was complete, or carried something that is not HTTP.
    /// Type `HttpProtocol`.
    Protocol,
    /// The answer's body is longer than [`MAX_RESPONSE_BYTES`](super::MAX_RESPONSE_BYTES). Type
    /// `HttpResponseTooLarge`, never tried again.
    TooLarge,
    /// The answer came, and its body is not text of a known charset. Type `HttpContent`, never
    /// tried again.
    Content,
}

impl ErrorKind {
    /// The type of the failure that an error of this kind becomes.
    pub fn failure_type(self) -> &'static str {
        match self {
            Self::InvalidRequest => "InvalidHttpRequest",
            Self::Denied => "HttpRequestDenied",
            Self::Dns => "HttpDns",
            Self::Connect => "HttpConnect",
            Self::Tls => "HttpTls",
            Self::Timeout => "HttpTimeout",
            Self::Protocol => "HttpProtocol",
            Self::TooLarge => "HttpResponseTooLarge",
            Self::Content => "HttpContent",
        }
    }

    /// Whether the same request would fail in the same way again.
    pub(crate) fn is_final(self) -> bool {
        matches!(self, Self::InvalidRequest | Self::Denied | Self::TooLarge | Self::Content)
    }
}

/// Why there is no answer, in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    kind: ErrorKind,
    message: String,
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }

    /// What kind of error it is.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }
}

impl fmt::Display for Error {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.message)
    }
}

impl std::error::Error for Error {}
