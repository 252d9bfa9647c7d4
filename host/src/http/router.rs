//! The one table of routes.

use http::Method;

use super::query::form_decode;

/// Where the management routes are by default.
pub const MANAGEMENT_PREFIX: &str = "/runtime/webhooks/durabletask";
/// Where the management routes are on the local RPC listener, on which nothing else is.
pub const RPC_PREFIX: &str = "/durabletask";

/// What a request asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Start an orchestration.
    Start,
    /// List instances.
    ListInstances,
    /// Show one instance.
    Status,
    /// Remove one instance.
    PurgeInstance,
    /// Remove the instances that a filter covers.
    PurgeInstances,
    /// Raise an event.
    RaiseEvent,
    /// End an instance.
    Terminate,
    /// Hold an instance.
    Suspend,
    /// Let an instance go on.
    Resume,
    /// Take a failed instance back to before its failure.
    Rewind,
    /// Start again with the same input.
    Restart,
    /// List entities.
    ListEntities,
    /// Read an entity's state.
    ReadEntity,
    /// Send an operation to an entity.
    SignalEntity,
    /// Send the operation `delete` to an entity.
    DeleteEntity,
    /// Say that the host is ready.
    Health,
    /// Show counters for a monitoring system.
    Metrics,
    /// Say what this is.
    About,
    /// Describe all routes.
    Describe,
    /// Take a new deployment.
    Deploy,
    /// List deployments.
    ListDeployments,
    /// List the timers of the current deployment.
    ListTimers,
    /// Hold a timer, let it go on, or start what it starts.
    OperateTimer,
    /// List keys.
    ListKeys,
    /// Make a key.
    AddKey,
    /// Make a key anew.
    RotateKey,
    /// Make a key worthless.
    RevokeKey,
    /// Prove that the host runs on a data folder.
    Prove,
    /// Show what a client library of Azure Durable Functions is configured with.
    ClientBinding,
    /// Call a client function.
    CallFunction,
}

impl Action {
    /// Whether this is about one task hub, so that the query may name one.
    pub fn is_for_a_task_hub(self) -> bool {
        match self {
            Self::ListTimers | Self::OperateTimer => false,
            Self::ListKeys | Self::AddKey | Self::RotateKey | Self::RevokeKey => false,
            Self::Health
            | Self::Prove
            | Self::Metrics
            | Self::About
            | Self::Describe
            | Self::Deploy
            | Self::ListDeployments
            | Self::ClientBinding
            | Self::CallFunction => false,
            Self::Start | Self::ListInstances | Self::Status | Self::PurgeInstance | Self::PurgeInstances | Self::RaiseEvent => true,
            Self::Terminate | Self::Suspend | Self::Resume | Self::Rewind | Self::Restart => true,
            Self::ListEntities | Self::ReadEntity | Self::SignalEntity | Self::DeleteEntity => true,
        }
    }
}

/// What a request asks for, and the parts of its path that say of what.
#[derive(Debug, PartialEq, Eq)]
pub struct Matched {
    /// What it asks for.
    pub action: Action,
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

/// A row of the table.
pub struct Route {
    /// What its path stands behind.
    pub base: Base,
    /// Its method; any if `None`.
    pub method: Option<Method>,
    /// `{name}` stands for one part of the path, `{*name}` at the end for all that is left.
    pub path: &'static str,
    /// What it asks for.
    pub action: Action,
}

const fn manage(method: Method, path: &'static str, action: Action) -> Route {
    Route { base: Base::Management, method: Some(method), path, action }
}

const fn root(method: Option<Method>, path: &'static str, action: Action) -> Route {
    Route { base: Base::Root, method, path, action }
}

/// Tried in order. What is there for GET is there for HEAD: the server leaves the body of the answer away. A path that is known under another method is not found, never "not allowed": the contract says so.
pub const ROUTES: &[Route] = &[
    manage(Method::POST, "/orchestrators/{functionName}", Action::Start),
    manage(Method::POST, "/orchestrators/{functionName}/{instanceId}", Action::Start),
    manage(Method::GET, "/entities", Action::ListEntities),
    manage(Method::GET, "/entities/{entityName}", Action::ListEntities),
    manage(Method::GET, "/entities/{entityName}/{entityKey}", Action::ReadEntity),
    manage(Method::POST, "/entities", Action::SignalEntity),
    manage(Method::POST, "/entities/{entityName}", Action::SignalEntity),
    manage(Method::POST, "/entities/{entityName}/{entityKey}", Action::SignalEntity),
    manage(Method::DELETE, "/entities", Action::DeleteEntity),
    manage(Method::DELETE, "/entities/{entityName}", Action::DeleteEntity),
    manage(Method::DELETE, "/entities/{entityName}/{entityKey}", Action::DeleteEntity),
    manage(Method::GET, "/instances", Action::ListInstances),
    manage(Method::GET, "/instances/{instanceId}", Action::Status),
    manage(Method::DELETE, "/instances", Action::PurgeInstances),
    manage(Method::DELETE, "/instances/{instanceId}", Action::PurgeInstance),
    manage(Method::POST, "/instances/{instanceId}/terminate", Action::Terminate),
    manage(Method::POST, "/instances/{instanceId}/suspend", Action::Suspend),
    manage(Method::POST, "/instances/{instanceId}/resume", Action::Resume),
    manage(Method::POST, "/instances/{instanceId}/rewind", Action::Rewind),
    manage(Method::POST, "/instances/{instanceId}/restart", Action::Restart),
    manage(Method::POST, "/instances/{instanceId}/raiseEvent/{eventName}", Action::RaiseEvent),
    root(Some(Method::GET), "/", Action::About),
    root(Some(Method::GET), "/healthz", Action::Health),
    root(Some(Method::GET), "/openapi.json", Action::Describe),
    root(Some(Method::GET), "/metrics", Action::Metrics),
    root(Some(Method::GET), "/admin/client-binding", Action::ClientBinding),
    root(Some(Method::GET), "/admin/proof/{challenge}", Action::Prove),
    root(Some(Method::GET), "/admin/deployments", Action::ListDeployments),
    root(Some(Method::GET), "/admin/timers", Action::ListTimers),
    root(Some(Method::POST), "/admin/timers/{timerName}/{operation}", Action::OperateTimer),
    root(Some(Method::POST), "/admin/deployments", Action::Deploy),
    root(Some(Method::GET), "/admin/keys", Action::ListKeys),
    root(Some(Method::POST), "/admin/keys/{scope}/{keyName}", Action::AddKey),
    root(Some(Method::POST), "/admin/keys/{scope}/{keyName}/rotate", Action::RotateKey),
    root(Some(Method::DELETE), "/admin/keys/{scope}/{keyName}", Action::RevokeKey),
    root(None, "/api/{*route}", Action::CallFunction),
];

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

impl Route {
    /// The parts of its path.
    pub fn segments(&self) -> impl Iterator<Item = Segment> + use<> {
        self.path.split('/').filter(|word| !word.is_empty()).map(|word| {
            match word.strip_prefix('{').and_then(|word| word.strip_suffix('}')) {
                None => Segment::Literal(word),
                Some(name) => name.strip_prefix('*').map_or(Segment::One(name), Segment::Rest),
            }
        })
    }
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
    base: Base,
    method: Option<Method>,
    segments: Vec<Segment>,
    action: Action,
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
        let compiled = |Route { base, method, action, .. }: &Route, segments| CompiledRoute {
            base: *base,
            method: method.clone(),
            segments,
            action: *action,
        };
        let routes = ROUTES.iter().filter(|route| wanted(route.base)).map(|route| compiled(route, route.segments().collect()));
        Self { management: parts_of(prefix), routes: routes.collect() }
    }

    /// What the request asks for; `None` when no route matches, which is answered with 404 and no body.
    ///
    /// The whole path is decoded before it is split, so `%2F` separates parts like `/`.
    pub fn route(&self, method: &Method, path: &str) -> Option<Matched> {
        let parts = parts_of(&form_decode(path));
        let behind_prefix = self.behind_prefix(&parts);
        self.routes.iter().find_map(|route| {
            let rest = match route.base {
                Base::Management => behind_prefix?,
                Base::Root => &parts[..],
            };
            let is_method = route.method.as_ref().is_none_or(|wanted| wanted == method || wanted == Method::GET && method == Method::HEAD);
            let parts = if is_method { match_parts(&route.segments, rest) } else { None }?;
            Some(Matched { action: route.action, parts })
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

    fn route(method: &str, path: &str) -> Option<(Action, Vec<String>)> {
        let method: Method = method.parse().unwrap();
        Router::new(MANAGEMENT_PREFIX).route(&method, path).map(|matched| (matched.action, matched.parts))
    }

    fn manage(method: &str, path: &str) -> Option<(Action, Vec<String>)> {
        route(method, &format!("{MANAGEMENT_PREFIX}{path}"))
    }

    fn found(action: Action, parts: &[&str]) -> Option<(Action, Vec<String>)> {
        Some((action, parts.iter().map(|part| part.to_string()).collect()))
    }

    #[test]
    fn every_management_route_is_found() {
        assert_eq!(manage("POST", "/orchestrators/Main"), found(Action::Start, &["Main"]));
        assert_eq!(manage("POST", "/orchestrators/Main/7"), found(Action::Start, &["Main", "7"]));
        assert_eq!(manage("GET", "/instances/7"), found(Action::Status, &["7"]));
        assert_eq!(manage("DELETE", "/instances/7"), found(Action::PurgeInstance, &["7"]));
        assert_eq!(manage("POST", "/instances/7/raiseEvent/Go"), found(Action::RaiseEvent, &["7", "Go"]));
        assert_eq!(manage("POST", "/entities"), found(Action::SignalEntity, &[]));
        assert_eq!(manage("GET", "/entities/Counter/$"), found(Action::ReadEntity, &["Counter", "$"]));
    }

    #[test]
    fn literal_parts_ignore_case_and_slashes_at_the_ends_do_not_count() {
        assert_eq!(route("GET", "/Runtime/Webhooks/DurableTask/Instances/"), found(Action::ListInstances, &[]));
        assert_eq!(manage("POST", "/instances/A/TERMINATE/"), found(Action::Terminate, &["A"]));
        assert_eq!(manage("POST", "/instances/A/raiseevent/Go"), found(Action::RaiseEvent, &["A", "Go"]));
    }

    #[test]
    fn the_path_is_decoded_before_it_is_split() {
        assert_eq!(manage("GET", "/instances/a%20b+c"), found(Action::Status, &["a b c"]));
        assert_eq!(manage("POST", "/instances/a%2Fterminate"), found(Action::Terminate, &["a"]));
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
        for route in ROUTES.iter().filter(|route| route.method == Some(Method::GET)) {
            let prefix = if route.base == Base::Management { MANAGEMENT_PREFIX } else { "" };
            let path = format!("{prefix}{}", route.path);
            let of = |method: &Method| Router::new(MANAGEMENT_PREFIX).route(method, &path);
            assert!(of(&Method::HEAD).is_some() && of(&Method::HEAD) == of(&Method::GET), "{path}");
        }
        assert_eq!(manage("HEAD", "/orchestrators/Main"), None);
    }

    #[test]
    fn the_local_rpc_listener_has_the_management_routes_and_nothing_else() {
        let rpc = Router::management_only(RPC_PREFIX);
        let route = |path: &str| rpc.route(&Method::GET, path).map(|matched| matched.action);
        assert_eq!(route("/durabletask/instances/7"), Some(Action::Status));
        assert_eq!(route("/DurableTask/Instances/"), Some(Action::ListInstances));
        for path in ["/", "/healthz", "/api/HttpStart", "/admin/deployments", "/runtime/webhooks/durabletask/instances/7", "/instances/7"] {
            assert_eq!(route(path), None, "{path}");
        }
    }

    #[test]
    fn functions_are_reached_below_api_with_any_method() {
        assert_eq!(route("PATCH", "/api/orders/new"), found(Action::CallFunction, &["orders/new"]));
        assert_eq!(route("GET", "/api"), None);
        assert_eq!(route("GET", "/"), found(Action::About, &[]));
        assert_eq!(route("GET", "/healthz"), found(Action::Health, &[]));
        assert_eq!(route("GET", "/metrics"), found(Action::Metrics, &[]));
    }
}
