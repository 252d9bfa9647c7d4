//! HTTP requests of orchestrators, carried out by the host.

use std::pin::Pin;
use std::task::{Context as PollContext, Poll};

use super::{ActivityCall, Context};
use crate::{HttpRequest, HttpResponse, TaskError};

/// The activity that every host has.
const ACTIVITY: &str = "BuiltIn::HttpActivity";

impl Context {
    /// Has the host send an HTTP request, durably: like an activity it is sent at least once. Any
    /// status is an answer.
    ///
    /// After a 202 with a `Location` the orchestration asks there, with GET and the same headers
    /// without `x-functions-key`, as often as the answer is 202 again. To another scheme, host or
    /// port no credentials go along, then or later: no header with `auth`, `cookie`, `key`,
    /// `token`, `secret`, `session`, `signature`, `credential`, `assertion` or `passw` in its name.
    /// Before each poll it waits as long as `Retry-After` says, at least a second, 30 seconds if it
    /// says nothing that can be read. A `Location` that is not an address of HTTP, or has a user
    /// name, and a `Retry-After` of more than 365 days fail the call with the type
    /// `InvalidHttpAnswer`. The waits are durable timers, so a host that dies meanwhile goes on
    /// polling and does not send the first request again. Redirections are answers like others.
    ///
    /// ```
    /// # use longhaul::{Context, Failure, HttpRequest};
    /// # async fn resize(ctx: Context) -> Result<String, Failure> {
    /// let answer = ctx.call_http(HttpRequest::post("https://api.example.com/jobs", "resize")).await?;
    /// if !answer.is_success() {
    ///     return Err(Failure::new("Refused", format!("status {}", answer.status_code)));
    /// }
    /// Ok(answer.content)
    /// # }
    /// ```
    pub fn call_http(&self, request: HttpRequest) -> HttpCall {
        // Sent now, as every call is, not when it is awaited.
        let first = self.send_http(&request);
        HttpCall(Box::pin(until_answered(self.clone(), request, first)))
    }

    fn send_http(&self, request: &HttpRequest) -> ActivityCall<HttpResponse> {
        let call = self.call_activity(ACTIVITY, request);
        match &request.retry {
            Some(policy) => call.retry(policy.clone()),
            None => call,
        }
    }
}

async fn until_answered(ctx: Context, mut request: HttpRequest, first: ActivityCall<HttpResponse>) -> Result<HttpResponse, TaskError> {
    let mut answer = first.await?;
    while let Some((wait, next)) = request.next_poll(&answer, ctx.now()).map_err(TaskError::Failed)? {
        ctx.timer(wait).await?;
        answer = ctx.send_http(&next).await?;
        request = next;
    }
    Ok(answer)
}

/// An HTTP request under way; awaiting it gives the answer. Dropping it gives it up.
#[must_use = "dropping a call cancels it"]
pub struct HttpCall(Pin<Box<dyn Future<Output = Result<HttpResponse, TaskError>>>>);

impl Future for HttpCall {
    type Output = Result<HttpResponse, TaskError>;

    fn poll(mut self: Pin<&mut Self>, poll: &mut PollContext<'_>) -> Poll<Self::Output> {
        self.0.as_mut().poll(poll)
    }
}

#[cfg(test)]
mod tests;
