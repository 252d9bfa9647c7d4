//! Bodies on their way to client functions.
//!
//! A function that reads its request's body waits for the client, with a guest's memory and a place among those that run. So requests whose
//! bodies have not come wait for a place of a few that are theirs, and the others, most of them, are not held up by them. A body of which nothing
//! comes for the deadline of bodies breaks off.

use std::collections::VecDeque;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::{Body, Frame};
use tokio::time::Sleep;

use super::shares::{Place, Shares};
use crate::answer::BodyError;

/// How much of a body is waited for before it counts as one that has not come, bytes.
const READ_AHEAD_BYTES: usize = 16 << 10;

/// How long a body is waited for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    /// Before it counts as one that has not come.
    pub ahead: Duration,
    /// For its turn then, and for more of it once it has had that.
    pub deadline: Duration,
}

/// A body whose beginning is there.
pub(super) struct Upload<B> {
    first: VecDeque<Result<Frame<Bytes>, BodyError>>,
    /// Absent once all of it has come.
    rest: Option<B>,
    /// Held until all of it has come.
    place: Option<Place>,
    deadline: Duration,
    /// Runs while nothing comes.
    stalled: Option<Pin<Box<Sleep>>>,
    gave_up: Arc<AtomicBool>,
}

impl<B> Upload<B>
where
    B: Body<Data = Bytes, Error = BodyError> + Unpin,
{
    /// Waits until a body has come or its turn has. `None`: no turn has come in time.
    pub(super) async fn begin(body: B, uploads: &Arc<Shares>, address: IpAddr, patience: Patience) -> Option<Self> {
        let Patience { ahead, deadline } = patience;
        let mut upload = Self { first: VecDeque::new(), rest: Some(body), place: None, deadline, stalled: None, gave_up: Arc::default() };
        // What did not come in time is waited for later.
        let _ = tokio::time::timeout(ahead, upload.read_ahead()).await;
        if upload.rest.is_some() {
            upload.place = Some(tokio::time::timeout(deadline, uploads.take(address)).await.ok()?);
        }
        Some(upload)
    }

    /// Whether the rest of the body did not come in time, once it has not.
    pub(super) fn gave_up(&self) -> Arc<AtomicBool> {
        self.gave_up.clone()
    }

    async fn read_ahead(&mut self) {
        let mut bytes = 0;
        while let Some(rest) = &mut self.rest
            && bytes < READ_AHEAD_BYTES
        {
            if rest.is_end_stream() {
                self.rest = None;
                return;
            }
            match rest.frame().await {
                Some(frame) => {
                    bytes += frame.as_ref().ok().and_then(Frame::data_ref).map_or(0, Bytes::len);
                    self.first.push_back(frame);
                }
                None => self.rest = None,
            }
        }
    }
}

impl<B> Body for Upload<B>
where
    B: Body<Data = Bytes, Error = BodyError> + Unpin,
{
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = self.get_mut();
        if let Some(frame) = this.first.pop_front() {
            return Poll::Ready(Some(frame));
        }
        let Some(rest) = &mut this.rest else { return Poll::Ready(None) };
        let Poll::Ready(frame) = Pin::new(rest).poll_frame(context) else {
            let deadline = this.deadline;
            let stalled = this.stalled.get_or_insert_with(|| Box::pin(tokio::time::sleep(deadline)));
            ready!(stalled.as_mut().poll(context));
            this.gave_up.store(true, Ordering::Relaxed);
            (this.rest, this.place) = (None, None);
            return Poll::Ready(Some(Err(format!("nothing more of the body has come for {} s", deadline.as_secs()).into())));
        };
        this.stalled = None;
        if !matches!(frame, Some(Ok(_))) {
            (this.rest, this.place) = (None, None);
        }
        Poll::Ready(frame)
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::Full;
    use tokio::sync::mpsc;

    use super::*;

    const ADDRESS: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);
    const PATIENT: Patience = Patience { ahead: Duration::from_millis(1), deadline: Duration::from_secs(60) };
    const HASTY: Patience = Patience { ahead: Duration::from_millis(1), deadline: Duration::from_millis(5) };

    /// A body of what is sent until the sender is dropped.
    struct Receiving(mpsc::UnboundedReceiver<&'static str>);

    fn slow() -> (mpsc::UnboundedSender<&'static str>, Receiving) {
        let (send, receive) = mpsc::unbounded_channel();
        (send, Receiving(receive))
    }

    impl Body for Receiving {
        type Data = Bytes;
        type Error = BodyError;

        fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
            self.0.poll_recv(context).map(|text| text.map(|text| Ok(Frame::data(Bytes::from(text)))))
        }
    }

    fn whole(text: &'static str) -> impl Body<Data = Bytes, Error = BodyError> + Unpin {
        Full::from(text).map_err(|never| match never {})
    }

    #[tokio::test]
    async fn a_body_that_has_come_waits_for_nothing() {
        let none = Shares::new(0, 0);
        for text in ["", "all of it"] {
            let upload = Upload::begin(whole(text), &none, ADDRESS, PATIENT).await.expect("it needs no turn");
            assert_eq!(upload.collect().await.unwrap().to_bytes(), text);
        }
    }

    #[tokio::test]
    async fn a_body_that_has_not_come_waits_for_its_turn_and_then_for_the_rest() {
        let uploads = Shares::new(1, 1);
        let (send, body) = slow();
        send.send("first, ").unwrap();
        let upload = Upload::begin(body, &uploads, ADDRESS, PATIENT).await.unwrap();
        let (_send_other, other) = slow();
        assert!(Upload::begin(other, &uploads, ADDRESS, HASTY).await.is_none(), "there is one place");
        send.send("then").unwrap();
        drop(send);
        assert_eq!(upload.collect().await.unwrap().to_bytes(), "first, then");
        let (_send_next, next) = slow();
        assert!(Upload::begin(next, &uploads, ADDRESS, PATIENT).await.is_some(), "the place is free once the body is there");
    }

    #[tokio::test]
    async fn a_body_of_which_nothing_more_comes_breaks_off() {
        let uploads = Shares::new(1, 1);
        let (send, body) = slow();
        send.send("first").unwrap();
        let upload = Upload::begin(body, &uploads, ADDRESS, HASTY).await.unwrap();
        let gave_up = upload.gave_up();
        let error = upload.collect().await.unwrap_err().to_string();
        assert!(error.contains("nothing more of the body") && gave_up.load(Ordering::Relaxed), "{error}");
        drop(send);
    }
}
