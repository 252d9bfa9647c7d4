//! Reading, listing and signalling entities.

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use hyper::body::Body;
use longhaul_core::{EntityId, Payload};
use longhaul_engine::clock;
use longhaul_engine::{Engine, EngineError, Keyed, Read};
use longhaul_store::{EntityQuery, Payloads};

use super::answer::{self, BodyError};
use super::content::{is_json, json_or_null};
use super::instances::{page, page_rows, token};
use super::payload::EntityStatus;
use super::request::Asked;
use super::{Api, Handled, content, keys};

/// Stands for the empty key in the address of a read, where an empty part cannot be written.
const EMPTY_KEY: &str = "$";

/// The committed state of an entity.
pub(super) async fn read(api: &Api, asked: &Asked) -> Handled {
    let key = if asked.part(1) == EMPTY_KEY { "" } else { asked.part(1) };
    // An id that cannot exist names no entity.
    let Ok(entity) = EntityId::stored(asked.part(0), key) else { return Ok(answer::empty(StatusCode::NOT_FOUND)) };
    let Read { value: row, room } = api.engine.row(&entity.instance_id(), Payloads::ALL).await?;
    match row.and_then(|row| row.state) {
        Some(state) => Ok(answer::payload(StatusCode::OK, &state, room)),
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
    let rows: Vec<_> = found.value.rows.iter().filter_map(|row| EntityStatus::new(row, fetch_state)).collect();
    Ok(page(&rows, found.value.next.as_ref(), found.room))
}

/// Sends an operation.
pub(super) async fn signal<B>(api: &Api, asked: &Asked, body: B) -> Handled
where
    B: Body<Data = Bytes>,
    B::Error: Into<BodyError>,
{
    let (body, _room) = match content::read(api, asked, body).await {
        Ok(read) => read,
        Err(refusal) => return Ok(refusal),
    };
    let Keyed::Free(engine) = keys::keyed(api, asked, "signal", &["op"], &body).await? else {
        return Ok(answer::empty(StatusCode::ACCEPTED));
    };
    match input_of(&asked.head.headers, &body, api.config.max_json_depth) {
        Ok(input) => send(&engine, asked, &asked.query.get("op").unwrap_or_default(), input).await,
        Err(reason) => Ok(answer::message(StatusCode::BAD_REQUEST, &reason)),
    }
}

/// Sends the operation `delete`.
pub(super) async fn delete(api: &Api, asked: &Asked) -> Handled {
    let Keyed::Free(engine) = keys::keyed(api, asked, "delete", &[], &Bytes::new()).await? else {
        return Ok(answer::empty(StatusCode::ACCEPTED));
    };
    send(&engine, asked, "delete", Payload::null()).await
}

async fn send(engine: &Engine, asked: &Asked, operation: &str, input: Payload) -> Handled {
    let entity = EntityId::new(asked.part(0), asked.part(1)).map_err(|error| EngineError::Invalid(error.to_string()))?;
    engine.signal_entity(entity, operation, input).await?;
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
