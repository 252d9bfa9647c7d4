//! The table of routes as an OpenAPI 3.1 document.

use std::collections::HashSet;

use http::Method;
use serde_json::{Map, Value, json};

use super::authorize::{KEY_HEADER, KEY_PARAMETER, Need};
use super::describe::{Body, Kind, Operation, Parameter, Reply, Shape};
use super::router::{Base, Segment};
use super::routes::{self, Route};

/// The methods under which a route for any method is shown.
const ANY: [Method; 5] = [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE];
const SCHEMAS: &str = include_str!("openapi/schemas.json");

/// The document, with the management routes behind `management_prefix`.
pub fn document(management_prefix: &str) -> Value {
    let mut paths: Map<String, Value> = Map::new();
    let mut known = HashSet::new();
    for route in routes::all() {
        let path = shown_path(route, management_prefix);
        for method in route.method.as_ref().map_or(&ANY[..], std::slice::from_ref) {
            let mut id = operation_id(route, method);
            if known.insert(route.operation.id) {
                // The shortest way to an operation has the operation's own name.
                id = route.operation.id.to_owned();
            }
            let item = paths.entry(path.clone()).or_insert_with(|| json!({}));
            item[method.as_str().to_lowercase()] = operation(route, id);
        }
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Longhaul",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Durable serverless functions. The management routes are those of Azure Durable Functions. They are also below \
                            /durabletask on the local RPC listener, if the host has one. Literal parts of a path and names in a query ignore case. \
                            HEAD is answered wherever GET is.",
        },
        "servers": [{ "url": "/" }],
        "paths": paths,
        "components": {
            "schemas": schemas(),
            "securitySchemes": {
                "key": { "type": "apiKey", "in": "header", "name": KEY_HEADER.as_str() },
                "code": { "type": "apiKey", "in": "query", "name": KEY_PARAMETER },
            },
        },
    })
}

/// The path behind its prefix; `{*rest}` becomes `{rest}`, since the format knows no other.
fn shown_path(route: &Route, management_prefix: &str) -> String {
    let prefix = match route.base {
        Base::Management => management_prefix,
        Base::Root => "",
    };
    format!("{prefix}{}", route.path.replace("{*", "{"))
}

/// Unique for each route and method: the operation's name, and what tells this way to it from the others.
fn operation_id(route: &Route, method: &Method) -> String {
    let id = route.operation.id;
    match route.segments().last() {
        Some(Segment::One(name)) if route.method.is_some() => format!("{id}With{}{}", name[..1].to_uppercase(), &name[1..]),
        _ => format!("{id}By{}", method.as_str()),
    }
}

fn operation(route: &Route, id: String) -> Value {
    let described = route.operation;
    let open = route.segments().filter_map(|segment| match segment {
        Segment::Literal(_) => None,
        Segment::One(name) | Segment::Rest(name) => {
            Some(json!({ "name": name, "in": "path", "required": true, "schema": { "type": "string" } }))
        }
    });
    let hub = Parameter { name: "taskHub", kind: Kind::Text, about: "The task hub; another one than the host's is empty" };
    let hub = route.other_hub.map(|_| &hub);
    let query = described.query.iter().chain(hub).map(|one| parameter(one, "query"));
    let headers = described.headers.iter().map(|one| parameter(one, "header"));
    let mut operation = json!({
        "operationId": id,
        "tags": [described.group],
        "summary": described.summary,
        "parameters": open.chain(query).chain(headers).collect::<Vec<_>>(),
        "responses": responses(described),
    });
    if route.need != Need::Nothing {
        operation["security"] = json!([{ "key": [] }, { "code": [] }]);
        operation["responses"]["401"] = json!({ "description": "The host asks for keys, and there is none or a wrong one" });
    }
    if let Some(body) = request_body(described.body) {
        operation["requestBody"] = body;
    }
    operation
}

fn parameter(parameter: &Parameter, place: &str) -> Value {
    let schema = match parameter.kind {
        Kind::Text | Kind::Statuses => json!({ "type": "string" }),
        Kind::Texts => json!({ "type": "array", "items": { "type": "string" } }),
        Kind::Flag => json!({ "type": "boolean" }),
        Kind::Count => json!({ "type": "integer", "minimum": 1 }),
        Kind::Seconds => json!({ "type": "number", "minimum": 0 }),
        Kind::Date => json!({ "type": "string", "format": "date-time" }),
    };
    json!({ "name": parameter.name, "in": place, "description": parameter.about, "schema": schema })
}

fn request_body(body: Body) -> Option<Value> {
    let media_type = match body {
        Body::None => return None,
        Body::Json => "application/json",
        Body::Any => "*/*",
        Body::Deployment => longhaul_app::package::CONTENT_TYPE,
    };
    Some(json!({ "required": matches!(body, Body::Deployment), "content": { media_type: {} } }))
}

fn responses(described: &Operation) -> Map<String, Value> {
    described.replies.iter().map(|Reply(status, shape, about)| (status.to_string(), response(*shape, about))).collect()
}

fn response(shape: Shape, about: &str) -> Value {
    let reference = |name: &str| json!({ "$ref": format!("#/components/schemas/{name}") });
    let (media_type, schema) = match shape {
        Shape::Empty => return json!({ "description": about }),
        Shape::Plain => ("text/plain", json!({ "type": "string" })),
        Shape::Json => ("application/json", json!({})),
        Shape::Text => ("application/json", json!({ "type": "string" })),
        Shape::Object(name) => ("application/json", reference(name)),
        Shape::List(name) => ("application/json", json!({ "type": "array", "items": reference(name) })),
    };
    json!({ "description": about, "content": { media_type: { "schema": schema } } })
}

/// The objects that answers consist of.
fn schemas() -> Value {
    serde_json::from_str(SCHEMAS).unwrap_or_default()
}

#[cfg(test)]
mod tests;
