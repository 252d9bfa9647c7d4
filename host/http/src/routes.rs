//! The table of routes. A route is one row: its method and path, what its caller needs, what the API
//! document says of it, and its handler. The row stands beside the handler, in the file of its kind.
//!
//! To add a route, add a row and a handler; router, access and the API document read the row.

pub mod deployments;
pub mod entities;
pub mod functions;
pub mod host;
pub mod instances;
pub mod keys;
pub mod orchestrators;
pub mod schedules;

use std::fmt;
use std::pin::Pin;

use http::Method;

use super::answer::Answer;
use super::authorize::Need;
use super::context::Api;
use super::describe::Operation;
use super::request::{Asked, RequestBody};
use super::router::{Base, Segment};
use longhaul_engine::EngineError;

/// How a handler ends: some refusals of the engine have an answer that does not depend on the route.
pub type Handled = Result<Answer, EngineError>;
/// A handler at work.
pub type Handling<'a> = Pin<Box<dyn Future<Output = Handled> + Send + 'a>>;
/// Answers the requests of a route.
pub type Handler = for<'a> fn(&'a Api, Asked, RequestBody) -> Handling<'a>;

/// A row of the table.
pub struct Route {
    /// What its path stands behind.
    pub base: Base,
    /// Its method; any if `None`.
    pub method: Option<Method>,
    /// `{name}` stands for one part of the path, `{*name}` at the end for all that is left.
    pub path: &'static str,
    /// What the caller needs.
    pub need: Need,
    /// What a request for another task hub gets; `None` where the route is not about a task hub.
    pub other_hub: Option<OtherHub>,
    /// What the API document says of it.
    pub operation: &'static Operation,
    /// Its handler.
    pub handler: Handler,
}

/// What a request gets that names another task hub than the host's: as if that one were there, and empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OtherHub {
    /// 404 without a body.
    NotFound,
    /// A page without rows.
    EmptyPage,
    /// 400 with an exception.
    BadArgument,
    /// 400 with a message.
    Message,
}

/// All routes, in the order in which they are tried.
///
/// What is there for GET is there for HEAD: the server leaves the body of the answer away. A path
/// that is known under another method is not found, never "not allowed": the contract says so.
pub fn all() -> impl Iterator<Item = &'static Route> {
    let groups = [
        orchestrators::ROUTES,
        entities::ROUTES,
        instances::ROUTES,
        host::ROUTES,
        schedules::ROUTES,
        deployments::ROUTES,
        keys::ROUTES,
        functions::ROUTES,
    ];
    groups.into_iter().flatten()
}

/// A management route: it is about a task hub.
const fn manage(
    method: Method,
    path: &'static str,
    need: Need,
    other_hub: OtherHub,
    operation: &'static Operation,
    handler: Handler,
) -> Route {
    Route { base: Base::Management, method: Some(method), path, need, other_hub: Some(other_hub), operation, handler }
}

/// A route of the host's own.
const fn root(method: Option<Method>, path: &'static str, need: Need, operation: &'static Operation, handler: Handler) -> Route {
    Route { base: Base::Root, method, path, need, other_hub: None, operation, handler }
}

/// The handler of a row, of an async function that takes the context and the request, and the body where the row says so.
macro_rules! handler {
    ($function:path) => {
        |api, asked, _body| Box::pin(async move { $function(api, &asked).await })
    };
    ($function:path, body) => {
        |api, asked, body| Box::pin(async move { $function(api, &asked, body).await })
    };
}
use handler;

impl Route {
    /// The parts of its path.
    pub fn segments(&self) -> impl Iterator<Item = Segment> + use<> {
        self.path.split('/').filter(|word| !word.is_empty()).map(|word| {
            match word.strip_prefix('{').and_then(|word| word.strip_suffix('}')) {
                None => Segment::Literal(word),
                Some(name) => name.strip_prefix('*').map_or(Segment::One(name), Segment::Rest),
            }
        })
    }

    /// Whether pages of other sites may use it, if the manifest lists them: what addresses of one instance lead to, and client functions.
    pub fn is_for_pages(&self) -> bool {
        matches!(self.need, Need::Instance(_) | Need::Function)
    }
}

impl PartialEq for Route {
    fn eq(&self, other: &Self) -> bool {
        (self.base, &self.method, self.path) == (other.base, &other.method, other.path)
    }
}

impl Eq for Route {}

impl fmt::Debug for Route {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.method.as_ref().map_or("ANY", Method::as_str), self.path)
    }
}
