//! Answers.

use serde::de::{DeserializeOwned, Error as _};

use super::charset;
use super::error::{Error, ErrorKind};

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

    /// The same answer with one more header, for tests.
    pub fn with_header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
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

    /// The body as text, in the charset that a byte order mark or else `Content-Type` names, or
    /// else in UTF-8.
    ///
    /// The byte order mark is left out. What is malformed shows as replacement characters, and so
    /// does what is not ASCII in a charset that [`try_text`](Self::try_text) refuses.
    pub fn text(&self) -> String {
        charset::decode_lossy(self.header("content-type"), &self.body)
    }

    /// As [`text`](Self::text), for bodies whose every letter counts.
    ///
    /// # Errors
    /// [`ErrorKind::Content`] when the charset is another than UTF-8, UTF-16 (either order),
    /// ISO-8859-1, windows-1252 and US-ASCII, or bytes are not of that charset.
    pub fn try_text(&self) -> Result<String, Error> {
        charset::decode(self.header("content-type"), &self.body).map_err(|reason| Error::new(ErrorKind::Content, reason))
    }

    /// The body as JSON, in the charset of [`try_text`](Self::try_text); a byte order mark is left
    /// out (RFC 8259, 8.1).
    ///
    /// # Errors
    /// When it is not the JSON of a `T`, or `try_text` would fail. By `?` it becomes a failure of
    /// type `InvalidJson`.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        let text = charset::decode(self.header("content-type"), &self.body).map_err(serde_json::Error::custom)?;
        serde_json::from_str(&text)
    }
}

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
