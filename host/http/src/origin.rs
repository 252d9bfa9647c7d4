//! By which scheme, host and port a caller reached the host.

use std::net::IpAddr;

use http::HeaderMap;
use http::header::{HOST, HeaderName};
use http::request::Parts;
use http::uri::Authority;

use super::request::{Caller, is_loopback};

const FORWARDED_HOST: &str = "x-forwarded-host";
const FORWARDED_PROTO: &str = "x-forwarded-proto";
/// Headers with which proxies say for whom they ask, besides those that begin so.
const FORWARDED_PREFIX: &str = "x-forwarded";
const OF_PROXIES: [&str; 10] = [
    "forwarded",
    "via",
    "x-real-ip",
    "x-client-ip",
    "x-cluster-client-ip",
    "x-original-forwarded-for",
    "x-original-host",
    "true-client-ip",
    "cf-connecting-ip",
    "x-envoy-external-address",
];

/// The origin as the connection and the request itself say; that of this end of the connection if there is no usable `Host`.
pub(super) fn received(head: &Parts, caller: &Caller) -> String {
    let Caller { scheme, local, .. } = caller;
    let authority = head.uri.authority().cloned().or_else(|| authority(head.headers.get(HOST)?.to_str().ok()?));
    let authority = authority.filter(|authority| !authority.as_str().contains('@'));
    authority.map_or_else(|| format!("{scheme}://{local}"), |authority| format!("{scheme}://{authority}"))
}

/// The origin that a proxy says the caller used: `X-Forwarded-Host` and `X-Forwarded-Proto` together, the first of each where a chain
/// of proxies wrote several. `None` unless both are there and make sense, since half of an address would lead nowhere.
pub(super) fn forwarded(headers: &HeaderMap) -> Option<String> {
    let first = |name: &str| Some(headers.get(name)?.to_str().ok()?.split(',').next().unwrap_or_default().trim());
    let authority = authority(first(FORWARDED_HOST)?)?;
    let scheme = first(FORWARDED_PROTO)?.to_ascii_lowercase();
    let is_web = scheme == "http" || scheme == "https";
    is_web.then(|| format!("{scheme}://{authority}"))
}

/// Whether a request came through a proxy, so that the other end of the connection does not tell who sent it.
pub(super) fn is_forwarded(headers: &HeaderMap) -> bool {
    let is_of_proxies = |name: &HeaderName| name.as_str().starts_with(FORWARDED_PREFIX) || OF_PROXIES.contains(&name.as_str());
    headers.keys().any(is_of_proxies)
}

/// Whether the origin names this machine as only itself can. A page on the web can make a name of its own point to the reader's
/// machine, so where a request comes from does not tell who sent it.
pub(super) fn is_of_this_machine(origin: &str) -> bool {
    let Some(host) = host_name(origin) else { return false };
    host == "localhost" || host.ends_with(".localhost") || host.parse::<IpAddr>().is_ok_and(is_loopback)
}

/// The name or address in an origin, in lower case, without brackets and port.
pub(super) fn host_name(origin: &str) -> Option<String> {
    let authority = authority(origin.split_once("://")?.1)?;
    Some(authority.host().trim_start_matches('[').trim_end_matches(']').to_ascii_lowercase())
}

/// Host and port, without a name of a user before them.
fn authority(text: &str) -> Option<Authority> {
    text.parse::<Authority>().ok().filter(|authority| !authority.as_str().contains('@') && !authority.host().is_empty())
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;
    use crate::request::Surface;

    fn origin(uri: &str, host: Option<&str>) -> String {
        origin_by("http", uri, host)
    }

    fn origin_by(scheme: &'static str, uri: &str, host: Option<&str>) -> String {
        let mut request = Request::builder().uri(uri);
        if let Some(host) = host {
            request = request.header(HOST, host);
        }
        let (head, ()) = request.body(()).unwrap().into_parts();
        let (peer, local) = ("127.0.0.1:9".parse().unwrap(), "127.0.0.1:7071".parse().unwrap());
        received(&head, &Caller { surface: Surface::Public, scheme, peer, local })
    }

    fn behind_proxy(pairs: &[(&'static str, &str)]) -> Option<String> {
        forwarded(&pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect())
    }

    #[test]
    fn the_origin_is_what_the_caller_wrote_and_else_where_it_arrived() {
        assert_eq!(origin("/instances/a", Some("longhaul.example:80")), "http://longhaul.example:80");
        assert_eq!(origin("http://elsewhere/instances/a", Some("longhaul.example")), "http://elsewhere");
        assert_eq!(origin("/instances/a", Some("not a host/")), "http://127.0.0.1:7071");
        assert_eq!(origin("/instances/a", Some("user@host")), "http://127.0.0.1:7071");
        assert_eq!(origin("/instances/a", None), "http://127.0.0.1:7071");
    }

    #[test]
    fn the_scheme_is_that_of_the_connection_whatever_the_request_says() {
        assert_eq!(origin_by("https", "/instances/a", Some("longhaul.example")), "https://longhaul.example");
        assert_eq!(origin_by("https", "/instances/a", None), "https://127.0.0.1:7071");
        assert_eq!(origin("https://elsewhere/instances/a", None), "http://elsewhere");
    }

    #[test]
    fn a_proxy_has_to_forward_host_and_scheme_and_both_must_make_sense() {
        let (host, proto) = ("x-forwarded-host", "x-forwarded-proto");
        assert_eq!(behind_proxy(&[(host, "a.example:8443"), (proto, "HTTPS")]).unwrap(), "https://a.example:8443");
        assert_eq!(behind_proxy(&[(host, "a.example, b.internal"), (proto, "https,http")]).unwrap(), "https://a.example");
        let bad: [&[(&str, &str)]; 6] = [
            &[(host, "a.example")],
            &[(proto, "https")],
            &[(host, "a.example"), (proto, "javascript")],
            &[(host, "a.example/path"), (proto, "https")],
            &[(host, "user@a.example"), (proto, "https")],
            &[(host, ""), (proto, "https")],
        ];
        for pairs in bad {
            assert_eq!(behind_proxy(pairs), None, "{pairs:?}");
        }
    }

    #[test]
    fn whatever_proxies_add_shows_that_there_was_one() {
        let forwarded = |name: &str| is_forwarded(&HeaderMap::from_iter([(name.parse().unwrap(), "10.0.0.1".parse().unwrap())]));
        for name in ["Forwarded", "Via", "X-Real-IP", "X-Forwarded-For", "X-Forwarded-Server", "X-Forwarded-Port", "True-Client-IP"] {
            assert!(forwarded(name), "{name}");
        }
        assert!(!forwarded("user-agent") && !is_forwarded(&HeaderMap::new()));
    }

    #[test]
    fn only_names_that_no_other_machine_can_have_are_of_this_machine() {
        for name in ["localhost:7071", "LOCALHOST", "127.0.0.1:1", "[::1]:7071", "app.localhost"] {
            assert!(is_of_this_machine(&format!("http://{name}")), "{name}");
        }
        for name in ["evil.example:7071", "localhost.evil.example", "10.0.0.1"] {
            assert!(!is_of_this_machine(&format!("http://{name}")), "{name}");
        }
    }
}
