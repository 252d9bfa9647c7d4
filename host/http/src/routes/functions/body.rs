//! The body of a request on its way into a client function.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};

use crate::answer::BodyError;
use crate::auth::Permit;
use crate::credentials;

/// Breaks off as soon as the caller may not call the function any more, and has no credentials in its trailers.
pub(super) struct FunctionBody<B> {
    body: B,
    permit: Permit,
}

impl<B> FunctionBody<B> {
    pub(super) fn new(body: B, permit: Permit) -> Self {
        Self { body, permit }
    }
}

impl<B> Body for FunctionBody<B>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<BodyError>,
{
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let polled = ready!(Pin::new(&mut self.body).poll_frame(context));
        // A caller that sends on and on has its key looked at again and again; the end of the body counts as a piece of it.
        if !self.permit.holds() {
            return Poll::Ready(Some(Err("the caller's key is not good any more".into())));
        }
        let clean = |mut frame: Frame<Bytes>| {
            frame.trailers_mut().into_iter().for_each(credentials::take_out_of_headers);
            frame
        };
        Poll::Ready(polled.map(|frame| frame.map(clean).map_err(Into::into)))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    use http::HeaderMap;
    use http_body_util::{BodyExt, Full};

    use super::*;

    #[tokio::test]
    async fn a_body_breaks_off_once_its_caller_has_no_leave_any_more() {
        let good = Arc::new(AtomicBool::new(true));
        let watched = good.clone();
        let body = || FunctionBody::new(Full::from("text"), Permit::while_it(move || watched.load(Ordering::Relaxed)));
        let mut first = body();
        assert_eq!(first.frame().await.unwrap().unwrap().into_data().unwrap(), "text");
        good.store(false, Ordering::Relaxed);
        assert!(first.frame().await.unwrap().is_err(), "the end of a body is looked at, too");
    }

    #[tokio::test]
    async fn trailers_have_no_credentials() {
        let key = format!("lha_{}", "0".repeat(72));
        let trailers = HeaderMap::from_iter([("x-functions-key".parse().unwrap(), key.parse().unwrap())]);
        let body = Full::from("text").with_trailers(async move { Some(Ok(trailers)) });
        let collected = FunctionBody::new(Box::pin(body), Permit::default()).collect().await.unwrap();
        assert_eq!(collected.trailers().unwrap().len(), 0);
    }
}
