//! One request, as the handlers see it.

use std::net::{IpAddr, SocketAddr};

use bytes::Bytes;
use http::header::ORIGIN;
use http::request::Parts;
use http::uri::PathAndQuery;
use http_body_util::combinators::UnsyncBoxBody;

use super::answer::BodyError;
use super::authorize::Leave;
use super::config::{Addresses, HttpConfig};
use super::links::Links;
use super::origin;
use super::query::Query;
use super::router::Matched;
use super::routes::Route;

use crate::auth::link::LinkCredential;

/// By which a browser says how the page whose request it sends is related to what is asked for; `none` where there is no page.
const SEC_FETCH_SITE: &str = "sec-fetch-site";

/// Which of the host's listeners a request came in by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Surface {
    /// The one for everybody: management routes, client functions, administration.
    Public,
    /// The one for client libraries on the same machine: management routes only, behind [`RPC_PREFIX`](super::router::RPC_PREFIX).
    LocalRpc,
}

/// Who sent a request, and where it arrived.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The listener.
    pub surface: Surface,
    /// `https` if the connection is secure, else `http`.
    pub scheme: &'static str,
    /// The other end of the connection.
    pub peer: SocketAddr,
    /// This end of the connection.
    pub local: SocketAddr,
}

/// The body of a request, of whatever connection.
pub type RequestBody = UnsyncBoxBody<Bytes, BodyError>;

/// What was asked, without the body.
pub struct Asked {
    /// Method, address and headers as they came.
    pub head: Parts,
    /// Its route.
    pub route: &'static Route,
    /// The query.
    pub query: Query,
    /// Makes addresses that can be handed out: as this caller reached the host, or the public ones if it came by local RPC, where a
    /// browser or another machine could not follow.
    pub links: Links,
    /// The address at the other end of the connection.
    pub peer: IpAddr,
    /// The address at this end of the connection.
    pub local: SocketAddr,
    /// Leave to do it, since the caller was let in.
    pub leave: Leave,
    /// Whether the caller is on the host's own machine and calls the host by a name of that machine.
    pub is_local: bool,
    /// Scheme and host of the address that was asked for.
    origin: String,
    parts: Vec<String>,
}

impl Asked {
    /// Reads the head of a request.
    pub fn new(head: Parts, matched: Matched, caller: &Caller, config: &HttpConfig, addresses: &Addresses) -> Self {
        let received = origin::received(&head, caller);
        let is_local = is_loopback(caller.peer.ip()) && origin::is_of_this_machine(&received) && !origin::is_forwarded(&head.headers);
        let origin = match origin::forwarded(&head.headers).filter(|_| config.use_forwarded_host) {
            Some(forwarded) => forwarded,
            None => received,
        };
        let links = Links {
            origin: match caller.surface {
                Surface::Public => origin.clone(),
                Surface::LocalRpc => addresses.public_origin.clone(),
            },
            management_prefix: config.management_prefix.clone(),
            task_hub: config.task_hub.clone(),
            // Put in once the caller is let in.
            credential: LinkCredential::None,
            born_at: None,
        };
        let query = Query::parse(head.uri.query().unwrap_or_default());
        let (peer, local) = (caller.peer.ip(), caller.local);
        let leave = Leave::default();
        Self { route: matched.route, query, links, peer, local, leave, is_local, origin, parts: matched.parts, head }
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
        format!("{}{path}", self.origin)
    }

    /// Scheme, host and port by which the caller reached the host.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// Whether a page on the web may have sent it, of whatever site: a browser says so. It does not where a reader typed the address.
    pub fn may_be_of_a_page(&self) -> bool {
        let headers = &self.head.headers;
        headers.contains_key(ORIGIN) || headers.get_all(SEC_FETCH_SITE).iter().any(|site| site != "none")
    }

    /// Whether a program on this machine sent it, and not a page on the web through the browser of somebody here.
    pub fn is_from_a_program(&self) -> bool {
        self.is_local && !self.head.headers.contains_key(ORIGIN)
    }
}

pub(super) fn is_loopback(address: IpAddr) -> bool {
    address.to_canonical().is_loopback()
}

#[cfg(test)]
mod tests {
    use http::{Method, Request};

    use super::*;
    use crate::HttpMemory;
    use crate::router::Router;

    fn asked(uri: &str, host: Option<&str>) -> Asked {
        let mut request = Request::builder().uri(uri);
        if let Some(host) = host {
            request = request.header("host", host);
        }
        ask(Surface::Public, false, request)
    }

    fn ask(surface: Surface, use_forwarded_host: bool, request: http::request::Builder) -> Asked {
        let (head, ()) = request.body(()).unwrap().into_parts();
        let (peer, local) = ("[::ffff:127.0.0.1]:9".parse().unwrap(), "127.0.0.1:7071".parse().unwrap());
        let caller = Caller { surface, scheme: "http", peer, local };
        let config = HttpConfig {
            management_prefix: "/m".into(),
            task_hub: "TestHubName".into(),
            max_body_bytes: 1,
            max_json_depth: 100,
            max_deployment_bytes: 1,
            client_places: Default::default(),
            body_deadline: std::time::Duration::from_secs(1),
            memory: HttpMemory { body_bytes: 1, body_bytes_per_address: 1 },
            public_url: None,
            use_forwarded_host,
        };
        let addresses = Addresses { public_origin: "http://public:1".into(), rpc_base: None };
        let matched = Router::new("/m").route(&Method::GET, "/m/instances/a").unwrap();
        Asked::new(head, matched, &caller, &config, &addresses)
    }

    #[test]
    fn addresses_are_those_that_the_caller_used() {
        assert_eq!(asked("/instances/a", Some("longhaul.example:80")).links.origin, "http://longhaul.example:80");
        assert_eq!(asked("/i/a%20b?x=1", Some("h")).address(), "http://h/i/a%20b?x=1");
    }

    #[test]
    fn by_local_rpc_the_public_addresses_are_handed_out_and_the_callers_own_is_kept() {
        let request = Request::builder().uri("/durabletask/instances/a?x=1").header("host", "127.0.0.1:17071");
        let asked = ask(Surface::LocalRpc, false, request);
        assert_eq!(asked.links.origin, "http://public:1");
        assert_eq!(asked.address(), "http://127.0.0.1:17071/durabletask/instances/a?x=1");
    }

    #[test]
    fn forwarded_headers_count_only_where_the_setting_says_so() {
        let forwarded = || {
            let request = Request::builder().uri("/m/instances/a").header("host", "127.0.0.1");
            request.header("x-forwarded-host", "public.example").header("x-forwarded-proto", "https")
        };
        assert_eq!(ask(Surface::Public, true, forwarded()).address(), "https://public.example/m/instances/a");
        assert_eq!(ask(Surface::Public, false, forwarded()).address(), "http://127.0.0.1/m/instances/a");
        assert!(!ask(Surface::Public, false, forwarded()).is_local, "what came through a proxy may come from anywhere");
    }

    #[test]
    fn a_loopback_caller_is_local_if_it_calls_the_host_by_a_local_name() {
        assert!(asked("/", Some("localhost:7071")).is_local);
        assert!(!asked("/", Some("evil.example:7071")).is_local);
    }

    #[test]
    fn a_page_on_the_web_is_no_program_on_this_machine() {
        let request = || Request::builder().uri("/").header("host", "127.0.0.1:17071");
        assert!(ask(Surface::LocalRpc, false, request()).is_from_a_program());
        assert!(!ask(Surface::LocalRpc, false, request().header("origin", "https://evil.example")).is_from_a_program());
    }

    #[test]
    fn a_blank_hub_or_none_is_this_one() {
        assert!(asked("/a", None).is_for("TestHubName"));
        assert!(asked("/a?taskhub=%20", None).is_for("TestHubName"));
        assert!(asked("/a?taskHub=testhubname", None).is_for("TestHubName"));
        assert!(!asked("/a?taskHub=Other", None).is_for("TestHubName"));
    }
}
