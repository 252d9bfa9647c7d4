//! Outgoing HTTP requests of guests: checked against the list, then sent through one pool of
//! connections.

use std::sync::Arc;

use wasmtime_wasi_http::{Error, RequestOptions, WasiBody, WasiHttpHooks};

use super::AppEnvironment;
use super::exchange::{HttpClient, exchange};
use super::held::BODY_PIECE_BYTES;
use crate::log::{GuestLog, LogLevel};

/// What a guest's `wasi:http/outgoing-handler` comes to.
pub(super) struct Outgoing {
    pub client: HttpClient,
    pub environment: Arc<AppEnvironment>,
    pub log: Arc<GuestLog>,
}

type Answer = Result<(http::Response<WasiBody>, Box<dyn Future<Output = Result<(), Error>> + Send>), Error>;

impl WasiHttpHooks for Outgoing {
    fn send_request(
        &mut self,
        request: http::Request<WasiBody>,
        options: Option<RequestOptions>,
        _outcome: Box<dyn Future<Output = Result<(), Error>> + Send>,
    ) -> Box<dyn Future<Output = Answer> + Send> {
        if let Err(refusal) = self.check(request.uri()) {
            return Box::new(async { Err(refusal) });
        }
        let (client, log) = (self.client.clone(), self.log.clone());
        let to = destination(request.uri());
        Box::new(async move {
            let response = exchange(&client, request, options.unwrap_or_default()).await;
            let response = response.inspect_err(|failed| failed.tell(&log, &to)).map_err(|failed| failed.code)?;
            Ok((response, Box::new(async { Ok(()) }) as Box<dyn Future<Output = _> + Send>))
        })
    }

    /// Two such pieces are kept for each body.
    fn p2_outgoing_body_chunk_size(&mut self) -> usize {
        BODY_PIECE_BYTES
    }
}

impl Outgoing {
    fn check(&self, uri: &http::Uri) -> Result<(), Error> {
        if !self.environment.allowed_hosts.allows(uri) {
            let hint = "add it to the allowed hosts of the manifest and of the operator";
            self.log.line(LogLevel::Warn, &format!("request to {} denied: {hint}", destination(uri)));
            return Err(Error::HttpRequestDenied);
        }
        Ok(())
    }
}

/// Scheme and host, without a user name: what may stand in a log.
pub(crate) fn destination(uri: &http::Uri) -> String {
    let authority = uri.authority().map_or("", |authority| authority.as_str());
    let host = authority.rsplit('@').next().unwrap_or_default();
    format!("{}://{host}", uri.scheme_str().unwrap_or_default())
}
