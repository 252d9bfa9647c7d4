//! The activity `BuiltIn::HttpActivity`, which the host carries out without a guest: one HTTP request.
//!
//! It sends once and answers with what came. Polling after a 202 is the SDK's, as activities and timers of the orchestration.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use http::{Method, Request, Response, Uri};
use longhaul_core::{Failure, Payload};
use longhaul_engine::{ActivityCall, ActivityEnd, ActivityFunction, ActivityPlace, PortFuture};
use longhaul_wasm::{AppEnvironment, HttpCallError, HttpCaller, is_forbidden_method};
use serde::{Deserialize, Serialize};

use crate::duration;

mod charset;

/// Its name, compared ignoring case.
const NAME: &str = "BuiltIn::HttpActivity";
/// Longest body of an answer: it becomes a part of the history.
const MAX_RESPONSE_BYTES: usize = 8 * 1024 * 1024;
/// How much of an answer's content a failure keeps.
const MAX_DETAIL_CHARS: usize = 2_000;
const DEFAULT_CONTENT_TYPE: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");
/// What the connection decides, not the caller.
const REFUSED_HEADERS: [&str; 9] =
    ["connection", "content-length", "host", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"];

/// The activity's input.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct HttpCall {
    method: Option<String>,
    uri: String,
    #[serde(default)]
    headers: Option<BTreeMap<String, HeaderValues>>,
    content: Option<String>,
    token_source: Option<serde_json::Value>,
    retry_options: Option<RetryOptions>,
    timeout: Option<String>,
}

#[derive(Deserialize, Serialize)]
#[serde(untagged)]
enum HeaderValues {
    One(String),
    Many(Vec<String>),
}

/// What remains of retry options once the call's retry policy has taken the numbers.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RetryOptions {
    /// Empty: every 4xx and 5xx.
    #[serde(default)]
    status_codes_to_retry: Option<Vec<u16>>,
}

/// The activity's output.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct HttpAnswer {
    status_code: u16,
    headers: BTreeMap<String, HeaderValues>,
    content: String,
}

/// Whether an activity's name is this one's.
pub(super) fn is_meant(name: &str) -> bool {
    name.eq_ignore_ascii_case(NAME)
}

/// The activity, as one deployment may use it.
pub(super) struct HttpActivity {
    caller: HttpCaller,
    /// What the app may reach.
    environment: Arc<AppEnvironment>,
}

impl HttpActivity {
    pub(super) fn new(caller: HttpCaller, environment: Arc<AppEnvironment>) -> Self {
        Self { caller, environment }
    }
}

impl ActivityFunction for HttpActivity {
    fn timeout(&self) -> Option<Duration> {
        None
    }

    fn is_expected_at_once(&self, _timeout: Option<Duration>) -> bool {
        false
    }

    fn run_at_once(&self, _call: ActivityCall, _input: &Payload) -> Option<ActivityEnd> {
        None
    }

    fn run(&self, call: ActivityCall, input: Payload) -> PortFuture<'_, ActivityEnd> {
        Box::pin(async move { Ok(run(&self.caller, &input, call.timeout, &self.environment).await) })
    }

    fn place(&self) -> Option<PortFuture<'_, Box<dyn ActivityPlace + '_>>> {
        None
    }
}

/// Sends the request that `input` describes. `timeout`: the caller's bound, beside the request's own.
async fn run(caller: &HttpCaller, input: &Payload, timeout: Option<Duration>, environment: &AppEnvironment) -> Result<Payload, Failure> {
    let call: HttpCall = serde_json::from_str(input.as_str()).map_err(|error| invalid(error.to_string()))?;
    let own = call.timeout.as_deref().map(read_timeout).transpose()?;
    let timeout = match (own, timeout) {
        (Some(own), Some(callers)) => Some(own.min(callers)),
        (own, callers) => own.or(callers),
    };
    let retry = call.retry_options.as_ref().map(|options| options.status_codes_to_retry.clone().unwrap_or_default());
    let request = request(call)?;
    let answer = caller.send(request, environment, timeout, MAX_RESPONSE_BYTES).await.map_err(failure)?;
    let answer = HttpAnswer::from(answer);
    match retry {
        Some(codes) if answer.asks_for_retry(&codes) => Err(answer.into_failure()),
        _ => Payload::of(&answer).map_err(|error| Failure::new("Protocol", error.to_string())),
    }
}

fn invalid(problem: impl Into<String>) -> Failure {
    Failure { non_retriable: true, ..Failure::new("InvalidHttpRequest", problem) }
}

fn read_timeout(text: &str) -> Result<Duration, Failure> {
    let parsed = duration::parse_time_span(text).or_else(|| duration::parse(text));
    parsed.ok_or_else(|| invalid(format!("timeout '{text}' is no length of time; write it like '00:00:30' or '30s'")))
}

fn request(call: HttpCall) -> Result<Request<Bytes>, Failure> {
    if call.token_source.is_some_and(|source| !source.is_null()) {
        let instead = "send an 'Authorization' header instead";
        return Err(invalid(format!("tokenSource asks for a managed identity, and this host has none; {instead}")));
    }
    let mut request = Request::new(Bytes::from(call.content.clone().unwrap_or_default()));
    *request.method_mut() = method(call.method.as_deref().unwrap_or("GET"))?;
    *request.uri_mut() = uri(&call.uri)?;
    *request.headers_mut() = headers(call.headers.unwrap_or_default())?;
    let content_type = request.headers().get(CONTENT_TYPE).map(HeaderValue::as_bytes).unwrap_or_default();
    if content_type.to_ascii_lowercase().starts_with(b"multipart/") {
        return Err(invalid("multipart content cannot be sent; use an activity of the app's own"));
    }
    if call.content.is_some() && content_type.is_empty() {
        request.headers_mut().insert(CONTENT_TYPE, DEFAULT_CONTENT_TYPE);
    }
    Ok(request)
}

fn method(text: &str) -> Result<Method, Failure> {
    match Method::from_bytes(text.to_ascii_uppercase().as_bytes()) {
        Err(_) => Err(invalid(format!("method '{text}' is not one that can be sent"))),
        Ok(_) if is_forbidden_method(text) => Err(invalid(format!("method '{text}' is for proxies and cannot be sent"))),
        Ok(method) => Ok(method),
    }
}

fn uri(text: &str) -> Result<Uri, Failure> {
    let uri: Uri = text.parse().map_err(|error| invalid(format!("uri '{text}' is no address: {error}")))?;
    let is_http = matches!(uri.scheme_str(), Some("http" | "https"));
    match uri.authority() {
        Some(authority) if is_http && !authority.as_str().contains('@') => Ok(uri),
        _ => Err(invalid(format!("uri '{text}' is not an address like https://api.example.com/path, without a user name"))),
    }
}

fn headers(given: BTreeMap<String, HeaderValues>) -> Result<HeaderMap, Failure> {
    let mut headers = HeaderMap::new();
    for (name, values) in given {
        let values = match values {
            HeaderValues::One(value) => vec![value],
            HeaderValues::Many(values) => values,
        };
        let key = HeaderName::from_bytes(name.as_bytes()).map_err(|_| invalid(format!("'{name}' is no name of a header")))?;
        if REFUSED_HEADERS.contains(&key.as_str()) {
            return Err(invalid(format!("header '{name}' is the connection's own and cannot be given")));
        }
        for value in values {
            let value = HeaderValue::try_from(value).map_err(|_| invalid(format!("the value of header '{name}' cannot be sent")))?;
            headers.append(&key, value);
        }
    }
    Ok(headers)
}

impl From<Response<Bytes>> for HttpAnswer {
    fn from(response: Response<Bytes>) -> Self {
        let mut headers: BTreeMap<String, HeaderValues> = BTreeMap::new();
        for (name, value) in response.headers() {
            let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
            let all = match headers.remove(name.as_str()) {
                None => HeaderValues::One(value),
                Some(HeaderValues::One(first)) => HeaderValues::Many(vec![first, value]),
                Some(HeaderValues::Many(mut all)) => {
                    all.push(value);
                    HeaderValues::Many(all)
                }
            };
            headers.insert(name.as_str().to_owned(), all);
        }
        let content_type = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let content = charset::decode(content_type, response.body());
        Self { status_code: response.status().as_u16(), headers, content }
    }
}

impl HttpAnswer {
    fn asks_for_retry(&self, codes: &[u16]) -> bool {
        if codes.is_empty() { self.status_code >= 400 } else { codes.contains(&self.status_code) }
    }

    fn into_failure(self) -> Failure {
        let details = Some(self.content.chars().take(MAX_DETAIL_CHARS).collect());
        Failure { details, ..Failure::new("HttpStatus", format!("the server answered with status {}", self.status_code)) }
    }
}

fn failure(error: HttpCallError) -> Failure {
    let (kind, non_retriable) = match error {
        HttpCallError::Denied { .. } | HttpCallError::OwnHost { .. } => ("HttpRequestDenied", true),
        HttpCallError::Failed { .. } => ("HttpRequestFailed", false),
        HttpCallError::Timeout { .. } => ("Timeout", false),
        HttpCallError::TooLarge { .. } => ("HttpResponseTooLarge", true),
    };
    Failure { non_retriable, ..Failure::new(kind, error.to_string()) }
}

#[cfg(test)]
mod tests;
