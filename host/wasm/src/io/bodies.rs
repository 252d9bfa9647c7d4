//! Bodies that know when they last moved: what bounds the wait for the next bytes.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::combinators::UnsyncBoxBody;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use tokio::time::{Instant, Sleep, sleep};
use wasmtime_wasi_http::{Error, WasiBody};

use super::failed::RequestFailed;

/// When a request's body last gave something away, and how much is left.
#[derive(Debug)]
pub(super) struct Progress(Mutex<State>);

#[derive(Clone, Copy, Debug)]
struct State {
    last: Instant,
    /// `None` while only the body itself knows.
    left: Option<u64>,
}

impl Progress {
    /// A request that begins now, with a body of this length if that is known.
    pub fn begin(length: Option<u64>) -> Arc<Self> {
        Arc::new(Self(Mutex::new(State { last: Instant::now(), left: length })))
    }

    /// When it last moved.
    pub fn last(&self) -> Instant {
        self.state().last
    }

    /// Whether all of the body was handed to the connection.
    pub fn is_sent(&self) -> bool {
        self.state().left == Some(0)
    }

    /// Notes that it moved now.
    pub fn note(&self) {
        self.state().last = Instant::now();
    }

    fn note_frame(&self, frame: Option<&Result<Frame<Bytes>, Error>>) {
        let mut state = self.state();
        state.last = Instant::now();
        state.left = match frame {
            None => Some(0),
            Some(Ok(frame)) => {
                let bytes = frame.data_ref().map_or(0, |data| u64::try_from(data.len()).unwrap_or(u64::MAX));
                state.left.map(|left| left.saturating_sub(bytes))
            }
            Some(Err(_)) => state.left,
        };
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A request's body that notes each piece which the connection takes. The connection takes none
/// while it cannot write.
pub(super) struct Watched {
    pub body: WasiBody,
    pub progress: Arc<Progress>,
}

impl Body for Watched {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(context);
        if let Poll::Ready(frame) = &polled {
            self.progress.note_frame(frame.as_ref());
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// An answer's body. Errors are those that guests know; with a limit, a wait for the next bytes
/// that takes longer is one.
pub(super) struct Answered {
    body: Incoming,
    limit: Option<Limit>,
}

struct Limit {
    between_bytes: Duration,
    /// Runs while a reader waits for bytes, and not while there is no reader.
    wait: Pin<Box<Sleep>>,
    is_waiting: bool,
}

impl Answered {
    pub fn boxed(body: Incoming, between_bytes: Option<Duration>) -> WasiBody {
        let limit = between_bytes.map(|limit| Limit { between_bytes: limit, wait: Box::pin(sleep(limit)), is_waiting: false });
        UnsyncBoxBody::new(Self { body, limit })
    }
}

impl Body for Answered {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(context) {
            if let Some(limit) = &mut self.limit {
                limit.is_waiting = false;
            }
            return Poll::Ready(frame.map(|frame| frame.map_err(|error| RequestFailed::from(&error).code)));
        }
        let is_over = self.limit.as_mut().is_some_and(|limit| limit.is_over(context));
        if is_over { Poll::Ready(Some(Err(Error::ConnectionReadTimeout))) } else { Poll::Pending }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Limit {
    fn is_over(&mut self, context: &mut Context<'_>) -> bool {
        if !self.is_waiting {
            self.is_waiting = true;
            let end = Instant::now().checked_add(self.between_bytes);
            // A wait beyond the end of time is one without a limit.
            let Some(end) = end else { return false };
            self.wait.as_mut().reset(end);
        }
        self.wait.as_mut().poll(context).is_ready()
    }
}
