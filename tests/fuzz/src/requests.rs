//! Paths, queries, bodies, and the tokens of pages.

use bytes::Bytes;
use http::header::HeaderValue;
use http::{Method, Uri};
use longhaul_core::{Look, Payload};
use longhaul_http::azure::status_names;
use longhaul_http::content::json_or_null;
use longhaul_http::for_fuzzing::{key_in_rpc_path, page_token_of, read_page_token};
use longhaul_http::links::escape;
use longhaul_http::query::{Query, form_decode};
use longhaul_http::router::{Base, MANAGEMENT_PREFIX, Matched, RPC_PREFIX, Router, Segment};
use longhaul_http::routes::{self, Route};
use longhaul_store::for_fuzzing::{is_in_entity_ranges, is_in_instance_ranges};
use serde_json::Value;

use crate::input::{first_line, text};

/// Deepest nesting of a body that is taken; `docs/guide/limits.md` says so.
const MAX_DEPTH: usize = 100;
/// Longest time that a query can ask for, seconds.
const MAX_QUERY_SECONDS: u64 = 365 * 86_400;

/// `METHOD TARGET`, as in the first line of a request.
///
/// A match fills every open part of its route; writing the route with these parts leads to the same match; the listener for
/// libraries has management routes only; what a query says is within its limits.
pub fn path_and_query(data: &[u8]) {
    let text = text(data);
    let (method, target) = text.split_once(' ').unwrap_or(("GET", &text));
    let method = Method::from_bytes(method.as_bytes()).unwrap_or(Method::GET);
    // As the host gets it, and, if no connection would have let it through, as it is.
    match target.parse::<Uri>() {
        Ok(uri) => {
            path(&method, uri.path());
            query(uri.query().unwrap_or_default());
        }
        Err(_) => {
            let (path_text, query_text) = target.split_once('?').unwrap_or((target, ""));
            path(&method, path_text);
            query(query_text);
        }
    }
    assert_eq!(form_decode(&escape(target)), target, "a text is the same after the way there and back");
}

fn path(method: &Method, path: &str) {
    let public = Router::new(MANAGEMENT_PREFIX);
    let matched = public.route(method, path);
    assert_eq!(public.route(method, &format!("/{path}/")), matched, "slashes at the ends do not count");
    if let Some(matched) = matched {
        let route = routes::all().find(|route| is_route_of(route, method, &matched)).expect("a match comes from a row of the table");
        assert_eq!(public.route(method, &written(route, &matched.parts)), Some(matched), "a route that is written leads back");
    }
    let (key, rest) = key_in_rpc_path(path);
    assert!(key.is_none_or(|key| path.contains(&key)) && rest.len() <= path.len());
    if let Some(matched) = Router::management_only(RPC_PREFIX).route(method, &rest) {
        let is_management = |route: &Route| route == matched.route && route.base == Base::Management;
        assert!(routes::all().any(is_management), "{matched:?} has no place on the listener for libraries");
    }
}

/// Whether the row can have given this match: by itself, its method, and as many parts as it leaves open.
fn is_route_of(route: &Route, method: &Method, matched: &Matched) -> bool {
    let open: Vec<_> = route.segments().filter(|segment| !matches!(segment, Segment::Literal(_))).collect();
    let fits = |(segment, part): (&Segment, &String)| !part.is_empty() && (matches!(segment, Segment::Rest(_)) || !part.contains('/'));
    route == matched.route
        && route.method.as_ref().is_none_or(|wanted| wanted == method)
        && open.len() == matched.parts.len()
        && open.iter().zip(&matched.parts).all(fits)
}

fn written(route: &Route, parts: &[String]) -> String {
    let mut parts = parts.iter();
    let mut path = match route.base {
        Base::Management => MANAGEMENT_PREFIX.to_owned(),
        Base::Root => String::new(),
    };
    for segment in route.segments() {
        path.push('/');
        match segment {
            Segment::Literal(word) => path.push_str(word),
            Segment::One(_) | Segment::Rest(_) => path.push_str(&escape(parts.next().expect("there are as many as the row leaves open"))),
        }
    }
    path
}

fn query(text: &str) {
    let query = Query::parse(text);
    for name in ["top", "timeout", "createdTimeFrom", "runtimeStatus", "tag", "showInput", "code", ""] {
        assert_eq!(query.get(name), query.get(&name.to_ascii_uppercase()), "names ignore case");
        assert_eq!(query.get(name).is_some(), query.values(name).next().is_some());
        assert!(query.count(name).is_none_or(|count| count > 0));
        assert!(query.seconds(name).is_none_or(|seconds| seconds.as_secs() <= MAX_QUERY_SECONDS));
        assert!(query.statuses(name).iter().all(|status| status_names::parse(status_names::name(*status)) == Some(*status)));
        let _ = (query.bool(name), query.date(name), query.non_blank(name));
    }
    let (name, value) = text.split_once('=').unwrap_or((text, ""));
    let written = Query::parse(&format!("{}={}", escape(name), escape(value)));
    assert_eq!(written.values(name).collect::<Vec<_>>(), [value], "a pair that is written is read as it was");
}

/// A body that has to be JSON.
///
/// What is taken is one JSON value of bounded depth, stays what it is on its way through records, and is read by others too.
pub fn json_body(data: &[u8]) {
    let body = Bytes::copy_from_slice(data);
    let payload = match json_or_null(&body, MAX_DEPTH) {
        Ok(payload) => payload,
        Err(reason) => return assert!(!reason.is_empty(), "a refusal says why"),
    };
    let Look { depth, flaw } = payload.look();
    assert!(depth <= MAX_DEPTH && flaw.is_none(), "{depth} {flaw:?}");
    assert_eq!(Payload::parse(payload.as_str()).expect("it was one JSON value"), payload);
    let within = serde_json::to_string(&[&payload]).expect("a payload stands in JSON as itself");
    assert_eq!(serde_json::from_str::<Vec<Payload>>(&within).expect("what was written is read"), std::slice::from_ref(&payload));
    let value: Value = serde_json::from_str(payload.as_str()).expect("a reader that gives up on some numbers and escapes reads it");
    // Of members with the same name a reader keeps one, which may not be the deepest.
    assert!(depth_of(&value) <= depth);
    let as_text = String::from_utf8_lossy(data);
    let string = Payload::string(&as_text);
    assert_eq!(serde_json::from_str::<String>(string.as_str()).expect("a text is a JSON string"), as_text);
    assert!(!Payload::of_text(&as_text).as_str().is_empty());
}

fn depth_of(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(depth_of).max().unwrap_or(0),
        Value::Object(members) => 1 + members.values().map(depth_of).max().unwrap_or(0),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => 0,
    }
}

/// Three lines: the token of a page, a prefix of ids, and an id.
///
/// A token is a header that leads to where its page ended. The pages after it have those ids and no others that come later, begin with the
/// prefix, and are entities only if the prefix asks for them.
pub fn page_token(data: &[u8]) {
    let text = text(data);
    let (token, rest) = first_line(&text);
    let (prefix, id) = first_line(rest);
    let made = page_token_of(id);
    assert!(HeaderValue::from_str(&made).is_ok(), "{made:?} cannot be sent");
    let read_back = read_page_token(&made);
    assert_eq!(read_back.as_deref(), (!id.is_empty()).then_some(id), "a token leads to where its page ended");

    let after = read_page_token(token);
    let is_later = after.as_deref().is_none_or(|after| id > after);
    let wanted = id.starts_with(prefix) && (!prefix.is_empty() || !id.starts_with('@')) && is_later;
    assert_eq!(is_in_instance_ranges(prefix, after.as_deref(), id), wanted, "{prefix:?} after {after:?}: {id:?}");
    let of_name = id.starts_with(&format!("@{prefix}@")) && is_later;
    assert_eq!(is_in_entity_ranges(Some(prefix), after.as_deref(), id), of_name, "entities {prefix:?} after {after:?}: {id:?}");
    assert_eq!(is_in_entity_ranges(None, after.as_deref(), id), id.starts_with('@') && is_later);
}
