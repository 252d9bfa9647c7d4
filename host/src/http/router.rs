//! The one table of routes.

use http::Method;

use super::query::form_decode;

/// Where the management routes are by default.
pub const MANAGEMENT_PREFIX: &str = "/runtime/webhooks/durabletask";

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
    /// Say what this is.
    About,
    /// Take a new deployment.
    Deploy,
    /// List deployments.
    ListDeployments,
    /// Call a client function.
    CallFunction,
}

impl Action {
    /// Whether this is about one task hub, so that the query may name one.
    pub fn is_for_a_task_hub(self) -> bool {
        match self {
            Self::Health | Self::About | Self::Deploy | Self::ListDeployments | Self::CallFunction => false,
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

/// Which prefix a pattern stands behind.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Base {
    Management,
    Root,
}

/// A pattern's `*` stands for one part of the path, `**` for all that is left.
struct Route(Base, Option<Method>, &'static [&'static str], Action);

/// Tried in order. A path that is known under another method is not found, never "not allowed": the contract says so.
const ROUTES: &[Route] = &[
    Route(Base::Management, Some(Method::POST), &["orchestrators", "*"], Action::Start),
    Route(Base::Management, Some(Method::POST), &["orchestrators", "*", "*"], Action::Start),
    Route(Base::Management, Some(Method::GET), &["entities"], Action::ListEntities),
    Route(Base::Management, Some(Method::GET), &["entities", "*"], Action::ListEntities),
    Route(Base::Management, Some(Method::GET), &["entities", "*", "*"], Action::ReadEntity),
    Route(Base::Management, Some(Method::POST), &["entities"], Action::SignalEntity),
    Route(Base::Management, Some(Method::POST), &["entities", "*"], Action::SignalEntity),
    Route(Base::Management, Some(Method::POST), &["entities", "*", "*"], Action::SignalEntity),
    Route(Base::Management, Some(Method::DELETE), &["entities", "*", "*"], Action::DeleteEntity),
    Route(Base::Management, Some(Method::GET), &["instances"], Action::ListInstances),
    Route(Base::Management, Some(Method::GET), &["instances", "*"], Action::Status),
    Route(Base::Management, Some(Method::DELETE), &["instances"], Action::PurgeInstances),
    Route(Base::Management, Some(Method::DELETE), &["instances", "*"], Action::PurgeInstance),
    Route(Base::Management, Some(Method::POST), &["instances", "*", "terminate"], Action::Terminate),
    Route(Base::Management, Some(Method::POST), &["instances", "*", "suspend"], Action::Suspend),
    Route(Base::Management, Some(Method::POST), &["instances", "*", "resume"], Action::Resume),
    Route(Base::Management, Some(Method::POST), &["instances", "*", "rewind"], Action::Rewind),
    Route(Base::Management, Some(Method::POST), &["instances", "*", "restart"], Action::Restart),
    Route(Base::Management, Some(Method::POST), &["instances", "*", "raiseEvent", "*"], Action::RaiseEvent),
    Route(Base::Root, Some(Method::GET), &[], Action::About),
    Route(Base::Root, Some(Method::GET), &["healthz"], Action::Health),
    Route(Base::Root, Some(Method::GET), &["admin", "deployments"], Action::ListDeployments),
    Route(Base::Root, Some(Method::POST), &["admin", "deployments"], Action::Deploy),
    Route(Base::Root, None, &["api", "**"], Action::CallFunction),
];

/// Finds what a request asks for.
#[derive(Clone, Debug)]
pub struct Router {
    management: Vec<String>,
}

impl Router {
    /// Routes with the management part behind `management_prefix`, such as [`MANAGEMENT_PREFIX`].
    pub fn new(management_prefix: &str) -> Self {
        Self { management: parts_of(management_prefix) }
    }

    /// What the request asks for; `None` when no route matches, which is answered with 404 and no body.
    ///
    /// The whole path is decoded before it is split, so `%2F` separates parts like `/`.
    pub fn route(&self, method: &Method, path: &str) -> Option<Matched> {
        let parts = parts_of(&form_decode(path));
        ROUTES.iter().find_map(|Route(base, wanted, pattern, action)| {
            let rest = match base {
                Base::Management => self.behind_prefix(&parts)?,
                Base::Root => &parts[..],
            };
            let is_method = wanted.as_ref().is_none_or(|wanted| wanted == method);
            let parts = if is_method { match_parts(pattern, rest) } else { None }?;
            Some(Matched { action: *action, parts })
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

fn match_parts(pattern: &[&str], parts: &[String]) -> Option<Vec<String>> {
    if let [literal @ .., "**"] = pattern {
        let (start, rest) = parts.split_at_checked(literal.len())?;
        match_parts(literal, start)?;
        return (!rest.is_empty()).then(|| vec![rest.join("/")]);
    }
    if pattern.len() != parts.len() {
        return None;
    }
    let mut open = Vec::new();
    for (wanted, part) in pattern.iter().zip(parts) {
        match *wanted {
            "*" if !part.is_empty() => open.push(part.clone()),
            literal if literal != "*" && part.eq_ignore_ascii_case(literal) => {}
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
    fn functions_are_reached_below_api_with_any_method() {
        assert_eq!(route("PATCH", "/api/orders/new"), found(Action::CallFunction, &["orders/new"]));
        assert_eq!(route("GET", "/api"), None);
        assert_eq!(route("GET", "/"), found(Action::About, &[]));
        assert_eq!(route("GET", "/healthz"), found(Action::Health, &[]));
    }
}
