//! Requests that the host itself sends for an app, over the same connections and by the same rules
//! as those of its guests.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use tokio::sync::Semaphore;
use wasmtime_wasi_http::{Error as WasiError, RequestOptions};

use crate::config::Config;
use crate::io::{AppEnvironment, HttpClient, RequestFailed, destination, exchange};

/// Sends requests; clones share its connections. See
/// [`Runtime::http_caller`](crate::Runtime::http_caller).
#[derive(Clone)]
pub struct HttpCaller {
    client: HttpClient,
    running: Arc<Semaphore>,
    config: Arc<Config>,
}

/// Why a request has no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HttpCallError {
    /// The manifest or the operator does not allow the host.
    #[error("a request to {to} is not allowed; add it to the allowed hosts of the manifest and of the operator")]
    Denied {
        /// Scheme and host.
        to: String,
    },
    /// The address is one at which this host itself listens.
    #[error("the request to {to} was not sent: {reason}")]
    OwnHost {
        /// Scheme and host.
        to: String,
        /// Which address it is.
        reason: String,
    },
    /// No answer came, or it broke off.
    #[error("the request to {to} failed: {reason}")]
    Failed {
        /// Scheme and host.
        to: String,
        /// What went wrong.
        reason: String,
    },
    /// The answer was not complete in time.
    #[error("{to} did not answer within {limit_ms} ms")]
    Timeout {
        /// Scheme and host.
        to: String,
        /// How long it had.
        limit_ms: u64,
    },
    /// The answer is longer than the caller takes.
    #[error("the answer of {to} has more than {limit_bytes} bytes")]
    TooLarge {
        /// Scheme and host.
        to: String,
        /// The most it may have.
        limit_bytes: usize,
    },
}

impl HttpCaller {
    pub(crate) fn new(client: HttpClient, running: Arc<Semaphore>, config: Arc<Config>) -> Self {
        Self { client, running, config }
    }

    /// Sends a request and reads its whole answer; any status is an answer, and redirections are
    /// not followed. Counts as one of the
    /// [`max_running_activities`](crate::Config::max_running_activities) and has their time, or
    /// `timeout` if that is given. Dropping the future ends the request.
    ///
    /// # Errors
    /// [`HttpCallError`].
    pub async fn send(
        &self,
        request: Request<Bytes>,
        environment: &AppEnvironment,
        timeout: Option<Duration>,
        max_response_bytes: usize,
    ) -> Result<Response<Bytes>, HttpCallError> {
        let to = destination(request.uri());
        if !environment.allowed_hosts.allows(request.uri()) {
            return Err(HttpCallError::Denied { to });
        }
        let _permit = self.running.acquire().await.expect("the semaphore is never closed");
        let limit = self.config.limits.activity_deadline_for(timeout);
        match tokio::time::timeout(limit, self.exchange(request, &to, max_response_bytes)).await {
            Ok(answer) => answer,
            Err(_elapsed) => Err(HttpCallError::Timeout { to, limit_ms: u64::try_from(limit.as_millis()).unwrap_or(u64::MAX) }),
        }
    }

    async fn exchange(&self, request: Request<Bytes>, to: &str, limit_bytes: usize) -> Result<Response<Bytes>, HttpCallError> {
        let failed = |failed: RequestFailed| match failed.code {
            WasiError::DestinationIpProhibited => HttpCallError::OwnHost { to: to.to_owned(), reason: failed.words() },
            _ => HttpCallError::Failed { to: to.to_owned(), reason: failed.words() },
        };
        let request = request.map(|body| Full::new(body).map_err(|never| match never {}).boxed_unsync());
        // The caller bounds the time of the whole request.
        let response = exchange(&self.client, request, RequestOptions::default()).await.map_err(failed)?;
        let (head, body) = response.into_parts();
        match Limited::new(body, limit_bytes).collect().await {
            Ok(body) => Ok(Response::from_parts(head, body.to_bytes())),
            Err(error) if error.is::<LengthLimitError>() => Err(HttpCallError::TooLarge { to: to.to_owned(), limit_bytes }),
            Err(error) => Err(match error.downcast::<WasiError>() {
                Ok(code) => failed(RequestFailed::from(*code)),
                Err(error) => HttpCallError::Failed { to: to.to_owned(), reason: format!("the answer broke off: {error}") },
            }),
        }
    }
}
