//! The HTTP messages of client functions.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Error;
use crate::{json, log};

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// A request to a client function, with its whole body.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Request {
    method: String,
    path_and_query: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Request {
    /// A request, as the host or a test makes it.
    pub fn new(method: impl Into<String>, path_and_query: impl Into<String>) -> Self {
        Self { method: method.into(), path_and_query: path_and_query.into(), ..Self::default() }
    }

    /// Adds a header.
    pub fn with_header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Sets the body.
    pub fn with_body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    /// The method, in capitals.
    pub fn method(&self) -> &str {
        &self.method
    }

    /// The path without the query, as it was sent.
    pub fn path(&self) -> &str {
        self.path_and_query.split('?').next().unwrap_or_default()
    }

    /// The query parameter of that name, ignoring case, decoded. Of several the first.
    pub fn query(&self, name: &str) -> Option<String> {
        let (_, query) = self.path_and_query.split_once('?')?;
        let pairs = query.split('&').map(|pair| pair.split_once('=').unwrap_or((pair, "")));
        pairs
            .map(|(key, value)| (form_decoded(key), value))
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| form_decoded(value))
    }

    /// The first header of that name, ignoring case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// The body.
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// The body as JSON, whatever its content type says. An empty body reads as `null`; a byte
    /// order mark before the value is left out (RFC 8259, 8.1).
    ///
    /// # Errors
    /// [`Error::Invalid`] when it is not the JSON of a `T`.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, Error> {
        let body = self.body.strip_prefix(BYTE_ORDER_MARK).unwrap_or(&self.body);
        let body = if body.trim_ascii().is_empty() { json::NULL.as_bytes() } else { body };
        serde_json::from_slice(body).map_err(|error| Error::Invalid(format!("cannot read the request's body: {error}")))
    }
}

/// Decodes `%20` and `+`. What is not a valid escape stays as it is.
fn form_decoded(text: &str) -> String {
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        let escaped = match (first, after) {
            (b'%', [high, low, ..]) => hex_digit(*high).zip(hex_digit(*low)).map(|(high, low)| high << 4 | low),
            _ => None,
        };
        decoded.push(escaped.unwrap_or(if *first == b'+' { b' ' } else { *first }));
        rest = if escaped.is_some() { &after[2..] } else { after };
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

fn hex_digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

/// What a client function answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Response {
    /// An answer without a body.
    pub fn new(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: Vec::new() }
    }

    /// An answer with a JSON body. A value that has no JSON form (NaN, an infinity, a map whose
    /// keys are not strings) makes it a 500, and a line in the host's log tells why.
    pub fn json(status: u16, value: &(impl Serialize + ?Sized)) -> Self {
        let of = |status, body: String| Self::new(status).header("Content-Type", "application/json; charset=utf-8").with_body(body);
        match json::write(value) {
            Ok(body) => of(status, body),
            Err(error) => {
                log::error!("InvalidValue: an answer's body cannot be written as JSON: {error}");
                of(500, r#"{"Message":"the answer cannot be written as JSON; the host's log tells why"}"#.to_owned())
            }
        }
    }

    /// An answer in plain text.
    pub fn text(status: u16, text: impl Into<String>) -> Self {
        Self::new(status).header("Content-Type", "text/plain; charset=utf-8").with_body(text.into())
    }

    /// Adds a header.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Sets the body; the content type is the caller's to set.
    pub fn with_body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    /// The status code.
    pub fn status(&self) -> u16 {
        self.status
    }

    /// All headers, in the order in which they were added.
    pub fn headers(&self) -> &[(String, String)] {
        &self.headers
    }

    /// The body.
    pub fn body(&self) -> &[u8] {
        &self.body
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_parameter_is_found_ignoring_case_and_decoded() {
        let request = Request::new("GET", "/api/F?a=1&InstanceId=x%2Fy+z%2&empty");
        assert_eq!(request.query("instanceid").as_deref(), Some("x/y z%2"));
        assert_eq!(request.query("empty").as_deref(), Some(""));
        assert_eq!(request.query("missing"), None);
        assert_eq!(request.path(), "/api/F");
    }

    #[test]
    fn a_byte_order_mark_before_the_body_is_left_out_once() {
        let read = |body: &[u8]| Request::new("POST", "/").with_body(body).json::<Option<u8>>();
        assert_eq!(read(b"\xef\xbb\xbf 7"), Ok(Some(7)));
        assert_eq!(read(b"\xef\xbb\xbf"), Ok(None));
        assert!(read(b"\xef\xbb\xbf\xef\xbb\xbf7").is_err());
    }

    #[test]
    fn an_empty_body_reads_as_nothing_and_a_bad_one_is_the_callers_mistake() {
        assert_eq!(Request::new("POST", "/").json::<Option<u8>>(), Ok(None));
        let error = Request::new("POST", "/").with_body("{").json::<u8>().unwrap_err();
        assert_eq!(error.status(), 400);
    }
}
