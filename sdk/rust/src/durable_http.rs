//! The HTTP request that the host sends for an orchestrator, its answer, and where to ask again after a 202.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::timestamp::hours_minutes_seconds;
use crate::{RetryPolicy, Timestamp};

mod http_date;
mod location;

/// The wait between two polls if the server does not say.
const DEFAULT_POLL_INTERVAL: Duration = Duration::from_secs(30);
/// A key of Azure Functions that is good for the first request only.
const FUNCTION_KEY: &str = "x-functions-key";
const ACCEPTED: u16 = 202;

/// A request for [`Context::call_http`](crate::Context::call_http).
///
/// ```
/// use longhaul::{HttpRequest, RetryPolicy};
/// use std::time::Duration;
/// let request = HttpRequest::post("https://api.example.com/jobs", r#"{"size": 3}"#)
///     .header("content-type", "application/json")
///     .timeout(Duration::from_secs(20))
///     .retry_statuses([429, 503])
///     .retry(RetryPolicy::new(5, Duration::from_secs(2)).backoff(2.0));
/// # let _ = request;
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HttpRequest {
    method: String,
    uri: String,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    headers: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    content: Option<String>,
    asynchronous_pattern_enabled: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    retry_options: Option<RetryOptions>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    timeout: Option<String>,
    /// Travels with the call, not with the request.
    #[serde(skip)]
    pub(crate) retry: Option<RetryPolicy>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct RetryOptions {
    #[serde(default)]
    status_codes_to_retry: Vec<u16>,
}

impl HttpRequest {
    /// A request of any method. The URI is `http://` or `https://`, then host, path and query; the host must be allowed as for
    /// activities.
    pub fn new(method: impl Into<String>, uri: impl Into<String>) -> Self {
        Self {
            method: method.into(),
            uri: uri.into(),
            headers: BTreeMap::new(),
            content: None,
            asynchronous_pattern_enabled: true,
            retry_options: None,
            timeout: None,
            retry: None,
        }
    }

    /// A GET request.
    pub fn get(uri: impl Into<String>) -> Self {
        Self::new("GET", uri)
    }

    /// A POST request with this content.
    pub fn post(uri: impl Into<String>, content: impl Into<String>) -> Self {
        Self::new("POST", uri).content(content)
    }

    /// Sets a header; one that was set before under this name, ignoring case, is replaced.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        let name = name.into();
        self.headers.retain(|known, _| !known.eq_ignore_ascii_case(&name));
        self.headers.insert(name, value.into());
        self
    }

    /// Sends this text. Without a header `content-type` it is `text/plain`.
    pub fn content(mut self, content: impl Into<String>) -> Self {
        self.content = Some(content.into());
        self
    }

    /// Whether a 202 with a `Location` is followed by polling there until the answer is another one. Default: it is.
    pub fn poll_after_202(mut self, enabled: bool) -> Self {
        self.asynchronous_pattern_enabled = enabled;
        self
    }

    /// The time that each single request may take, its answer included; longer is a failure of type `Timeout`. Default: the host's
    /// limit for activities.
    pub fn timeout(mut self, limit: Duration) -> Self {
        self.timeout = Some(format!("{}.{:03}", hours_minutes_seconds(limit), limit.subsec_millis()));
        self
    }

    /// Has the host try again, by this policy, when no answer came or one of the statuses of [`retry_statuses`](Self::retry_statuses).
    /// Then such a status counts as a failure of type `HttpStatus`. Default: one attempt, and any status is an answer.
    pub fn retry(mut self, policy: RetryPolicy) -> Self {
        self.retry_options.get_or_insert_default();
        self.retry = Some(policy);
        self
    }

    /// The statuses at which [`retry`](Self::retry) tries again. Default: every 4xx and 5xx.
    pub fn retry_statuses(mut self, statuses: impl IntoIterator<Item = u16>) -> Self {
        self.retry_options.get_or_insert_default().status_codes_to_retry = statuses.into_iter().collect();
        self
    }

    /// The URI.
    pub fn uri(&self) -> &str {
        &self.uri
    }

    /// When and what to ask next after this answer; `None` if it is the last word.
    pub(crate) fn next_poll(&self, answer: &HttpResponse, now: Timestamp) -> Option<(Duration, Self)> {
        if answer.status_code != ACCEPTED || !self.asynchronous_pattern_enabled {
            return None;
        }
        let uri = location::resolve(&self.uri, answer.header("location")?);
        let mut headers = self.headers.clone();
        headers.retain(|name, _| !name.eq_ignore_ascii_case(FUNCTION_KEY));
        let next = Self { method: "GET".to_owned(), uri, headers, content: None, ..self.clone() };
        let wait = answer.header("retry-after").and_then(|text| retry_after(text, now)).unwrap_or(DEFAULT_POLL_INTERVAL);
        Some((wait, next))
    }
}

/// Seconds, or a date.
fn retry_after(text: &str, now: Timestamp) -> Option<Duration> {
    let text = text.trim();
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(text.parse().map_or(Duration::MAX, Duration::from_secs));
    }
    http_date::parse(text).map(|date| date.since(now))
}

/// The answer to an [`HttpRequest`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HttpResponse {
    /// The status code; any is an answer.
    pub status_code: u16,
    /// By name in lower case.
    #[serde(default)]
    pub headers: BTreeMap<String, HeaderValues>,
    /// The body as text; what is not UTF-8 shows as replacement characters. At most 8 MiB, longer is a failure.
    #[serde(default)]
    pub content: String,
}

/// What a header of an answer says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum HeaderValues {
    /// It came once.
    One(String),
    /// It came several times.
    Many(Vec<String>),
}

impl HttpResponse {
    /// An answer, for tests.
    pub fn new(status_code: u16, content: impl Into<String>) -> Self {
        Self { status_code, headers: BTreeMap::new(), content: content.into() }
    }

    /// The same answer with a header, for tests.
    pub fn with_header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.insert(name.to_ascii_lowercase(), HeaderValues::One(value.into()));
        self
    }

    /// True for the status codes 200 to 299.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status_code)
    }

    /// The first header of that name, ignoring case.
    pub fn header(&self, name: &str) -> Option<&str> {
        let (_, values) = self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name))?;
        match values {
            HeaderValues::One(value) => Some(value),
            HeaderValues::Many(all) => all.first().map(String::as_str),
        }
    }
}

#[cfg(test)]
mod tests;
