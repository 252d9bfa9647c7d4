//! Calls of activities and orchestrations.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::task::{Context as PollContext, Poll};
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Context;
use crate::timestamp::millis_rounded_up;
use crate::turn::{Command, OrchestrationRequest};
use crate::{RetryPolicy, Task, TaskError, Timestamp};

impl Context {
    /// Calls an activity of the same app, by name ignoring case.
    ///
    /// ```
    /// # use longhaul::{Context, Failure, RetryPolicy};
    /// # use std::time::Duration;
    /// # async fn charge(ctx: Context) -> Result<(), Failure> {
    /// let receipt: String = ctx
    ///     .call_activity("Charge", &12.5)
    ///     .retry(RetryPolicy::new(3, Duration::from_secs(1)))
    ///     .timeout(Duration::from_secs(30))
    ///     .await?;
    /// # let _ = receipt;
    /// # Ok(())
    /// # }
    /// ```
    pub fn call_activity<T: DeserializeOwned>(&self, name: &str, input: &(impl Serialize + ?Sized)) -> ActivityCall<T> {
        let call = |input| Command::CallActivity { name: name.to_owned(), input, retry: None, timeout_ms: None };
        ActivityCall(Task::create_with(&self.0, format_args!("the input of activity '{name}'"), input, call))
    }

    /// Calls an orchestration of the same app and waits for its output.
    pub fn call_orchestration<T: DeserializeOwned>(&self, name: &str, input: &(impl Serialize + ?Sized)) -> OrchestrationCall<T> {
        let call = |input| Command::CallOrchestration(request(name, input));
        OrchestrationCall(Task::create_with(&self.0, format_args!("the input of orchestration '{name}'"), input, call))
    }

    /// Starts an orchestration that this one does not wait for. There is no result that could fail:
    /// a forbidden id or wrong tags fail this orchestrator, with `InvalidInstanceId` or
    /// `InvalidTags`.
    pub fn start_orchestration(&self, name: &str, input: &(impl Serialize + ?Sized)) -> StartOrchestration {
        let mut state = self.0.borrow_mut();
        let what = format_args!("the input of orchestration '{name}'");
        let index = state.push_with(what, input, |input| Command::StartOrchestration(request(name, input)));
        StartOrchestration { context: self.clone(), turn_number: state.turn_number, index }
    }
}

/// `input` is JSON text.
pub(crate) fn request(name: &str, input: String) -> OrchestrationRequest {
    OrchestrationRequest { name: name.to_owned(), input, instance_id: None, version: None, retry: None, tags: BTreeMap::new(), at: None }
}

/// A call of an activity; awaiting it gives the activity's result. Options must be given before
/// anything else is awaited.
#[must_use = "dropping a call cancels it"]
pub struct ActivityCall<T>(Task<T>);

impl<T> ActivityCall<T> {
    /// Has the host try again if the activity fails. Default: one attempt.
    pub fn retry(self, policy: RetryPolicy) -> Self {
        self.0.refine(|command| {
            if let Command::CallActivity { retry, .. } = command {
                *retry = Some(policy);
            }
        });
        self
    }

    /// The time that one attempt may take; longer is a failure of type `Timeout`. The manifest's
    /// and the operator's bounds hold too. Default: theirs.
    pub fn timeout(self, limit: Duration) -> Self {
        self.0.refine(|command| {
            if let Command::CallActivity { timeout_ms, .. } = command {
                *timeout_ms = Some(millis_rounded_up(limit));
            }
        });
        self
    }

    /// Cancels the call. Unlike a drop, this takes effect even if the orchestrator returns next.
    pub fn cancel(self) {
        self.0.cancel();
    }
}

impl<T: DeserializeOwned> Future for ActivityCall<T> {
    type Output = Result<T, TaskError>;

    fn poll(mut self: Pin<&mut Self>, poll: &mut PollContext<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(poll)
    }
}

/// The options of a start, for both types that refine one.
macro_rules! start_options {
    () => {
        /// The new instance's id. Default: the host derives one that is the same on replay.
        pub fn instance_id(self, id: impl Into<String>) -> Self {
            self.refine(|request| request.instance_id = Some(id.into()))
        }

        /// The version of the orchestration. Default: the host's.
        pub fn version(self, version: impl Into<String>) -> Self {
            self.refine(|request| request.version = Some(version.into()))
        }

        /// A text to find the new instance by; it inherits none of this one's. May be given several
        /// times, with different keys.
        pub fn tag(self, key: impl Into<String>, value: impl Into<String>) -> Self {
            self.refine(|request| _ = request.tags.insert(key.into(), value.into()))
        }

        /// Not started before this time: the new instance is pending until then. Default:
        /// immediately.
        pub fn at(self, time: Timestamp) -> Self {
            self.refine(|request| request.at = Some(time))
        }
    };
}

/// A call of an orchestration; awaiting it gives its output. Options must be given before anything
/// else is awaited.
#[must_use = "dropping a call cancels it"]
pub struct OrchestrationCall<T>(Task<T>);

impl<T> OrchestrationCall<T> {
    /// Has the host try again, with a new execution under the same id, if the orchestration fails.
    /// Default: one attempt.
    pub fn retry(self, policy: RetryPolicy) -> Self {
        self.refine(|request| request.retry = Some(policy))
    }

    start_options!();

    /// Cancels the call. Unlike a drop, this takes effect even if the orchestrator returns next.
    pub fn cancel(self) {
        self.0.cancel();
    }

    fn refine(self, change: impl FnOnce(&mut OrchestrationRequest)) -> Self {
        self.0.refine(|command| {
            if let Command::CallOrchestration(request) = command {
                change(request);
            }
        });
        self
    }
}

impl<T: DeserializeOwned> Future for OrchestrationCall<T> {
    type Output = Result<T, TaskError>;

    fn poll(mut self: Pin<&mut Self>, poll: &mut PollContext<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(poll)
    }
}

/// An orchestration that was started. Dropping this does not stop it; options must be given before
/// anything is awaited.
pub struct StartOrchestration {
    context: Context,
    turn_number: u64,
    index: usize,
}

impl StartOrchestration {
    start_options!();

    fn refine(self, change: impl FnOnce(&mut OrchestrationRequest)) -> Self {
        self.context.0.borrow_mut().refine(self.turn_number, self.index, |command| {
            if let Command::StartOrchestration(request) = command {
                change(request);
            }
        });
        self
    }
}
