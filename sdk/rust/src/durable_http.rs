//! The HTTP request that the host sends for an orchestrator, its answer, and where to ask again
//! after a 202.

use std::collections::BTreeMap;
use std::time::{Duration, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use crate::timestamp::hours_minutes_seconds;
use crate::{Failure, RetryPolicy, Timestamp};

mod credentials;
mod location;

/// The wait between two polls if the server does not say.
const DEFAULT_POLL_INTERVAL: Duration = Duration::from_secs(30);
/// A server that says "at once" must not fill the history as fast as it can.
const MIN_POLL_INTERVAL: Duration = Duration::from_secs(1);
/// What asks for more is a mistake, and an orchestration that waits for it would never say so.
const MAX_POLL_INTERVAL: Duration = Duration::from_secs(365 * 86_400);
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
    /// A request of any method. The URI is `http://` or `https://`, then host, path and query; the
    /// host must be allowed as for activities.
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

    /// Whether a 202 with a `Location` is followed by polling there until the answer is another
    /// one. Default: it is.
    pub fn poll_after_202(mut self, enabled: bool) -> Self {
        self.asynchronous_pattern_enabled = enabled;
        self
    }

    /// The time that each single request may take, its answer included; longer is a failure of type
    /// `Timeout`. Default: the host's limit for activities.
    pub fn timeout(mut self, limit: Duration) -> Self {
        self.timeout = Some(format!("{}.{:03}", hours_minutes_seconds(limit), limit.subsec_millis()));
        self
    }

    /// Has the host try again, by this policy, when no answer came or one of the statuses of
    /// [`retry_statuses`](Self::retry_statuses). Then such a status counts as a failure of type
    /// `HttpStatus`. Default: one attempt, and any status is an answer.
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
    ///
    /// # Errors
    /// `InvalidHttpAnswer` when the server names an address that cannot be asked, or a time too far
    /// away to be meant.
    pub(crate) fn next_poll(&self, answer: &HttpResponse, now: Timestamp) -> Result<Option<(Duration, Self)>, Failure> {
        if answer.status_code != ACCEPTED || !self.asynchronous_pattern_enabled {
            return Ok(None);
        }
        let Some(location) = answer.header("location") else { return Ok(None) };
        let invalid = |reason: String| {
            let text = format!("the 202 of {} cannot be followed: {reason}", self.uri);
            Failure::new("InvalidHttpAnswer", text).non_retriable()
        };
        let uri = location::resolve(&self.uri, location).map_err(invalid)?;
        let wait = match answer.header("retry-after") {
            Some(text) => poll_interval(text, now).map_err(invalid)?,
            None => DEFAULT_POLL_INTERVAL,
        };
        let headers = credentials::kept(&self.headers, location::is_of_same_origin(&self.uri, &uri));
        Ok(Some((wait, Self { method: "GET".to_owned(), uri, headers, content: None, ..self.clone() })))
    }
}

/// How long to wait before the next poll. What is neither seconds nor a date says nothing.
fn poll_interval(text: &str, now: Timestamp) -> Result<Duration, String> {
    let wait = retry_after(text, now).unwrap_or(DEFAULT_POLL_INTERVAL);
    if wait > MAX_POLL_INTERVAL {
        let days = MAX_POLL_INTERVAL.as_secs() / 86_400;
        return Err(format!("Retry-After '{}' is more than {days} days away", shortened(text)));
    }
    Ok(wait.max(MIN_POLL_INTERVAL))
}

/// Seconds, or a date.
fn retry_after(text: &str, now: Timestamp) -> Option<Duration> {
    let text = text.trim();
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(text.parse().map_or(Duration::MAX, Duration::from_secs));
    }
    let date = httpdate::parse_http_date(text).ok()?.duration_since(UNIX_EPOCH).ok()?;
    Some(date.saturating_sub(Duration::from_millis(now.as_millis())))
}

/// For messages: a header may be as long as a whole head.
fn shortened(text: &str) -> String {
    const MAX_CHARS: usize = 100;
    match text.char_indices().nth(MAX_CHARS) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_owned(),
    }
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
    /// The body as text, in the charset that a byte order mark or `Content-Type` names, else in
    /// UTF-8; what is malformed shows as replacement characters. At most 8 MiB, longer is a
    /// failure.
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
