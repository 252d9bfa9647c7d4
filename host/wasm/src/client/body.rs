//! The body of a client function's answer.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use hyper::body::{Body, Frame};
use tokio::task::JoinHandle;
use wasmtime_wasi_http::p2::body::HyperOutgoingBody;

use crate::error::GuestError;

/// Grows while the guest writes, and ends when the guest has returned.
///
/// `wasi:http` cannot tell a body that was given up from one that is whole, so the end of the guest
/// decides: if it failed, the body ends with an error, and the server breaks the connection instead
/// of passing off half an answer as the whole.
pub struct ResponseBody {
    written: HyperOutgoingBody,
    guest: Option<JoinHandle<Result<(), GuestError>>>,
}

impl ResponseBody {
    pub(super) fn new(written: HyperOutgoingBody, guest: JoinHandle<Result<(), GuestError>>) -> Self {
        Self { written, guest: Some(guest) }
    }
}

type Failure = Box<dyn std::error::Error + Send + Sync>;

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = Failure;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Failure>>> {
        if let Some(frame) = ready!(Pin::new(&mut self.written).poll_frame(context)) {
            return Poll::Ready(Some(frame.map_err(Into::into)));
        }
        let Some(guest) = &mut self.guest else { return Poll::Ready(None) };
        let end = ready!(Pin::new(guest).poll(context));
        self.guest = None;
        match end {
            Ok(Ok(())) => Poll::Ready(None),
            Ok(Err(error)) => Poll::Ready(Some(Err(error.into()))),
            Err(panic) => Poll::Ready(Some(Err(panic.into()))),
        }
    }
}
