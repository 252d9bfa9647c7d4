//! One keep-alive HTTP/1.1 connection to the host.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::{CONTENT_TYPE, HOST};
use hyper::{Method, Request};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;

/// Longest time until an answer. Far above anything that a working host takes.
const ANSWER_LIMIT: Duration = Duration::from_secs(120);

const CONTINUATION: &str = "x-ms-continuation-token";
const BASE: &str = "/runtime/webhooks/durabletask";

/// One request, as plain data.
#[derive(Clone, Debug)]
pub struct Call {
    method: Method,
    path: String,
    body: String,
    /// Token of the page before, for a list.
    continuation: String,
}

impl Call {
    /// Starts an orchestration with a JSON input and answers with its output once it has ended.
    pub fn start_and_wait(orchestration: &str, input: &str) -> Self {
        let limit = ANSWER_LIMIT.as_secs();
        Self::post(&format!("/orchestrators/{orchestration}?timeout={limit}&pollingInterval=0.01"), input)
    }

    /// Starts an orchestration with a JSON input and answers as soon as that is durable.
    pub fn start(orchestration: &str, input: &str) -> Self {
        Self::post(&format!("/orchestrators/{orchestration}"), input)
    }

    /// Raises an event with a JSON payload.
    pub fn raise(instance: &str, event: &str, data: &str) -> Self {
        Self::post(&format!("/instances/{instance}/raiseEvent/{event}"), data)
    }

    /// Signals an entity with a JSON input; answered as soon as that is durable.
    pub fn signal(entity: &str, key: &str, operation: &str, input: &str) -> Self {
        Self::post(&format!("/entities/{entity}/{key}?op={operation}"), input)
    }

    /// Reads an entity's state.
    pub fn entity(entity: &str, key: &str) -> Self {
        Self::get(&format!("/entities/{entity}/{key}"))
    }

    /// Asks how an instance stands.
    pub fn status(instance: &str) -> Self {
        Self::get(&format!("/instances/{instance}?showInput=false"))
    }

    /// A page of at most `top` instances of these statuses: the first, or the one after the page that gave the token.
    pub fn list(statuses: &str, top: u32, continuation: &str) -> Self {
        let first = Self::get(&format!("/instances?runtimeStatus={statuses}&top={top}"));
        Self { continuation: continuation.to_owned(), ..first }
    }

    fn post(path: &str, body: &str) -> Self {
        Self { method: Method::POST, path: format!("{BASE}{path}"), body: body.to_owned(), continuation: String::new() }
    }

    fn get(path: &str) -> Self {
        Self { method: Method::GET, path: format!("{BASE}{path}"), body: String::new(), continuation: String::new() }
    }
}

/// What the host answered.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The call, for error messages.
    call: String,
    /// The HTTP status.
    pub status: u16,
    /// The body as it came.
    pub body: Bytes,
    /// Token for the next page of a list; empty if this was the last, or no list.
    pub continuation: String,
}

impl Answer {
    /// Makes sure of the status.
    ///
    /// # Errors
    /// Any other status; the text holds the call and the body.
    pub fn expect_status(&self, status: u16) -> anyhow::Result<()> {
        ensure!(self.status == status, "{} was answered with {} instead of {status}: {}", self.call, self.status, self.text());
        Ok(())
    }

    /// Makes sure of status 200 and a JSON body of this value.
    ///
    /// # Errors
    /// Any other status or value; the text holds the call and the body.
    pub fn expect_output(&self, output: &str) -> anyhow::Result<()> {
        self.expect_status(200)?;
        // Text is compared first: parsing each of thousands of answers would be load on the machine that is measured.
        if self.body.as_ref() != output.as_bytes() && self.json()? != serde_json::from_str::<Value>(output)? {
            bail!("{} was answered with {} instead of {output}", self.call, self.text());
        }
        Ok(())
    }

    /// The body as JSON.
    ///
    /// # Errors
    /// When it is none.
    pub fn json(&self) -> anyhow::Result<Value> {
        serde_json::from_slice(&self.body).with_context(|| format!("{} was not answered with JSON: {}", self.call, self.text()))
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).chars().take(500).collect()
    }
}

/// A connection that stays open.
pub struct Connection {
    address: SocketAddr,
    sender: SendRequest<Full<Bytes>>,
}

impl Connection {
    /// Connects.
    ///
    /// # Errors
    /// When no program listens there.
    pub async fn open(address: SocketAddr) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(address).await.with_context(|| format!("cannot connect to {address}"))?;
        // Without this a request that leaves in two packets waits for the acknowledgement of the first: 40 ms of no use.
        stream.set_nodelay(true)?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await?;
        // An error of the connection shows in the next call.
        tokio::spawn(connection);
        Ok(Self { address, sender })
    }

    /// Sends one request and reads the whole answer.
    ///
    /// # Errors
    /// When the connection breaks or no answer comes for two minutes. Any HTTP status is an answer.
    pub async fn call(&mut self, call: Call) -> anyhow::Result<Answer> {
        let line = format!("{} {}", call.method, call.path);
        let mut request = Request::builder().method(call.method).uri(call.path).header(HOST, self.address.to_string());
        request = request.header(CONTENT_TYPE, "application/json");
        if !call.continuation.is_empty() {
            request = request.header(CONTINUATION, call.continuation);
        }
        let request = request.body(Full::from(call.body))?;
        let answered = async {
            self.sender.ready().await?;
            let response = self.sender.send_request(request).await?;
            let status = response.status().as_u16();
            let continuation = response.headers().get(CONTINUATION).and_then(|token| token.to_str().ok()).unwrap_or_default().to_owned();
            let body = response.into_body().collect().await?.to_bytes();
            Ok::<_, hyper::Error>((status, body, continuation))
        };
        let answered = tokio::time::timeout(ANSWER_LIMIT, answered).await;
        let (status, body, continuation) = answered
            .with_context(|| format!("{line} was not answered within {} s", ANSWER_LIMIT.as_secs()))?
            .with_context(|| format!("{line} failed"))?;
        Ok(Answer { call: line, status, body, continuation })
    }
}
