//! Client functions: requests below `/api/` go to guests.
//!
//! - `shares`: how many of them run at a time, in all and for one address.
//! - `upload`, `body`: bodies on their way to them.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, StatusCode, Uri};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::{Body, Frame, SizeHint};
use longhaul_app::guest_calls::{ClientHost, GuestError, LogContext};

use super::{Handler, Need, Route, root};
use crate::answer::{self, Answer, BodyError};
use crate::config::{ClientPlaces, HttpConfig};
use crate::context::Api;
use crate::describe::{self, Operation, Reply, Shape, look};
use crate::request::{Asked, RequestBody};
use crate::routes::functions::engine_client::EngineClient;

mod body;
mod engine_client;
mod shares;
mod upload;

use body::FunctionBody;
pub(crate) use shares::Place;
use shares::Shares;
use upload::{Patience, Upload};

/// How long a body is waited for before it counts as one that has not come. Most come with their heads.
const READ_AHEAD: Duration = Duration::from_secs(1);

/// The route of the app's client functions.
pub(super) const ROUTES: &[Route] = &[root(None, "/api/{*route}", Need::Function, &CALL_FUNCTION, CALL)];

/// A handler that takes the request whole: a guest gets its head.
const CALL: Handler = |api, asked, body| Box::pin(async move { Ok(call(api, asked, body).await) });

const CALL_FUNCTION: Operation = Operation {
    body: describe::Body::Any,
    ..look(
        "callFunction",
        "Call a client function by its route, which may have several parts; the function says what comes back",
        &[
            Reply(200, Shape::Json, "What the function answers, with whatever code and type it chooses"),
            Reply(404, Shape::Empty, "No function has this route"),
            Reply(500, Shape::Object("Message"), "The function failed"),
        ],
    )
};

/// What client functions wait for.
pub(crate) struct Functions {
    running: Arc<Shares>,
    /// Those among them whose requests have not come whole.
    uploads: Arc<Shares>,
}

impl Functions {
    /// A quarter of all places is for requests whose bodies have not come, and half of that for those of one address.
    pub(crate) fn new(places: ClientPlaces) -> Self {
        let ClientPlaces { running, per_address } = places;
        let uploads = (running / 4).max(1);
        Self { running: Shares::new(running, per_address), uploads: Shares::new(uploads, (uploads / 2).max(1)) }
    }
}

/// Hands a request to the client function of its route.
async fn call(api: &Api, mut asked: Asked, body: RequestBody) -> Answer {
    let Some(app) = api.registry.current() else { return answer::empty(StatusCode::NOT_FOUND) };
    let Some(client) = app.client_by_route(&asked.head.method, asked.part(0)) else { return answer::empty(StatusCode::NOT_FOUND) };
    let HttpConfig { max_body_bytes, body_deadline, .. } = api.config;
    if body.size_hint().lower() > max_body_bytes as u64 {
        return too_long(max_body_bytes);
    }
    if asked.head.method == Method::HEAD && !client.names(&Method::HEAD) {
        // The server leaves the body of the answer away.
        asked.head.method = Method::GET;
    }
    let name = client.function.name.clone();
    // The caller was let in to a function of this route; a deployment may have put another one there.
    if !asked.leave.is_for_function(client.auth, &name) {
        return answer::empty(StatusCode::UNAUTHORIZED);
    }
    let permit = asked.leave.permit.clone();
    let (body, is_too_long) = Bounded::new(body, max_body_bytes);
    let body = FunctionBody::new(body, permit.clone());
    let address = asked.peer;
    let patience = Patience { ahead: READ_AHEAD, deadline: body_deadline };
    let Some(body) = Upload::begin(body, &api.functions.uploads, address, patience).await else {
        let text = "this host waits for as many bodies as it can; send the request again later";
        return answer::message(StatusCode::SERVICE_UNAVAILABLE, text);
    };
    let gave_up = body.gave_up();
    let place = api.functions.running.take(address).await;
    // The request may have waited for its place.
    if !permit.holds() {
        return answer::empty(StatusCode::UNAUTHORIZED);
    }
    let host: Arc<dyn ClientHost> = Arc::new(EngineClient::new(api.engine.clone(), asked.links.clone(), place));
    let request = Request::from_parts(with_full_address(asked), body);
    let log = LogContext { function: name.clone(), instance: None };
    match client.function.component.handle(log, request, host, client.environment.clone()).await {
        // Such a guest has read half a body; what it makes of that is no answer.
        Ok(_) | Err(_) if is_too_long.load(Ordering::Relaxed) => too_long(max_body_bytes),
        Ok(_) | Err(_) if gave_up.load(Ordering::Relaxed) => {
            let text = format!("nothing more of the body has come for {} s", body_deadline.as_secs());
            answer::message(StatusCode::REQUEST_TIMEOUT, &text)
        }
        Ok(response) => response.map(|body| body.boxed_unsync()),
        Err(error) => failed(&name, &error),
    }
}

fn too_long(max_bytes: usize) -> Answer {
    answer::message(StatusCode::PAYLOAD_TOO_LARGE, &format!("the body is longer than the {max_bytes} bytes that this host takes"))
}

/// A body that fails where it becomes too long, and tells so to more than its reader.
struct Bounded<B> {
    body: Limited<B>,
    is_too_long: Arc<AtomicBool>,
}

impl<B> Bounded<B> {
    fn new(body: B, max_bytes: usize) -> (Self, Arc<AtomicBool>) {
        let is_too_long = Arc::new(AtomicBool::new(false));
        (Self { body: Limited::new(body, max_bytes), is_too_long: is_too_long.clone() }, is_too_long)
    }
}

impl<B> Body for Bounded<B>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<BodyError>,
{
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = self.get_mut();
        let frame = ready!(Pin::new(&mut this.body).poll_frame(context));
        if let Some(Err(error)) = &frame
            && error.is::<LengthLimitError>()
        {
            this.is_too_long.store(true, Ordering::Relaxed);
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
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
        GuestError::Busy(_) | GuestError::Stopping => (StatusCode::SERVICE_UNAVAILABLE, "finds no room on this host now; try again later"),
        GuestError::Memory { .. } => (StatusCode::INTERNAL_SERVER_ERROR, "ran out of memory"),
        GuestError::Resources => (StatusCode::INTERNAL_SERVER_ERROR, "keeps more than the host holds for one function"),
        GuestError::Trap { .. } | GuestError::Handover | GuestError::Protocol(_) | GuestError::Gone => {
            (StatusCode::INTERNAL_SERVER_ERROR, "failed")
        }
        GuestError::OutputTooLarge { .. } | GuestError::BeyondLimit(_) => (StatusCode::INTERNAL_SERVER_ERROR, "failed"),
    };
    answer::message(status, &format!("client function '{name}' {what}; the host's log says more"))
}
