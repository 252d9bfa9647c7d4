//! Which route of the table a request takes.

use http::Method;

use super::query::form_decode;
use super::routes::{self, Route};

/// Where the management routes are by default.
pub const MANAGEMENT_PREFIX: &str = "/runtime/webhooks/durabletask";
/// Where the management routes are on the local RPC listener, on which nothing else is.
pub const RPC_PREFIX: &str = "/durabletask";

/// The route that a request takes, and the parts of its path that say what it is about.
#[derive(Debug, PartialEq, Eq)]
pub struct Matched {
    /// The route.
    pub route: &'static Route,
    /// The decoded parts of the path that the pattern leaves open, in order.
    pub parts: Vec<String>,
}

/// Which prefix a path stands behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Base {
    /// The prefix of the management routes.
    Management,
    /// None.
    Root,
}

/// A part of a row's path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Segment {
    /// The word itself, in any case.
    Literal(&'static str),
    /// Any one part that is not empty.
    One(&'static str),
    /// All that is left, which must not be empty.
    Rest(&'static str),
}

/// Finds what a request asks for.
#[derive(Clone, Debug)]
pub struct Router {
    management: Vec<String>,
    routes: Vec<CompiledRoute>,
}

/// A row that is ready to be compared with requests.
#[derive(Clone, Debug)]
struct CompiledRoute {
    route: &'static Route,
    segments: Vec<Segment>,
}

impl Router {
    /// All routes, the management part behind `management_prefix`, such as [`MANAGEMENT_PREFIX`].
    pub fn new(management_prefix: &str) -> Self {
        Self::of(management_prefix, |_| true)
    }

    /// The management routes alone, for the local RPC listener.
    pub fn management_only(prefix: &str) -> Self {
        Self::of(prefix, |base| base == Base::Management)
    }

    fn of(prefix: &str, wanted: impl Fn(Base) -> bool) -> Self {
        let routes = routes::all().filter(|route| wanted(route.base));
        let routes = routes.map(|route| CompiledRoute { route, segments: route.segments().collect() });
        Self { management: parts_of(prefix), routes: routes.collect() }
    }

    /// What the request asks for; `None` when no route matches, which is answered with 404 and no body.
    ///
    /// The whole path is decoded before it is split, so `%2F` separates parts like `/`.
    pub fn route(&self, method: &Method, path: &str) -> Option<Matched> {
        let parts = parts_of(&form_decode(path));
        let behind_prefix = self.behind_prefix(&parts);
        self.routes.iter().find_map(|CompiledRoute { route, segments }| {
            let rest = match route.base {
                Base::Management => behind_prefix?,
                Base::Root => &parts[..],
            };
            let is_method = route.method.as_ref().is_none_or(|wanted| wanted == method || wanted == Method::GET && method == Method::HEAD);
            let parts = if is_method { match_parts(segments, rest) } else { None }?;
            Some(Matched { route, parts })
        })
    }

    fn behind_prefix<'a>(&self, parts: &'a [String]) -> Option<&'a [String]> {
        let (start, rest) = parts.split_at_checked(self.management.len())?;
        let is_prefix = start.iter().zip(&self.management).all(|(part, prefix)| part.eq_ignore_ascii_case(prefix));
        is_prefix.then_some(rest)
    }
}

fn parts_of(path: &str) -> Vec<String> {
    let trimmed = path.trim_matches('/');
    if trimmed.is_empty() { Vec::new() } else { trimmed.split('/').map(str::to_owned).collect() }
}

fn match_parts(segments: &[Segment], parts: &[String]) -> Option<Vec<String>> {
    if let [start @ .., Segment::Rest(_)] = segments {
        let (parts, rest) = parts.split_at_checked(start.len())?;
        match_parts(start, parts)?;
        return (!rest.is_empty()).then(|| vec![rest.join("/")]);
    }
    if segments.len() != parts.len() {
        return None;
    }
    let mut open = Vec::new();
    for (segment, part) in segments.iter().zip(parts) {
        match segment {
            Segment::One(_) if !part.is_empty() => open.push(part.clone()),
            Segment::Literal(word) if part.eq_ignore_ascii_case(word) => {}
            _ => return None,
        }
    }
    Some(open)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn route(method: &str, path: &str) -> Option<(&'static str, Vec<String>)> {
        let method: Method = method.parse().unwrap();
        Router::new(MANAGEMENT_PREFIX).route(&method, path).map(|matched| (matched.route.operation.id, matched.parts))
    }

    fn manage(method: &str, path: &str) -> Option<(&'static str, Vec<String>)> {
        route(method, &format!("{MANAGEMENT_PREFIX}{path}"))
    }

    fn found(operation: &'static str, parts: &[&str]) -> Option<(&'static str, Vec<String>)> {
        Some((operation, parts.iter().map(|part| part.to_string()).collect()))
    }

    #[test]
    fn every_management_route_is_found() {
        assert_eq!(manage("POST", "/orchestrators/Main"), found("startOrchestration", &["Main"]));
        assert_eq!(manage("POST", "/orchestrators/Main/7"), found("startOrchestration", &["Main", "7"]));
        assert_eq!(manage("GET", "/instances/7"), found("getInstance", &["7"]));
        assert_eq!(manage("DELETE", "/instances/7"), found("purgeInstance", &["7"]));
        assert_eq!(manage("POST", "/instances/7/raiseEvent/Go"), found("raiseEvent", &["7", "Go"]));
        assert_eq!(manage("POST", "/entities"), found("signalEntity", &[]));
        assert_eq!(manage("GET", "/entities/Counter/$"), found("readEntity", &["Counter", "$"]));
    }

    #[test]
    fn literal_parts_ignore_case_and_slashes_at_the_ends_do_not_count() {
        assert_eq!(route("GET", "/Runtime/Webhooks/DurableTask/Instances/"), found("listInstances", &[]));
        assert_eq!(manage("POST", "/instances/A/TERMINATE/"), found("terminateInstance", &["A"]));
        assert_eq!(manage("POST", "/instances/A/raiseevent/Go"), found("raiseEvent", &["A", "Go"]));
    }

    #[test]
    fn the_path_is_decoded_before_it_is_split() {
        assert_eq!(manage("GET", "/instances/a%20b+c"), found("getInstance", &["a b c"]));
        assert_eq!(manage("POST", "/instances/a%2Fterminate"), found("terminateInstance", &["a"]));
    }

    #[test]
    fn wrong_methods_unknown_operations_and_extra_parts_are_not_found() {
        for (method, path) in [
            ("PUT", "/instances/7"),
            ("GET", "/orchestrators/Main"),
            ("POST", "/instances/7/pause"),
            ("POST", "/instances/7/terminate/now"),
            ("POST", "/instances/7/raiseEvent"),
            ("POST", "/instances//terminate"),
            ("GET", "/makeprimary"),
        ] {
            assert_eq!(manage(method, path), None, "{method} {path}");
        }
        assert_eq!(route("GET", "/instances/7"), None);
    }

    #[test]
    fn what_can_be_got_can_be_asked_for_by_head() {
        for route in routes::all().filter(|route| route.method == Some(Method::GET)) {
            let prefix = if route.base == Base::Management { MANAGEMENT_PREFIX } else { "" };
            let path = format!("{prefix}{}", route.path);
            let of = |method| super::tests::route(method, &path);
            assert!(of("HEAD").is_some() && of("HEAD") == of("GET"), "{path}");
        }
        assert_eq!(manage("HEAD", "/orchestrators/Main"), None);
    }

    #[test]
    fn the_local_rpc_listener_has_the_management_routes_and_nothing_else() {
        let rpc = Router::management_only(RPC_PREFIX);
        let route = |path: &str| rpc.route(&Method::GET, path).map(|matched| matched.route.operation.id);
        assert_eq!(route("/durabletask/instances/7"), Some("getInstance"));
        assert_eq!(route("/DurableTask/Instances/"), Some("listInstances"));
        for path in ["/", "/healthz", "/api/HttpStart", "/admin/deployments", "/runtime/webhooks/durabletask/instances/7", "/instances/7"] {
            assert_eq!(route(path), None, "{path}");
        }
    }

    #[test]
    fn functions_are_reached_below_api_with_any_method() {
        assert_eq!(route("PATCH", "/api/orders/new"), found("callFunction", &["orders/new"]));
        assert_eq!(route("GET", "/api"), None);
        assert_eq!(route("GET", "/"), found("about", &[]));
        assert_eq!(route("GET", "/healthz"), found("health", &[]));
        assert_eq!(route("GET", "/metrics"), found("metrics", &[]));
    }
}
