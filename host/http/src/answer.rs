//! Answers: JSON or nothing, as the wire contract wants them.
//!
//! An error body carries a text for people and never a stack trace, a path of this machine or SQL.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use http::{Response, StatusCode};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Empty, Full};
use hyper::body::{Frame, SizeHint};
use longhaul_core::Payload;
use longhaul_engine::EngineError;
use longhaul_engine::budget::Room;
use longhaul_engine::long_work::by_length;
use serde::Serialize;

use super::azure::failure_text;

/// What can go wrong while a body is sent.
pub type BodyError = Box<dyn std::error::Error + Send + Sync>;
/// The body of an answer, made at once or by a guest bit by bit.
pub type Body = UnsyncBoxBody<Bytes, BodyError>;
/// An answer.
pub type Answer = Response<Body>;

/// The page token of lists, in requests and answers.
pub const CONTINUATION_TOKEN: HeaderName = HeaderName::from_static("x-ms-continuation-token");

const JSON: HeaderValue = HeaderValue::from_static("application/json; charset=utf-8");
/// `Message` of a refusal that an argument is to blame for.
const BAD_ARGUMENT: &str = "One or more of the arguments submitted is incorrect";

/// No body and no content type.
pub fn empty(status: StatusCode) -> Answer {
    with_body(status, Empty::new().map_err(|never| match never {}).boxed_unsync())
}

/// A value as JSON.
pub fn json<T: Serialize + ?Sized>(status: StatusCode, value: &T) -> Answer {
    match serde_json::to_vec(value) {
        Ok(text) => json_bytes(status, text),
        Err(error) => internal_error(&error),
    }
}

/// The same of what `value` makes, which may be long: with the room for it, which is let go with the
/// last byte of the answer.
pub async fn json_within<T: Serialize>(status: StatusCode, value: impl FnOnce() -> T + Send + 'static, room: Option<Room>) -> Answer {
    // There is room for what was read and for the answer, which is about as long.
    let expected = room.as_ref().map_or(0, |room| usize::try_from(room.bytes() / 2).unwrap_or(0));
    let written = by_length(expected, move || {
        let mut text = Vec::with_capacity(expected + expected / 8);
        serde_json::to_writer(&mut text, &value()).map(|()| text)
    });
    match written.await {
        Ok(text) => in_pieces(status, Held::new(text, room)),
        Err(error) => internal_error(&error),
    }
}

/// A payload as [`Payload::shown`] shows it, with the room for it.
pub async fn payload(status: StatusCode, payload: Payload, room: Option<Room>) -> Answer {
    let text = by_length(payload.len_bytes(), move || payload.shown().as_str().to_owned().into_bytes());
    in_pieces(status, Held::new(text.await, room))
}

/// The text of an answer, and the room for it.
struct Held {
    text: Vec<u8>,
    _room: Option<Room>,
}

impl Held {
    fn new(text: Vec<u8>, mut room: Option<Room>) -> Self {
        if let Some(room) = &mut room {
            room.shrink_to(text.capacity() as u64);
        }
        Self { text, _room: room }
    }
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        &self.text
    }
}

/// Longest piece of a long body, bytes. Where pieces have to be copied on their way, as for TLS, no more of them are made than are taken.
const PIECE_BYTES: usize = 64 << 10;

/// A long body, piece by piece.
struct Pieces(Bytes);

impl hyper::body::Body for Pieces {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(mut self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let length = self.0.len().min(PIECE_BYTES);
        Poll::Ready((length > 0).then(|| Ok(Frame::data(self.0.split_to(length)))))
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.0.len() as u64)
    }
}

fn in_pieces(status: StatusCode, held: Held) -> Answer {
    let mut answer = with_body(status, Pieces(Bytes::from_owner(held)).boxed_unsync());
    answer.headers_mut().insert(CONTENT_TYPE, JSON);
    answer
}

/// Shape E1 of the contract: a text only.
pub fn message(status: StatusCode, text: &str) -> Answer {
    #[derive(Serialize)]
    #[serde(rename_all = "PascalCase")]
    struct Body<'a> {
        message: &'a str,
    }
    json(status, &Body { message: text })
}

/// Shape S of the contract: a bare JSON string.
pub fn text(status: StatusCode, text: &str) -> Answer {
    json(status, text)
}

/// Plain text, for people who look with a browser.
pub fn plain(status: StatusCode, text: &'static str) -> Answer {
    let mut answer = with_body(status, Full::from(text).map_err(|never| match never {}).boxed_unsync());
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    answer
}

/// Prometheus text.
pub fn metrics(text: String) -> Answer {
    let mut answer = with_body(StatusCode::OK, Full::from(text).map_err(|never| match never {}).boxed_unsync());
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8"));
    answer
}

/// What shape E2 of the contract says.
pub struct Exception<'a> {
    /// `Message`: what was refused.
    pub message: &'a str,
    /// `ExceptionMessage`: why.
    pub reason: &'a str,
    /// `ExceptionType`: the name that .NET clients know it by.
    pub kind: &'a str,
}

/// Shape E2 of the contract. Its `StackTrace` is always null.
pub fn exception(status: StatusCode, exception: &Exception<'_>) -> Answer {
    #[derive(Serialize)]
    #[serde(rename_all = "PascalCase")]
    struct Body<'a> {
        message: &'a str,
        exception_message: &'a str,
        exception_type: &'a str,
        stack_trace: Option<&'a str>,
    }
    let Exception { message, reason, kind } = exception;
    json(status, &Body { message, exception_message: reason, exception_type: kind, stack_trace: None })
}

/// 400 for an argument, with the reason in both members that clients read.
pub fn bad_argument(reason: &str) -> Answer {
    exception(StatusCode::BAD_REQUEST, &Exception { message: BAD_ARGUMENT, reason, kind: "System.ArgumentException" })
}

/// 400 for a function that is not there, with the reason in both members: some clients show the one, some the other.
pub fn unknown_function(reason: &str) -> Answer {
    exception(StatusCode::BAD_REQUEST, &Exception { message: reason, reason, kind: "System.ArgumentException" })
}

/// 400 for a body that is not one JSON value.
pub fn bad_json(reason: &str) -> Answer {
    exception(StatusCode::BAD_REQUEST, &Exception { message: "Invalid JSON content", reason, kind: "Newtonsoft.Json.JsonReaderException" })
}

/// 409 for an idempotency key that stands for another request.
fn key_reused(reason: &str) -> Answer {
    let message = "The idempotency key was used for another request";
    exception(StatusCode::CONFLICT, &Exception { message, reason, kind: "System.InvalidOperationException" })
}

/// 500 for a state that does not allow what was asked, the one refusal that clients expect as a server error.
pub fn wrong_state(reason: &str) -> Answer {
    let message = "Something went wrong while processing your request";
    exception(StatusCode::INTERNAL_SERVER_ERROR, &Exception { message, reason, kind: "System.InvalidOperationException" })
}

/// 500 for a fault of the host. The cause goes to the log under an id that the answer names.
pub fn internal_error(error: &dyn std::error::Error) -> Answer {
    let id = uuid::Uuid::now_v7().simple().to_string();
    tracing::error!(error_id = id, %error, "a request failed inside the host");
    let reason = format!("an internal error; its cause is in the host's log under error_id {id}");
    let message = "Something went wrong while processing your request";
    exception(StatusCode::INTERNAL_SERVER_ERROR, &Exception { message, reason: &reason, kind: "System.Exception" })
}

/// The answer for what the engine refused, where a route has no wish of its own.
pub fn engine_error(error: &EngineError) -> Answer {
    match error {
        EngineError::Denied => empty(StatusCode::UNAUTHORIZED),
        EngineError::NotFound(_) => empty(StatusCode::NOT_FOUND),
        EngineError::Gone(..) => empty(StatusCode::GONE),
        EngineError::Conflict(..) => message(StatusCode::CONFLICT, &failure_text::of(error)),
        EngineError::NotFailed(..) => text(StatusCode::PRECONDITION_FAILED, &failure_text::of(error)),
        EngineError::WrongState(reason) => wrong_state(reason),
        EngineError::Invalid(reason) | EngineError::UnknownOrchestrator(reason) => message(StatusCode::BAD_REQUEST, reason),
        EngineError::TooLarge(reason) => message(StatusCode::PAYLOAD_TOO_LARGE, reason),
        EngineError::NoRoom(reason) => with_header(message(StatusCode::TOO_MANY_REQUESTS, reason), http::header::RETRY_AFTER, "1"),
        EngineError::KeyMalformed(reason) => bad_argument(reason),
        EngineError::KeyReused(reason) => key_reused(reason),
        EngineError::Unavailable(_) => {
            with_header(message(StatusCode::SERVICE_UNAVAILABLE, &error.to_string()), http::header::RETRY_AFTER, "1")
        }
        EngineError::Full(_) => message(StatusCode::INSUFFICIENT_STORAGE, "the disk that holds the host's data is full; nothing was done"),
    }
}

/// The answer with one more header; a value that cannot stand in a header is left out.
pub fn with_header(mut answer: Answer, name: HeaderName, value: &str) -> Answer {
    if let Ok(value) = HeaderValue::from_str(value) {
        answer.headers_mut().insert(name, value);
    }
    answer
}

fn json_bytes(status: StatusCode, text: Vec<u8>) -> Answer {
    let body = Full::new(Bytes::from(text)).map_err(|never| match never {}).boxed_unsync();
    let mut answer = with_body(status, body);
    answer.headers_mut().insert(CONTENT_TYPE, JSON);
    answer
}

fn with_body(status: StatusCode, body: Body) -> Answer {
    let mut answer = Response::new(body);
    *answer.status_mut() = status;
    answer
}

#[cfg(test)]
pub(crate) mod tests {
    use longhaul_core::{InstanceId, RuntimeStatus};

    use super::*;

    /// The body of an answer that the host makes at once.
    pub(crate) async fn body_of(answer: Answer) -> String {
        let bytes = answer.into_body().collect().await.expect("the body is in memory").to_bytes();
        String::from_utf8(bytes.to_vec()).expect("answers are UTF-8")
    }

    #[tokio::test]
    async fn an_answer_without_a_body_has_no_content_type() {
        let answer = empty(StatusCode::ACCEPTED);
        assert!(answer.headers().is_empty());
        assert_eq!(body_of(answer).await, "");
    }

    #[tokio::test]
    async fn error_bodies_have_the_members_of_the_contract() {
        assert_eq!(body_of(message(StatusCode::BAD_REQUEST, "no")).await, r#"{"Message":"no"}"#);
        assert_eq!(body_of(text(StatusCode::NOT_FOUND, "no")).await, r#""no""#);
        let refusal = bad_json("line 1");
        assert_eq!(refusal.headers()[CONTENT_TYPE], "application/json; charset=utf-8");
        let expected = r#"{"Message":"Invalid JSON content","ExceptionMessage":"line 1","ExceptionType":"Newtonsoft.Json.JsonReaderException","StackTrace":null}"#;
        assert_eq!(body_of(refusal).await, expected);
    }

    #[tokio::test]
    async fn the_engines_refusals_have_their_own_status() {
        let id = InstanceId::trusted("a");
        let conflict = engine_error(&EngineError::Conflict(id.clone(), RuntimeStatus::Running));
        assert_eq!(conflict.status(), StatusCode::CONFLICT);
        let expected = r#"{"Message":"An Orchestration instance with the status Running already exists."}"#;
        assert_eq!(body_of(conflict).await, expected);
        let status = |error| engine_error(&error).status().as_u16();
        assert_eq!(status(EngineError::NotFound(id.clone())), 404);
        assert_eq!(status(EngineError::Gone(id, RuntimeStatus::Failed)), 410);
        assert_eq!(status(EngineError::WrongState("held".into())), 500);
        assert_eq!(status(EngineError::Invalid("bad".into())), 400);
        assert_eq!(status(EngineError::TooLarge("long".into())), 413);
        assert_eq!(status(EngineError::NoRoom("many".into())), 429);
        assert_eq!(status(EngineError::Unavailable("busy".into())), 503);
        assert_eq!(status(EngineError::Full("no space".into())), 507);
    }
}
