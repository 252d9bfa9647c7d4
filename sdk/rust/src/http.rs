//! A small HTTP client for activities and clients.
//!
//! Requests reach only hosts that the app's manifest and the operator allow. Orchestrators and
//! entities must not use it. In native tests [`testing::answer_http`](crate::testing::answer_http)
//! answers.
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

use crate::json;

mod charset;
mod error;
mod response;

pub use error::{Error, ErrorKind};
pub use response::Response;

/// A longer response body is an error: a guest's memory is small.
pub const MAX_RESPONSE_BYTES: usize = 8 * 1024 * 1024;

const FORBIDDEN_METHODS: [&str; 3] = ["CONNECT", "TRACE", "TRACK"];

/// A request that is being put together. It is sent by [`send`](Request::send).
#[derive(Clone, Debug)]
pub struct Request {
    pub(crate) method: String,
    pub(crate) url: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    pub(crate) timeout: Option<Duration>,
    pub(crate) total_timeout: Option<Duration>,
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

/// A request of any method but CONNECT, TRACE and TRACK. The URL is `http://` or `https://`, then
/// host, path and query, without a user name.
pub fn request(method: impl Into<String>, url: impl Into<String>) -> Request {
    Request {
        method: method.into(),
        url: url.into(),
        headers: Vec::new(),
        body: Vec::new(),
        timeout: None,
        total_timeout: None,
        invalid_body: None,
    }
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

    /// Sends this value as `application/json`. A value that has no JSON form (NaN, an infinity, a
    /// map whose keys are not strings) is an [`ErrorKind::InvalidRequest`] when the request is
    /// sent.
    pub fn json(mut self, value: &(impl Serialize + ?Sized)) -> Self {
        self = self.header("content-type", "application/json");
        match json::write(value) {
            Ok(body) => self.body(body),
            Err(error) => Self { invalid_body: Some(error.to_string()), ..self },
        }
    }

    /// The longest wait for each of these: for a connection (name, TCP and TLS; never more than ten
    /// seconds), until the server takes the next bytes of the request, then for the answer's first
    /// byte, and between any two of its bytes. Default: the host's limits, among them the time of
    /// the activity as a whole.
    ///
    /// A server that sends a byte now and then keeps within it for ever;
    /// [`total_timeout`](Self::total_timeout) ends that, too.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// The longest time for the whole request, from [`send`](Self::send) to the last byte of the
    /// answer. Default: none but that of the activity or the client function.
    pub fn total_timeout(mut self, timeout: Duration) -> Self {
        self.total_timeout = Some(timeout);
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
        let target = Target::parse(&self.url).map_err(|reason| self.error(ErrorKind::InvalidRequest, reason))?;
        if FORBIDDEN_METHODS.iter().any(|method| self.method.eq_ignore_ascii_case(method)) {
            return Err(self.error(ErrorKind::InvalidRequest, "this method is for proxies and cannot be sent"));
        }
        #[cfg(target_arch = "wasm32")]
        return crate::bindings::send(&self, &target);
        #[cfg(not(target_arch = "wasm32"))]
        {
            let _ = target;
            crate::testing::send_http(&self)
        }
    }

    pub(crate) fn error(&self, kind: ErrorKind, reason: impl fmt::Display) -> Error {
        Error::new(kind, format!("cannot {} {}: {reason}", self.method, without_user(&self.url)))
    }
}

/// The URL as it may stand in a message: a failure is kept in the history, where a password must
/// not be.
fn without_user(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
    let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    match authority.rsplit_once('@') {
        Some((_, host)) => format!("{scheme}://{host}{path}"),
        None => url.to_owned(),
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
    fn parse(url: &'a str) -> Result<Self, &'static str> {
        let not_http = "it is not an http URL";
        let (scheme, rest) = url.split_once("://").ok_or(not_http)?;
        let https = match scheme.to_ascii_lowercase().as_str() {
            "http" => false,
            "https" => true,
            _ => return Err(not_http),
        };
        let rest = rest.split('#').next().unwrap_or(rest);
        let (authority, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        let path_and_query = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
        if authority.contains('@') {
            return Err("a URL with a user name cannot be sent; send a header 'Authorization' instead");
        }
        if authority.is_empty() { Err(not_http) } else { Ok(Self { https, authority, path_and_query }) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_split_into_scheme_authority_and_path() {
        let parts = |url| Target::parse(url).ok().map(|target| (target.https, target.authority.to_owned(), target.path_and_query));
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

    #[test]
    fn a_user_name_and_methods_for_proxies_are_refused_and_the_password_is_not_repeated() {
        for request in [get("http://me:secret@a.example/x"), request("connect", "http://a.example/"), request("TRACE", "http://a.example/")]
        {
            let error = request.send().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidRequest);
            assert!(!error.to_string().contains("secret"), "{error}");
        }
        let failure = crate::Failure::from(get("http://me@a.example/x").send().unwrap_err());
        assert!(failure.non_retriable && failure.error_type == "InvalidHttpRequest", "{failure:?}");
        assert!(failure.message.starts_with("cannot GET http://a.example/x: "), "{failure}");
    }

    #[test]
    fn each_kind_of_error_is_a_failure_of_a_type_of_its_own() {
        use ErrorKind as K;
        let all = [K::InvalidRequest, K::Denied, K::Dns, K::Connect, K::Tls, K::Timeout, K::Protocol, K::TooLarge, K::Content];
        let failures = all.map(|kind| crate::Failure::from(get("http://a/").error(kind, "why")));
        let types: std::collections::BTreeSet<_> = failures.iter().map(|failure| failure.error_type.as_str()).collect();
        assert_eq!(types.len(), all.len(), "{types:?}");
        let finals = failures.iter().filter(|failure| failure.non_retriable).map(|failure| failure.error_type.as_str());
        assert_eq!(finals.collect::<Vec<_>>(), ["InvalidHttpRequest", "HttpRequestDenied", "HttpResponseTooLarge", "HttpContent"]);
    }

    #[test]
    fn json_is_read_behind_a_byte_order_mark_and_in_its_charset() {
        let answer = |content_type: &str, body: &[u8]| Response::new(200, body).with_header("Content-Type", content_type);
        assert_eq!(answer("application/json", b"\xef\xbb\xbf[1]").json::<Vec<u8>>().unwrap(), [1]);
        assert_eq!(answer("application/json; charset=utf-16", b"7\0").json::<u8>().unwrap(), 7);
        assert_eq!(answer("application/json; charset=iso-8859-1", b"\"\xfc\"").json::<String>().unwrap(), "ü");
        for broken in [answer("application/json", b"\"\xff\""), answer("application/json; charset=big5", b"1"), answer("", b"")] {
            assert_eq!(crate::Failure::from(broken.json::<serde_json::Value>().unwrap_err()).error_type, "InvalidJson");
        }
    }
}
