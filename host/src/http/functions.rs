//! Client functions: requests below `/api/` go to guests.

use std::sync::Arc;

use bytes::Bytes;
use http::{Request, StatusCode, Uri};
use http_body_util::{BodyExt, Limited};
use hyper::body::Body;
use longhaul_wasm::{ClientHost, GuestError, LogContext};

use super::answer::{self, Answer, BodyError};
use super::request::Asked;
use super::{Api, HttpConfig};
use crate::client_host::EngineClient;

/// Hands a request to the client function of its route.
pub(super) async fn call<B>(api: &Api, asked: Asked, body: B) -> Answer
where
    B: Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: Into<BodyError>,
{
    let Some(app) = api.registry.current() else { return answer::empty(StatusCode::NOT_FOUND) };
    let Some(client) = app.client_by_route(&asked.head.method, asked.part(0)) else { return answer::empty(StatusCode::NOT_FOUND) };
    let HttpConfig { max_body_bytes, .. } = api.config;
    if body.size_hint().lower() > max_body_bytes as u64 {
        let text = format!("the body is longer than the {max_body_bytes} bytes that this host takes");
        return answer::message(StatusCode::PAYLOAD_TOO_LARGE, &text);
    }
    let name = client.function.name.clone();
    let host: Arc<dyn ClientHost> = Arc::new(EngineClient::new(api.engine.clone(), asked.links.clone()));
    let request = Request::from_parts(with_full_address(asked), Limited::new(body, max_body_bytes));
    let log = LogContext { function: name.clone(), instance: None };
    match client.function.component.handle(log, request, host, client.environment.clone()).await {
        Ok(response) => response.map(|body| body.boxed_unsync()),
        Err(error) => failed(&name, &error),
    }
}

/// The head with scheme and host in its address, from which guests build links.
fn with_full_address(asked: Asked) -> http::request::Parts {
    let full: Option<Uri> = asked.address().parse().ok();
    let mut head = asked.head;
    if let Some(full) = full {
        head.uri = full;
    }
    head
}

/// The guest's own words stay in the log, where the runtime has put them: they are for its author, not for any caller.
fn failed(name: &str, error: &GuestError) -> Answer {
    let (status, what) = match error {
        GuestError::Deadline { .. } => (StatusCode::GATEWAY_TIMEOUT, "took too long"),
        GuestError::Busy(_) => (StatusCode::SERVICE_UNAVAILABLE, "finds no room on this host now; try again later"),
        GuestError::Memory { .. } => (StatusCode::INTERNAL_SERVER_ERROR, "ran out of memory"),
        GuestError::Trap { .. } | GuestError::Protocol(_) | GuestError::Gone => (StatusCode::INTERNAL_SERVER_ERROR, "failed"),
        GuestError::OutputTooLarge { .. } | GuestError::BeyondLimit(_) => (StatusCode::INTERNAL_SERVER_ERROR, "failed"),
    };
    answer::message(status, &format!("client function '{name}' {what}; the host's log says more"))
}
