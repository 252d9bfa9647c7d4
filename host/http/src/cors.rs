//! Pages of other sites, as far as the app's manifest lets them in: cross-origin requests as the Fetch standard has them.
//!
//! What a page may use are the addresses that the host hands out for one instance, and the app's client functions; never lists, starts by
//! management routes, or administration. A request needs the same keys and tokens as without a page.

use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_HEADERS, ACCESS_CONTROL_REQUEST_METHOD, HeaderName,
    ORIGIN, VARY,
};
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode};

use super::answer::{self, Answer};
use super::authorize::Need;
use super::context::Api;
use super::request::{Caller, Surface};
use super::router::Router;
use super::routes::Route;
use longhaul_app::manifest::Cors;

/// What a page may read of an answer besides what every page may.
const EXPOSED: HeaderValue = HeaderValue::from_static("location, retry-after, x-ms-continuation-token");
/// How long a browser need not ask again, seconds.
const MAX_AGE_SECONDS: HeaderValue = HeaderValue::from_static("600");
const TRUE: HeaderValue = HeaderValue::from_static("true");

/// Whether the manifest lets pages of `origin` use this route.
pub(super) fn allows(api: &Api, route: &Route, origin: &HeaderValue) -> bool {
    route.is_for_pages() && api.registry.current().is_some_and(|app| app.cors.allows(origin.as_bytes()))
}

/// What the answer to a request has to say to the page that sent it.
#[derive(Default)]
pub(super) struct Page {
    has_policy: bool,
    allowed: Option<HeaderValue>,
    with_credentials: bool,
}

impl Page {
    pub(super) fn of(api: &Api, caller: &Caller, route: &Route, headers: &HeaderMap) -> Self {
        let app = api.registry.current().filter(|app| !app.cors.is_off());
        match app.filter(|_| caller.surface == Surface::Public && route.is_for_pages()) {
            None => Self::default(),
            Some(app) => Self::under(&app.cors, headers),
        }
    }

    fn under(cors: &Cors, headers: &HeaderMap) -> Self {
        let allowed = headers.get(ORIGIN).filter(|origin| cors.allows(origin.as_bytes())).cloned();
        Self { has_policy: true, allowed, with_credentials: cors.allow_credentials }
    }

    /// The answer with the headers that let the page read it. Those of a client function that has its own stay as they are.
    pub(super) fn mark(self, mut answer: Answer) -> Answer {
        let headers = answer.headers_mut();
        if !self.has_policy || headers.contains_key(ACCESS_CONTROL_ALLOW_ORIGIN) {
            return answer;
        }
        // A cache must not give one page what another may read.
        headers.append(VARY, HeaderValue::from_static("origin"));
        if let Some(origin) = self.allowed {
            headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
            headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
            if self.with_credentials {
                headers.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, TRUE);
            }
        }
        answer
    }
}

/// The answer to a browser that asks whether a page may send a request; `None` if that is no question for the host: there is no such route,
/// no page may use it, the manifest lists no pages, or the client function answers OPTIONS itself.
pub(super) fn preflight<B>(api: &Api, routes: &Router, path: &str, request: &Request<B>, caller: &Caller) -> Option<Answer> {
    if request.method() != Method::OPTIONS || caller.surface != Surface::Public {
        return None;
    }
    let headers = request.headers();
    headers.get(ORIGIN)?;
    let wanted: Method = headers.get(ACCESS_CONTROL_REQUEST_METHOD)?.to_str().ok()?.parse().ok()?;
    let matched = routes.route(&wanted, path).filter(|matched| matched.route.is_for_pages())?;
    let app = api.registry.current().filter(|app| !app.cors.is_off())?;
    if matched.route.need == Need::Function {
        let route = matched.parts.first()?;
        app.client_by_route(&wanted, route).filter(|client| !client.names(&Method::OPTIONS))?;
    }
    let page = Page::under(&app.cors, headers);
    if page.allowed.is_none() {
        return Some(page.mark(answer::message(StatusCode::FORBIDDEN, "the app's manifest lists no such origin in [http.cors]")));
    }
    let mut granted = answer::empty(StatusCode::NO_CONTENT);
    let mut grant = |name: HeaderName, value: Option<&HeaderValue>| value.map(|value| granted.headers_mut().insert(name, value.clone()));
    grant(ACCESS_CONTROL_ALLOW_METHODS, headers.get(ACCESS_CONTROL_REQUEST_METHOD));
    grant(ACCESS_CONTROL_ALLOW_HEADERS, headers.get(ACCESS_CONTROL_REQUEST_HEADERS));
    grant(ACCESS_CONTROL_MAX_AGE, Some(&MAX_AGE_SECONDS));
    Some(page.mark(granted))
}
