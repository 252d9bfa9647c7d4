use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use http_body_util::Full;
use hyper::body::Frame;

use super::*;

const KIB: usize = 1 << 10;

/// Room for 100 KiB in all and 60 KiB of each address.
fn bodies() -> Arc<Bodies> {
    Bodies::new(100 << 10, 60 << 10, Duration::from_secs(60))
}

fn address(last: u8) -> IpAddr {
    [10, 0, 0, last].into()
}

/// A body that says its length.
fn full(kib: usize) -> Full<Bytes> {
    Full::from(vec![b'x'; kib * KIB])
}

/// So many pieces of 1 KiB, whose number is not said; then nothing more comes, or the end.
struct Chunked {
    pieces: usize,
    ends: bool,
}

impl Body for Chunked {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match self.pieces.checked_sub(1) {
            Some(rest) => {
                self.pieces = rest;
                Poll::Ready(Some(Ok(Frame::data(Bytes::from(vec![b'x'; KIB])))))
            }
            None if self.ends => Poll::Ready(None),
            None => Poll::Pending,
        }
    }
}

fn status<T>(collected: &Result<T, Answer>) -> u16 {
    collected.as_ref().err().map_or(200, |answer| answer.status().as_u16())
}

#[tokio::test]
async fn a_body_has_its_room_until_it_is_let_go() {
    let bodies = bodies();
    let collected = bodies.collect(address(1), full(50), 1 << 20).await.unwrap();
    assert_eq!((collected.bytes.len(), bodies.budget().used()), (50 * KIB, 50 << 10));
    let (bytes, room) = collected.into_parts();
    drop(bytes);
    assert_eq!(bodies.budget().used(), 50 << 10, "what was made of it is there still");
    drop(room);
    assert_eq!(bodies.budget().used(), 0);
    assert!(bodies.taken().is_empty(), "addresses that are gone must not gather in memory");
}

#[tokio::test]
async fn an_address_that_has_its_share_is_told_so_and_others_have_theirs() {
    let bodies = bodies();
    let _held = bodies.collect(address(1), full(50), 1 << 20).await.unwrap();
    let refused = bodies.collect("::ffff:10.0.0.1".parse().unwrap(), full(20), 1 << 20).await;
    assert_eq!((status(&refused), refused.unwrap_err().headers()[RETRY_AFTER].to_str().unwrap()), (429, "1"));
    let _other = bodies.collect(address(2), full(40), 1 << 20).await.unwrap();
    assert_eq!(status(&bodies.collect(address(3), full(20), 1 << 20).await), 503);
    assert!(bodies.collect(address(1), full(16), 1 << 20).await.is_ok(), "a short body needs no room");
    assert_eq!(bodies.taken().len(), 2, "what was refused leaves nothing behind");
}

#[tokio::test]
async fn a_body_without_a_length_takes_room_as_it_grows() {
    let bodies = bodies();
    let chunked = |pieces| Chunked { pieces, ends: true };
    let collected = bodies.collect(address(1), chunked(16), 1 << 20).await.unwrap();
    assert_eq!((collected.bytes.len(), bodies.budget().used()), (16 * KIB, 0));
    let collected = bodies.collect(address(1), chunked(40), 1 << 20).await.unwrap();
    assert!(collected.bytes.len() == 40 * KIB && bodies.budget().used() >= 40 << 10);
    assert_eq!(status(&bodies.collect(address(1), chunked(40), 1 << 20).await), 429);
    drop(collected);
    assert_eq!(bodies.budget().used(), 0);
}

#[tokio::test]
async fn a_body_that_is_larger_than_the_budget_has_it_alone() {
    let bodies = bodies();
    let collected = bodies.collect(address(1), full(500), 1 << 20).await.unwrap();
    assert_eq!((collected.bytes.len(), bodies.budget().used()), (500 * KIB, 100 << 10));
    assert_eq!(status(&bodies.collect(address(2), full(20), 1 << 20).await), 503);
}

#[tokio::test]
async fn a_body_beyond_the_limit_is_refused_whether_or_not_it_says_its_length() {
    let bodies = bodies();
    assert_eq!(bodies.collect(address(1), Full::from("12345"), 5).await.unwrap().bytes, "12345");
    assert_eq!(status(&bodies.collect(address(1), Full::from("123456"), 5).await), 413);
    assert_eq!(status(&bodies.collect(address(1), Chunked { pieces: 1, ends: true }, 5).await), 413);
}

#[tokio::test]
async fn a_body_that_never_ends_is_a_time_out_and_gives_its_room_back() {
    let bodies = Bodies::new(100 << 10, 60 << 10, Duration::from_millis(5));
    assert_eq!(status(&bodies.collect(address(1), Chunked { pieces: 50, ends: false }, 1 << 20).await), 408);
    assert!(bodies.budget().used() == 0 && bodies.taken().is_empty());
}
