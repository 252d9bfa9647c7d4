//! One request, as the handlers see it.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HOST};
use http::request::Parts;
use http::uri::{Authority, PathAndQuery};
use http::{HeaderMap, StatusCode};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::Body;
use longhaul_core::Payload;

use super::HttpConfig;
use super::answer::{self, Answer, BodyError};
use super::links::Links;
use super::query::Query;
use super::router::{Action, Matched};

/// Longest wait for the rest of a body that has begun to arrive.
const BODY_DEADLINE: Duration = Duration::from_secs(60);

/// Who sent a request, and where it arrived.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The other end of the connection.
    pub peer: SocketAddr,
    /// This end of the connection.
    pub local: SocketAddr,
}

/// What was asked, without the body.
pub struct Asked {
    /// Method, address and headers as they came.
    pub head: Parts,
    /// What the route says is asked for.
    pub action: Action,
    /// The query.
    pub query: Query,
    /// Makes addresses as this caller can use them.
    pub links: Links,
    /// Whether the caller is on the host's own machine and calls the host by a name of that machine.
    pub is_local: bool,
    parts: Vec<String>,
}

impl Asked {
    /// Reads the head of a request.
    pub fn new(head: Parts, matched: Matched, caller: &Caller, config: &HttpConfig) -> Self {
        let links = Links {
            origin: origin(&head, caller.local),
            management_prefix: config.management_prefix.clone(),
            task_hub: config.task_hub.clone(),
        };
        let query = Query::parse(head.uri.query().unwrap_or_default());
        let is_local = is_loopback(caller.peer.ip()) && is_called_local(&links.origin);
        Self { action: matched.action, query, links, is_local, parts: matched.parts, head }
    }

    /// The open part of the route at `index`, decoded; empty if the route has none there.
    pub fn part(&self, index: usize) -> &str {
        self.parts.get(index).map_or("", String::as_str)
    }

    /// The open parts of the route, decoded. None of them contains a slash, unless it is the last.
    pub fn parts(&self) -> &[String] {
        &self.parts
    }

    /// Whether the request names this task hub, or none.
    pub fn is_for(&self, task_hub: &str) -> bool {
        self.query.non_blank("taskHub").is_none_or(|asked| asked.trim().eq_ignore_ascii_case(task_hub))
    }

    /// The address as it was received, with scheme and host.
    pub fn address(&self) -> String {
        let path = self.head.uri.path_and_query().map_or("/", PathAndQuery::as_str);
        format!("{}{path}", self.links.origin)
    }
}

/// Scheme and host as the caller wrote them; the address of this end of the connection if there is no usable `Host`.
fn origin(head: &Parts, local: SocketAddr) -> String {
    let from_header = || head.headers.get(HOST)?.to_str().ok()?.parse::<Authority>().ok();
    let authority = head.uri.authority().cloned().or_else(from_header).filter(|authority| !authority.as_str().contains('@'));
    authority.map_or_else(|| format!("http://{local}"), |authority| format!("http://{authority}"))
}

/// Whether the name is one of the machine itself. A page on the web can make a name of its own point to the reader's machine, so
/// where a request comes from does not tell who sent it.
fn is_called_local(origin: &str) -> bool {
    let Some(authority) = origin.strip_prefix("http://").and_then(|authority| authority.parse::<Authority>().ok()) else { return false };
    let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_ascii_lowercase();
    host == "localhost" || host.ends_with(".localhost") || host.parse().is_ok_and(is_loopback)
}

fn is_loopback(address: IpAddr) -> bool {
    address.to_canonical().is_loopback()
}

/// Whether the headers say that the body is JSON; parameters such as a charset do not matter.
pub fn is_json(headers: &HeaderMap) -> bool {
    content_type(headers).is_some_and(|kind| kind.eq_ignore_ascii_case("application/json"))
}

/// The content type without its parameters.
pub fn content_type(headers: &HeaderMap) -> Option<&str> {
    let text = headers.get(CONTENT_TYPE)?.to_str().ok()?;
    Some(text.split(';').next().unwrap_or_default().trim())
}

/// The whole body.
///
/// # Errors
/// The answer to give: 413 when it is longer than `max_bytes`, 400 when it breaks off, 408 when it takes too long.
pub async fn collect<B>(body: B, max_bytes: usize) -> Result<Bytes, Answer>
where
    B: Body<Data = Bytes>,
    B::Error: Into<BodyError>,
{
    let too_long =
        || answer::message(StatusCode::PAYLOAD_TOO_LARGE, &format!("the body is longer than the {max_bytes} bytes that this host takes"));
    if body.size_hint().lower() > max_bytes as u64 {
        return Err(too_long());
    }
    match tokio::time::timeout(BODY_DEADLINE, Limited::new(body, max_bytes).collect()).await {
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(too_long()),
        Ok(Err(_)) => Err(answer::message(StatusCode::BAD_REQUEST, "the body broke off")),
        Err(_) => Err(answer::message(StatusCode::REQUEST_TIMEOUT, &format!("the body took longer than {} s", BODY_DEADLINE.as_secs()))),
    }
}

/// A body as one JSON value; `null` when there is none.
///
/// # Errors
/// A text that says what is wrong with it.
pub fn json_or_null(body: &Bytes) -> Result<Payload, String> {
    if body.is_empty() {
        return Ok(Payload::null());
    }
    let text = std::str::from_utf8(body).map_err(|error| error.to_string())?;
    Payload::parse(text).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use http::Request;
    use http_body_util::Full;

    use super::*;

    fn asked(uri: &str, host: Option<&str>) -> Asked {
        let mut request = Request::builder().uri(uri);
        if let Some(host) = host {
            request = request.header(HOST, host);
        }
        let (head, ()) = request.body(()).unwrap().into_parts();
        let caller = Caller { peer: "[::ffff:127.0.0.1]:9".parse().unwrap(), local: "127.0.0.1:7071".parse().unwrap() };
        let config =
            HttpConfig { management_prefix: "/m".into(), task_hub: "TestHubName".into(), max_body_bytes: 1, max_deployment_bytes: 1 };
        Asked::new(head, Matched { action: Action::Status, parts: vec!["a".into()] }, &caller, &config)
    }

    #[test]
    fn addresses_are_those_that_the_caller_used() {
        let origin = |uri, host| asked(uri, host).links.origin;
        assert_eq!(origin("/instances/a", Some("longhaul.example:80")), "http://longhaul.example:80");
        assert_eq!(origin("http://elsewhere/instances/a", Some("longhaul.example")), "http://elsewhere");
        assert_eq!(origin("/instances/a", Some("not a host/")), "http://127.0.0.1:7071");
        assert_eq!(origin("/instances/a", None), "http://127.0.0.1:7071");
        assert_eq!(asked("/i/a%20b?x=1", Some("h")).address(), "http://h/i/a%20b?x=1");
    }

    #[test]
    fn a_loopback_caller_is_local_if_it_calls_the_host_by_a_local_name() {
        for name in ["localhost:7071", "LOCALHOST", "127.0.0.1:1", "[::1]:7071", "app.localhost"] {
            assert!(asked("/", Some(name)).is_local, "{name}");
        }
        for name in ["evil.example:7071", "localhost.evil.example", "10.0.0.1"] {
            assert!(!asked("/", Some(name)).is_local, "{name}");
        }
    }

    #[test]
    fn a_blank_hub_or_none_is_this_one() {
        assert!(asked("/a", None).is_for("TestHubName"));
        assert!(asked("/a?taskhub=%20", None).is_for("TestHubName"));
        assert!(asked("/a?taskHub=testhubname", None).is_for("TestHubName"));
        assert!(!asked("/a?taskHub=Other", None).is_for("TestHubName"));
    }

    #[test]
    fn a_json_content_type_may_have_parameters_and_any_case() {
        let is = |value: &'static str| is_json(&HeaderMap::from_iter([(CONTENT_TYPE, value.parse().unwrap())]));
        assert!(is("application/json") && is("Application/JSON; charset=utf-8"));
        assert!(!is("text/json") && !is("application/jsonl"));
        assert!(!is_json(&HeaderMap::new()));
    }

    #[tokio::test]
    async fn a_body_beyond_the_limit_is_refused_whether_or_not_it_says_its_length() {
        assert_eq!(collect(Full::from("12345"), 5).await.unwrap(), "12345");
        assert_eq!(collect(Full::from("123456"), 5).await.unwrap_err().status(), StatusCode::PAYLOAD_TOO_LARGE);
        let chunked = Full::from("123456").map_frame(|frame| frame);
        assert_eq!(chunked.size_hint().upper(), None);
        assert_eq!(collect(chunked, 5).await.unwrap_err().status(), StatusCode::PAYLOAD_TOO_LARGE);
    }

    #[test]
    fn a_body_is_one_json_value_or_nothing() {
        assert!(json_or_null(&Bytes::new()).unwrap().is_null());
        assert_eq!(json_or_null(&Bytes::from(" \"{}\" ")).unwrap().as_str(), "\"{}\"");
        for bad in [&b"{"[..], b"{} {}", b" ", b"\xff"] {
            assert!(json_or_null(&Bytes::copy_from_slice(bad)).is_err(), "{bad:?}");
        }
    }
}
