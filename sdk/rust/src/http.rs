//! A small HTTP client for activities and clients.
//!
//! Requests reach only hosts that the app's manifest and the operator allow. Orchestrators and entities must not use it.
//! In native tests [`testing::answer_http`](crate::testing::answer_http) answers.
//!
//! ```no_run
//! # use longhaul::{Failure, http};
//! # use std::time::Duration;
//! # fn fetch() -> Result<(), Failure> {
//! let answer = http::post("http://localhost:5000/api/Job")
//!     .json(&serde_json::json!({"returnError": false}))
//!     .timeout(Duration::from_secs(10))
//!     .send()?;
//! println!("{} {}", answer.status(), answer.text());
//! # Ok(())
//! # }
//! ```

use std::fmt;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::json;

/// A longer response body is an error: a guest's memory is small.
pub const MAX_RESPONSE_BYTES: usize = 8 * 1024 * 1024;

/// A request that is being put together. It is sent by [`send`](Request::send).
#[derive(Clone, Debug)]
pub struct Request {
    pub(crate) method: String,
    pub(crate) url: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    pub(crate) timeout: Option<Duration>,
    /// Why the body cannot be sent.
    invalid_body: Option<String>,
}

/// A GET request.
pub fn get(url: impl Into<String>) -> Request {
    request("GET", url)
}

/// A POST request.
pub fn post(url: impl Into<String>) -> Request {
    request("POST", url)
}

/// A request of any method. The URL is `http://` or `https://`, then authority, path and query.
pub fn request(method: impl Into<String>, url: impl Into<String>) -> Request {
    Request { method: method.into(), url: url.into(), headers: Vec::new(), body: Vec::new(), timeout: None, invalid_body: None }
}

impl Request {
    /// Adds a header.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Sends these bytes.
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    /// Sends this value as `application/json`. A value that has no JSON form (NaN, an infinity, a map whose keys are not strings)
    /// is an [`ErrorKind::InvalidRequest`] when the request is sent.
    pub fn json(mut self, value: &(impl Serialize + ?Sized)) -> Self {
        self = self.header("content-type", "application/json");
        match json::write(value) {
            Ok(body) => self.body(body),
            Err(error) => Self { invalid_body: Some(error.to_string()), ..self },
        }
    }

    /// The time for connecting, for the answer's first byte, and between any two of its bytes. Default: the host's limits.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// The request's method.
    pub fn method(&self) -> &str {
        &self.method
    }

    /// The request's URL.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The request's body.
    pub fn body_bytes(&self) -> &[u8] {
        &self.body
    }

    /// Sends the request and waits for the whole answer. Any status is an answer, 500 too.
    ///
    /// # Errors
    /// When no answer came: see [`ErrorKind`].
    pub fn send(self) -> Result<Response, Error> {
        if let Some(reason) = &self.invalid_body {
            return Err(self.error(ErrorKind::InvalidRequest, format_args!("its body cannot be written as JSON: {reason}")));
        }
        let target = Target::parse(&self.url).ok_or_else(|| self.error(ErrorKind::InvalidRequest, "it is not an http URL"))?;
        #[cfg(target_arch = "wasm32")]
        return crate::bindings::send(&self, &target);
        #[cfg(not(target_arch = "wasm32"))]
        {
            let _ = target;
            crate::testing::send_http(&self)
        }
    }

    pub(crate) fn error(&self, kind: ErrorKind, reason: impl fmt::Display) -> Error {
        Error { kind, message: format!("cannot {} {}: {reason}", self.method, self.url) }
    }
}

/// A URL's parts.
#[cfg_attr(not(any(target_arch = "wasm32", test)), expect(dead_code, reason = "only a component takes a URL apart to send it"))]
pub(crate) struct Target<'a> {
    pub https: bool,
    pub authority: &'a str,
    pub path_and_query: String,
}

impl<'a> Target<'a> {
    fn parse(url: &'a str) -> Option<Self> {
        let (scheme, rest) = url.split_once("://")?;
        let https = match scheme.to_ascii_lowercase().as_str() {
            "http" => false,
            "https" => true,
            _ => return None,
        };
        let rest = rest.split('#').next().unwrap_or(rest);
        let (authority, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        let path_and_query = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
        (!authority.is_empty()).then_some(Self { https, authority, path_and_query })
    }
}

/// An answer with its whole body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Response {
    /// An answer, for tests.
    pub fn new(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self { status, headers: Vec::new(), body: body.into() }
    }

    /// The status code.
    pub fn status(&self) -> u16 {
        self.status
    }

    /// True for the status codes 200 to 299.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The usual words for the status code; empty for a code without such words.
    pub fn status_text(&self) -> &'static str {
        reason_phrase(self.status)
    }

    /// The first header of that name, ignoring case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// The body.
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// The body as text; what is not UTF-8 shows as replacement characters.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    ///
    /// # Errors
    /// When it is not the JSON of a `T`.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        serde_json::from_slice(&self.body)
    }
}

/// Why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// The request cannot be sent: a malformed URL, method or header.
    InvalidRequest,
    /// The manifest or the operator does not allow this host.
    Denied,
    /// No connection: an unknown host, nobody listens, or its certificate is not trusted.
    Connect,
    /// It took too long.
    Timeout,
    /// The connection broke or carried something that is not HTTP.
    Protocol,
}

/// Why there is no answer, in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    kind: ErrorKind,
    message: String,
}

impl Error {
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

fn reason_phrase(status: u16) -> &'static str {
    match status {
        200 => "OK",
        201 => "Created",
        202 => "Accepted",
        204 => "No Content",
        301 => "Moved Permanently",
        302 => "Found",
        304 => "Not Modified",
        307 => "Temporary Redirect",
        308 => "Permanent Redirect",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        408 => "Request Timeout",
        409 => "Conflict",
        410 => "Gone",
        413 => "Content Too Large",
        415 => "Unsupported Media Type",
        422 => "Unprocessable Content",
        429 => "Too Many Requests",
        500 => "Internal Server Error",
        501 => "Not Implemented",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_split_into_scheme_authority_and_path() {
        let parts = |url| Target::parse(url).map(|target| (target.https, target.authority.to_owned(), target.path_and_query));
        assert_eq!(parts("http://localhost:5000/api/Job"), Some((false, "localhost:5000".into(), "/api/Job".into())));
        assert_eq!(parts("HTTPS://a.example?q=1#top"), Some((true, "a.example".into(), "/?q=1".into())));
        assert_eq!(parts("ftp://a.example/"), None);
        assert_eq!(parts("/api/Job"), None);
    }

    #[test]
    fn a_malformed_url_is_an_error_before_anything_is_sent() {
        let error = get("localhost:5000").send().unwrap_err();
        assert_eq!(
            (error.kind(), error.to_string().as_str()),
            (ErrorKind::InvalidRequest, "cannot GET localhost:5000: it is not an http URL")
        );
    }
}
