//! Waiting for external events.

use std::pin::Pin;
use std::task::{Context as PollContext, Poll};
use std::time::Duration;

use serde::de::DeserializeOwned;

use super::Context;
use crate::turn::Command;
use crate::{Task, TaskError};

impl Context {
    /// Waits for the next event of this name, ignoring case.
    ///
    /// Events that arrived before are kept and delivered in order of arrival. Of several waits for
    /// one name the latest gets the next event.
    ///
    /// ```
    /// # use longhaul::{Context, Failure};
    /// # use std::time::Duration;
    /// # async fn approval(ctx: Context) -> Result<bool, Failure> {
    /// Ok(ctx.wait_for_event::<bool>("Approval").timeout(Duration::from_secs(60)).await?)
    /// # }
    /// ```
    pub fn wait_for_event<T: DeserializeOwned>(&self, name: &str) -> EventWait<T> {
        EventWait { task: Task::create(&self.0, Command::WaitForEvent(name.to_owned())), name: name.to_owned() }
    }
}

/// A wait for an event; awaiting it gives the event's payload.
#[must_use = "dropping a wait gives it up"]
pub struct EventWait<T> {
    task: Task<T>,
    name: String,
}

impl<T> EventWait<T> {
    /// Gives up after this time with [`TaskError::TimedOut`]. An event that arrives later is kept
    /// for the next wait. A time-out after the year 9999 fails with `InvalidTime`; leave it out to
    /// wait for ever.
    pub fn timeout(self, after: Duration) -> TimedEventWait<T> {
        let timer = Context(self.task.state().clone()).timer(after);
        TimedEventWait { wait: Some((self.task, timer)), name: self.name, after }
    }

    /// Cancels the wait. Unlike a drop, this takes effect even if the orchestrator returns next.
    pub fn cancel(self) {
        self.task.cancel();
    }
}

impl<T: DeserializeOwned> Future for EventWait<T> {
    type Output = Result<T, TaskError>;

    fn poll(mut self: Pin<&mut Self>, poll: &mut PollContext<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.task).poll(poll)
    }
}

/// A wait for an event that gives up after some time.
#[must_use = "dropping a wait gives it up"]
pub struct TimedEventWait<T> {
    /// Absent once there is a result: the other of the two is then cancelled, in program order.
    wait: Option<(Task<T>, Task<()>)>,
    name: String,
    after: Duration,
}

impl<T: DeserializeOwned> Future for TimedEventWait<T> {
    type Output = Result<T, TaskError>;

    fn poll(mut self: Pin<&mut Self>, poll: &mut PollContext<'_>) -> Poll<Self::Output> {
        let (event, timer) = self.wait.as_mut().expect("a wait is not polled after its result");
        let result = if let Poll::Ready(result) = Pin::new(event).poll(poll) {
            result
        } else {
            match Pin::new(timer).poll(poll) {
                Poll::Ready(Ok(())) => Err(TaskError::TimedOut { event: self.name.clone(), after: self.after }),
                Poll::Ready(Err(refused)) => Err(refused),
                Poll::Pending => return Poll::Pending,
            }
        };
        self.wait = None;
        Poll::Ready(result)
    }
}
