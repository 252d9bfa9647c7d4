//! The body of a request as it comes in: whether it was read to its end.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};

use super::head::HeadWatch;

/// What is left of a body that is given up, bytes, up to which the connection may be used again: the parser below reads so much by itself.
const SMALL_REST: u64 = 16 << 10;

/// A body that tells the watch of its connection when it has ended, and when it is given up before.
pub(super) struct Tracked<B: Body> {
    body: B,
    has_ended: bool,
    heads: Arc<HeadWatch>,
}

impl<B: Body> Tracked<B> {
    pub(super) fn new(body: B, heads: Arc<HeadWatch>) -> Self {
        let has_ended = body.is_end_stream();
        heads.set_body_open(!has_ended);
        Self { body, has_ended, heads }
    }
}

impl<B: Body<Data = Bytes> + Unpin> Body for Tracked<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let this = self.get_mut();
        let frame = ready!(Pin::new(&mut this.body).poll_frame(context));
        if frame.is_none() || this.body.is_end_stream() {
            this.has_ended = true;
            this.heads.set_body_open(false);
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl<B: Body> Drop for Tracked<B> {
    fn drop(&mut self) {
        let is_small = self.body.size_hint().upper().is_some_and(|rest| rest <= SMALL_REST);
        if !self.has_ended && !is_small {
            self.heads.give_up_body();
        }
    }
}
