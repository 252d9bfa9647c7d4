//! A small HTTP client: one request, one whole answer, one deadline.

use std::time::Duration;

use anyhow::Context;
use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderMap};
use http::{Method, Request};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;

use crate::host::Host;

/// Longest time that one request may take: longer than the host gives a guest that never returns, and then some.
const LIMIT: Duration = Duration::from_secs(90);

/// Sends requests. Belongs to the runtime that it was made in.
#[derive(Clone)]
pub struct Http {
    client: Client<HttpConnector, Full<Bytes>>,
}

/// A whole answer.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

impl Default for Http {
    fn default() -> Self {
        // No host closes a connection that waits so briefly, so no request meets one that is just being closed.
        Self { client: Client::builder(TokioExecutor::new()).pool_idle_timeout(Duration::from_millis(500)).build_http() }
    }
}

impl Http {
    /// Sends a request without a body.
    pub async fn send(&self, method: Method, uri: &str) -> Answer {
        self.try_request(request(method, uri, None, Bytes::new())).await.unwrap_or_else(|error| panic!("{error:#}"))
    }

    /// Sends a JSON body.
    pub async fn send_json(&self, method: Method, uri: &str, body: &Value) -> Answer {
        self.send_text(method, uri, "application/json", &body.to_string()).await
    }

    /// Sends a body of any type.
    pub async fn send_text(&self, method: Method, uri: &str, content_type: &str, body: &str) -> Answer {
        let body = Bytes::copy_from_slice(body.as_bytes());
        self.try_request(request(method, uri, Some(content_type), body)).await.unwrap_or_else(|error| panic!("{error:#}"))
    }

    /// Posts to a route of administration that changes something, with the key that the host keeps in its data folder.
    pub async fn administer(&self, host: &Host, path: &str, content_type: Option<&str>, body: &str) -> Answer {
        let mut request = request(Method::POST, &host.uri(path), content_type, Bytes::copy_from_slice(body.as_bytes()));
        let key = host.admin_key().parse().expect("a key is a header's value");
        request.headers_mut().insert("x-functions-key", key);
        self.try_request(request).await.unwrap_or_else(|error| panic!("{error:#}"))
    }

    /// Sends a JSON body to a host that may be gone.
    ///
    /// # Errors
    /// When there is no whole answer.
    pub async fn try_send_json(&self, method: Method, uri: &str, body: &Value) -> anyhow::Result<Answer> {
        self.try_request(request(method, uri, Some("application/json"), body.to_string().into())).await
    }

    /// Sends a request without a body to a host that may be gone.
    ///
    /// # Errors
    /// When there is no whole answer.
    pub async fn try_send(&self, method: Method, uri: &str) -> anyhow::Result<Answer> {
        self.try_request(request(method, uri, None, Bytes::new())).await
    }

    /// Sends any request.
    ///
    /// # Errors
    /// When there is no whole answer.
    pub async fn try_request(&self, request: Request<Full<Bytes>>) -> anyhow::Result<Answer> {
        let what = format!("{} {}", request.method(), request.uri());
        let exchange = async {
            let response = self.client.request(request).await?;
            let (head, body) = response.into_parts();
            let body = body.collect().await?.to_bytes();
            Ok::<_, anyhow::Error>(Answer { status: head.status.as_u16(), headers: head.headers, body })
        };
        let timed = tokio::time::timeout(LIMIT, exchange).await;
        timed.with_context(|| format!("{what}: no answer within {LIMIT:?}"))?.with_context(|| format!("{what}: no whole answer"))
    }
}

impl Answer {
    /// The body as JSON; `null` when it is empty.
    pub fn json(&self) -> Value {
        if self.body.is_empty() {
            return Value::Null;
        }
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("the answer is no JSON ({error}): {self:?}"))
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// A header's value, or an empty text.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// The answer itself, if it has this status.
    ///
    /// # Panics
    /// When it has another one.
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "unexpected answer: {}", self.text());
        self
    }

    /// Panics unless the answer has this status and nothing else.
    #[track_caller]
    pub fn expect_empty(self, status: u16) {
        let answer = self.expect(status);
        assert!(answer.body.is_empty() && answer.headers.get(CONTENT_TYPE).is_none(), "unexpected body or type: {answer:?}");
    }
}

fn request(method: Method, uri: &str, content_type: Option<&str>, body: Bytes) -> Request<Full<Bytes>> {
    let mut builder = Request::builder().method(method).uri(uri);
    if let Some(content_type) = content_type {
        builder = builder.header(CONTENT_TYPE, content_type);
    }
    builder.body(Full::new(body)).unwrap_or_else(|error| panic!("cannot make a request to {uri}: {error}"))
}
