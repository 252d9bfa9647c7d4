//! Requests that two readers of HTTP could read in two ways are refused before anything looks at them.
//!
//! A proxy and the host that disagree on where a request ends could be made to see different requests (request smuggling). The
//! parser below refuses most of it and closes the connection for the rest; what is here turns the rest into a plain 400.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use http::header::{HOST, TRANSFER_ENCODING};
use http::uri::Authority;
use http::{HeaderValue, Method, Request, StatusCode, Version};

use super::coding;
use crate::answer::{self, Answer};

/// Longest name of a header that matters here.
const LONGEST_NAME: usize = "transfer-encoding:".len();

/// Looks at the heads of a connection's requests as they come in. The parser drops `Content-Length` where there is a
/// `Transfer-Encoding`, so afterwards nobody could tell that both were given.
///
/// A request that was sent before its predecessor was answered may go unseen. The parser closes the connection behind it all the same,
/// so nothing that follows is taken for a request.
#[derive(Debug, Default)]
pub(super) struct HeadWatch {
    head: Mutex<Head>,
    /// The body of the current request has not been read to its end.
    body_open: AtomicBool,
    /// It will not be: its reader is gone, and much of it is left.
    body_given_up: AtomicBool,
}

#[derive(Debug, Default)]
struct Head {
    is_over: bool,
    has_lines: bool,
    /// How the current line begins, in lower case.
    line: Vec<u8>,
    has_length: bool,
    has_coding: bool,
}

impl HeadWatch {
    /// Takes in what arrived.
    pub(super) fn look_at(&self, bytes: &[u8]) {
        let mut head = self.head();
        for byte in bytes {
            if head.is_over {
                return;
            }
            head.take(*byte);
        }
    }

    /// The next bytes to arrive begin a request.
    pub(super) fn begin_next(&self) {
        *self.head() = Head::default();
    }

    /// The body of the current request has begun, or has ended.
    pub(super) fn set_body_open(&self, open: bool) {
        self.body_open.store(open, Ordering::Relaxed);
        self.body_given_up.store(false, Ordering::Relaxed);
    }

    /// The body of the current request will not be read to its end.
    pub(super) fn give_up_body(&self) {
        self.body_given_up.store(true, Ordering::Relaxed);
    }

    /// Whether the body of the current request was given up, so that no request can follow.
    pub(super) fn has_given_up_body(&self) -> bool {
        self.body_given_up.load(Ordering::Relaxed)
    }

    /// Whether the client has begun a request that has not been read to its end.
    pub(super) fn is_within_a_request(&self) -> bool {
        let head = self.head();
        self.body_open.load(Ordering::Relaxed) || head.has_lines || !head.line.is_empty()
    }

    fn is_ambiguous(&self) -> bool {
        let head = self.head();
        head.has_length && head.has_coding
    }

    fn head(&self) -> std::sync::MutexGuard<'_, Head> {
        self.head.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Head {
    fn take(&mut self, byte: u8) {
        match byte {
            b'\n' => {
                // Empty lines before a request are no end of a head.
                self.is_over = self.line.is_empty() && self.has_lines;
                self.has_lines |= !self.line.is_empty();
                self.has_length |= self.line.starts_with(b"content-length:");
                self.has_coding |= self.line.starts_with(b"transfer-encoding:");
                self.line.clear();
            }
            b'\r' => {}
            byte if self.line.len() < LONGEST_NAME => self.line.push(byte.to_ascii_lowercase()),
            _ => {}
        }
    }
}

/// The answer to a request that is refused for its head alone: 400 when it does not say once where it goes or where it ends, 501 when its
/// body has a transfer coding that is not known, 414 when its address is too long.
pub(super) fn refusal<B>(request: &Request<B>, watch: &HeadWatch, max_uri_bytes: usize) -> Option<Answer> {
    let bad = |text: &str| Some(answer::message(StatusCode::BAD_REQUEST, text));
    let mut hosts = request.headers().get_all(HOST).iter();
    match (hosts.next(), hosts.next()) {
        (None, _) if request.version() == Version::HTTP_11 => return bad("a request of HTTP/1.1 has one header 'Host'; this has none"),
        (Some(_), Some(_)) => return bad("a request has one header 'Host'; this has several"),
        (Some(host), None) if !is_authority(host) => return bad("the header 'Host' is no name of a host with or without a port"),
        (None, _) | (Some(_), None) => {}
    }
    let uri = request.uri();
    if uri.authority().is_some() && uri.scheme().is_none() && request.method() != Method::CONNECT {
        return bad("the first line names no path; one begins with '/'");
    }
    if request.headers().contains_key(TRANSFER_ENCODING) && watch.is_ambiguous() {
        return bad("the length of the body is given twice, by 'Content-Length' and by 'Transfer-Encoding'; give one of them");
    }
    if let Some(refusal) = coding::refusal(request.headers()) {
        return Some(refusal);
    }
    let length = uri.path_and_query().map_or(0, |path| path.as_str().len());
    (length > max_uri_bytes).then(|| {
        let text = format!("path and query have {length} bytes; this host takes at most {max_uri_bytes}");
        answer::message(StatusCode::URI_TOO_LONG, &text)
    })
}

/// Empty is allowed: a client says so when its target has no host.
fn is_authority(host: &HeaderValue) -> bool {
    let Ok(text) = host.to_str() else { return false };
    let is_port = |port: &str| port.is_empty() || port.parse::<u16>().is_ok();
    let parsed = text.parse::<Authority>();
    text.is_empty()
        || parsed.is_ok_and(|authority| match text.strip_prefix(authority.host()) {
            Some("") => true,
            // What stands before a host would be a user.
            Some(rest) => rest.strip_prefix(':').is_some_and(is_port),
            None => false,
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn watched(text: &str) -> HeadWatch {
        let watch = HeadWatch::default();
        // However the bytes are cut.
        text.as_bytes().chunks(3).for_each(|piece| watch.look_at(piece));
        watch
    }

    fn status(headers: &[(&str, &str)], version: Version) -> Option<u16> {
        let request =
            headers.iter().fold(Request::builder().uri("/").version(version), |request, (name, value)| request.header(*name, *value));
        refusal(&request.body(()).unwrap(), &HeadWatch::default(), 8).map(|answer| answer.status().as_u16())
    }

    #[test]
    fn a_length_and_a_coding_in_one_head_are_seen_in_either_order_and_any_case() {
        assert!(watched("POST / HTTP/1.1\r\nContent-Length: 3\r\nTRANSFER-ENCODING: chunked\r\n\r\n").is_ambiguous());
        assert!(watched("\r\nPOST / HTTP/1.1\ntransfer-encoding: chunked\ncontent-length: 3\n\n").is_ambiguous());
        assert!(!watched("POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\ntransfer-encoding: x\r\n").is_ambiguous(), "that is the body");
        assert!(!watched("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nX-Content-Length: 3\r\n\r\n").is_ambiguous());
    }

    #[test]
    fn the_next_request_begins_anew() {
        let watch = watched("POST / HTTP/1.1\r\nContent-Length: 0\r\n\r\n");
        watch.begin_next();
        watch.look_at(b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n");
        assert!(!watch.is_ambiguous());
    }

    #[test]
    fn a_request_names_one_host() {
        assert_eq!(status(&[("host", "localhost:7071")], Version::HTTP_11), None);
        assert_eq!(status(&[("host", "[::1]:7071")], Version::HTTP_11), None);
        assert_eq!(status(&[], Version::HTTP_10), None);
        assert_eq!(status(&[], Version::HTTP_11), Some(400));
        assert_eq!(status(&[("host", "a"), ("host", "a")], Version::HTTP_11), Some(400));
        assert_eq!(status(&[("host", "a b")], Version::HTTP_11), Some(400));
        for bad in ["me@a", "a:port", "a:99999", "a/b", "a:1:2"] {
            assert_eq!(status(&[("host", bad)], Version::HTTP_11), Some(400), "{bad}");
        }
    }

    #[test]
    fn an_address_is_at_most_as_long_as_the_limit() {
        let ask = |path: &str| {
            let request = Request::builder().uri(path).header("host", "a").body(()).unwrap();
            refusal(&request, &HeadWatch::default(), 8).map(|answer| answer.status().as_u16())
        };
        assert_eq!((ask("/234?678"), ask("/234?6789")), (None, Some(414)));
    }
}
