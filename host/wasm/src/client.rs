//! Client functions: a guest for one HTTP request, as a future.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderValue, Request, Response, header};
use http_body_util::BodyExt;
use http_body_util::combinators::UnsyncBoxBody;
use hyper::body::Body;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use wasmtime::component::InstancePre;
use wasmtime_wasi_http::WasiHttpView;
use wasmtime_wasi_http::p2::bindings::ProxyPre;
use wasmtime_wasi_http::p2::bindings::http::types::{ErrorCode, Scheme};
use wasmtime_wasi_http::p2::body::HyperOutgoingBody;

use crate::background::Background;
use crate::component_world::FunctionKind;
use crate::config::Config;
use crate::error::GuestError;
use crate::io::{AppEnvironment, Guest, HttpClient, IoState, new_store};
use crate::log::{GuestLog, LogContext, LogLevel};

mod body;
mod host;
mod imports;

pub use body::ResponseBody;
pub use host::{ClientError, ClientHost, HostFuture, InstanceStatus, StartOptions};
pub(crate) use imports::add_to_linker;

/// A compiled and linked client function; clones share it.
#[derive(Clone)]
pub struct ClientComponent(Arc<Linked>);

struct Linked {
    pre: ProxyPre<IoState>,
    config: Arc<Config>,
    http_client: HttpClient,
    running: Arc<Semaphore>,
    background: Arc<Background>,
}

type Answer = Result<Response<HyperOutgoingBody>, ErrorCode>;

impl ClientComponent {
    pub(crate) fn new(
        pre: InstancePre<IoState>,
        config: Arc<Config>,
        http_client: HttpClient,
        running: Arc<Semaphore>,
        background: Arc<Background>,
    ) -> wasmtime::Result<Self> {
        Ok(Self(Arc::new(Linked { pre: ProxyPre::new(pre)?, config, http_client, running, background })))
    }

    /// Answers a request in a new guest. Waits while
    /// [`max_running_requests`](crate::Config::max_running_requests) others run.
    ///
    /// The guest runs on after the head of its answer is there, until it returns or
    /// [`Limits::request_deadline`](crate::Limits::request_deadline) is over; the answer ends when
    /// the guest does. It also runs on when this future is dropped: a client that hangs up must not
    /// stop a function halfway.
    ///
    /// # Errors
    /// Any [`GuestError`] but [`GuestError::Gone`] when the guest gave no answer.
    pub async fn handle<B>(
        &self,
        log: LogContext,
        request: Request<B>,
        host: Arc<dyn ClientHost>,
        environment: Arc<AppEnvironment>,
    ) -> Result<Response<ResponseBody>, GuestError>
    where
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: std::fmt::Display,
    {
        let request =
            request.map(|body| body.map_err(|error| wasmtime_wasi_http::Error::InternalError(Some(error.to_string()))).boxed_unsync());
        let permit = self.0.running.clone().acquire_owned().await.expect("the semaphore is never closed");
        let (answer, answered) = oneshot::channel();
        let linked = self.0.clone();
        let log = GuestLog::hiding(log, linked.config.log.clone(), &linked.config.limits, environment.secrets.clone());
        let guest = Guest {
            log,
            environment,
            client: Some(host),
            http_client: linked.http_client.clone(),
            memory_bytes: linked.config.limits.activity_memory_bytes,
            memory: linked.config.memory.clone(),
            handover_bytes: linked.config.limits.handover_bytes(),
        };
        let background = linked.background.clone();
        let guest = async move { linked.run(request, guest, answer, permit).await };
        let run = tokio::spawn(async move { background.run(guest).await });

        match answered.await {
            Ok(Ok(response)) if response.status().is_informational() => Err(GuestError::Protocol(format!(
                "the client function answered with status {}, which promises another answer; a last one is 200 to 599",
                response.status().as_u16()
            ))),
            Ok(Ok(response)) => Ok(response.map(|body| ResponseBody::new(body, run))),
            Ok(Err(code)) => Err(GuestError::Protocol(format!("the client function answered with the error {code:?}"))),
            // The guest ended without an answer, so how it ended is known at once.
            Err(_) => match run.await {
                Ok(Err(error)) => Err(error),
                Ok(Ok(())) => Err(GuestError::Protocol("the client function returned without an answer".into())),
                Err(panic) => Err(GuestError::Trap { message: panic.to_string(), backtrace: String::new() }),
            },
        }
    }
}

impl Linked {
    async fn run(
        &self,
        request: Request<UnsyncBoxBody<Bytes, wasmtime_wasi_http::Error>>,
        guest: Guest,
        answer: oneshot::Sender<Answer>,
        _permit: OwnedSemaphorePermit,
    ) -> Result<(), GuestError> {
        let log = guest.log.clone();
        let deadline = self.config.limits.request_deadline;
        let result = match tokio::time::timeout(deadline, self.run_now(request, guest, answer)).await {
            Ok(result) => result,
            Err(_elapsed) => Err(GuestError::deadline(deadline)),
        };
        if let Err(error) = &result {
            log.line(LogLevel::Error, &error.to_string());
        }
        result
    }

    async fn run_now(
        &self,
        request: Request<UnsyncBoxBody<Bytes, wasmtime_wasi_http::Error>>,
        guest: Guest,
        answer: oneshot::Sender<Answer>,
    ) -> Result<(), GuestError> {
        let mut store = new_store(self.pre.engine(), guest);
        let result = async {
            let request = with_host(request);
            let scheme = if request.uri().scheme_str() == Some("https") { Scheme::Https } else { Scheme::Http };
            let request = store.data_mut().http().new_incoming_request(scheme, request)?;
            let answer = store.data_mut().http().new_response_outparam(answer)?;
            self.config.counts.add(FunctionKind::Client);
            let function = self.pre.instantiate_async(&mut store).await?;
            function.wasi_http_incoming_handler().call_handle(&mut store, request, answer).await
        };
        let result: wasmtime::Result<()> = result.await;
        result.map_err(|error| store.data().failed(&error, self.config.limits.request_deadline))
    }
}

/// Old clients send no `Host`, but `wasi:http` wants an authority.
fn with_host<B>(mut request: Request<B>) -> Request<B> {
    if request.uri().authority().is_none() {
        request.headers_mut().entry(header::HOST).or_insert(HeaderValue::from_static("localhost"));
    }
    request
}
