//! What clients see: the management routes of Azure Durable Functions, the app's client functions, and deploying.
//!
//! - [`server`]: connections. [`router`]: the one table of routes. [`request`], [`bodies`], [`content`], [`query`], [`date`]: reading what was asked.
//! - [`openapi`]: the table of routes as a document, with what [`operation`] says of each.
//! - `orchestrators`, `instances`, `operations`, `entities`: the management routes. `functions`, `function_body`: client functions.
//!   `admin`: deployments. `keys`: requests that may be sent again. [`binding`]: what client libraries are configured with.
//! - [`access`]: whether a request is let in, and on what terms. `credentials`: taking keys and tokens out of what functions see.
//!   `cors`: pages of other sites. `access_keys`: changing keys.
//! - [`answer`], [`payload`], [`links`]: what goes back. [`origin`]: by which address a caller reached the host.

pub mod access;
pub mod answer;
pub mod binding;
pub mod bodies;
pub mod content;
pub mod date;
pub mod links;
pub mod openapi;
pub mod operation;
pub mod origin;
pub mod payload;
pub mod query;
pub mod request;
pub mod router;
pub mod server;

mod access_keys;
mod admin;
mod cors;
mod credentials;
mod entities;
mod function_body;
pub(crate) mod functions;
mod instances;
mod keys;
mod metrics;
mod operations;
mod orchestrators;
mod purge;
mod purge_filter;
mod timers;

use std::sync::Arc;

use bytes::Bytes;
use http::{Request, StatusCode};
use hyper::body::Body;
use longhaul_engine::budget::MemoryUse;
use longhaul_engine::{Engine, EngineError};
use tokio::sync::watch;

use crate::access::Access;
use crate::app::Registry;
use crate::app::deployment::Deployer;
use crate::output::standard_error;
use crate::schedules::Schedules;
use answer::{Answer, BodyError};
use bodies::Bodies;
use functions::Functions;
use request::{Asked, Caller, Surface};
use router::{Action, Matched, RPC_PREFIX, Router};

/// What an answer may end as: some refusals of the engine have an answer that does not depend on the route.
type Handled = Result<Answer, EngineError>;

/// Settings of the HTTP side.
#[derive(Clone, Debug)]
pub struct HttpConfig {
    /// Where the management routes are, such as [`router::MANAGEMENT_PREFIX`].
    pub management_prefix: String,
    /// The one task hub there is.
    pub task_hub: String,
    /// Longest body of any request but a deployment, bytes. A longer one is answered with 413.
    pub max_body_bytes: usize,
    /// Most arrays and objects within one another in a body of JSON. A deeper one is answered with 400.
    pub max_json_depth: usize,
    /// Longest body of a deployment, bytes.
    pub max_deployment_bytes: usize,
    /// How many client functions run at a time.
    pub client_places: ClientPlaces,
    /// Longest wait for a body, deployments included. A later one is answered with 408. Where a client function reads it, the longest wait
    /// for more of it.
    pub body_deadline: std::time::Duration,
    /// Budgets of memory for requests and answers.
    pub memory: HttpMemory,
    /// Scheme, host and port by which others reach the host, if the operator said so.
    pub public_url: Option<String>,
    /// Whether `X-Forwarded-Host` and `X-Forwarded-Proto` say by which address a caller reached the host. Only for hosts behind a
    /// proxy that sets both: anyone else could make the host hand out addresses of another's choice.
    pub use_forwarded_host: bool,
}

/// How much memory requests and answers may take, bytes.
#[derive(Clone, Copy, Debug)]
pub struct HttpMemory {
    /// For bodies of requests at a time, in all. A body beyond it is answered with 503 before it is read.
    pub body_bytes: u64,
    /// The same of one address. A body beyond it is answered with 429.
    pub body_bytes_per_address: u64,
}

/// How many client functions run at a time; more wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientPlaces {
    /// In all, default 256.
    pub running: usize,
    /// For the requests of one address, default 192: three quarters.
    pub per_address: usize,
}

impl ClientPlaces {
    /// So many in all, of which one address has three quarters.
    pub fn of(running: usize) -> Self {
        Self { running, per_address: (running - running / 4).max(1) }
    }
}

impl Default for ClientPlaces {
    fn default() -> Self {
        Self::of(256)
    }
}

/// Where the host can be reached, as far as it knows by itself.
#[derive(Clone, Debug)]
pub struct Addresses {
    /// Scheme, host and port for addresses that are handed out where the request does not tell, such as `http://localhost:7071`.
    pub public_origin: String,
    /// The base of the local RPC listener, with a slash at its end, if there is one.
    pub rpc_base: Option<String>,
}

/// Answers requests.
pub struct Api {
    engine: Engine,
    registry: Arc<Registry>,
    deployer: Deployer,
    timers: Arc<Schedules>,
    public_routes: Router,
    rpc_routes: Router,
    config: HttpConfig,
    addresses: Addresses,
    access: Arc<Access>,
    bodies: Arc<Bodies>,
    functions: Functions,
    stopping: watch::Sender<bool>,
}

impl Api {
    /// Answers with the help of `engine`, and takes deployments with `deployer`.
    pub fn new(
        engine: Engine,
        registry: Arc<Registry>,
        deployer: Deployer,
        timers: Arc<Schedules>,
        config: HttpConfig,
        addresses: Addresses,
        access: Arc<Access>,
    ) -> Arc<Self> {
        Arc::new(Self {
            engine,
            registry,
            deployer,
            timers,
            public_routes: Router::new(&config.management_prefix),
            rpc_routes: Router::management_only(RPC_PREFIX),
            bodies: Bodies::new(config.memory.body_bytes, config.memory.body_bytes_per_address, config.body_deadline),
            functions: Functions::new(config.client_places),
            config,
            addresses,
            access,
            stopping: watch::Sender::new(false),
        })
    }

    /// Tells requests that wait for something to wait no longer.
    pub fn begin_to_stop(&self) {
        self.stopping.send_replace(true);
    }

    /// Over once the host stops.
    async fn stopped(&self) {
        // An error would mean that the sender is gone, and it is part of this.
        let _ = self.stopping.subscribe().wait_for(|stopping| *stopping).await;
    }

    /// The budgets of memory, and what is taken of each.
    fn memory(&self) -> Vec<MemoryUse> {
        let mut budgets = self.engine.memory();
        budgets.push(MemoryUse::of("bodies", self.bodies.budget()));
        let guests = self.registry.guest_memory();
        let (used, limit) = (guests.used_bytes() as u64, guests.limit_bytes() as u64);
        budgets.push(MemoryUse { of: "running-functions", used, limit });
        budgets
    }

    /// Answers one request.
    pub async fn answer<B>(&self, request: Request<B>, caller: &Caller) -> Answer
    where
        B: Body<Data = Bytes> + Send + Unpin + 'static,
        B::Error: Into<BodyError>,
    {
        let routes = match caller.surface {
            Surface::Public => &self.public_routes,
            Surface::LocalRpc => &self.rpc_routes,
        };
        let (path_key, path) = access::key_in_path(caller.surface, request.uri().path());
        if let Some(answer) = cors::preflight(self, routes, &path, &request, caller) {
            return answer;
        }
        let Some(matched) = routes.route(request.method(), &path) else {
            return answer::empty(StatusCode::NOT_FOUND);
        };
        let page = cors::Page::of(self, caller, matched.action, request.headers());
        page.mark(self.answer_matched(request, matched, caller, path_key.as_deref()).await)
    }

    async fn answer_matched<B>(&self, request: Request<B>, matched: Matched, caller: &Caller, path_key: Option<&str>) -> Answer
    where
        B: Body<Data = Bytes> + Send + Unpin + 'static,
        B::Error: Into<BodyError>,
    {
        let (head, body) = request.into_parts();
        let mut asked = Asked::new(head, matched, caller, &self.config, &self.addresses);
        if caller.surface == Surface::LocalRpc && !asked.is_from_a_program() {
            let text = "the local RPC listener takes requests of programs on this machine only, which call it 127.0.0.1 or localhost";
            return answer::message(StatusCode::FORBIDDEN, text);
        }
        match access::check(self, &asked, caller, path_key).await {
            Ok(leave) => asked.leave = leave,
            Err(refusal) => return refusal.answer(),
        }
        access::hide_keys(self, &mut asked);
        if asked.action.is_for_a_task_hub() && !asked.is_for(&self.config.task_hub) {
            return other_hub(&asked);
        }
        let handled = match asked.action {
            Action::Start => orchestrators::start(self, &asked, body).await,
            Action::Restart => orchestrators::restart(self, &asked).await,
            Action::Status => instances::status(self, &asked).await,
            Action::ListInstances => instances::list(self, &asked).await,
            Action::PurgeInstance => purge::purge(self, &asked).await,
            Action::PurgeInstances => purge::purge_many(self, &asked).await,
            Action::RaiseEvent => operations::raise_event(self, &asked, body).await,
            Action::Terminate => operations::terminate(self, &asked).await,
            Action::Suspend => operations::suspend(self, &asked).await,
            Action::Resume => operations::resume(self, &asked).await,
            Action::Rewind => operations::rewind(self, &asked).await,
            Action::ListEntities => entities::list(self, &asked).await,
            Action::ReadEntity => entities::read(self, &asked).await,
            Action::SignalEntity => entities::signal(self, &asked, body).await,
            Action::DeleteEntity => entities::delete(self, &asked).await,
            Action::About => Ok(answer::plain(StatusCode::OK, "Longhaul runs durable functions. Client functions are below /api/.\n")),
            Action::Describe => Ok(answer::json(StatusCode::OK, &openapi::document(&self.config.management_prefix))),
            Action::Health => Ok(admin::health(self)),
            Action::Prove => Ok(admin::prove(self, &asked)),
            Action::Metrics => {
                let dropped = standard_error().dropped();
                Ok(answer::metrics(metrics::text(&self.engine.counts(), self.registry.guest_counts(), &self.memory(), dropped)))
            }
            Action::Deploy => Ok(admin::deploy(self, &asked, body).await),
            Action::ListKeys => Ok(access_keys::list(self)),
            Action::AddKey | Action::RotateKey | Action::RevokeKey => Ok(access_keys::change(self, &asked).await),
            Action::ListTimers => Ok(timers::list(self, &asked)),
            Action::OperateTimer => timers::operate(self, &asked).await,
            Action::ListDeployments => Ok(admin::list(self).await),
            Action::ClientBinding => Ok(admin::client_binding(self, &asked)),
            Action::CallFunction => Ok(functions::call(self, asked, body).await),
        };
        handled.unwrap_or_else(|error| answer::engine_error(&error))
    }
}

/// Another task hub is an empty one.
fn other_hub(asked: &Asked) -> Answer {
    let text = || format!("there is no task hub '{}' on this host", asked.query.get("taskHub").unwrap_or_default());
    match asked.action {
        Action::Start | Action::Restart => answer::bad_argument(&text()),
        Action::SignalEntity | Action::DeleteEntity => answer::message(StatusCode::BAD_REQUEST, &text()),
        Action::ListInstances | Action::ListEntities => instances::page(&[(); 0], None, None),
        _ => answer::empty(StatusCode::NOT_FOUND),
    }
}

/// Private readers of what callers send, for `tests/fuzz`.
#[doc(hidden)]
pub mod for_fuzzing {
    use super::{Surface, access, instances};

    /// The key in a path of the local RPC listener, and the path without it.
    pub fn key_in_rpc_path(path: &str) -> (Option<String>, String) {
        let (key, rest) = access::key_in_path(Surface::LocalRpc, path);
        (key, rest.into_owned())
    }

    /// The token of the page behind `id`.
    pub fn page_token_of(id: &str) -> String {
        instances::token_of(id)
    }

    /// Behind which id the page of this token begins.
    pub fn read_page_token(text: &str) -> Option<String> {
        instances::read_token(text).map(|id| id.to_string())
    }
}
