//! Reading, listing and signalling entities.

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use longhaul_core::{EntityId, Payload};
use longhaul_store::{EntityQuery, Payloads};

use super::OtherHub::{EmptyPage, Message, NotFound};
use super::{Handled, Need, Route, handler, manage};
use crate::answer;
use crate::content::{self, is_json, json_or_null};
use crate::context::Api;
use crate::describe::{ACCEPTED, Body, KEY, KEY_USED, Kind, Operation, Reply, Shape, TOKEN, TOO_LONG, TOP, parameter};
use crate::idempotency::{acting, keyed};
use crate::pages::{page, page_rows, token};
use crate::payload::EntityStatus;
use crate::request::{Asked, RequestBody};
use longhaul_engine::clock;
use longhaul_engine::long_work::by_length;
use longhaul_engine::{Binding, EngineError, Keyed, Read};

/// The routes of entities.
pub(super) const ROUTES: &[Route] = &[
    manage(Method::GET, "/entities", Need::System, EmptyPage, &LIST_ENTITIES, handler!(list)),
    manage(Method::GET, "/entities/{entityName}", Need::System, EmptyPage, &LIST_ENTITIES, handler!(list)),
    manage(Method::GET, "/entities/{entityName}/{entityKey}", Need::System, NotFound, &READ_ENTITY, handler!(read)),
    manage(Method::POST, "/entities", Need::System, Message, &SIGNAL_ENTITY, handler!(signal, body)),
    manage(Method::POST, "/entities/{entityName}", Need::System, Message, &SIGNAL_ENTITY, handler!(signal, body)),
    manage(Method::POST, "/entities/{entityName}/{entityKey}", Need::System, Message, &SIGNAL_ENTITY, handler!(signal, body)),
    manage(Method::DELETE, "/entities", Need::System, Message, &DELETE_ENTITY, handler!(delete)),
    manage(Method::DELETE, "/entities/{entityName}", Need::System, Message, &DELETE_ENTITY, handler!(delete)),
    manage(Method::DELETE, "/entities/{entityName}/{entityKey}", Need::System, Message, &DELETE_ENTITY, handler!(delete)),
];

const ENTITIES: &str = "entities";
const REFUSED: Reply = Reply(400, Shape::Object("Message"), "There is no such entity function, or the key or the body is wrong");

const LIST_ENTITIES: Operation = Operation {
    id: "listEntities",
    group: ENTITIES,
    summary: "List entities that exist",
    query: &[
        parameter("lastOperationTimeFrom", Kind::Date, "Changed then or later"),
        parameter("lastOperationTimeTo", Kind::Date, "Changed then or earlier; default now"),
        parameter("fetchState", Kind::Flag, "Show states; default false"),
        TOP,
    ],
    headers: &[TOKEN],
    body: Body::None,
    replies: &[Reply(200, Shape::List("EntityStatus"), "A page; the header x-ms-continuation-token is empty on the last one")],
};

const READ_ENTITY: Operation = Operation {
    id: "readEntity",
    group: ENTITIES,
    summary: "Read the state of an entity; the key $ is the empty key",
    query: &[],
    headers: &[],
    body: Body::None,
    replies: &[Reply(200, Shape::Json, "The state"), Reply(404, Shape::Empty, "There is no such entity")],
};

const SIGNAL_ENTITY: Operation = Operation {
    id: "signalEntity",
    group: ENTITIES,
    summary: "Send an operation to an entity; the body is its input, as JSON or as text by its content type. Without a key in the path the key is empty",
    query: &[parameter("op", Kind::Text, "The name of the operation; default empty")],
    headers: &[KEY],
    body: Body::Json,
    replies: &[ACCEPTED, REFUSED, KEY_USED, TOO_LONG],
};

const DELETE_ENTITY: Operation = Operation {
    id: "deleteEntity",
    group: ENTITIES,
    summary: "Send the operation `delete` to an entity. Without a key in the path the key is empty",
    query: &[],
    headers: &[KEY],
    body: Body::None,
    replies: &[ACCEPTED, REFUSED, KEY_USED],
};

/// Stands for the empty key in the address of a read, where an empty part cannot be written.
const EMPTY_KEY: &str = "$";

/// The committed state of an entity.
pub(super) async fn read(api: &Api, asked: &Asked) -> Handled {
    let key = if asked.part(1) == EMPTY_KEY { "" } else { asked.part(1) };
    // An id that cannot exist names no entity.
    let Ok(entity) = EntityId::stored(asked.part(0), key) else { return Ok(answer::empty(StatusCode::NOT_FOUND)) };
    let Read { value: row, room } = api.engine.row(&entity.instance_id(), Payloads::ALL).await?;
    match row.and_then(|row| row.state) {
        Some(state) => Ok(answer::payload(StatusCode::OK, state, room).await),
        None => Ok(answer::empty(StatusCode::NOT_FOUND)),
    }
}

/// A page of entities that exist.
pub(super) async fn list(api: &Api, asked: &Asked) -> Handled {
    let fetch_state = asked.query.bool("fetchState").unwrap_or(false);
    let query = EntityQuery {
        name: Some(asked.part(0)).filter(|name| !name.is_empty()).map(str::to_lowercase),
        changed_from: asked.query.date("lastOperationTimeFrom"),
        changed_to: asked.query.date("lastOperationTimeTo").or_else(|| Some(clock::now())),
        after: token(asked),
        limit: page_rows(&asked.query),
        payloads: Payloads { state: fetch_state, ..Payloads::NONE },
        max_bytes: None,
    };
    let found = api.engine.list_entities(query).await?;
    let (rows, next) = (found.value.rows, found.value.next);
    let rows = move || rows.iter().filter_map(|row| EntityStatus::new(row, fetch_state)).collect();
    Ok(page(rows, next.as_ref(), found.room).await)
}

/// Sends an operation.
pub(super) async fn signal(api: &Api, asked: &Asked, body: RequestBody) -> Handled {
    let (body, _room) = match content::read(api, asked, body).await {
        Ok(read) => read,
        Err(refusal) => return Ok(refusal),
    };
    let Keyed::First(binding) = keyed(api, asked, "signal", &["op"], &body).await? else {
        return Ok(answer::empty(StatusCode::ACCEPTED));
    };
    let (headers, max_json_depth) = (asked.head.headers.clone(), api.config.max_json_depth);
    let input = by_length(body.len(), move || input_of(&headers, &body, max_json_depth));
    match input.await {
        Ok(input) => send(api, &binding, asked, &asked.query.get("op").unwrap_or_default(), input).await,
        Err(reason) => Ok(answer::message(StatusCode::BAD_REQUEST, &reason)),
    }
}

/// Sends the operation `delete`.
pub(super) async fn delete(api: &Api, asked: &Asked) -> Handled {
    let Keyed::First(binding) = keyed(api, asked, "delete", &[], &Bytes::new()).await? else {
        return Ok(answer::empty(StatusCode::ACCEPTED));
    };
    send(api, &binding, asked, "delete", Payload::null()).await
}

async fn send(api: &Api, binding: &Binding, asked: &Asked, operation: &str, input: Payload) -> Handled {
    let entity = EntityId::new(asked.part(0), asked.part(1)).map_err(|error| EngineError::Invalid(error.to_string()))?;
    acting(api, asked).signal_entity(entity, operation, input, binding).await?;
    Ok(answer::empty(StatusCode::ACCEPTED))
}

/// No body is no input; JSON is that value; any other body is its text as a string.
fn input_of(headers: &HeaderMap, body: &Bytes, max_json_depth: usize) -> Result<Payload, String> {
    if body.is_empty() || is_json(headers) {
        return json_or_null(body, max_json_depth).map_err(|reason| format!("Could not parse JSON content: {reason}"));
    }
    let text = std::str::from_utf8(body).map_err(|error| format!("the body is neither JSON nor text in UTF-8: {error}"))?;
    Ok(Payload::string(text))
}

#[cfg(test)]
mod tests {
    use http::header::CONTENT_TYPE;

    use super::*;

    fn input(content_type: &'static str, body: &'static [u8]) -> Result<String, String> {
        let headers = HeaderMap::from_iter([(CONTENT_TYPE, content_type.parse().unwrap())]);
        input_of(&headers, &Bytes::from_static(body), 100).map(|payload| payload.as_str().to_owned())
    }

    #[test]
    fn the_content_type_decides_how_a_body_becomes_an_input() {
        assert_eq!(input("application/json", b"{\"a\":1}").unwrap(), "{\"a\":1}");
        assert_eq!(input("text/plain", b"{\"a\":1}").unwrap(), "\"{\\\"a\\\":1}\"");
        assert_eq!(input("application/json", b"").unwrap(), "null");
        assert_eq!(input("text/plain", b"").unwrap(), "null");
        assert!(input("application/json", b"{").unwrap_err().starts_with("Could not parse JSON content: "));
        assert!(input("text/plain", b"\xff").unwrap_err().contains("UTF-8"));
    }
}
