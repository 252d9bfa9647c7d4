//! The header `Idempotency-Key`: the same request again gets the same answer and has no second effect.

use bytes::Bytes;
use http::HeaderName;
use longhaul_engine::{Binding, Engine, EngineError, Keyed, KeyedRequest};

use super::content::is_json;
use super::context::Api;
use super::request::Asked;

/// Names a request, so that it can be safely retried.
pub const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// The engine, to act as long as the request's leave lasts and on the instance that it is for.
pub(super) fn acting(api: &Api, asked: &Asked) -> Engine {
    api.engine.under(asked.leave.permit.clone())
}

/// Looks up the request's key, if it has one.
///
/// Two requests are the same if they have the same `operation` (a word of ours, whatever address leads to it), the same open parts of the
/// path, the same values of the query's members `named`, and the same body. How long a caller wants to wait makes no difference.
pub(super) async fn keyed(api: &Api, asked: &Asked, operation: &str, named: &[&str], body: &Bytes) -> Result<Keyed, EngineError> {
    match given(asked)? {
        None => Ok(Keyed::First(Binding::none())),
        Some(key) => api.engine.keyed(&request(key, asked, operation, named, body)?).await,
    }
}

fn given(asked: &Asked) -> Result<Option<&str>, EngineError> {
    let mut values = asked.head.headers.get_all(IDEMPOTENCY_KEY).iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(EngineError::KeyMalformed("the request has several headers Idempotency-Key; it may have one".into()));
    }
    let text = std::str::from_utf8(value.as_bytes());
    text.map(Some).map_err(|error| EngineError::KeyMalformed(format!("the header Idempotency-Key is not text in UTF-8: {error}")))
}

fn request(key: &str, asked: &Asked, operation: &str, named: &[&str], body: &Bytes) -> Result<KeyedRequest, EngineError> {
    let path = asked.parts().join("/");
    let query: Vec<_> = named.iter().map(|name| asked.query.get(name).map_or_else(String::new, |value| format!("={value}"))).collect();
    // A body that is not JSON may mean another input with the same bytes.
    let kind = if is_json(&asked.head.headers) { "json" } else { "other" };
    let head = [operation, &path, kind].map(str::as_bytes);
    KeyedRequest::new(key, head.into_iter().chain(query.iter().map(String::as_bytes)).chain([&body[..]]))
}
