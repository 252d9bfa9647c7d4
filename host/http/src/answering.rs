//! The way of a request: to its route, past the checks, through its handler.

use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::BodyExt;
use hyper::body::Body;

use super::answer::{self, Answer, BodyError};
use super::context::Api;
use super::request::{Asked, Caller, RequestBody, Surface};
use super::router::Matched;
use super::routes::OtherHub;
use super::{authorize, cors, pages};

impl Api {
    /// Answers one request.
    pub async fn answer<B>(&self, request: Request<B>, caller: &Caller) -> Answer
    where
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BodyError>,
    {
        let routes = match caller.surface {
            Surface::Public => &self.public_routes,
            Surface::LocalRpc => &self.rpc_routes,
        };
        let (path_key, path) = authorize::key_in_path(caller.surface, request.uri().path());
        if let Some(answer) = cors::preflight(self, routes, &path, &request, caller) {
            return answer;
        }
        let Some(matched) = routes.route(request.method(), &path) else {
            return answer::empty(StatusCode::NOT_FOUND);
        };
        let page = cors::Page::of(self, caller, matched.route, request.headers());
        let request = request.map(|body| body.map_err(Into::into).boxed_unsync());
        page.mark(self.answer_matched(request, matched, caller, path_key.as_deref()).await)
    }

    async fn answer_matched(&self, request: Request<RequestBody>, matched: Matched, caller: &Caller, path_key: Option<&str>) -> Answer {
        let (head, body) = request.into_parts();
        let mut asked = Asked::new(head, matched, caller, &self.config, &self.addresses);
        if caller.surface == Surface::LocalRpc && !asked.is_from_a_program() {
            let text = "the local RPC listener takes requests of programs on this machine only, which call it 127.0.0.1 or localhost";
            return answer::message(StatusCode::FORBIDDEN, text);
        }
        match authorize::check(self, &asked, caller, path_key).await {
            Ok(leave) => asked.leave = leave,
            Err(refusal) => return refusal.answer(),
        }
        authorize::hide_keys(self, &mut asked);
        if let Some(other) = asked.route.other_hub
            && !asked.is_for(&self.config.task_hub)
        {
            return other_hub(other, &asked).await;
        }
        let handled = (asked.route.handler)(self, asked, body).await;
        handled.unwrap_or_else(|error| answer::engine_error(&error))
    }
}

/// Another task hub is an empty one.
async fn other_hub(other: OtherHub, asked: &Asked) -> Answer {
    let text = || format!("there is no task hub '{}' on this host", asked.query.get("taskHub").unwrap_or_default());
    match other {
        OtherHub::NotFound => answer::empty(StatusCode::NOT_FOUND),
        OtherHub::EmptyPage => pages::page(Vec::<()>::new, None, None).await,
        OtherHub::BadArgument => answer::bad_argument(&text()),
        OtherHub::Message => answer::message(StatusCode::BAD_REQUEST, &text()),
    }
}
