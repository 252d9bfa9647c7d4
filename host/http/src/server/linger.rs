//! Closing a connection in stages (RFC 9112, 9.6).
//!
//! A request may be refused while its client still sends. Were the connection closed at once, what the client sends next would be
//! answered by a reset, which takes the refusal away from it: it would see a broken pipe and no status. So the host first says that no
//! more will come, then reads and drops what still arrives, within bounds, and closes after that.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, Sleep};

use super::head::HeadWatch;

/// Most connections of a listener that are closed in stages at a time; others are closed at once.
pub(super) const MAX_LINGERING: usize = 256;
/// Longest time from the answer to the close.
const LONGEST: Duration = Duration::from_secs(30);
/// Longest pause between two pieces of what the client sends.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
/// Most bytes that are read and dropped: a whole body at the default limit, and as much again.
const MOST_BYTES: usize = 64 << 20;
/// Most bytes of a connection that is turned away: a head and a small body.
const MOST_BYTES_TURNED_AWAY: u64 = 64 << 10;
/// How much is read at a time.
const PIECE_BYTES: usize = 16 << 10;

/// A stream that is closed in stages, if its client is within a request then.
pub(super) struct Lingering<S> {
    stream: S,
    heads: Arc<HeadWatch>,
    places: Arc<Semaphore>,
    /// The client has said that it sends no more.
    has_ended: bool,
    closing: Closing,
}

enum Closing {
    NotYet,
    Lingering(Box<Linger>),
    Done,
}

struct Linger {
    left: usize,
    end: Pin<Box<Sleep>>,
    pause: Pin<Box<Sleep>>,
    _place: OwnedSemaphorePermit,
}

impl<S> Lingering<S> {
    /// `heads` knows whether the client is within a request, `places` how many linger.
    pub(super) fn new(stream: S, heads: Arc<HeadWatch>, places: Arc<Semaphore>) -> Self {
        Self { stream, heads, places, has_ended: false, closing: Closing::NotYet }
    }

    fn begin(&self) -> Closing {
        if self.has_ended || !self.heads.is_within_a_request() {
            return Closing::Done;
        }
        match self.places.clone().try_acquire_owned() {
            Ok(place) => Closing::Lingering(Box::new(Linger {
                left: MOST_BYTES,
                end: Box::pin(tokio::time::sleep(LONGEST)),
                pause: Box::pin(tokio::time::sleep(LONGEST_PAUSE)),
                _place: place,
            })),
            Err(_) => Closing::Done,
        }
    }
}

impl Linger {
    /// Ready once the client has ended or a bound is reached.
    fn poll<S: AsyncRead + Unpin>(&mut self, stream: &mut S, context: &mut Context<'_>) -> Poll<()> {
        let mut piece = [0; PIECE_BYTES];
        loop {
            let mut buffer = ReadBuf::new(&mut piece);
            match Pin::new(&mut *stream).poll_read(context, &mut buffer) {
                Poll::Ready(Ok(())) if !buffer.filled().is_empty() => {
                    self.left = self.left.saturating_sub(buffer.filled().len());
                    if self.left == 0 {
                        return Poll::Ready(());
                    }
                    self.pause.as_mut().reset(Instant::now() + LONGEST_PAUSE);
                }
                Poll::Ready(_) => return Poll::Ready(()),
                Poll::Pending => break,
            }
        }
        if self.end.as_mut().poll(context).is_ready() { Poll::Ready(()) } else { self.pause.as_mut().poll(context) }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Lingering<S> {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let room = buffer.remaining();
        ready!(Pin::new(&mut this.stream).poll_read(context, buffer))?;
        this.has_ended |= room > 0 && buffer.remaining() == room;
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Lingering<S> {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write(context, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        loop {
            match &mut this.closing {
                Closing::NotYet => {
                    ready!(Pin::new(&mut this.stream).poll_shutdown(context))?;
                    this.closing = this.begin();
                }
                Closing::Lingering(linger) => {
                    ready!(linger.poll(&mut this.stream, context));
                    this.closing = Closing::Done;
                }
                Closing::Done => return Poll::Ready(Ok(())),
            }
        }
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_write_vectored(self: Pin<&mut Self>, context: &mut Context<'_>, parts: &[io::IoSlice<'_>]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write_vectored(context, parts)
    }
}

/// Says `text` on a connection that is turned away, if that can be said without waiting, and closes it in stages if there is a place.
pub(super) fn turn_away(mut stream: TcpStream, text: &'static str, places: &Arc<Semaphore>) {
    // A caller that cannot be told sees the connection close.
    let _ = stream.try_write(text.as_bytes());
    let Ok(place) = places.clone().try_acquire_owned() else { return };
    tokio::spawn(async move {
        let _place = place;
        let mut dropped = tokio::io::sink();
        let closing = async {
            stream.shutdown().await?;
            tokio::io::copy(&mut stream.take(MOST_BYTES_TURNED_AWAY), &mut dropped).await
        };
        // However it ends, the connection is closed then.
        let _ = tokio::time::timeout(LONGEST_PAUSE, closing).await;
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn within_a_request() -> Arc<HeadWatch> {
        let heads = Arc::new(HeadWatch::default());
        heads.look_at(b"POST / HTTP/1.1\r\n");
        heads
    }

    #[tokio::test]
    async fn what_a_client_still_sends_is_read_after_the_end_of_the_answer_was_said() {
        let (host, mut client) = tokio::io::duplex(1_000);
        let mut lingering = Lingering::new(host, within_a_request(), Arc::new(Semaphore::new(1)));
        let closing = lingering.shutdown();
        let sending = async {
            let mut answer = Vec::new();
            client.write_all(&[7; 100_000]).await.expect("all of it is taken");
            client.shutdown().await.unwrap();
            client.read_to_end(&mut answer).await.expect("an orderly end")
        };
        let (closed, read) = tokio::join!(closing, sending);
        closed.unwrap();
        assert_eq!(read, 0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_neither_sends_nor_ends_is_waited_for_only_so_long() {
        let (host, mut client) = tokio::io::duplex(1_000);
        let begun = Instant::now();
        Lingering::new(host, within_a_request(), Arc::new(Semaphore::new(1))).shutdown().await.unwrap();
        assert_eq!(begun.elapsed().as_secs(), LONGEST_PAUSE.as_secs());
        // One that sends now and then has the whole time and no more.
        let (host, mut slow) = tokio::io::duplex(1_000);
        let sending = async move {
            while slow.write_all(b"x").await.is_ok() {
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        };
        let begun = Instant::now();
        let mut lingering = Lingering::new(host, within_a_request(), Arc::new(Semaphore::new(1)));
        tokio::select! {
            () = sending => panic!("it is closed too soon"),
            closed = lingering.shutdown() => closed.unwrap(),
        }
        assert_eq!(begun.elapsed().as_secs(), LONGEST.as_secs());
        assert!(client.write_all(b"x").await.is_err(), "the first was closed");
    }

    #[tokio::test]
    async fn bytes_have_a_bound() {
        let (host, mut client) = tokio::io::duplex(1 << 20);
        let sending = async move {
            let piece = vec![0; 1 << 20];
            let mut sent = 0;
            while client.write_all(&piece).await.is_ok() {
                sent += piece.len();
            }
            sent
        };
        let sending = tokio::spawn(sending);
        Lingering::new(host, within_a_request(), Arc::new(Semaphore::new(1))).shutdown().await.unwrap();
        let sent = sending.await.unwrap();
        assert!((MOST_BYTES..MOST_BYTES + (2 << 20)).contains(&sent), "{sent}");
    }

    #[tokio::test]
    async fn a_connection_between_two_requests_and_one_without_a_place_are_closed_at_once() {
        let closed_at_once = async |heads: Arc<HeadWatch>, places: usize| {
            let (host, _client) = tokio::io::duplex(1_000);
            let mut lingering = Lingering::new(host, heads, Arc::new(Semaphore::new(places)));
            let shut = std::future::poll_fn(|context| Poll::Ready(Pin::new(&mut lingering).poll_shutdown(context).is_ready()));
            shut.await
        };
        assert!(closed_at_once(Arc::default(), 1).await, "between two requests");
        assert!(closed_at_once(within_a_request(), 0).await, "without a place");
        assert!(!closed_at_once(within_a_request(), 1).await);
    }
}
